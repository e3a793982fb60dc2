//! What streams accepted is kept, and goes to the consumers of their producers.

use bevy_ecs::system::{Local, Res, ResMut};
use flumen_components::{Exclusions, Inbox, Ledger, Media, Touched};

use super::delivery::Exits;
use super::fan_out::{Scratch, Takers, fan_out};
use super::keep_packets::keep_packets;
use super::origin::Origins;

/// Keeps the packets of every touched stream, then offers them to every consumer: one system, since
/// what both look up costs more than keeping a packet.
pub(crate) fn forward_packets(
    (touched, inbox): (Res<'_, Touched>, Res<'_, Inbox>),
    mut media: ResMut<'_, Media>,
    mut exclusions: ResMut<'_, Exclusions>,
    mut origins: Origins<'_, '_>,
    mut takers: Takers<'_, '_>,
    mut exits: Exits<'_>,
    mut ledger: ResMut<'_, Ledger>,
    mut scratch: Local<'_, Scratch>,
) {
    let bounds = (&*exits.limits, exits.now.time);
    keep_packets(&touched, (&mut media, &inbox), &mut origins, bounds);
    fan_out(
        (&touched, &media, &inbox),
        &mut exclusions,
        &origins,
        &mut takers,
        &mut exits,
        &mut ledger,
        &mut scratch,
    );
}
