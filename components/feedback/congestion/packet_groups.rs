//! Packets that were sent together, and how far such groups are apart.

use std::time::Duration;

use crate::tick::time::Time;

/// Gathers packets into groups (draft-ietf-rmcat-gcc-02 section 5.2).
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::feedback) struct PacketGroups {
    previous: Option<Group>,
    current: Option<Group>,
}

crate::snapshot::state! { struct PacketGroups { previous, current } }

/// How far a group is from the one before, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::feedback) struct Delta {
    /// When they were sent.
    pub(in crate::feedback) sent_ms: f64,
    /// When they arrived.
    pub(in crate::feedback) arrived_ms: f64,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    /// When its first packet was sent, in 6.18 fixed point seconds.
    began: u32,
    /// When its first packet arrived.
    began_at: Time,
    /// When its last packet was sent and arrived.
    sent: u32,
    arrived: Time,
}

crate::snapshot::state! { struct Group { began, began_at, sent, arrived } }

/// Packets sent within so long are a group, the burst_time of the draft; so are those that arrive
/// within so long after they were held up together.
const BURST: Duration = Duration::from_millis(5);
const BURST_MS: f64 = 5.0;
/// A group that was held up ends, so that a queue that never empties is still measured.
const GROUP_MAX: Duration = Duration::from_millis(100);
/// No network keeps a packet for so long, nor sends one so long after the others in no time.
const JUMP_MS: f64 = 5_000.0;
/// Units of abs-send-time in a millisecond: 2^18 / 1,000.
const UNITS_PER_MS: f64 = 262.144;

impl PacketGroups {
    /// The clock of the sender was set: between this packet and the others it went by quite
    /// another span than here. 24 bits tell spans of up to 32 seconds apart; after longer ones
    /// nothing is compared.
    pub(in crate::feedback) fn jumps(&self, sent: u32, now: Time) -> bool {
        self.current.is_some_and(|current| {
            let here = (now - current.began_at).as_secs_f64() * 1_000.0;
            (elapsed_ms(current.began, sent) - here).abs() > JUMP_MS
        })
    }

    /// Takes in a packet. When it begins a group, tells how far the one that it ended was from the
    /// one before that.
    pub(in crate::feedback) fn receive(&mut self, sent: u32, now: Time) -> Option<Delta> {
        let Some(current) = &mut self.current else {
            self.current = Some(Group::of(sent, now));
            return None;
        };
        let since_began = elapsed_ms(current.began, sent);
        if since_began < 0.0 {
            // It was overtaken by a whole group, and tells nothing of the queue now.
            return None;
        }
        if since_began <= BURST_MS || current.was_held_up_with(sent, now) {
            current.take(sent, now);
            return None;
        }
        let ended = std::mem::replace(current, Group::of(sent, now));
        let before = self.previous.replace(ended)?;
        Some(Delta {
            sent_ms: elapsed_ms(before.sent, ended.sent),
            arrived_ms: (ended.arrived - before.arrived).as_secs_f64() * 1_000.0,
        })
    }
}

impl Group {
    fn of(sent: u32, now: Time) -> Self {
        Self {
            began: sent,
            began_at: now,
            sent,
            arrived: now,
        }
    }

    fn take(&mut self, sent: u32, now: Time) {
        if elapsed_ms(self.sent, sent) > 0.0 {
            self.sent = sent;
        }
        self.arrived = now;
    }

    /// It arrives right behind the group, faster than it was sent.
    fn was_held_up_with(&self, sent: u32, now: Time) -> bool {
        let gap = now - self.arrived;
        let gained = gap.as_secs_f64() * 1_000.0 < elapsed_ms(self.sent, sent);
        gained && gap < BURST && now - self.began_at < GROUP_MAX
    }
}

/// Milliseconds from `earlier` to `later`; 24 bits wrap every 64 seconds.
fn elapsed_ms(earlier: u32, later: u32) -> f64 {
    let units = (later.wrapping_sub(earlier) << 8).cast_signed() >> 8;
    f64::from(units) / UNITS_PER_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deltas in whole milliseconds, of packets (sent, arrived) in milliseconds.
    fn deltas(packets: &[(u64, u64)]) -> Vec<(i64, i64)> {
        let mut groups = PacketGroups::default();
        let feed = |&(sent, arrived): &(u64, u64)| {
            let sent = (sent << 18).div_ceil(1_000) as u32 & 0xFF_FFFF;
            let delta = groups.receive(sent, Time::from_millis(arrived))?;
            Some((delta.sent_ms.round() as i64, delta.arrived_ms as i64))
        };
        packets.iter().filter_map(feed).collect()
    }

    #[test]
    fn what_is_sent_within_five_milliseconds_is_a_group() {
        let packets = [
            (0, 10),
            (2, 30),
            (4, 50),
            (20, 60),
            (21, 70),
            (40, 80),
            (60, 90),
        ];
        // From 4 and 50 to 21 and 70; from there to 40 and 80.
        assert_eq!(deltas(&packets), [(17, 20), (19, 10)]);
    }

    #[test]
    fn what_was_held_up_together_is_a_group() {
        let packets = [
            (0, 0),
            (20, 20),
            (40, 140),
            (60, 141),
            (80, 142),
            (100, 147),
            (120, 167),
        ];
        assert_eq!(deltas(&packets), [(20, 20), (60, 122), (20, 5)]);
    }

    #[test]
    fn a_packet_that_was_overtaken_tells_nothing() {
        let packets = [(0, 0), (20, 20), (0, 21), (40, 40), (60, 60)];
        assert_eq!(deltas(&packets), [(20, 20), (20, 20)]);
    }

    #[test]
    fn a_clock_that_was_set_jumps() {
        // (sent, arrived) of two packets in milliseconds; whether the second one jumps.
        let rows = [
            ((1_000, 0), (1_020, 20), false),
            // Held up for almost as long as a queue may be, and overtaken by as much.
            ((1_000, 0), (1_020, 5_000), false),
            ((6_000, 0), (1_020, 20), false),
            ((6_100, 0), (1_020, 20), true),
            ((1_000, 0), (6_100, 20), true),
            ((1_000, 0), (31_000, 20), true),
            ((1_000, 0), (35_000, 20), true),
            // The clock wraps at 64 seconds.
            ((63_990, 0), (64_010, 20), false),
            ((64_010, 0), (63_990, 20), false),
            ((63_990, 0), (70_010, 20), true),
        ];
        for (first, second, expected) in rows {
            let units = |ms: u64| (ms << 18).div_ceil(1_000) as u32 & 0xFF_FFFF;
            let mut groups = PacketGroups::default();
            groups.receive(units(first.0), Time::from_millis(first.1));
            let jumps = groups.jumps(units(second.0), Time::from_millis(second.1));
            assert_eq!(jumps, expected, "{first:?}, {second:?}");
        }
        assert!(!PacketGroups::default().jumps(0, Time::ZERO), "the first");
    }

    #[test]
    fn times_of_sending_wrap() {
        let packets = [(63_990, 0), (64_010, 20), (64_030, 40)];
        assert_eq!(deltas(&packets), [(20, 20)]);
    }
}
