//! Consumers, between ticks.

use flumen_components::rtp_parameters::{MediaKind, RtpParameters};
use flumen_components::stats::RtpStats;
use flumen_components::trace::TraceType;
use flumen_components::{
    Closed, Consumer, ConsumerId, ConsumerLayers, ConsumerParameters, ConsumerScore,
    PreferredLayers, ProducerId, TransportId,
};
use flumen_systems::control::{self, ConsumeError, ConsumerOptions, PriorityError};

use crate::commands::Verb;
use crate::engine::Engine;

/// Consumers.
impl Engine {
    /// Makes a consumer on a transport.
    ///
    /// # Errors
    ///
    /// [`ConsumeError`]; nothing has changed then.
    pub fn consume(
        &mut self,
        transport: TransportId,
        options: ConsumerOptions,
    ) -> Result<ConsumerId, ConsumeError> {
        self.change(
            Verb::Consume,
            (transport, options),
            |engine, (transport, options)| control::consume(&mut engine.world, transport, options),
        )
    }

    /// Pauses a consumer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn pause_consumer(&mut self, consumer: ConsumerId) -> Result<(), Closed> {
        self.change(Verb::PauseConsumer, consumer, |engine, consumer| {
            control::pause_consumer(&mut engine.world, consumer)
        })
    }

    /// Resumes a consumer: it begins with a key frame, which is asked for.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn resume_consumer(&mut self, consumer: ConsumerId) -> Result<(), Closed> {
        self.change(Verb::ResumeConsumer, consumer, |engine, consumer| {
            control::resume_consumer(&mut engine.world, consumer)
        })
    }

    /// Asks the producer of a consumer for a key frame.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn request_key_frame(&mut self, consumer: ConsumerId) -> Result<(), Closed> {
        self.change(Verb::RequestKeyFrame, consumer, |engine, consumer| {
            control::request_key_frame(&mut engine.world, consumer)
        })
    }

    /// Wishes for layers of a layered producer up to these; those that there are not count for the
    /// highest. As long as a layer lives its consumer gets one, perhaps a lower one than it
    /// wishes for, or a higher one. Of no effect on other consumers.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn set_preferred_layers(
        &mut self,
        consumer: ConsumerId,
        layers: PreferredLayers,
    ) -> Result<(), Closed> {
        self.change(
            Verb::SetPreferredLayers,
            (consumer, layers),
            |engine, (consumer, layers)| {
                control::set_preferred_layers(&mut engine.world, consumer, layers)
            },
        )
    }

    /// The layers wished for, none for a consumer of a producer without layers.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn preferred_layers(&self, consumer: ConsumerId) -> Result<Option<ConsumerLayers>, Closed> {
        control::preferred_layers(&self.world, consumer)
    }

    /// The layers that a consumer gets, none while nothing is forwarded and for producers without
    /// layers. `layerschange` events tell when they change.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn current_layers(&self, consumer: ConsumerId) -> Result<Option<ConsumerLayers>, Closed> {
        control::current_layers(&self.world, consumer)
    }

    /// Sets how a consumer shares what there is bandwidth for with others of its transport: 1, the
    /// default, to 255.
    ///
    /// # Errors
    ///
    /// [`PriorityError`]; nothing has changed then.
    pub fn set_priority(
        &mut self,
        consumer: ConsumerId,
        priority: u8,
    ) -> Result<(), PriorityError> {
        self.change(
            Verb::SetPriority,
            (consumer, priority),
            |engine, (consumer, priority)| {
                control::set_priority(&mut engine.world, consumer, priority)
            },
        )
    }

    /// The priority of a consumer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn priority(&self, consumer: ConsumerId) -> Result<u8, Closed> {
        control::priority(&self.world, consumer)
    }

    /// Closes a consumer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_consumer(&mut self, consumer: ConsumerId) -> Result<(), Closed> {
        self.change(Verb::CloseConsumer, consumer, |engine, consumer| {
            control::close_consumer(&mut engine.world, consumer)
        })
    }

    /// What a consumer sends, then what its producer's stream receives.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn consumer_stats(&self, consumer: ConsumerId) -> Result<Vec<RtpStats>, Closed> {
        control::consumer_stats(&self.world, consumer)
    }

    /// The scores that concern a consumer: its own, that of the stream it gets, and those of all
    /// encodings of its producer. As long as nothing was reported its own is 10.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn consumer_score(&self, consumer: ConsumerId) -> Result<ConsumerScore, Closed> {
        control::consumer_score(&self.world, consumer)
    }

    /// Audio or video.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn consumer_kind(&self, consumer: ConsumerId) -> Result<MediaKind, Closed> {
        Ok(self.get::<Consumer, _>(consumer)?.kind)
    }

    /// The producer that a consumer consumes.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn producer_of(&self, consumer: ConsumerId) -> Result<ProducerId, Closed> {
        let producer = self.get::<Consumer, _>(consumer)?.producer;
        let id = self.world.get::<ProducerId>(producer).copied();
        id.ok_or_else(|| Closed::new(consumer))
    }

    /// Whether the producer of a consumer is paused.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn producer_paused(&self, consumer: ConsumerId) -> Result<bool, Closed> {
        Ok(self.get::<Consumer, _>(consumer)?.producer_paused)
    }

    /// What a consumer sends: to be told to its receiver.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn consumer_parameters(&self, consumer: ConsumerId) -> Result<RtpParameters, Closed> {
        Ok(self.get::<ConsumerParameters, _>(consumer)?.rtp())
    }

    /// Chooses what is traced on a consumer; each call replaces the choice.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn trace_consumer(
        &mut self,
        consumer: ConsumerId,
        types: &[TraceType],
    ) -> Result<(), Closed> {
        self.change(
            Verb::TraceConsumer,
            (consumer, types),
            |engine, (consumer, types)| control::trace_consumer(&mut engine.world, consumer, types),
        )
    }
}
