//! One time line for the streams that a consumer follows one after another.

use bevy_ecs::entity::Entity;

use crate::consume::layering::beginning::Beginning;
use crate::wire::sequence::is_higher_u32;

/// What is added to the timestamps of a stream to get those of another of the same source: the
/// difference of their clocks, by when their media was captured. `None` while that is not known.
pub type Alignment = Option<u32>;

/// The time line of what a consumer sends: that of the first stream it followed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timeline {
    /// The stream whose clock it is, and what is added to that.
    base: Option<(Entity, u32)>,
}

crate::snapshot::state! { struct Timeline { base } }

/// Clocks that put media further from when it arrived must be wrong, in milliseconds.
const TRUSTED_MS: u64 = 5_000;

impl Timeline {
    pub(super) fn reference(&self) -> Option<Entity> {
        self.base.map(|(stream, _)| stream)
    }

    /// What is added to the timestamps of a stream that begins. They go on from what was sent
    /// before, strictly rising, whatever the streams' clocks say.
    ///
    /// Without clocks the time since the newest packet arrived has to do; the stream's clock is then
    /// the time line.
    pub(super) fn place(&mut self, from: &Beginning<'_>) -> u32 {
        let timestamp = from.packet.header.timestamp;
        let (Some((_, base)), Some(newest)) = (self.base, from.newest) else {
            self.base = Some((from.stream, 0));
            return 0;
        };
        let ticks = |millis: u64| (millis * u64::from(from.clock_rate) / 1_000) as u32;
        let elapsed = ticks((from.now - newest.at).as_millis() as u64);
        let guessed = newest.timestamp.wrapping_add(elapsed);
        let is_near =
            |at: &u32| at.wrapping_sub(guessed).cast_signed().unsigned_abs() <= ticks(TRUSTED_MS);
        let aligned = from
            .alignment
            .map(|to_base| timestamp.wrapping_add(to_base).wrapping_add(base));
        let aligned = aligned.filter(is_near);
        let at = aligned.unwrap_or(guessed);
        let at = match is_higher_u32(at, newest.timestamp) {
            true => at,
            false => newest.timestamp.wrapping_add(1),
        };
        let added = at.wrapping_sub(timestamp);
        if aligned.is_none() {
            self.base = Some((from.stream, added));
        }
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consume::emission::Newest;
    use crate::tick::batch::PacketFacts;
    use crate::tick::time::Time;
    use crate::wire::rtp::RtpHeader;

    fn stream(index: u32) -> Entity {
        Entity::from_raw_u32(index).expect("an index")
    }

    /// The timestamp with which stream `index` goes on at 1,000 ms, when its own is `timestamp`.
    fn place(
        timeline: &mut Timeline,
        index: u32,
        timestamp: u32,
        alignment: Alignment,
        newest: Option<(u32, u64)>,
    ) -> u32 {
        let mut bytes = [0; 12];
        bytes[0] = 0x80;
        bytes[4..8].copy_from_slice(&timestamp.to_be_bytes());
        let packet = PacketFacts {
            header: RtpHeader::parse(&bytes).expect("a header"),
            payload_type: 96,
            key_frame: true,
            descriptor: Default::default(),
        };
        let newest = newest.map(|(timestamp, at)| Newest {
            timestamp,
            captured: timestamp,
            at: Time::from_millis(at),
            stream: stream(0),
        });
        let added = timeline.place(&Beginning {
            stream: stream(index),
            encoding: 0,
            packet: &packet,
            sent: u8::MAX,
            alignment,
            newest,
            clock_rate: 90_000,
            now: Time::from_millis(1_000),
        });
        timestamp.wrapping_add(added)
    }

    fn begun() -> Timeline {
        let mut timeline = Timeline::default();
        assert_eq!(place(&mut timeline, 0, 7_000, None, None), 7_000);
        timeline
    }

    #[test]
    fn clocks_put_a_stream_on_the_time_line_of_the_first() {
        // The other stream's clock is 500,000 ahead; it was captured 3,000 later.
        let mut timeline = begun();
        let alignment = Some(0_u32.wrapping_sub(500_000));
        let at = place(&mut timeline, 1, 510_000, alignment, Some((7_000, 980)));
        assert_eq!(at, 10_000);
        assert_eq!(timeline.reference(), Some(stream(0)));
        // And the first one goes on with its own timestamps.
        let at = place(&mut timeline, 0, 13_000, Some(0), Some((10_000, 980)));
        assert_eq!(at, 13_000);
    }

    #[test]
    fn time_does_not_run_backwards() {
        for timestamp in [7_000, 6_000, 7_000_u32.wrapping_sub(80_000)] {
            let at = place(&mut begun(), 1, timestamp, Some(0), Some((7_000, 990)));
            assert_eq!(at, 7_001, "{timestamp}");
        }
        let at = place(&mut begun(), 1, 7_001, Some(0), Some((7_000, 990)));
        assert_eq!(at, 7_001);
    }

    #[test]
    fn without_clocks_the_time_that_passed_has_to_do() {
        let mut timeline = begun();
        // 20 ms are 1,800 units.
        let at = place(&mut timeline, 1, 40, None, Some((7_000, 980)));
        assert_eq!(at, 8_800);
        assert_eq!(timeline.reference(), Some(stream(1)));
        let at = place(&mut timeline, 1, 3_040, Some(0), Some((8_800, 970)));
        assert_eq!(at, 11_800);
    }

    #[test]
    fn clocks_that_lie_are_not_believed() {
        for shift in [460_000_u32, 0_u32.wrapping_sub(460_000), 1 << 31] {
            let at = place(&mut begun(), 1, 7_000, Some(shift), Some((7_000, 980)));
            assert_eq!(at, 8_800, "{shift}");
        }
    }

    #[test]
    fn timestamps_wrap() {
        let mut timeline = Timeline::default();
        let last = u32::MAX - 100;
        place(&mut timeline, 0, last, None, None);
        let at = place(&mut timeline, 1, 900, Some(1_000), Some((last, 980)));
        assert_eq!(at, 1_900);
        let at = place(&mut timeline, 0, 0, Some(0), Some((u32::MAX, 980)));
        assert_eq!(at, 0);
    }
}
