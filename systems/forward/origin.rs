//! Where the packets that are forwarded come from.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, SystemParam};
use flumen_components::rtp_parameters::{HeaderExtensionIds, MediaKind};
use flumen_components::{
    Alignment, CaptureClock, History, Listener, OutgoingKind, PausedByOwner, Producer, RemoteClock,
    Routes, RtpStream, Templates,
};

use super::repeat::Sender;

/// Who sends.
#[derive(SystemParam)]
pub(crate) struct Origins<'w, 's> {
    pub(super) producers:
        Query<'w, 's, (&'static Producer, &'static Routes, &'static PausedByOwner)>,
    streams: Query<
        'w,
        's,
        (
            &'static RtpStream,
            &'static CaptureClock,
            Option<&'static Templates>,
        ),
    >,
    pub(super) histories: Query<'w, 's, &'static mut History>,
    senders: Query<'w, 's, (&'static Listener, &'static RemoteClock)>,
}

/// A stream, and what is known of its sender.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) entity: Entity,
    pub(super) stream: &'a RtpStream,
    pub(super) history: &'a History,
    pub(super) templates: Option<&'a Templates>,
    /// What its packets count as.
    pub(super) kind: OutgoingKind,
    clock: &'a CaptureClock,
    sender: Option<(&'a Listener, &'a RemoteClock)>,
    origins: &'a Origins<'a, 'a>,
}

const NO_IDS: HeaderExtensionIds = HeaderExtensionIds::NONE;

impl Origins<'_, '_> {
    /// What is known of a stream.
    pub(super) fn of(&self, entity: Entity) -> Option<Origin<'_>> {
        let (stream, clock, templates) = self.streams.get(entity).ok()?;
        let producer = self.producers.get(stream.producer).ok();
        let sender = producer.and_then(|(producer, ..)| self.senders.get(producer.transport).ok());
        let is_audio = producer.is_some_and(|(producer, ..)| producer.kind == MediaKind::Audio);
        Some(Origin {
            kind: if is_audio {
                OutgoingKind::Audio
            } else {
                OutgoingKind::Media
            },
            entity,
            stream,
            history: self.histories.get(entity).ok()?,
            templates,
            clock,
            sender,
            origins: self,
        })
    }

    /// The stream of an encoding of the same producer.
    pub(super) fn of_encoding(&self, producer: Entity, encoding: u8) -> Option<Origin<'_>> {
        let (producer, ..) = self.producers.get(producer).ok()?;
        self.of(producer.encodings.get(usize::from(encoding))?.stream?)
    }
}

impl<'a> Origin<'a> {
    /// The position of its encoding.
    pub(super) fn encoding(&self) -> u8 {
        self.stream.encoding_index as u8
    }

    /// What is known of the transport that the stream comes on.
    pub(super) fn sender(&self) -> Sender<'a> {
        Sender {
            ids: self
                .sender
                .map_or(&NO_IDS, |(listener, _)| &listener.extensions),
            clock_offset: self.sender.and_then(|(_, clock)| clock.offset()),
        }
    }

    /// How the time of the stream goes with that of another of the same sender.
    pub(super) fn alignment(&self, reference: Entity) -> Alignment {
        let (_, clock, _) = self.origins.streams.get(reference).ok()?;
        let (_, remote) = self.sender?;
        self.clock.alignment(clock, self.stream.clock_rate, remote)
    }
}
