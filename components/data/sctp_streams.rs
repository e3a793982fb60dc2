//! Whose the SCTP streams of a transport are.

use std::collections::BTreeMap;

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;

use crate::data::early_messages::EarlyMessages;
use crate::data::sctp_stream_parameters::STREAM_ID_MAX;

/// The streams of a transport's association, by identifier. What comes in and what goes out on one
/// identifier has nothing in common here.
///
/// Written between ticks, read by Receive; the limit is written by Receive.
#[derive(Component, Clone, Debug)]
pub struct SctpStreams {
    /// Data producers by the stream that they receive.
    pub incoming: BTreeMap<u16, Entity>,
    outgoing: BTreeMap<u16, Entity>,
    /// Those that the peer opened as data channels; true when this end has closed it already, and
    /// waits for the peer to do so.
    opened: BTreeMap<u16, bool>,
    /// What came on those before a data producer was there. Written by Receive.
    pub early: EarlyMessages,
    next: u16,
    limit: u16,
}

crate::snapshot::state! { struct SctpStreams { incoming, outgoing, opened, early, next, limit } }

impl Default for SctpStreams {
    fn default() -> Self {
        Self {
            incoming: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            opened: BTreeMap::new(),
            early: EarlyMessages::default(),
            next: 0,
            limit: STREAM_ID_MAX + 1,
        }
    }
}

impl SctpStreams {
    /// Nobody sends or receives anything.
    pub fn is_empty(&self) -> bool {
        self.incoming.is_empty() && self.outgoing.is_empty()
    }

    /// Only identifiers below `streams` are given out from now on: what the two ends agreed on.
    pub fn agree(&mut self, streams: u16) {
        self.limit = streams;
    }

    /// The identifier that the next data consumer gets: the first free one behind the last, so that
    /// one that was freed rests as long as it can. Those that the peer opened are only had by name.
    /// None when all are in use.
    pub fn vacant(&self) -> Option<u16> {
        if self.outgoing.len() >= usize::from(self.limit) {
            return None;
        }
        let is_free = |id: &u16| !self.outgoing.contains_key(id) && !self.opened.contains_key(id);
        let start = if self.next < self.limit { self.next } else { 0 };
        (start..self.limit).chain(0..start).find(is_free)
    }

    /// Whether `stream` may be given to a data consumer that asks for it.
    pub fn may_be_occupied(&self, stream: u16) -> bool {
        let is_closing = self.opened.get(&stream) == Some(&true);
        stream < self.limit && !self.outgoing.contains_key(&stream) && !is_closing
    }

    /// Gives `stream` to a data consumer.
    pub fn occupy(&mut self, stream: u16, data_consumer: Entity) {
        self.outgoing.insert(stream, data_consumer);
        self.next = stream.wrapping_add(1);
    }

    /// The peer opens `stream` as a data channel; false when it is in use.
    pub fn open(&mut self, stream: u16) -> bool {
        let is_free = !self.is_in_use(stream) && !self.opened.contains_key(&stream);
        if is_free {
            self.opened.insert(stream, false);
        }
        is_free
    }

    /// The peer closed `stream`, which can be opened anew: whether this end has closed it already.
    /// None when it was no channel.
    pub fn shut(&mut self, stream: u16) -> Option<bool> {
        let opened = self.opened.remove(&stream);
        opened.or_else(|| self.is_in_use(stream).then_some(false))
    }

    /// This end closes `stream`.
    pub fn abandon(&mut self, stream: u16) {
        if let Some(is_closed) = self.opened.get_mut(&stream) {
            *is_closed = true;
        }
    }

    /// The association is over, or its peer begins anew: no channel is open any more. Those that
    /// neither end had closed.
    pub fn shut_all(&mut self) -> Vec<u16> {
        let opened = std::mem::take(&mut self.opened).into_iter();
        let open = opened.filter(|(_, is_closed)| !is_closed);
        open.map(|(stream, _)| stream).collect()
    }

    /// The peer opened `stream`, and neither end has closed it.
    pub fn is_open(&self, stream: u16) -> bool {
        self.opened.get(&stream) == Some(&false)
    }

    fn is_in_use(&self, stream: u16) -> bool {
        self.incoming.contains_key(&stream) || self.outgoing.contains_key(&stream)
    }

    /// Takes `stream` back, and closes it.
    pub fn release(&mut self, stream: u16) {
        self.outgoing.remove(&stream);
        self.abandon(stream);
    }

    /// The data consumer that sends on `stream`.
    pub fn sender(&self, stream: u16) -> Option<Entity> {
        self.outgoing.get(&stream).copied()
    }

    /// The data consumers, with their streams.
    pub fn senders(&self) -> impl Iterator<Item = (u16, Entity)> {
        self.outgoing
            .iter()
            .map(|(&stream, &entity)| (stream, entity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(streams: &mut SctpStreams) -> Option<u16> {
        let stream = streams.vacant()?;
        streams.occupy(stream, Entity::PLACEHOLDER);
        Some(stream)
    }

    #[test]
    fn identifiers_go_round() {
        let mut streams = SctpStreams::default();
        streams.agree(4);
        assert_eq!([(); 3].map(|()| take(&mut streams)), [0, 1, 2].map(Some));
        streams.release(0);
        assert_eq!(take(&mut streams), Some(3), "a freed one rests");
        assert_eq!(take(&mut streams), Some(0));
        assert_eq!(take(&mut streams), None);
        streams.release(2);
        assert_eq!(take(&mut streams), Some(2));
    }

    #[test]
    fn those_that_the_peer_opened_are_only_had_by_name() {
        let mut streams = SctpStreams::default();
        assert!(streams.open(0) && streams.open(2) && !streams.open(2));
        assert_eq!([(); 2].map(|()| take(&mut streams)), [1, 3].map(Some));
        assert!(streams.may_be_occupied(2) && !streams.may_be_occupied(3));
        streams.occupy(2, Entity::PLACEHOLDER);
        assert!(!streams.may_be_occupied(2));
        streams.release(2);
        assert!(!streams.may_be_occupied(2), "it is being closed");
        let shut = [0, 2, 3, 4, 2].map(|stream| streams.shut(stream));
        assert_eq!(shut, [Some(false), Some(true), Some(false), None, None]);
        assert!(streams.open(2));
    }

    #[test]
    fn there_are_65_535() {
        let mut streams = SctpStreams::default();
        let taken: Vec<_> = std::iter::from_fn(|| take(&mut streams)).collect();
        assert!(taken.into_iter().eq(0..=65_534));
        streams.release(65_534);
        assert_eq!(take(&mut streams), Some(65_534));
    }

    #[test]
    fn what_was_given_out_before_the_ends_agreed_on_less_stays() {
        let mut streams = SctpStreams::default();
        for _ in 0..4 {
            take(&mut streams);
        }
        streams.agree(2);
        assert_eq!(take(&mut streams), None);
        streams.release(3);
        streams.release(1);
        assert_eq!(
            take(&mut streams),
            None,
            "two are in use, however they are numbered"
        );
        streams.release(2);
        assert_eq!(take(&mut streams), Some(1));
    }
}
