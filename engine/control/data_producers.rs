//! Data producers, between ticks.

use flumen_components::stats::DataProducerStats;
use flumen_components::{Closed, DataParameters, DataProducerId, Message, TransportId};
use flumen_systems::control::{self, DataProducerOptions, ProduceDataError, SendMessageError};

use crate::commands::{Head, Verb};
use crate::engine::Engine;

/// Data producers.
impl Engine {
    /// Makes a data producer on a transport.
    ///
    /// # Errors
    ///
    /// [`ProduceDataError`]; nothing has changed then.
    pub fn produce_data(
        &mut self,
        transport: TransportId,
        options: DataProducerOptions,
    ) -> Result<DataProducerId, ProduceDataError> {
        self.change(
            Verb::ProduceData,
            (transport, options),
            |engine, (transport, options)| {
                control::produce_data(&mut engine.world, transport, options)
            },
        )
    }

    /// Sends a message on a direct transport, as if it had come over the network.
    ///
    /// # Errors
    ///
    /// [`SendMessageError`]; the message is not counted then.
    pub fn send_message(
        &mut self,
        data_producer: DataProducerId,
        message: &Message<'_>,
    ) -> Result<(), SendMessageError> {
        let (head, payload) = Head::of(message);
        self.undivided_with(
            Verb::SendMessage,
            (data_producer, head),
            payload,
            |engine, _| control::send_message(&mut engine.world, data_producer, message),
        )
    }

    /// Pauses a data producer: what it receives is counted and goes nowhere.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data producer is.
    pub fn pause_data_producer(&mut self, data_producer: DataProducerId) -> Result<(), Closed> {
        self.change(
            Verb::PauseDataProducer,
            data_producer,
            |engine, data_producer| control::pause_data_producer(&mut engine.world, data_producer),
        )
    }

    /// Resumes a data producer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data producer is.
    pub fn resume_data_producer(&mut self, data_producer: DataProducerId) -> Result<(), Closed> {
        self.change(
            Verb::ResumeDataProducer,
            data_producer,
            |engine, data_producer| control::resume_data_producer(&mut engine.world, data_producer),
        )
    }

    /// Closes a data producer, and its data consumers with it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_data_producer(&mut self, data_producer: DataProducerId) -> Result<(), Closed> {
        self.change(
            Verb::CloseDataProducer,
            data_producer,
            |engine, data_producer| control::close_data_producer(&mut engine.world, data_producer),
        )
    }

    /// What a data producer received.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data producer is.
    pub fn data_producer_stats(
        &self,
        data_producer: DataProducerId,
    ) -> Result<DataProducerStats, Closed> {
        control::data_producer_stats(&self.world, data_producer)
    }

    /// The type, SCTP stream, label and protocol of a data producer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data producer is.
    pub fn data_producer_parameters(
        &self,
        data_producer: DataProducerId,
    ) -> Result<&DataParameters, Closed> {
        self.get::<DataParameters, _>(data_producer)
    }
}
