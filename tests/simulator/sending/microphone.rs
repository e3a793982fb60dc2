//! A peer's sound.

use std::time::Duration;

use flumen::Time;

use super::rtp::Fixed;
use super::{Datagram, Out, Packet, Tally};
use crate::clock::Clock;
use crate::noise::Noise;
use crate::parameters::{LEVEL, OPUS};
use crate::peer::Audio;

const INTERVAL: Duration = Duration::from_millis(20);
/// SILK in wide band, a frame of 20 ms, mono (RFC 6716 section 3.1).
const TOC: u8 = 9 << 3;
const RATE: u32 = 48_000;

/// What sends sound.
#[derive(Clone, Debug)]
pub(crate) struct Microphone {
    audio: Audio,
    pub(crate) ssrc: u32,
    noise: Noise,
    sequence: u16,
    /// Packets sent.
    pub(crate) sent: u32,
    /// On the peer's clock.
    next: Time,
    tally: Tally,
}

impl Microphone {
    pub(crate) fn new(audio: Audio, ssrc: u32, mut noise: Noise, begin: Time) -> Self {
        Self {
            audio,
            ssrc,
            sequence: noise.bits() as u16,
            next: begin + Duration::from_nanos(noise.below(INTERVAL.as_nanos() as u64)),
            noise,
            sent: 0,
            tally: Tally::default(),
        }
    }

    pub(crate) fn set_level(&mut self, level: u8) {
        self.audio = self.audio.level(level);
    }

    /// Says nothing before `local`, on the peer's clock.
    pub(crate) fn hold(&mut self, local: Time) {
        while self.next < local {
            self.next += INTERVAL;
        }
    }

    pub(crate) fn due(&self, clock: Clock) -> Time {
        clock.global(self.next)
    }

    pub(crate) fn act(&mut self, now: Time, clock: Clock, out: &mut Out) {
        while self.next <= clock.local(now) {
            self.speak(clock, out);
            self.tally.report(now, clock, (self.ssrc, RATE), out);
        }
    }

    fn speak(&mut self, clock: Clock, out: &mut Out) {
        let header = Fixed {
            payload_type: OPUS,
            marker: self.sent == 0,
            sequence: self.sequence,
            timestamp: clock.rtp(clock.global(self.next), RATE),
            ssrc: self.ssrc,
        };
        let len = self.audio.payload_bytes.max(5);
        let len = len - len / 4 + self.noise.below(len as u64 / 2 + 1) as usize;
        let mut packet = Vec::with_capacity(len + 24);
        header.write_with_element(LEVEL, 0x80 | self.audio.level, &mut packet);
        packet.push(TOC);
        packet.extend(self.sent.to_be_bytes());
        packet.resize(packet.len() + len - 5, 0x55);
        out.push(Datagram {
            bytes: packet,
            packet: Some(Packet {
                ssrc: self.ssrc,
                frame: self.sent,
                index: 0,
                count: 1,
                is_entrance: false,
            }),
        });
        self.tally.count(len);
        self.sent += 1;
        self.sequence = self.sequence.wrapping_add(1);
        self.next += INTERVAL;
    }
}
