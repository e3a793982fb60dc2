//! abs-send-time and transport-wide sequence numbers are written last.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut};
use flumen_components::wire::extension::{ABS_SEND_TIME_LEN, abs_send_time};
use flumen_components::{DirectOut, Now, NtpEpoch, Outbox, Outgoing, Path};

/// Writes the time of leaving and the transport-wide sequence number into every header that has a
/// place for them.
pub(crate) fn stamp_departures(
    mut outbox: ResMut<'_, Outbox>,
    direct: Res<'_, DirectOut>,
    mut paths: Query<'_, '_, &mut Path>,
    now: Res<'_, Now>,
    epoch: Res<'_, NtpEpoch>,
) {
    let time = abs_send_time(epoch.at(now.time));
    let outbox = &mut *outbox;
    let mut sequence = |transport: Entity| {
        let mut path = paths.get_mut(transport).ok()?;
        let number = path.transport_sequence;
        path.transport_sequence = number.wrapping_add(1);
        Some(number)
    };
    for row in &outbox.rows {
        let transport = outbox.destinations[row.destination as usize].transport;
        stamp(row, &mut outbox.headers, time, || sequence(transport));
    }
    for row in &direct.0 {
        stamp(&row.row, &mut outbox.headers, time, || {
            sequence(row.transport)
        });
    }
}

fn stamp(
    row: &Outgoing,
    headers: &mut [u8],
    time: [u8; ABS_SEND_TIME_LEN],
    sequence: impl FnOnce() -> Option<u16>,
) {
    let start = row.header_start as usize;
    if row.abs_send_time != 0 {
        let at = start + usize::from(row.abs_send_time);
        headers[at..at + ABS_SEND_TIME_LEN].copy_from_slice(&time);
    }
    if row.transport_sequence != 0
        && let Some(number) = sequence()
    {
        let at = start + usize::from(row.transport_sequence);
        headers[at..at + 2].copy_from_slice(&number.to_be_bytes());
    }
}
