//! The media packets of a tick, for systems of an application.

use std::ops::Deref;

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};

use crate::consume::consumer::ConsumesFrom;
use crate::tick::batch::{Media, MediaPacket};
use crate::tick::draft::Draft;
use crate::tick::exclusions::{Exclusion, Exclusions};
use crate::tick::inbox::{Inbox, Origin};
use crate::tick::limits::Limits;
use crate::tick::moment::Moment;
use crate::tick::verdict::VerdictError;
use crate::tick::veto::Veto;
use crate::transport::path::OnTransport;
use crate::wire::rtp::RtpHeader;

/// The media packets of this tick, for a system of an application: to be looked at, vetoed and
/// rewritten, and to add others.
///
/// | the system runs | what there is | a veto |
/// |---|---|---|
/// | after Demux or before Receive | what arrived for a stream | counts as discarded; the stream misses the packet, and asks for it where it can |
/// | after Receive, in Score, or before Forward | what streams accepted | counts as withheld from each consumer; none of them sees a gap |
/// | later, before Flush | the same | is an error; see [`Departures`](crate::Departures) |
///
/// What is rewritten is a copy: who reads the datagram, or another packet, sees what arrived. From
/// there on the stream works on the copy: consumers get it, also when they have it sent again.
#[derive(SystemParam)]
pub struct Packets<'w, 's> {
    media: ResMut<'w, Media>,
    inbox: ResMut<'w, Inbox>,
    moment: Res<'w, Moment>,
    limits: Res<'w, Limits>,
    transports: Query<'w, 's, &'static OnTransport>,
    consumers: Query<'w, 's, &'static ConsumesFrom>,
    exclusions: ResMut<'w, Exclusions>,
    memory: Local<'s, [Vec<u8>; 2]>,
}

/// A media packet as a system sees it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    row: &'a MediaPacket,
    bytes: &'a [u8],
}

impl Packets<'_, '_> {
    /// How many rows there are: indices are below it.
    pub fn len(&self) -> usize {
        match self.is_readable() {
            true => self.media.0.len(),
            false => 0,
        }
    }

    /// There are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The packet at `index`; none when it was vetoed or its stream did not accept it.
    pub fn get(&self, index: usize) -> Option<Packet<'_>> {
        let row = self.media.0.get(index).filter(|_| self.is_readable())?;
        let is_there = row.veto.is_none() && (row.accepted || *self.moment == Moment::Claimed);
        let bytes = self.inbox.bytes().get(row.range())?;
        is_there.then_some(Packet { row, bytes })
    }

    /// Lets the packet at `index` go no further, for a reason of the application's own.
    ///
    /// # Errors
    ///
    /// [`VerdictError::WrongMoment`] or [`VerdictError::NoSuchRow`].
    pub fn veto(&mut self, index: usize, veto: Veto) -> Result<(), VerdictError> {
        self.open(index)?.veto = Some(veto);
        Ok(())
    }

    /// Keeps the packet at `index` from one consumer (its entity), for a reason of the application's
    /// own: it counts as withheld, and the consumer sees no gap. Others get it.
    ///
    /// A consumer that begins, or goes over to another stream, gets from the stream's history what
    /// has come of the key frame and since: also what was kept from it before that moment.
    ///
    /// # Errors
    ///
    /// [`VerdictError::WrongMoment`] before streams have accepted packets and from Forward on,
    /// [`VerdictError::NoSuchRow`], or [`VerdictError::NoConsumer`] when the entity is no consumer of
    /// the packet's producer.
    pub fn veto_for(
        &mut self,
        index: usize,
        consumer: Entity,
        veto: Veto,
    ) -> Result<(), VerdictError> {
        self.moment.expect(&[Moment::Accepted])?;
        let &mut MediaPacket { producer, .. } = self.open(index)?;
        let from = self.consumers.get(consumer).ok();
        if from.is_none_or(|from| from.0 != producer) {
            return Err(VerdictError::NoConsumer);
        }
        self.exclusions.add(Exclusion {
            consumer,
            index: index as u32,
            veto,
        });
        Ok(())
    }

    /// Replaces the packet at `index` by a copy that `change` changed. Before Receive the payload
    /// of a retransmission (RFC 4588) begins with the two bytes of its original number.
    ///
    /// # Errors
    ///
    /// [`VerdictError`]; the packet stays as it is then.
    pub fn rewrite(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut Draft<'_>),
    ) -> Result<(), VerdictError> {
        let &mut MediaPacket { header, .. } = self.open(index)?;
        let range = self.media.0[index].range();
        let packet = &self.inbox.bytes()[range];
        let mut draft = Draft::new(&mut self.memory, packet, header);
        change(&mut draft);
        let (header, packet) = draft.finish()?;
        let start = self.inbox.append(packet).ok_or(VerdictError::Full)?;
        let row = &mut self.media.0[index];
        (row.start, row.len, row.header) = (start, packet.len() as u32, header);
        Ok(())
    }

    /// Adds an RTP packet as if the network had brought it to the transport of `producer`: it finds
    /// its stream by what it carries, and the ledger counts it as injected. Before Demux it belongs
    /// to this tick, later to the next, which follows at once.
    ///
    /// # Errors
    ///
    /// [`VerdictError::NoProducer`], [`VerdictError::Malformed`], or [`VerdictError::Full`] when
    /// [`Limits::direct_sends_per_transport`] or [`Limits::direct_sends_per_tick`] is reached.
    pub fn inject(&mut self, producer: Entity, packet: &[u8]) -> Result<(), VerdictError> {
        let transport = self.transports.get(producer);
        let transport = transport.map_err(|_| VerdictError::NoProducer)?.0;
        RtpHeader::parse(packet)?;
        let origin = Origin::Injected { transport };
        let sent = match *self.moment {
            Moment::Arrived | Moment::Sent => self.inbox.send(origin, packet, &self.limits),
            _ => self.inbox.send_late(origin, packet, &self.limits),
        };
        sent.map_err(|_| VerdictError::Full)
    }

    /// The row at `index`, of which something can be decided.
    fn open(&mut self, index: usize) -> Result<&mut MediaPacket, VerdictError> {
        self.moment.expect(&[Moment::Claimed, Moment::Accepted])?;
        if self.get(index).is_none() {
            return Err(VerdictError::NoSuchRow(index));
        }
        Ok(&mut self.media.0[index])
    }

    fn is_readable(&self) -> bool {
        (Moment::Claimed..=Moment::Forwarded).contains(&*self.moment)
    }
}

impl<'a> Packet<'a> {
    /// The whole packet.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Its payload, without padding.
    pub fn payload(self) -> &'a [u8] {
        self.row.header.payload(self.bytes)
    }

    /// The first header extension element that its sender calls `id`.
    pub fn extension(self, id: u8) -> Option<&'a [u8]> {
        self.row.header.extension(self.bytes, id)
    }
}

impl Deref for Packet<'_> {
    type Target = MediaPacket;

    fn deref(&self) -> &MediaPacket {
        self.row
    }
}
