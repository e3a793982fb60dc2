//! A receiver that asks for what it misses.

use std::time::Duration;

use flumen::components::wire::rtcp::write_nack;

use super::call::LayeredCall;
use crate::call::RECEIVER;
use crate::packet::Packet;
use crate::room::address;

impl LayeredCall {
    /// The receiver gets these packets, but for some that are lost on the way to it. The last one of
    /// a picture is not, so that what is lost of it shows.
    pub(super) fn deliver(&mut self, packets: &[Packet]) {
        let ssrc = self.consumer_ssrc();
        for packet in packets.iter().cloned() {
            if packet.ssrc != ssrc {
                self.received.take_again([packet]);
            } else if !(self.repairs && !packet.marker && self.noise.below(100) < 3) {
                self.received.take([packet]);
            }
        }
    }

    /// The receiver asks for all that it misses.
    pub fn ask_for_missing(&mut self) {
        let missing = self.received.missing();
        if missing.is_empty() {
            return;
        }
        let mut nack = Vec::new();
        write_nack(&mut nack, 1, self.consumer_ssrc(), missing);
        self.room.arrive_bytes(self.receiver, &nack);
    }

    /// The receiver asks for these numbers; what is sent again.
    pub fn ask(&mut self, numbers: impl IntoIterator<Item = u16>) -> Vec<Packet> {
        let mut nack = Vec::new();
        write_nack(&mut nack, 1, self.consumer_ssrc(), numbers);
        self.room.arrive_bytes(self.receiver, &nack);
        self.room.tick();
        self.room.rtp_to(address(RECEIVER))
    }

    /// The receiver asks until nothing is missing any more, a few times.
    pub fn repair(&mut self) {
        for _ in 0..4 {
            if self.repairs {
                self.ask_for_missing();
                self.tick_after(Duration::from_millis(100));
            }
        }
    }
}
