//! What senders are told of what arrives, and receivers tell.

mod available_bitrate;
mod bandwidth;
mod bench;
mod complaints;
mod compounds;
mod estimate;
mod falling;
mod hostile_rtcp;
mod links;
mod reports;
mod sharing;
