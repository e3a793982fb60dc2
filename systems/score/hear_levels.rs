//! Observers hear how loud packets are (RFC 6464).

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::wire::extension::AudioLevel;
use flumen_components::{
    Deadlines, Due, Inbox, Listener, Media, MediaPacket, Now, ObservedBy, PausedByOwner,
    RtpObserver, Touched, chain,
};

/// Who listens, and when they tell what they heard.
#[derive(SystemParam)]
pub(crate) struct Ears<'w, 's> {
    observers: Query<'w, 's, (&'static mut RtpObserver, &'static PausedByOwner)>,
    deadlines: ResMut<'w, Deadlines>,
    now: Res<'w, Now>,
}

/// Tells observers the levels of packets of unpaused producers.
pub(crate) fn hear_levels(
    touched: Res<'_, Touched>,
    media: Res<'_, Media>,
    inbox: Res<'_, Inbox>,
    producers: Query<'_, '_, (&ObservedBy, &PausedByOwner)>,
    listeners: Query<'_, '_, &Listener>,
    mut ears: Ears<'_, '_>,
) {
    for &stream in &touched.streams {
        // Only producers that were added to an observer have the component.
        let Ok((observed, &PausedByOwner(false))) = producers.get(stream.producer) else {
            continue;
        };
        for packet in chain(&media, stream) {
            if let Some(level) = level(packet, &inbox, &listeners) {
                ears.hear(observed, stream.producer, level);
            }
        }
    }
}

impl Ears<'_, '_> {
    fn hear(&mut self, observed: &ObservedBy, producer: Entity, dbov: u8) {
        let now = self.now.time;
        for &entity in &observed.0 {
            let Ok((mut observer, &PausedByOwner(false))) = self.observers.get_mut(entity) else {
                continue;
            };
            observer.hear(producer, dbov, now);
            if let Some(due) = observer.arm(now) {
                self.deadlines.set(due, entity, Due::Observed);
            }
        }
    }
}

/// The level of a packet: decibels below overload.
fn level(packet: &MediaPacket, inbox: &Inbox, listeners: &Query<'_, '_, &Listener>) -> Option<u8> {
    packet.header.extension?;
    let id = listeners
        .get(packet.transport)
        .ok()?
        .extensions
        .audio_level?;
    let value = packet
        .header
        .extension(&inbox.bytes()[packet.range()], id)?;
    Some(AudioLevel::parse(value)?.level)
}
