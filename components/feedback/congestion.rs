//! What both estimates of a path are made of: groups of packets, whether a queue grows, and the rate
//! that follows from it (draft-ietf-rmcat-gcc-02).

pub(super) mod overuse_detector;
pub(super) mod packet_groups;
pub(super) mod rate_controller;
