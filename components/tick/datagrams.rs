//! The datagrams of a tick at its two ends, for systems of an application.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Res, ResMut, SystemParam};

use crate::tick::deliveries::DirectOut;
use crate::tick::inbox::{Datagram, Inbox};
use crate::tick::ledger::Ledger;
use crate::tick::moment::Moment;
use crate::tick::outbox::{Outbox, Outgoing, OutgoingKind};
use crate::tick::verdict::VerdictError;
use crate::tick::veto::Veto;

/// What arrived in this tick, before Demux, for a system of an application: all of it, whoever sent
/// it and whatever it is.
#[derive(SystemParam)]
pub struct Datagrams<'w> {
    inbox: ResMut<'w, Inbox>,
    ledger: ResMut<'w, Ledger>,
    moment: Res<'w, Moment>,
}

/// What leaves in this tick, after Forward and before Flush, for a system of an application.
///
/// Sequence numbers are given: a receiver sees a gap where one of its packets is vetoed.
#[derive(SystemParam)]
pub struct Departures<'w> {
    outbox: ResMut<'w, Outbox>,
    direct: ResMut<'w, DirectOut>,
    inbox: Res<'w, Inbox>,
    ledger: ResMut<'w, Ledger>,
    moment: Res<'w, Moment>,
}

/// A datagram that is about to leave.
#[derive(Clone, Copy, Debug)]
pub struct Departing<'a> {
    /// The transport on whose account it is sent.
    pub transport: Entity,
    /// What it is.
    pub kind: OutgoingKind,
    /// Its first bytes: the RTP header of forwarded media, else the whole datagram.
    pub header: &'a [u8],
    /// The rest, not encrypted.
    pub payload: &'a [u8],
}

impl Datagrams<'_> {
    /// Discards, for a reason of the application's own, those for which `unwanted` says so: how each
    /// came, and its bytes. Tells how many.
    ///
    /// # Errors
    ///
    /// [`VerdictError::WrongMoment`] from Demux on.
    pub fn veto_if(
        &mut self,
        veto: Veto,
        mut unwanted: impl FnMut(&Datagram, &[u8]) -> bool,
    ) -> Result<usize, VerdictError> {
        self.moment.expect(&[Moment::Arrived])?;
        let ledger = &mut *self.ledger;
        let before = self.inbox.datagrams().len();
        self.inbox.retain(|datagram, bytes| {
            let vetoed = unwanted(datagram, bytes);
            if vetoed {
                ledger.enter(datagram.origin);
                ledger.discarded[veto] += 1;
            }
            !vetoed
        });
        Ok(before - self.inbox.datagrams().len())
    }
}

impl Departures<'_> {
    /// Refuses, for a reason of the application's own, those for which `unwanted` says so. Tells how
    /// many.
    ///
    /// # Errors
    ///
    /// [`VerdictError::WrongMoment`] before the engine's part of Forward and from Flush on.
    pub fn veto_if(
        &mut self,
        veto: Veto,
        mut unwanted: impl FnMut(Departing<'_>) -> bool,
    ) -> Result<usize, VerdictError> {
        self.moment.expect(&[Moment::Forwarded])?;
        let outbox = &mut *self.outbox;
        let mut rows = std::mem::take(&mut outbox.rows);
        let before = rows.len() + self.direct.0.len();
        let mut wanted = |transport: Entity, row: &Outgoing| {
            let (header, payload) = outbox.parts(row, &self.inbox);
            let kind = row.kind;
            !unwanted(Departing {
                transport,
                kind,
                header,
                payload,
            })
        };
        let transport = |row: &Outgoing| outbox.destinations[row.destination as usize].transport;
        rows.retain(|row| wanted(transport(row), row));
        self.direct.0.retain(|row| wanted(row.transport, &row.row));
        let vetoed = before - rows.len() - self.direct.0.len();
        outbox.rows = rows;
        self.ledger.refused[veto] += vetoed as u64;
        Ok(vetoed)
    }
}
