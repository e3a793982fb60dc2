//! What is due when: a queue, so that a tick in which nothing is due costs nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

use crate::snapshot::Roster;
use crate::tick::due_kinds::DueKinds;
use crate::tick::time::Time;
use crate::wire::state::{Malformed, Reader, State, Writer};

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Due {
    /// A key frame was asked for and may have to be asked for again.
    KeyFrameRetry {
        /// The SSRC of the stream asked.
        ssrc: u32,
    },
    /// A key frame request was held back and may be wanted again.
    KeyFrameDelay {
        /// The SSRC of the stream to ask.
        ssrc: u32,
    },
    /// Packets of a stream are missing and may have to be asked for again.
    MissingPackets,
    /// A stream may have stopped bringing media.
    Inactivity,
    /// Packets of a stream may have stopped arriving.
    Liveness,
    /// It is time to look which layers of a stream arrive.
    LayerActivity,
    /// Less of a producer may have been wanted for long enough.
    Wants,
    /// A transport tells its sender when packets arrived.
    BandwidthFeedback,
    /// It is time to look what the path to a receiver carries.
    PathEstimate,
    /// A path is probed: the next packet is due.
    Probe,
    /// Packets that waited may leave.
    Pacing,
    /// A transport reports.
    Reports,
    /// Reports of an earlier tick go on.
    MoreReports,
    /// A timer of a transport's SCTP association may be due.
    Sctp,
    /// Nothing may have come from the peer of a WebRTC transport for too long.
    IceConsent,
    /// A connection of a TCP socket may have proven nothing in time.
    UnprovenConnections,
    /// A timer of a transport's DTLS connection may be due.
    Dtls,
    /// An interval of an observer is over.
    Observed,
    /// A user's system asked to be called.
    User(u64),
}

crate::snapshot::state! {
    enum Due {
        KeyFrameRetry { ssrc }, KeyFrameDelay { ssrc }, MissingPackets, Inactivity, Liveness,
        LayerActivity, Wants, BandwidthFeedback, PathEstimate, Probe, Pacing, Reports,
        MoreReports, Sctp, IceConsent, UnprovenConnections, Dtls, Observed, User(it)
    }
}

/// The deadlines of all entities.
///
/// A deadline cannot be withdrawn or moved: who set it checks, when it fires, whether it still
/// holds. That keeps a deadline that changes with every packet at no cost per packet.
#[derive(Resource, Debug, Default)]
pub struct Deadlines {
    queue: BinaryHeap<Reverse<(Time, u64, Entity, Due)>>,
    pushed: u64,
    fired: Vec<(Entity, Due)>,
}

/// In the order in which they will fire.
impl State<Roster> for Deadlines {
    fn save(&self, out: &mut Writer<Roster>) {
        let mut queue: Vec<_> = self.queue.iter().map(|Reverse(set)| *set).collect();
        queue.sort_unstable();
        queue.len().save(out);
        for (at, number, entity, due) in queue {
            (at, number, entity).save(out);
            due.save(out);
        }
        self.pushed.save(out);
        self.fired.save(out);
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        let queue: Vec<((Time, u64, Entity), Due)> = State::load(from)?;
        let queue = queue.into_iter();
        let queue = queue.map(|((at, number, entity), due)| Reverse((at, number, entity, due)));
        Ok(Self {
            queue: queue.collect(),
            pushed: State::load(from)?,
            fired: State::load(from)?,
        })
    }
}

impl Deadlines {
    /// Makes `due` fire for `entity` in the first tick at or after `at`.
    ///
    /// Deadlines of the same time fire in the order in which they were set.
    pub fn set(&mut self, at: Time, entity: Entity, due: Due) {
        self.queue.push(Reverse((at, self.pushed, entity, due)));
        self.pushed += 1;
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Time> {
        self.queue.peek().map(|Reverse((at, ..))| *at)
    }

    /// Moves everything due at `now` to [`fired`](Self::fired); called once a tick. Tells of which
    /// kinds it is.
    pub fn fire(&mut self, now: Time) -> DueKinds {
        self.fired.clear();
        let mut kinds = DueKinds::default();
        while let Some(Reverse((at, ..))) = self.queue.peek()
            && *at <= now
        {
            if let Some(Reverse((_, _, entity, due))) = self.queue.pop() {
                self.fired.push((entity, due));
                kinds = kinds.and(DueKinds::of(&[due]));
            }
        }
        kinds
    }

    /// What became due in this tick, in order.
    pub fn fired(&self) -> &[(Entity, Due)] {
        &self.fired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_fire_once_in_order_of_time_then_of_setting() {
        let entity = Entity::PLACEHOLDER;
        let mut deadlines = Deadlines::default();
        deadlines.set(Time::from_millis(2), entity, Due::User(2));
        deadlines.set(Time::from_millis(1), entity, Due::User(1));
        deadlines.set(Time::from_millis(2), entity, Due::User(0));
        assert_eq!(deadlines.next(), Some(Time::from_millis(1)));
        let kinds = deadlines.fire(Time::from_millis(2));
        let fired: Vec<_> = deadlines.fired().iter().map(|(_, due)| *due).collect();
        assert_eq!(fired, [Due::User(1), Due::User(2), Due::User(0)]);
        let users = DueKinds::of(&[Due::User(3)]);
        assert_eq!(kinds, users);
        assert_eq!(deadlines.fire(Time::from_millis(3)), DueKinds::default());
        assert_eq!((deadlines.fired().len(), deadlines.next()), (0, None));
    }
}
