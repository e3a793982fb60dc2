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
    /// Its numbers began anew with a packet that was discarded for another reason: the next one that
    /// is accepted continues them, and tells.
    pub untold_restart: bool,
    /// The tick of its newest key frame, by [`Now`](crate::Now); 0 for none.
    pub key_frame_tick: u64,
    /// Where the stream is in this tick's list of touched streams, and of which tick that was.
    pub touched: (u64, u32),
}

crate::snapshot::state! {
    struct Reception {
        sequence, jitter, packets, bytes, rate, retransmitted, repaired, rtx, rtx_discarded,
        nack_count, nack_packet_count, discarded, pli_count, fir_count, untold_restart,
        key_frame_tick, touched
    }
}

impl Reception {
    /// Nothing was received yet of a stream with these rates.
    pub fn new(rate: LayerRates) -> Self {
        Self {
            sequence: Sequence::default(),
            jitter: Jitter::default(),
            packets: 0,
            bytes: 0,
            rate,
            retransmitted: 0,
            repaired: 0,
            rtx: Sequence::default(),
            rtx_discarded: 0,
            nack_count: 0,
            nack_packet_count: 0,
            discarded: 0,
            pli_count: 0,
            fir_count: 0,
            untold_restart: false,
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
///
/// When a sender's numbers begin anew, base, cycles and loss do so together (`init_seq`). What is
/// expected and received is counted on over all of its runs, so that the difference between two
/// reports is right whatever happened between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    started: bool,
    base: u16,
    max: u16,
    cycles: u32,
    bad: Option<u16>,
    received: u64,
    /// What was expected and received before the current run.
    before: Before,
    restarts: u32,
    max_timestamp: u32,
    max_timestamp_at: Time,
}

crate::snapshot::state! {
    struct Sequence {
        started, base, max, cycles, bad, received, before, restarts, max_timestamp,
        max_timestamp_at
    }
}

/// What the runs of numbers that ended came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Before {
    expected: u32,
    received: u64,
}

crate::snapshot::state! { struct Before { expected, received } }

/// A jump of this many packets is still taken for loss.
const MAX_DROPOUT: u16 = 3_000;
/// A packet this far behind is still taken for reordering.
const MAX_MISORDER: u16 = 1_500;

impl Sequence {
    /// Takes in the sequence number and RTP timestamp of a packet that arrived at `now` by itself,
    /// and counts it as received unless it is bad.
    pub fn update(&mut self, number: u16, timestamp: u32, now: Time) -> Arrival {
        let mut arrival = self.update_repeated(number, timestamp, now);
        if arrival == Arrival::Bad && self.is_confirmed(number) {
            self.restart(number);
            self.advance_timestamp(timestamp, now);
            arrival = Arrival::Resync;
        }
        self.received += u64::from(arrival != Arrival::Bad);
        arrival
    }

    /// Takes in a packet that a retransmission restored (RFC 4588). It is not received by itself,
    /// and as it repeats what was sent, no numbers begin anew with it.
    pub fn update_repeated(&mut self, number: u16, timestamp: u32, now: Time) -> Arrival {
        if !self.started {
            self.begin(number);
            self.advance_timestamp(timestamp, now);
        }
        let ahead = number.wrapping_sub(self.max);
        if ahead < MAX_DROPOUT {
            self.advance(number, timestamp, now);
            Arrival::InOrder
        } else if ahead <= MAX_MISORDER.wrapping_neg() {
            Arrival::Bad
        } else {
            if is_higher_u32(timestamp, self.max_timestamp) {
                self.advance_timestamp(timestamp, now);
            }
            Arrival::Late
        }
    }

    /// Another SSRC sends from now on: numbers begin anew with its first, whatever that is.
    pub fn succeed(&mut self) {
        if self.started {
            self.end_run();
            self.started = false;
        }
    }

    /// The first sequence number (since the last resynchronisation).
    pub fn base(&self) -> u16 {
        self.base
    }

    /// The extended highest sequence number (RFC 3550 section 6.4.1) since the numbers began.
    pub fn extended_highest(&self) -> u32 {
        self.cycles.wrapping_add(u32::from(self.max))
    }

    /// How often the numbers began anew.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// How many packets a lossless network would have delivered so far, modulo 2^32.
    pub fn expected(&self) -> u32 {
        self.before.expected.wrapping_add(self.expected_in_run())
    }

    /// How many packets a lossless network would have delivered since the numbers began.
    pub fn expected_in_run(&self) -> u32 {
        if !self.started {
            return 0;
        }
        self.extended_highest()
            .wrapping_sub(u32::from(self.base))
            .wrapping_add(1)
    }

    /// How many packets came by themselves so far, duplicates included.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The packets lost since the numbers began (RFC 3550 appendix A.3). Duplicates make up for some;
    /// never below zero.
    pub fn lost(&self) -> i32 {
        let received = (self.received - self.before.received) as u32;
        self.expected_in_run()
            .saturating_sub(received)
            .cast_signed()
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

    /// A number that follows the last bad one: the sender restarted.
    fn is_confirmed(&mut self, number: u16) -> bool {
        self.bad.replace(number.wrapping_add(1)) == Some(number)
    }

    fn restart(&mut self, number: u16) {
        self.end_run();
        self.begin(number);
    }

    fn end_run(&mut self) {
        self.before = Before {
            expected: self.expected(),
            received: self.received,
        };
        self.restarts = self.restarts.wrapping_add(1);
    }

    fn begin(&mut self, number: u16) {
        self.started = true;
        (self.base, self.max) = (number, number);
        (self.cycles, self.bad) = (0, None);
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

crate::snapshot::state! { struct Jitter { transit, jitter } }

impl Jitter {
    /// Takes in the timestamp of a packet that arrived at `now`.
    pub fn update(&mut self, timestamp: u32, clock_rate: u32, now: Time) {
        let transit = in_clock_units(now, clock_rate).wrapping_sub(timestamp);
        if let Some(previous) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(previous).cast_signed().unsigned_abs();
            self.jitter += (difference as f32 - self.jitter) / 16.0;
        }
    }

    /// The sender restarted: its timestamps say nothing of those before.
    pub fn restart(&mut self) {
        self.transit = None;
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
        assert_eq!((sequence.base(), sequence.restarts()), (40_001, 1));
        assert_eq!(feed(&[10, 40_000, 40_002]).1, [InOrder, Bad, Bad]);
        assert_eq!(
            feed(&[10, 30_000, 65_535, 0]).1[3],
            Late,
            "65,535 is eleven behind"
        );
        use Arrival::Late;
    }

    #[test]
    fn a_restart_begins_number_and_loss_anew_and_counts_on() {
        let told = |numbers: &[u16]| {
            let (sequence, _) = feed(numbers);
            let counts = (sequence.expected(), sequence.received(), sequence.lost());
            (sequence.extended_highest(), counts)
        };
        // One lost, and a cycle.
        let mut numbers = vec![65_534, 0, 1];
        assert_eq!(told(&numbers), (65_537, (4, 3, 1)));
        // A number that is bad is neither expected nor received.
        numbers.extend([30_000, 30_001, 30_002, 30_003]);
        assert_eq!(told(&numbers), (30_003, (7, 6, 0)));
        numbers.extend([30_006]);
        assert_eq!(told(&numbers), (30_006, (10, 7, 2)));
        // Numbers may be the same as before.
        numbers.extend([65_533, 65_534, 0]);
        assert_eq!(told(&numbers), (65_536, (13, 9, 1)));
    }

    #[test]
    fn what_is_sent_again_begins_nothing_anew_and_keeps_nothing_from_it() {
        use Arrival::{Bad, InOrder, Resync};
        let (mut sequence, _) = feed(&[10, 11]);
        let mut repeated = |number| sequence.update_repeated(number, 0, Time::ZERO);
        assert_eq!([40_000, 40_001, 40_002].map(&mut repeated), [Bad; 3]);
        assert_eq!(repeated(12), InOrder);
        assert_eq!((sequence.expected(), sequence.received()), (3, 2));
        assert_eq!(sequence.update(40_000, 0, Time::ZERO), Bad);
        assert_eq!(sequence.update_repeated(5_000, 0, Time::ZERO), Bad);
        assert_eq!(sequence.update(40_001, 0, Time::ZERO), Resync);
    }

    #[test]
    fn jitter_is_not_measured_across_a_restart() {
        let mut jitter = Jitter::default();
        for (timestamp, ms) in [(0, 0), (900, 10), (1_800, 40)] {
            jitter.update(timestamp, 90_000, Time::from_millis(ms));
        }
        jitter.restart();
        jitter.update(3_000_000_000, 90_000, Time::from_millis(41));
        assert_eq!(jitter.in_clock_units(), 112);
        jitter.update(3_000_000_900, 90_000, Time::from_millis(51));
        assert_eq!(jitter.in_clock_units(), 105);
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
