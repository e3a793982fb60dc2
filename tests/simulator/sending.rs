//! What peers send: sound, pictures, and the reports on both.

mod camera;
mod encoding;
mod microphone;
mod packet;
mod rtp;
mod stamp;

use flumen::Time;
use flumen::components::wire::rtcp::{SenderInfo, write_sender_report};

pub(crate) use camera::Camera;
pub use camera::VideoSent;
pub(crate) use microphone::Microphone;
pub(crate) use packet::{Datagram, Out, Packet};
pub(crate) use stamp::Stamp;

use crate::clock::Clock;

/// What a stream has sent, for its sender reports.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    packets: u32,
    octets: u32,
    next_report: Option<Time>,
}

/// Between two sender reports of a stream.
const REPORT_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

impl Tally {
    fn count(&mut self, payload_len: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload_len as u32);
    }

    /// A sender report (RFC 3550 section 6.4.1), if one is due: the first behind the first packet.
    fn report(&mut self, now: Time, clock: Clock, (ssrc, rate): (u32, u32), out: &mut Out) {
        if self.packets == 0 || self.next_report.is_some_and(|due| due > now) {
            return;
        }
        self.next_report = Some(now + REPORT_INTERVAL);
        let info = SenderInfo {
            ssrc,
            ntp: clock.ntp(now),
            rtp_timestamp: clock.rtp(now, rate),
            packet_count: self.packets,
            octet_count: self.octets,
        };
        let mut bytes = Vec::new();
        write_sender_report(&mut bytes, &info);
        out.push(bytes.into());
    }
}
