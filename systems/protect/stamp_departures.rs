//! abs-send-time and transport-wide sequence numbers are written last.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::wire::extension::{ABS_SEND_TIME_LEN, abs_send_time};
use flumen_components::wire::rtp::{SEQUENCE_NUMBER, SSRC};
use flumen_components::{
    Deadlines, DirectOut, EstimateMethod, Limits, Now, NtpEpoch, Outbox, Outgoing,
    OutgoingEstimate, OutgoingKind, Path,
};

/// Who gives packets their numbers, and remembers them.
#[derive(SystemParam)]
pub(crate) struct Stamps<'w, 's> {
    pub(super) paths: Query<'w, 's, (&'static mut Path, Option<&'static mut OutgoingEstimate>)>,
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
    for row in &outbox.rows {
        let transport = outbox.destinations[row.destination as usize].transport;
        stamps.write(transport, row, time, &mut outbox.headers);
    }
    for row in &direct.0 {
        stamps.write(row.transport, &row.row, time, &mut outbox.headers);
    }
}

impl Stamps<'_, '_> {
    /// Stamps one row of `transport`.
    pub(super) fn stamp(&mut self, transport: Entity, row: &Outgoing, headers: &mut [u8]) {
        let time = self.abs_send_time();
        self.write(transport, row, time, headers);
    }

    fn abs_send_time(&self) -> [u8; ABS_SEND_TIME_LEN] {
        abs_send_time(self.epoch.at(self.now.time))
    }

    #[inline(always)]
    fn write(
        &mut self,
        transport: Entity,
        row: &Outgoing,
        time: [u8; ABS_SEND_TIME_LEN],
        headers: &mut [u8],
    ) {
        let start = row.header_start as usize;
        if row.abs_send_time != 0 {
            let at = start + usize::from(row.abs_send_time);
            headers[at..at + ABS_SEND_TIME_LEN].copy_from_slice(&time);
        }
        if row.kind != OutgoingKind::Control {
            self.remember(transport, row, &mut headers[start..]);
        }
    }

    /// Gives a packet of `transport` its number, where it has a place for one; whose path is
    /// estimated remembers it by that, or by its own names.
    fn remember(&mut self, transport: Entity, row: &Outgoing, header: &mut [u8]) {
        let Ok((mut path, estimate)) = self.paths.get_mut(transport) else {
            return;
        };
        let number = path.transport_sequence;
        let at = usize::from(row.transport_sequence);
        if at != 0 {
            path.transport_sequence = number.wrapping_add(1);
            header[at..at + 2].copy_from_slice(&number.to_be_bytes());
        }
        let Some(mut estimate) = estimate else {
            return;
        };
        let (bytes, now) = (row.len() as u16, self.now.time);
        match (estimate.method, names(header)) {
            (EstimateMethod::TransportCc, _) if at != 0 => {
                estimate.send(number, bytes, now, &self.limits);
            }
            (EstimateMethod::CongestionFeedback, Some(name)) => {
                estimate.send_named(name, bytes, now, &self.limits);
            }
            _ => return,
        }
        estimate.arm(transport, now, &mut self.deadlines);
    }
}

/// SSRC and sequence number of a packet.
fn names(header: &[u8]) -> Option<(u32, u16)> {
    let number = header.get(SEQUENCE_NUMBER..)?.first_chunk()?;
    let ssrc = header.get(SSRC..)?.first_chunk()?;
    Some((u32::from_be_bytes(*ssrc), u16::from_be_bytes(*number)))
}
