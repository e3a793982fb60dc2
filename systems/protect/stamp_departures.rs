//! abs-send-time and transport-wide sequence numbers are written last.

use bevy_ecs::change_detection::Mut;
use bevy_ecs::entity::Entity;
use bevy_ecs::query::With;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::wire::extension::{ABS_SEND_TIME_LEN, abs_send_time};
use flumen_components::wire::rtp::{SEQUENCE_NUMBER, SSRC};
use flumen_components::{
    Deadlines, DirectOut, EstimateMethod, Limits, Now, NtpEpoch, Outbox, Outgoing,
    OutgoingEstimate, OutgoingKind, Path, Time,
};

/// Who gives packets their numbers, and remembers them.
#[derive(SystemParam)]
pub(crate) struct Stamps<'w, 's> {
    pub(super) paths: Query<'w, 's, (&'static mut Path, Option<&'static mut OutgoingEstimate>)>,
    estimated: Query<'w, 's, (), With<OutgoingEstimate>>,
    pub(super) deadlines: ResMut<'w, Deadlines>,
    pub(super) limits: Res<'w, Limits>,
    pub(super) now: Res<'w, Now>,
    epoch: Res<'w, NtpEpoch>,
}

/// Writes the time of leaving and the transport-wide sequence number into every header that has a
/// place for them; whose path is estimated remembers what left.
pub(crate) fn stamp_departures(
    mut outbox: ResMut<'_, Outbox>,
    direct: Res<'_, DirectOut>,
    mut stamps: Stamps<'_, '_>,
) {
    let time = stamps.abs_send_time();
    let outbox = &mut *outbox;
    let runs = outbox.rows.chunk_by(|a, b| a.destination == b.destination);
    for run in runs {
        let transport = outbox.destinations[run[0].destination as usize].transport;
        stamps.write(transport, run, time, &mut outbox.headers);
    }
    for run in direct.0.chunk_by(|a, b| a.transport == b.transport) {
        let rows = run.iter().map(|it| &it.row);
        stamps.write(run[0].transport, rows, time, &mut outbox.headers);
    }
}

impl Stamps<'_, '_> {
    /// Stamps one row of `transport`.
    pub(super) fn stamp(&mut self, transport: Entity, row: &Outgoing, headers: &mut [u8]) {
        let time = self.abs_send_time();
        self.write(transport, [row], time, headers);
    }

    fn abs_send_time(&self) -> [u8; ABS_SEND_TIME_LEN] {
        abs_send_time(self.epoch.at(self.now.time))
    }

    /// Stamps rows of `transport`, which is looked up once for all of them, and not at all where no
    /// path is estimated and they have no numbers.
    #[inline(always)]
    fn write<'r>(
        &mut self,
        transport: Entity,
        rows: impl IntoIterator<Item = &'r Outgoing, IntoIter: Clone>,
        time: [u8; ABS_SEND_TIME_LEN],
        headers: &mut [u8],
    ) {
        let now = self.now.time;
        let rows = rows.into_iter();
        let concerns =
            !self.estimated.is_empty() || rows.clone().any(|row| row.transport_sequence != 0);
        let mut way = concerns
            .then(|| self.paths.get_mut(transport).ok())
            .flatten();
        for row in rows {
            let header = &mut headers[row.header_start as usize..];
            if row.abs_send_time != 0 {
                let at = usize::from(row.abs_send_time);
                header[at..at + ABS_SEND_TIME_LEN].copy_from_slice(&time);
            }
            if row.kind == OutgoingKind::Control {
                continue;
            }
            if let Some(way) = &mut way {
                let number = number(&mut way.0, row, header);
                if let Some(estimate) = &mut way.1
                    && remember(estimate, row, (number, header), now, &self.limits)
                {
                    estimate.arm(transport, now, &mut self.deadlines);
                }
            }
        }
    }
}

/// Gives a packet its number, where it has a place for one.
fn number(path: &mut Mut<'_, Path>, row: &Outgoing, header: &mut [u8]) -> Option<u16> {
    let at = usize::from(row.transport_sequence);
    if at == 0 {
        return None;
    }
    let number = path.transport_sequence;
    path.transport_sequence = number.wrapping_add(1);
    header[at..at + 2].copy_from_slice(&number.to_be_bytes());
    Some(number)
}

/// Whose path is estimated remembers a packet by its number, or by its own names; false where it
/// does not.
fn remember(
    estimate: &mut Mut<'_, OutgoingEstimate>,
    row: &Outgoing,
    (number, header): (Option<u16>, &[u8]),
    now: Time,
    limits: &Limits,
) -> bool {
    let bytes = row.len() as u16;
    match (estimate.method, number, names(header)) {
        (EstimateMethod::TransportCc, Some(number), _) => {
            estimate.send(number, bytes, now, limits);
        }
        (EstimateMethod::CongestionFeedback, _, Some(name)) => {
            estimate.send_named(name, bytes, now, limits);
        }
        _ => return false,
    }
    true
}

/// SSRC and sequence number of a packet.
fn names(header: &[u8]) -> Option<(u32, u16)> {
    let number = header.get(SEQUENCE_NUMBER..)?.first_chunk()?;
    let ssrc = header.get(SSRC..)?.first_chunk()?;
    Some((u32::from_be_bytes(*ssrc), u16::from_be_bytes(*number)))
}
