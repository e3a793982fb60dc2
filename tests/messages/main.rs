//! Data producers, data consumers and their messages.

mod backpressure;
mod errors;
mod events;
mod hostile;
mod idle;
mod ledger;
mod routing;
mod sctp;
mod verdicts;
