//! Which packets of a stream are missing, and when to ask for them (RFC 4585 section 6.2.1).

use std::collections::VecDeque;
use std::time::Duration;

use bevy_ecs::component::Component;

use crate::tick::time::Time;
use crate::wire::sequence::is_higher_u16;

/// The missing packets of a stream that negotiated NACK. Written by Receive and Feedback.
#[derive(Component, Clone, Debug, Default)]
pub struct Missing {
    newest: Option<u16>,
    gaps: VecDeque<Gap>,
    key_frames: VecDeque<u16>,
    /// The deadline at which gaps are asked for again is set.
    pub timer: bool,
}

crate::snapshot::state! { struct Missing { newest, gaps, key_frames, timer } }

/// A missing packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    number: u16,
    noted_at: Time,
    asked_at: Option<Time>,
    requests: u8,
}

crate::snapshot::state! { struct Gap { number, noted_at, asked_at, requests } }

/// A packet as the list of missing ones sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Its sequence number.
    pub number: u16,
    /// It begins a key frame.
    pub key_frame: bool,
    /// It came as a retransmission.
    pub recovered: bool,
    /// The sender's numbers begin anew with it.
    pub restarts: bool,
}

/// What a packet did to the list of missing ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// It was missing, or is a retransmission that nobody had: worth forwarding.
    pub useful: bool,
    /// Too many are missing to ask for: only a key frame helps.
    pub hopeless: bool,
}

/// A gap this far behind the newest packet is given up, in sequence numbers.
const AGE_MAX: u16 = 10_000;
/// This many packets may be missing at a time.
const GAPS_MAX: usize = 1_000;
/// This many key frames are remembered; a stream of nothing else must not grow the list.
const KEY_FRAMES_MAX: usize = 128;
/// A packet is asked for this many times.
const REQUESTS_MAX: u8 = 10;
/// Packets that are only late get this long before they are asked for.
const SEND_DELAY: Duration = Duration::from_millis(10);
/// The round-trip time before one is measured.
const DEFAULT_ROUND_TRIP: Duration = Duration::from_millis(100);

impl Missing {
    /// How often gaps are looked at again while there are any.
    pub const INTERVAL: Duration = Duration::from_millis(40);

    /// Takes note of a packet that is there.
    ///
    /// When numbers begin anew, those before say nothing of what is missing: compared with them,
    /// half of all numbers would seem late, and never be asked for. What preceded the restart is
    /// lost with them, so only a key frame helps.
    pub fn receive(&mut self, packet: Presence, now: Time) -> Effect {
        if packet.restarts {
            self.clear();
        }
        let Some(newest) = self.newest else {
            self.newest = Some(packet.number);
            self.key_frames
                .extend(packet.key_frame.then_some(packet.number));
            return Effect {
                useful: false,
                hopeless: packet.restarts && !packet.key_frame,
            };
        };
        if packet.number == newest {
            return Effect::default();
        }
        if !is_higher_u16(packet.number, newest) {
            return Effect {
                useful: self.fill(packet.number),
                hopeless: false,
            };
        }
        self.remember(packet, newest, now)
    }

    /// The missing packets to ask for because a new packet came: each once, when it is old enough.
    pub fn ask_anew(&mut self, now: Time, ask: impl FnMut(u16)) {
        self.ask(now, |gap| gap.asked_at.is_none(), ask);
    }

    /// The missing packets to ask for because the interval passed: those not asked for within a
    /// round trip.
    pub fn ask_again(&mut self, now: Time, round_trip: Duration, ask: impl FnMut(u16)) {
        let round_trip = if round_trip.is_zero() {
            DEFAULT_ROUND_TRIP
        } else {
            round_trip
        };
        self.ask(
            now,
            |gap| gap.asked_at.is_none_or(|at| now - at >= round_trip),
            ask,
        );
    }

    /// Nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }

    /// Forgets everything: the stream was paused, or its numbers begin anew.
    pub fn clear(&mut self) {
        *self = Self {
            timer: self.timer,
            ..Self::default()
        };
    }

    fn fill(&mut self, number: u16) -> bool {
        let Some(&Gap { number: first, .. }) = self.gaps.front() else {
            return false;
        };
        // Gaps rise from the first one, across a wrap.
        let behind_first = |number: u16| number.wrapping_sub(first);
        let position = self
            .gaps
            .binary_search_by_key(&behind_first(number), |gap| behind_first(gap.number));
        position.is_ok_and(|position| self.gaps.remove(position).is_some())
    }

    /// A packet newer than all before.
    fn remember(&mut self, packet: Presence, newest: u16, now: Time) -> Effect {
        let number = packet.number;
        let oldest = number.wrapping_sub(AGE_MAX);
        if packet.key_frame {
            if self.key_frames.len() == KEY_FRAMES_MAX {
                self.key_frames.pop_front();
            }
            self.key_frames.push_back(number);
        }
        forget_before(&mut self.key_frames, oldest);
        // What is newer than all before was not there, retransmission or not.
        let hopeless = self.open_gaps(newest.wrapping_add(1), number, now);
        self.newest = Some(number);
        Effect {
            useful: packet.recovered,
            hopeless,
        }
    }

    /// Adds the numbers from `first` up to `end`, unless that is too many; true when it is.
    fn open_gaps(&mut self, first: u16, end: u16, now: Time) -> bool {
        let oldest = end.wrapping_sub(AGE_MAX);
        while self
            .gaps
            .front()
            .is_some_and(|gap| is_higher_u16(oldest, gap.number))
        {
            self.gaps.pop_front();
        }
        let count = usize::from(end.wrapping_sub(first));
        while self.gaps.len() + count > GAPS_MAX && self.drop_before_key_frame() {}
        if self.gaps.len() + count > GAPS_MAX {
            self.gaps.clear();
            return true;
        }
        for offset in 0..count as u16 {
            let number = first.wrapping_add(offset);
            self.gaps.push_back(Gap {
                number,
                noted_at: now,
                asked_at: None,
                requests: 0,
            });
        }
        false
    }

    /// Gives up what is older than the oldest key frame that it helps with; false when no key
    /// frame does.
    fn drop_before_key_frame(&mut self) -> bool {
        while let Some(key_frame) = self.key_frames.pop_front() {
            let before = self.gaps.len();
            while self
                .gaps
                .front()
                .is_some_and(|gap| is_higher_u16(key_frame, gap.number))
            {
                self.gaps.pop_front();
            }
            if self.gaps.len() < before {
                // It may help again when more go missing behind it.
                self.key_frames.push_front(key_frame);
                return true;
            }
        }
        false
    }

    fn ask(&mut self, now: Time, due: impl Fn(&Gap) -> bool, mut ask: impl FnMut(u16)) {
        self.gaps.retain_mut(|gap| {
            if now - gap.noted_at < SEND_DELAY || !due(gap) {
                return true;
            }
            gap.requests += 1;
            gap.asked_at = Some(now);
            ask(gap.number);
            gap.requests < REQUESTS_MAX
        });
    }
}

fn forget_before(numbers: &mut VecDeque<u16>, oldest: u16) {
    while numbers
        .front()
        .is_some_and(|&number| is_higher_u16(oldest, number))
    {
        numbers.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Time = Time::from_millis;

    fn media(number: u16) -> Presence {
        Presence {
            number,
            key_frame: false,
            recovered: false,
            restarts: false,
        }
    }

    fn key_frame(number: u16) -> Presence {
        Presence {
            key_frame: true,
            ..media(number)
        }
    }

    fn recovered(number: u16) -> Presence {
        Presence {
            recovered: true,
            ..media(number)
        }
    }

    fn fed(packets: &[Presence]) -> Missing {
        let mut missing = Missing::default();
        for &packet in packets {
            missing.receive(packet, AT(0));
        }
        missing
    }

    fn anew(missing: &mut Missing, at: Time) -> Vec<u16> {
        let mut asked = Vec::new();
        missing.ask_anew(at, |number| asked.push(number));
        asked
    }

    fn again(missing: &mut Missing, at: Time) -> Vec<u16> {
        let mut asked = Vec::new();
        missing.ask_again(at, Duration::ZERO, |number| asked.push(number));
        asked
    }

    #[test]
    fn a_gap_is_asked_for_once_it_is_older_than_the_delay() {
        let mut missing = fed(&[media(65_534), media(2)]);
        assert!(anew(&mut missing, AT(9)).is_empty());
        assert_eq!(anew(&mut missing, AT(10)), [65_535, 0, 1]);
        assert!(anew(&mut missing, AT(20)).is_empty(), "each once");
    }

    #[test]
    fn an_unanswered_gap_is_asked_for_again_after_a_round_trip_ten_times_at_most() {
        let mut missing = fed(&[media(1), media(3)]);
        assert_eq!(again(&mut missing, AT(40)), [2]);
        assert!(again(&mut missing, AT(139)).is_empty());
        for request in 2..=10 {
            assert_eq!(
                again(&mut missing, AT(40 + 100 * (request - 1))),
                [2],
                "{request}"
            );
        }
        assert!(missing.is_empty());
    }

    #[test]
    fn what_arrives_late_is_no_longer_missing() {
        let mut missing = fed(&[media(1), media(4)]);
        assert!(missing.receive(media(2), AT(1)).useful);
        assert!(!missing.receive(media(2), AT(2)).useful, "it was there");
        assert!(missing.receive(recovered(3), AT(3)).useful);
        assert!(missing.is_empty());
    }

    #[test]
    fn a_retransmission_ahead_of_its_time_counts_once_and_opens_no_gap_later() {
        let mut missing = fed(&[media(1)]);
        assert!(missing.receive(recovered(3), AT(0)).useful);
        assert_eq!(anew(&mut missing, AT(10)), [2]);
        let mut missing = fed(&[media(1), recovered(2)]);
        missing.receive(media(4), AT(0));
        assert_eq!(anew(&mut missing, AT(10)), [3]);
    }

    #[test]
    fn gaps_are_found_in_any_order_across_a_wrap() {
        let mut missing = fed(&[media(65_530), media(65_533), media(5)]);
        for number in [65_535, 65_532, 4, 0, 65_531] {
            assert!(missing.receive(media(number), AT(1)).useful, "{number}");
            assert!(!missing.receive(media(number), AT(1)).useful, "{number}");
        }
        assert!(!missing.receive(media(65_529), AT(1)).useful);
        assert_eq!(anew(&mut missing, AT(10)), [65_534, 1, 2, 3]);
    }

    #[test]
    fn numbers_that_begin_anew_need_a_key_frame_and_are_asked_for_again() {
        let restart = |number| Presence {
            restarts: true,
            ..media(number)
        };
        for first in [10, 20_000, 40_000] {
            let mut missing = fed(&[media(30_000), media(30_002)]);
            assert!(missing.receive(restart(first), AT(1)).hopeless);
            assert!(missing.is_empty(), "what was before it is lost");
            missing.receive(media(first + 2), AT(1));
            assert_eq!(anew(&mut missing, AT(11)), [first + 1]);
        }
        let begins = Presence {
            key_frame: true,
            ..restart(10)
        };
        assert!(!fed(&[media(30_000)]).receive(begins, AT(1)).hopeless);
    }

    #[test]
    fn too_many_gaps_are_given_up_up_to_a_key_frame_that_helps() {
        let mut missing = fed(&[media(0), media(501), key_frame(502), media(1_003)]);
        assert_eq!(missing.gaps.len(), 1_000);
        assert_eq!(missing.receive(media(1_005), AT(0)), Effect::default());
        assert_eq!(missing.gaps.front().map(|gap| gap.number), Some(503));
        assert_eq!(missing.gaps.len(), 501);
    }

    #[test]
    fn too_many_gaps_without_a_key_frame_are_hopeless() {
        let mut missing = fed(&[media(0), media(1_001)]);
        assert!(!missing.is_empty());
        assert!(missing.receive(media(1_003), AT(0)).hopeless);
        assert!(missing.is_empty());
    }

    #[test]
    fn gaps_far_behind_the_newest_packet_are_given_up() {
        let mut missing = fed(&[media(0), media(2)]);
        for number in 3..=10_001 {
            missing.receive(media(number), AT(0));
        }
        assert!(!missing.is_empty());
        missing.receive(media(10_003), AT(0));
        assert_eq!(
            missing
                .gaps
                .iter()
                .map(|gap| gap.number)
                .collect::<Vec<_>>(),
            [10_002]
        );
    }
}
