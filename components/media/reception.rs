//! What a stream has received: sequence, jitter and counts.

use bevy_ecs::component::Component;

use crate::media::layer_rates::LayerRates;
use crate::tick::time::Time;
use crate::wire::sequence::is_higher_u32;

/// The receive side of a stream (RFC 3550 appendix A.1, A.3 and A.8). Written by Receive.
#[derive(Component, Clone, Debug)]
pub struct Reception {
    /// Sequence numbers of its media.
    pub sequence: Sequence,
    /// Interarrival jitter of its media.
    pub jitter: Jitter,
    /// Media packets that came by themselves, padding-only ones included.
    pub media_packets: u64,
    /// Media packets that came by themselves or were repaired, padding-only ones included.
    pub packets: u64,
    /// Their bytes, header and padding included, without padding-only packets.
    pub bytes: u64,
    /// Their bits a second, layer by layer.
    pub rate: LayerRates,
    /// Retransmissions received.
    pub retransmitted: u64,
    /// Retransmissions received that were of use.
    pub repaired: u64,
    /// Sequence numbers of the stream of retransmissions (RFC 4588).
    pub rtx: Sequence,
    /// Packets of that stream.
    pub rtx_packets: u64,
    /// Packets of that stream rejected for their sequence number.
    pub rtx_discarded: u64,
    /// Negative acknowledgements sent (RFC 4585).
    pub nack_count: u64,
    /// Packets asked for in them.
    pub nack_packet_count: u64,
    /// Packets rejected for their sequence number.
    pub discarded: u64,
    /// Picture loss indications sent (RFC 4585).
    pub pli_count: u64,
    /// Full intra requests sent (RFC 5104).
    pub fir_count: u64,
    /// The tick of its newest key frame, by [`Now`](crate::Now); 0 for none.
    pub key_frame_tick: u64,
    /// Where the stream is in this tick's list of touched streams, and of which tick that was.
    pub touched: (u64, u32),
}

impl Reception {
    /// Nothing was received yet of a stream with these rates.
    pub fn new(rate: LayerRates) -> Self {
        Self {
            sequence: Sequence::default(),
            jitter: Jitter::default(),
            media_packets: 0,
            packets: 0,
            bytes: 0,
            rate,
            retransmitted: 0,
            repaired: 0,
            rtx: Sequence::default(),
            rtx_packets: 0,
            rtx_discarded: 0,
            nack_count: 0,
            nack_packet_count: 0,
            discarded: 0,
            pli_count: 0,
            fir_count: 0,
            key_frame_tick: 0,
            touched: (0, 0),
        }
    }

    /// A packet of the stream was counted.
    pub fn has_started(&self) -> bool {
        self.sequence.started
    }
}

/// What became of a sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is the newest so far, or the newest again.
    InOrder,
    /// It is older than the newest, within the reordering allowed.
    Late,
    /// It continues a jump: the sender restarted.
    Resync,
    /// It is too far from what was expected.
    Bad,
}

/// Sequence number state (RFC 3550 appendix A.1), without its probation: the first packet counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    started: bool,
    base: u16,
    max: u16,
    cycles: u32,
    bad: Option<u16>,
    max_timestamp: u32,
    max_timestamp_at: Time,
}

/// A jump of this many packets is still taken for loss.
const MAX_DROPOUT: u16 = 3_000;
/// A packet this far behind is still taken for reordering.
const MAX_MISORDER: u16 = 1_500;

impl Sequence {
    /// Takes in the sequence number and RTP timestamp of a packet that arrived at `now`.
    pub fn update(&mut self, number: u16, timestamp: u32, now: Time) -> Arrival {
        if !self.started {
            *self = Self {
                started: true,
                base: number,
                max: number,
                ..Self::default()
            };
            self.advance_timestamp(timestamp, now);
            return Arrival::InOrder;
        }
        let ahead = number.wrapping_sub(self.max);
        if ahead < MAX_DROPOUT {
            self.advance(number, timestamp, now);
            Arrival::InOrder
        } else if ahead <= MAX_MISORDER.wrapping_neg() {
            self.jump(number, timestamp, now)
        } else {
            if is_higher_u32(timestamp, self.max_timestamp) {
                self.advance_timestamp(timestamp, now);
            }
            Arrival::Late
        }
    }

    /// The first sequence number (since the last resynchronisation).
    pub fn base(&self) -> u16 {
        self.base
    }

    /// The extended highest sequence number (RFC 3550 section 6.4.1).
    pub fn extended_highest(&self) -> u32 {
        self.cycles.wrapping_add(u32::from(self.max))
    }

    /// How many packets a lossless network would have delivered.
    pub fn expected(&self) -> u32 {
        if !self.started {
            return 0;
        }
        self.extended_highest()
            .wrapping_sub(u32::from(self.base))
            .wrapping_add(1)
    }

    /// The newest RTP timestamp, and when its packet arrived.
    pub fn newest_timestamp(&self) -> (u32, Time) {
        (self.max_timestamp, self.max_timestamp_at)
    }

    fn advance(&mut self, number: u16, timestamp: u32, now: Time) {
        if number < self.max {
            self.cycles = self.cycles.wrapping_add(1 << 16);
        }
        self.max = number;
        // A source whose clock ran backwards is followed: its newest packet counts.
        if timestamp != self.max_timestamp {
            self.advance_timestamp(timestamp, now);
        }
    }

    fn jump(&mut self, number: u16, timestamp: u32, now: Time) -> Arrival {
        if self.bad != Some(number) {
            self.bad = Some(number.wrapping_add(1));
            return Arrival::Bad;
        }
        self.base = number;
        self.max = number;
        self.bad = None;
        self.advance_timestamp(timestamp, now);
        Arrival::Resync
    }

    fn advance_timestamp(&mut self, timestamp: u32, now: Time) {
        self.max_timestamp = timestamp;
        self.max_timestamp_at = now;
    }
}

/// Interarrival jitter (RFC 3550 section 6.4.1 and appendix A.8).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Jitter {
    transit: Option<u32>,
    jitter: f32,
}

impl Jitter {
    /// Takes in the timestamp of a packet that arrived at `now`.
    pub fn update(&mut self, timestamp: u32, clock_rate: u32, now: Time) {
        let transit = in_clock_units(now, clock_rate).wrapping_sub(timestamp);
        if let Some(previous) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(previous).cast_signed().unsigned_abs();
            self.jitter += (difference as f32 - self.jitter) / 16.0;
        }
    }

    /// The jitter in units of the RTP clock.
    pub fn in_clock_units(&self) -> u32 {
        self.jitter as u32
    }
}

fn in_clock_units(time: Time, clock_rate: u32) -> u32 {
    let units = u128::from(time.as_micros()) * u128::from(clock_rate) / 1_000_000;
    units as u32
}

impl Default for Reception {
    fn default() -> Self {
        Self::new(LayerRates::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(numbers: &[u16]) -> (Sequence, Vec<Arrival>) {
        let mut sequence = Sequence::default();
        let arrivals = numbers
            .iter()
            .map(|&n| sequence.update(n, 0, Time::ZERO))
            .collect();
        (sequence, arrivals)
    }

    #[test]
    fn a_wrap_counts_a_cycle_and_zero_as_first_number_does_not() {
        let (sequence, _) = feed(&[65_534, 65_535, 0, 1]);
        assert_eq!(
            (sequence.extended_highest(), sequence.expected()),
            (65_537, 4)
        );
        let (sequence, _) = feed(&[0, 1]);
        assert_eq!((sequence.extended_highest(), sequence.expected()), (1, 2));
    }

    #[test]
    fn the_borders_of_dropout_and_misorder_are_exact() {
        use Arrival::{Bad, InOrder, Late};
        assert_eq!(feed(&[10_000, 12_999]).1, [InOrder, InOrder]);
        assert_eq!(feed(&[10_000, 13_000]).1, [InOrder, Bad]);
        assert_eq!(feed(&[10_000, 8_501]).1, [InOrder, Late]);
        assert_eq!(feed(&[10_000, 8_500]).1, [InOrder, Bad]);
        assert_eq!(feed(&[10_000, 10_000]).1, [InOrder, InOrder]);
    }

    #[test]
    fn two_consecutive_numbers_after_a_jump_resynchronise() {
        use Arrival::{Bad, InOrder, Resync};
        let (sequence, arrivals) = feed(&[10, 40_000, 40_001, 40_002]);
        assert_eq!(arrivals, [InOrder, Bad, Resync, InOrder]);
        assert_eq!((sequence.base(), sequence.expected()), (40_001, 2));
        assert_eq!(feed(&[10, 40_000, 40_002]).1, [InOrder, Bad, Bad]);
        assert_eq!(
            feed(&[10, 30_000, 65_535, 0]).1[3],
            Late,
            "65,535 is eleven behind"
        );
        use Arrival::Late;
    }

    #[test]
    fn jitter_grows_by_a_sixteenth_of_the_deviation() {
        let mut jitter = Jitter::default();
        jitter.update(0, 90_000, Time::ZERO);
        jitter.update(900, 90_000, Time::from_millis(10));
        assert_eq!(jitter.in_clock_units(), 0);
        // 20 ms late: 1,800 units, of which a sixteenth is 112.5.
        jitter.update(1_800, 90_000, Time::from_millis(40));
        assert_eq!(jitter.in_clock_units(), 112);
    }
}
