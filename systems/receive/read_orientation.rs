//! Cameras tell how they are held.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut};
use flumen_components::event::{Event, Pending, VideoOrientationChanged};
use flumen_components::wire::extension;
use flumen_components::{
    Inbox, Listener, Media, MediaPacket, Orientation, PausedByOwner, ProducerId, Subject, Touched,
    VideoOrientation, chain,
};

/// Notes the orientation that packets of unpaused video producers carry.
pub(crate) fn read_orientation(
    touched: Res<'_, Touched>,
    media: Res<'_, Media>,
    inbox: Res<'_, Inbox>,
    mut producers: Query<'_, '_, (&ProducerId, &PausedByOwner, &mut Orientation)>,
    listeners: Query<'_, '_, &Listener>,
    mut pending: ResMut<'_, Pending>,
) {
    for &stream in &touched.streams {
        // Only producers that negotiated the extension have the component.
        let Ok((&id, paused, mut orientation)) = producers.get_mut(stream.producer) else {
            continue;
        };
        if paused.0 {
            continue;
        }
        // What one tick brings counts as one telling, so that no sender makes an event a packet.
        let told = chain(&media, stream).filter_map(|packet| told(packet, &inbox, &listeners));
        let Some(last) = told.last() else { continue };
        if orientation.0 != Some(last) {
            orientation.0 = Some(last);
            pending.0.push(changed(stream.producer, id, last));
        }
    }
}

fn told(
    packet: &MediaPacket,
    inbox: &Inbox,
    listeners: &Query<'_, '_, &Listener>,
) -> Option<VideoOrientation> {
    packet.header.extension?;
    let id = listeners
        .get(packet.transport)
        .ok()?
        .extensions
        .video_orientation?;
    let value = packet
        .header
        .extension(&inbox.bytes()[packet.range()], id)?;
    Some(extension::VideoOrientation::from_byte(*value.first()?).into())
}

fn changed(about: Entity, id: ProducerId, orientation: VideoOrientation) -> Event {
    VideoOrientationChanged {
        about,
        subject: Subject::Producer(id),
        orientation,
    }
    .into()
}
