//! Batched UDP: slices of datagrams in, slices of datagrams out; TCP sockets that listen; and threads
//! that help one that has work to divide, for as long as it is borrowed (a [`Crew`]).
//!
//! A [`Receiver`] reads up to [`BATCH`] datagrams of a [`Socket`] straight into slots of the
//! caller's memory; a [`Sender`] writes any number of datagrams, each given in two parts. On Linux
//! they do so by `recvmmsg` and `sendmmsg`, and datagrams of equal length to one destination pass
//! the network stack as one (`UDP_SEGMENT`, generic segmentation offload). Elsewhere, or with
//! `--cfg flumen_portable`, the same names do it one datagram at a time.
//!
//! Nothing here knows of entities or of any protocol above UDP. In a steady state nothing
//! allocates. All unsafe code of Flumen is in this crate.
#![allow(
    unsafe_code,
    reason = "neither the system calls that move many datagrams at once, nor borrowed work for threads \
              that outlive it, have a safe interface in std or mio"
)]

mod address;
mod crew;
mod datagram;
mod event;
#[cfg(all(target_os = "linux", not(flumen_portable)))]
mod linux;
mod listener;
#[cfg(not(all(target_os = "linux", not(flumen_portable))))]
mod portable;
mod socket;

#[cfg(all(target_os = "linux", not(flumen_portable)))]
use linux as system;
#[cfg(not(all(target_os = "linux", not(flumen_portable))))]
use portable as system;

pub use crew::Crew;
pub use datagram::{Datagram, Fate, Read, Received};
pub use event::Event;
pub use listener::Listener;
pub use socket::{Options, Socket};
pub use system::{Events, Receiver, Sender, poll};

/// Most datagrams of one read, and most messages of one write.
pub const BATCH: usize = 64;
