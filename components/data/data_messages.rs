//! The messages of a tick, for systems of an application.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};

use crate::data::data_ledger::DataLedger;
use crate::data::data_producer::DataProducer;
use crate::data::message::Message;
use crate::data::messages::{MessageRow, Messages};
use crate::tick::limits::Limits;
use crate::tick::moment::Moment;
use crate::tick::verdict::VerdictError;
use crate::tick::veto::Veto;

/// The messages of this tick, for a system of an application: to be looked at, vetoed and rewritten,
/// and to add others.
///
/// Before Receive there are those that the application sent, and a veto counts as discarded. After
/// Receive and before Forward there are those that came over SCTP, too, and a veto counts as
/// withheld from each data consumer. Later nothing can be decided any more.
#[derive(SystemParam)]
pub struct DataMessages<'w, 's> {
    messages: ResMut<'w, Messages>,
    ledger: ResMut<'w, DataLedger>,
    data_producers: Query<'w, 's, &'static DataProducer>,
    moment: Res<'w, Moment>,
    limits: Res<'w, Limits>,
}

/// A message as a system sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataMessage<'a> {
    /// The data producer that gets it.
    pub data_producer: Entity,
    /// The payload protocol identifier (RFC 8831 section 8).
    pub ppid: u32,
    /// What was sent.
    pub payload: &'a [u8],
}

impl DataMessages<'_, '_> {
    /// How many rows there are: indices are below it.
    pub fn len(&self) -> usize {
        self.messages.rows().len()
    }

    /// There are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message at `index`; none when it was vetoed or no data producer accepted it.
    pub fn get(&self, index: usize) -> Option<DataMessage<'_>> {
        let row = self.messages.rows().get(index)?;
        let is_late = matches!(*self.moment, Moment::Accepted | Moment::Forwarded);
        let is_there = row.veto.is_none() && (row.accepted || !is_late);
        is_there.then(|| DataMessage {
            data_producer: row.data_producer,
            ppid: row.ppid,
            payload: self.messages.payload(row),
        })
    }

    /// Lets the message at `index` go no further, for a reason of the application's own.
    ///
    /// # Errors
    ///
    /// [`VerdictError::WrongMoment`] or [`VerdictError::NoSuchRow`].
    pub fn veto(&mut self, index: usize, veto: Veto) -> Result<(), VerdictError> {
        self.open(index)?.veto = Some(veto);
        Ok(())
    }

    /// Replaces the payload of the message at `index`, and under which identifier it is sent. What
    /// counted with its data producer is the message as it came.
    ///
    /// # Errors
    ///
    /// [`VerdictError::WrongMoment`] or [`VerdictError::NoSuchRow`].
    pub fn rewrite(&mut self, index: usize, ppid: u32, payload: &[u8]) -> Result<(), VerdictError> {
        self.open(index)?;
        self.messages.rewrite(index, ppid, payload);
        Ok(())
    }

    /// Adds a message for the data consumers of `data_producer`; the ledger counts it as injected.
    /// Before Forward this tick routes it, after Flush the next, which follows at once.
    ///
    /// # Errors
    ///
    /// [`VerdictError::NoProducer`], [`VerdictError::WrongMoment`], or [`VerdictError::Full`] when
    /// [`Limits::messages_per_transport`] or [`Limits::message_bytes_per_transport`] is reached.
    pub fn inject(
        &mut self,
        data_producer: Entity,
        message: &Message<'_>,
    ) -> Result<(), VerdictError> {
        let found = self.data_producers.get(data_producer);
        let transport = found.map_err(|_| VerdictError::NoProducer)?.transport;
        self.check_moment()?;
        let (coded, audience) = (message.coded(), message.audience());
        let injected =
            self.messages
                .inject((transport, data_producer), coded, audience, &self.limits);
        injected.map_err(|_| VerdictError::Full)?;
        self.ledger.injected += 1;
        self.ledger.accepted += 1;
        Ok(())
    }

    fn open(&mut self, index: usize) -> Result<&mut MessageRow, VerdictError> {
        self.check_moment()?;
        if self.get(index).is_none() {
            return Err(VerdictError::NoSuchRow(index));
        }
        Ok(&mut self.messages.rows_mut()[index])
    }

    /// Between Forward and Flush messages are on their way, and their rows about to be forgotten.
    fn check_moment(&self) -> Result<(), VerdictError> {
        let open = [
            Moment::Arrived,
            Moment::Claimed,
            Moment::Accepted,
            Moment::Sent,
        ];
        self.moment.expect(&open)
    }
}
