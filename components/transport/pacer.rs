//! When what a transport sends may leave.

use std::time::Duration;

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;

use crate::tick::deadline::{Deadlines, Due};
use crate::tick::limits::Limits;
use crate::tick::outbox::{Outgoing, OutgoingKind};
use crate::tick::time::Time;
use crate::wire::sequence::SequenceManager;

mod waiting;

use waiting::Waiting;

/// Spreads what a transport sends over time: a burst at line rate is lost in a shallow queue.
///
/// Credit grows with time, whatever the ticks, and pays for bytes. Audio and RTCP never wait, and
/// audio is paid for afterwards; then come packets that are sent again, then video. Written by
/// Protect.
#[derive(Component, Clone, Debug, Default)]
pub struct Pacer {
    /// Bits a second that were asked for; otherwise a path without an estimate is not paced.
    pub asked: Option<u64>,
    /// Bits that may be sent, in parts of 1 / 10^9; below zero they are owed.
    credit: i128,
    updated_at: Time,
    again: Waiting,
    video: Waiting,
    armed: Option<Time>,
    listed: bool,
}

crate::snapshot::state! { struct Pacer { asked, credit, updated_at, again, video, armed, listed } }

/// The transports of which packets wait for their turn. Written by Protect.
#[derive(Debug, Default)]
pub struct PacedTransports(pub Vec<Entity>);

crate::snapshot::state! { struct PacedTransports(it) }

/// Packets that were to be sent and are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Superseded {
    /// How many they are.
    pub packets: u64,
    /// Their bytes, header and padding included.
    pub bytes: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
}

/// How a transport is paced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bits a second.
    pub rate: u64,
    /// Bytes that an idle transport may send at once.
    pub burst: u64,
    /// How long packets wait at most: the rate rises for those that would wait longer.
    pub delay: Duration,
}

impl Pace {
    /// Pacing at `rate` bits a second, with bursts and delays within `limits`.
    pub fn new(rate: u64, limits: &Limits) -> Self {
        let most = limits.pacing_burst_packets as u64 * PACKET_BYTES;
        let burst = rate / 8 / BURST_PARTS;
        Self {
            rate,
            burst: burst.clamp(PACKET_BYTES, most.max(PACKET_BYTES)),
            delay: Duration::from_millis(limits.pacing_delay_ms),
        }
    }
}

/// Bytes of a packet of about the longest kind.
const PACKET_BYTES: u64 = 1_200;
/// A burst is what the rate sends in 5 ms: this part of a second.
const BURST_PARTS: u64 = 200;
/// Parts of a bit.
const PARTS: i128 = 1_000_000_000;
/// What audio owes is forgotten beyond what the rate pays in this time, or it would starve video.
const DEBT_MAX: Duration = Duration::from_millis(500);
/// The rate for packets that have waited for longer than they may is what sends them within this.
const LATE: Duration = Duration::from_millis(5);
/// No deadline is nearer: sockets and sleeping loops are no more precise.
const STEP: Duration = Duration::from_millis(1);

impl Pacer {
    /// A transport that is paced at `asked` bits a second, or by its estimate alone.
    pub fn new(asked: Option<u64>) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.again.len() + self.video.len()
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets credit grow until `now`. Idle credit is a burst at most; while packets wait, a late tick
    /// makes up for its lateness.
    pub fn accrue(&mut self, pace: Pace, now: Time) {
        let rate = self.rate(pace, now);
        let earned = |span: Duration| i128::from(rate) * span.as_nanos() as i128;
        self.credit += earned(now - self.updated_at);
        self.updated_at = now;
        if self.is_empty() {
            self.credit = self.credit.min(i128::from(pace.burst) * 8 * PARTS);
        }
        self.credit = self.credit.max(-earned(DEBT_MAX));
    }

    /// A packet of `kind` may leave at once: it does not overtake its like, and is paid for.
    pub fn admits(&self, kind: OutgoingKind) -> bool {
        match kind {
            OutgoingKind::Control | OutgoingKind::Audio | OutgoingKind::Padding => true,
            OutgoingKind::Retransmission => self.again.is_empty() && self.credit > 0,
            OutgoingKind::Media => self.is_empty() && self.credit > 0,
        }
    }

    /// A packet leaves.
    pub fn pay(&mut self, row: &Outgoing) {
        if row.kind != OutgoingKind::Control {
            self.credit -= i128::from(row.len()) * 8 * PARTS;
        }
    }

    /// Lets a packet wait, unless `limit` packets do already.
    pub fn push(&mut self, row: &Outgoing, parts: (&[u8], &[u8]), now: Time, limit: usize) -> bool {
        if self.len() >= limit {
            return false;
        }
        let waiting = match row.kind {
            OutgoingKind::Retransmission => &mut self.again,
            _ => &mut self.video,
        };
        waiting.push(row, parts, now);
        true
    }

    /// The next packet whose turn it is, appended to `out`.
    pub fn release(&mut self, out: &mut Vec<u8>) -> Option<Outgoing> {
        if self.credit <= 0 {
            return None;
        }
        let row = self.again.pop(out).or_else(|| self.video.pop(out))?;
        self.pay(&row);
        Some(row)
    }

    /// Takes out the packets of the video `ssrc` that wait behind the picture whose turn it is, and
    /// takes back their numbers: what is sent next refers to none of them. None where anything newer
    /// waits elsewhere or has left.
    pub fn supersede(&mut self, ssrc: u32, sequence: &mut SequenceManager<16>) -> Superseded {
        let count = self.video.latest_of(ssrc, sequence.max_output());
        if count == 0 || !sequence.take_back(count) {
            return Superseded::default();
        }
        self.video.take_back(ssrc, count.into())
    }

    /// Takes out all packets of `ssrc` that wait to be sent again; how many there were.
    pub fn forget_again(&mut self, ssrc: u32) -> u64 {
        self.again.forget(ssrc)
    }

    /// Takes out all packets of `ssrc` that wait; how many there were.
    pub fn forget(&mut self, ssrc: u32) -> u64 {
        let waiting = [&mut self.again, &mut self.video];
        waiting.into_iter().map(|it| it.forget(ssrc)).sum()
    }

    /// Nothing waits any more; how many packets did.
    pub fn give_up(&mut self) -> usize {
        let count = self.len();
        for waiting in [&mut self.again, &mut self.video] {
            waiting.clear();
        }
        count
    }

    /// Puts `transport` among those of which packets wait, once.
    pub fn list(&mut self, transport: Entity, paced: &mut PacedTransports) {
        if !std::mem::replace(&mut self.listed, true) {
            paced.0.push(transport);
        }
    }

    /// Sets a deadline for the next packet of `transport` that waits, unless one is set; false, and
    /// its place is free, when none waits.
    pub fn arm(
        &mut self,
        transport: Entity,
        (pace, now): (Pace, Time),
        deadlines: &mut Deadlines,
    ) -> bool {
        if self.is_empty() {
            self.listed = false;
            return false;
        }
        let owed = u128::try_from(-self.credit).unwrap_or(0);
        let nanos = 1 + owed / u128::from(self.rate(pace, now).max(1));
        let wait = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let next = now + wait.max(STEP);
        if self.armed.is_none_or(|set| set <= now || set > next) {
            self.armed = Some(next);
            deadlines.set(next, transport, Due::Pacing);
        }
        true
    }

    /// Bits a second now: higher for packets that would wait for too long.
    fn rate(&self, pace: Pace, now: Time) -> u64 {
        let oldest = [&self.again, &self.video];
        let Some(since) = oldest.iter().filter_map(|waiting| waiting.since()).min() else {
            return pace.rate;
        };
        let left = pace.delay.saturating_sub(now - since).max(LATE);
        let bits = 8 * (self.again.bytes() + self.video.bytes()) as u128;
        let needed = bits * 1_000_000_000 / left.as_nanos();
        pace.rate.max(u64::try_from(needed).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutgoingKind::{Audio, Media, Retransmission};

    /// A megabit a second: 125 bytes a millisecond.
    const PACE: Pace = Pace {
        rate: 1_000_000,
        burst: 1_250,
        delay: Duration::from_millis(100),
    };

    fn row(kind: OutgoingKind, len: u16) -> Outgoing {
        Outgoing {
            kind,
            ..Outgoing::generated(0, len)
        }
    }

    /// Offers `packets` of `kind` and 1,250 bytes at `ms`; how many leave at once.
    fn offer(pacer: &mut Pacer, ms: u64, kind: OutgoingKind, packets: usize) -> usize {
        pacer.accrue(PACE, Time::from_millis(ms));
        let row = row(kind, 1_250);
        let mut left = 0;
        for index in 0..packets {
            if pacer.admits(kind) {
                pacer.pay(&row);
                left += 1;
            } else {
                let now = Time::from_millis(ms);
                assert!(pacer.push(&row, (&[index as u8; 1_250], &[]), now, 512));
            }
        }
        left
    }

    /// The first bytes of what is released at `ms`, and their kinds.
    fn release(pacer: &mut Pacer, ms: u64) -> Vec<(OutgoingKind, u8)> {
        pacer.accrue(PACE, Time::from_millis(ms));
        let mut out = Vec::new();
        let rows: Vec<_> = std::iter::from_fn(|| pacer.release(&mut out)).collect();
        let first = |row: &Outgoing| (row.kind, out[row.header_start as usize]);
        rows.iter().map(first).collect()
    }

    #[test]
    fn an_idle_transport_sends_a_burst_and_then_at_its_rate() {
        let mut pacer = Pacer::default();
        assert_eq!(offer(&mut pacer, 1_000, Media, 4), 1);
        assert_eq!(pacer.len(), 3);
        assert_eq!(release(&mut pacer, 1_000), []);
        assert_eq!(release(&mut pacer, 1_001), [(Media, 1)]);
        assert_eq!(release(&mut pacer, 1_010), []);
        assert_eq!(release(&mut pacer, 1_011), [(Media, 2)]);
        // A tick that is late sends what would have left meanwhile.
        assert_eq!(offer(&mut pacer, 1_012, Media, 2), 0);
        assert_eq!(release(&mut pacer, 1_060).len(), 3);
        assert!(pacer.is_empty());
    }

    #[test]
    fn audio_never_waits_and_is_paid_for() {
        let mut pacer = Pacer::default();
        assert_eq!(offer(&mut pacer, 1_000, Audio, 3), 3);
        assert_eq!(offer(&mut pacer, 1_000, Media, 1), 0);
        assert_eq!(release(&mut pacer, 1_020), []);
        assert_eq!(release(&mut pacer, 1_021), [(Media, 0)]);
        // But it does not starve video.
        assert_eq!(offer(&mut pacer, 1_021, Audio, 1_000), 1_000);
        assert_eq!(offer(&mut pacer, 1_021, Media, 1), 0);
        assert_eq!(release(&mut pacer, 1_522).len(), 1);
    }

    #[test]
    fn what_is_sent_again_goes_before_video() {
        let mut pacer = Pacer::default();
        assert_eq!(offer(&mut pacer, 1_000, Media, 3), 1);
        assert_eq!(offer(&mut pacer, 1_000, Retransmission, 1), 0);
        assert_eq!(release(&mut pacer, 1_001), [(Retransmission, 0)]);
        assert_eq!(release(&mut pacer, 1_011), [(Media, 1)]);
    }

    #[test]
    fn nothing_waits_for_much_longer_than_it_may() {
        let mut pacer = Pacer::default();
        // 50 packets of 10 ms each, of which all leave within 100 ms.
        assert_eq!(offer(&mut pacer, 1_000, Media, 51), 1);
        let mut left = 0;
        for ms in 1_001..=1_105 {
            left += release(&mut pacer, ms).len();
        }
        assert_eq!(left, 50);
    }

    #[test]
    fn no_more_than_the_limit_waits() {
        let mut pacer = Pacer::default();
        let (row, now) = (row(Media, 2), Time::ZERO);
        assert!(pacer.push(&row, (&[1], &[2]), now, 2));
        assert!(pacer.push(&row, (&[3], &[4]), now, 2));
        assert!(!pacer.push(&row, (&[5], &[6]), now, 2));
    }

    /// Packets of a video wait, as (SSRC, number, picture).
    fn wait(pacer: &mut Pacer, packets: &[(u32, u16, u32)]) {
        for &(ssrc, number, picture) in packets {
            let mut header = [0; 12];
            header[2..4].copy_from_slice(&number.to_be_bytes());
            header[4..8].copy_from_slice(&picture.to_be_bytes());
            header[8..].copy_from_slice(&ssrc.to_be_bytes());
            assert!(pacer.push(&row(Media, 12), (&header, &[]), Time::ZERO, 512));
        }
    }

    /// The numbers of the packets that wait, when those of video 1 are superseded that has sent so
    /// many.
    fn superseded(packets: &[(u32, u16, u32)], sent: u16) -> Vec<u8> {
        let (mut pacer, mut sequence) = (Pacer::default(), SequenceManager::new(0));
        for number in 1..=sent {
            sequence.input(number);
        }
        wait(&mut pacer, packets);
        let count = pacer.supersede(1, &mut sequence).packets as usize;
        assert_eq!(sequence.max_output(), sent - count as u16);
        pacer.credit = PARTS * 1_000_000;
        let mut out = Vec::new();
        let rows: Vec<_> = std::iter::from_fn(|| pacer.release(&mut out)).collect();
        assert_eq!(rows.len(), packets.len() - count);
        let number = |row: &Outgoing| out[row.header_start as usize + 3];
        rows.iter().map(number).collect()
    }

    #[test]
    fn what_waits_of_a_video_is_superseded_behind_the_picture_whose_turn_it_is() {
        let of_one = [(1, 7, 70), (1, 8, 70), (1, 9, 80), (1, 10, 90)];
        assert_eq!(superseded(&of_one, 10), [7, 8]);
        let with_another = [(1, 7, 70), (2, 50, 1), (1, 8, 80), (2, 51, 1), (1, 9, 80)];
        assert_eq!(superseded(&with_another, 9), [7, 50, 51]);
        // The newest one is not here.
        assert_eq!(superseded(&of_one, 11), [7, 8, 9, 10]);
        // What came twice waits twice.
        let doubled = [(1, 7, 70), (1, 8, 80), (1, 9, 90), (1, 9, 90), (1, 10, 99)];
        assert_eq!(superseded(&doubled, 10), [7, 8, 9, 9]);
        assert_eq!(superseded(&doubled[..4], 9), [7, 8, 9, 9]);
        // What may have left, or will fill a gap.
        let late = [(1, 7, 70), (1, 9, 90), (1, 8, 80), (1, 11, 99), (1, 12, 99)];
        assert_eq!(superseded(&late, 12), [7, 9, 8]);
        assert_eq!(superseded(&[(2, 7, 70), (2, 8, 80)], 8), [7, 8]);
        assert!(superseded(&[], 3).is_empty());
    }

    #[test]
    fn the_next_packet_sets_a_deadline_and_an_earlier_one_another() {
        let (mut pacer, mut deadlines) = (Pacer::default(), Deadlines::default());
        let entity = Entity::PLACEHOLDER;
        let now = Time::from_millis(1_000);
        assert!(!pacer.arm(entity, (PACE, now), &mut deadlines));
        offer(&mut pacer, 1_000, Audio, 3);
        offer(&mut pacer, 1_000, Media, 1);
        assert!(pacer.arm(entity, (PACE, now), &mut deadlines));
        // 2,500 bytes are owed.
        // One nanosecond later there is credit.
        assert_eq!(deadlines.next(), Some(Time::from_nanos(1_020_000_001)));
        assert!(pacer.arm(entity, (PACE, now), &mut deadlines));
        deadlines.fire(Time::from_millis(1_021));
        assert_eq!(deadlines.fired().len(), 1);
    }
}
