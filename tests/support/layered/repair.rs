//! A receiver that asks for what it misses.

use std::time::Duration;

use flumen::components::wire::rtcp::write_nack;

use super::call::LayeredCall;
use crate::call::RECEIVER;
use crate::packet::Packet;
use crate::room::address;

impl LayeredCall {
    /// The receiver gets these packets, but for some that are lost on the way to it. The last one of
    /// a picture, or before it stops, is not, so that what is lost shows while it can be repaired.
    pub(super) fn deliver(&mut self, packets: &[Packet]) {
        let ssrc = self.consumer_ssrc();
        let last = packets.iter().rposition(|packet| packet.ssrc == ssrc);
        for (index, packet) in packets.iter().cloned().enumerate() {
            if packet.ssrc != ssrc {
                self.received.take_again([packet]);
                continue;
            }
            let may_be_lost = self.repairs && !packet.marker && last != Some(index);
            if !(may_be_lost && self.noise.below(100) < 3) {
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
