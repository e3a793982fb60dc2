//! SCTP associations, behind the seam.

mod flow;
