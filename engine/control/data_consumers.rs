//! Data consumers, between ticks.

use flumen_components::stats::DataConsumerStats;
use flumen_components::{
    Closed, DataConsumer, DataConsumerId, DataParameters, DataProducerId, Message, Subchannels,
    TransportId,
};
use flumen_systems::control::{
    self, ConsumeDataError, DataConsumerOptions, NotSctp, SendMessageToError,
};

use crate::commands::{Head, Verb};
use crate::engine::Engine;

/// Data consumers.
impl Engine {
    /// Makes a data consumer on a transport.
    ///
    /// # Errors
    ///
    /// [`ConsumeDataError`]; nothing has changed then.
    pub fn consume_data(
        &mut self,
        transport: TransportId,
        options: DataConsumerOptions,
    ) -> Result<DataConsumerId, ConsumeDataError> {
        self.change(
            Verb::ConsumeData,
            (transport, options),
            |engine, (transport, options)| {
                control::consume_data(&mut engine.world, transport, options)
            },
        )
    }

    /// Pauses a data consumer: it gets nothing, and nothing is kept for it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn pause_data_consumer(&mut self, data_consumer: DataConsumerId) -> Result<(), Closed> {
        self.change(
            Verb::PauseDataConsumer,
            data_consumer,
            |engine, data_consumer| control::pause_data_consumer(&mut engine.world, data_consumer),
        )
    }

    /// Resumes a data consumer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn resume_data_consumer(&mut self, data_consumer: DataConsumerId) -> Result<(), Closed> {
        self.change(
            Verb::ResumeDataConsumer,
            data_consumer,
            |engine, data_consumer| control::resume_data_consumer(&mut engine.world, data_consumer),
        )
    }

    /// Sends a message to the receiver of one data consumer over SCTP, whatever it subscribed to;
    /// the bytes that wait on its stream then.
    ///
    /// # Errors
    ///
    /// [`SendMessageToError`].
    pub fn send_message_to(
        &mut self,
        data_consumer: DataConsumerId,
        message: &Message<'_>,
    ) -> Result<u64, SendMessageToError> {
        self.offer_message_to(data_consumer, message).flatten()
    }

    /// The same. What the association does not take is counted, and told when there is no room: that is
    /// done, too, and a recording has it.
    pub(crate) fn offer_message_to(
        &mut self,
        data_consumer: DataConsumerId,
        message: &Message<'_>,
    ) -> Result<Result<u64, SendMessageToError>, SendMessageToError> {
        use SendMessageToError::{Refused, SendBufferFull};
        self.settle();
        let (head, payload) = Head::of(message);
        let offer = |engine: &mut Self, _| {
            let sent = control::send_message_to(&mut engine.world, data_consumer, message);
            match sent {
                Err(why @ (SendBufferFull | Refused(_))) => Ok(Err(why)),
                sent => sent.map(Ok),
            }
        };
        self.undivided_with(Verb::SendMessageTo, (data_consumer, head), payload, offer)
    }

    /// Bytes of a data consumer that wait until the peer acknowledges them.
    ///
    /// # Errors
    ///
    /// [`NotSctp`].
    pub fn buffered_amount(&self, data_consumer: DataConsumerId) -> Result<u64, NotSctp> {
        control::buffered_amount(&self.world, data_consumer)
    }

    /// Chooses when a data consumer tells that it has little waiting: 1,024 bytes until it is set.
    /// The event comes when the amount falls from above the threshold to it or below.
    ///
    /// # Errors
    ///
    /// [`NotSctp`].
    pub fn set_buffered_amount_low_threshold(
        &mut self,
        data_consumer: DataConsumerId,
        bytes: u32,
    ) -> Result<(), NotSctp> {
        self.change(
            Verb::SetBufferedAmountLowThreshold,
            (data_consumer, bytes),
            |engine, (data_consumer, bytes)| {
                control::set_buffered_amount_low_threshold(&mut engine.world, data_consumer, bytes)
            },
        )
    }

    /// Replaces what a data consumer subscribed to, in any order.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn set_subchannels(
        &mut self,
        data_consumer: DataConsumerId,
        subchannels: &[u16],
    ) -> Result<(), Closed> {
        self.change(
            Verb::SetSubchannels,
            (data_consumer, subchannels),
            |engine, (data_consumer, subchannels)| {
                control::set_subchannels(&mut engine.world, data_consumer, subchannels)
            },
        )
    }

    /// Subscribes a data consumer to one more subchannel.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn add_subchannel(
        &mut self,
        data_consumer: DataConsumerId,
        subchannel: u16,
    ) -> Result<(), Closed> {
        self.change(
            Verb::AddSubchannel,
            (data_consumer, subchannel),
            |engine, (data_consumer, subchannel)| {
                control::add_subchannel(&mut engine.world, data_consumer, subchannel)
            },
        )
    }

    /// Unsubscribes a data consumer from a subchannel.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn remove_subchannel(
        &mut self,
        data_consumer: DataConsumerId,
        subchannel: u16,
    ) -> Result<(), Closed> {
        self.change(
            Verb::RemoveSubchannel,
            (data_consumer, subchannel),
            |engine, (data_consumer, subchannel)| {
                control::remove_subchannel(&mut engine.world, data_consumer, subchannel)
            },
        )
    }

    /// What a data consumer subscribed to, in rising order.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn subchannels(&self, data_consumer: DataConsumerId) -> Result<&[u16], Closed> {
        Ok(self.get::<Subchannels, _>(data_consumer)?.as_slice())
    }

    /// Closes a data consumer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_data_consumer(&mut self, data_consumer: DataConsumerId) -> Result<(), Closed> {
        self.change(
            Verb::CloseDataConsumer,
            data_consumer,
            |engine, data_consumer| control::close_data_consumer(&mut engine.world, data_consumer),
        )
    }

    /// What a data consumer sent.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn data_consumer_stats(
        &self,
        data_consumer: DataConsumerId,
    ) -> Result<DataConsumerStats, Closed> {
        control::data_consumer_stats(&self.world, data_consumer)
    }

    /// The type, SCTP stream, label and protocol of a data consumer: to be told to its receiver.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn data_consumer_parameters(
        &self,
        data_consumer: DataConsumerId,
    ) -> Result<&DataParameters, Closed> {
        self.get::<DataParameters, _>(data_consumer)
    }

    /// The data producer that a data consumer consumes.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn data_producer_of(
        &self,
        data_consumer: DataConsumerId,
    ) -> Result<DataProducerId, Closed> {
        let producer = self.get::<DataConsumer, _>(data_consumer)?.data_producer;
        let id = self.world.get::<DataProducerId>(producer).copied();
        id.ok_or_else(|| Closed::new(data_consumer))
    }

    /// Whether the data producer of a data consumer is paused.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn data_producer_paused(&self, data_consumer: DataConsumerId) -> Result<bool, Closed> {
        Ok(self
            .get::<DataConsumer, _>(data_consumer)?
            .data_producer_paused)
    }
}
