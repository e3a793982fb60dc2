//! Producers, between ticks.

use flumen_components::rtp_parameters::{MediaKind, ProducerType, RtpParameters};
use flumen_components::stats::RtpStats;
use flumen_components::trace::TraceType;
use flumen_components::{
    Closed, Orientation, Producer, ProducerId, ProducerParameters, ProducerScore, StreamLiveness,
    TransportId, VideoOrientation, find,
};
use flumen_systems::control::{self, ProduceError, ProducerOptions, SendError};

use crate::commands::Verb;
use crate::engine::Engine;

/// Producers.
impl Engine {
    /// Makes a producer on a transport.
    ///
    /// # Errors
    ///
    /// [`ProduceError`]; nothing has changed then.
    pub fn produce(
        &mut self,
        transport: TransportId,
        options: ProducerOptions,
    ) -> Result<ProducerId, ProduceError> {
        self.change(
            Verb::Produce,
            (transport, options),
            |engine, (transport, options)| control::produce(&mut engine.world, transport, options),
        )
    }

    /// Pauses a producer: nothing of it is forwarded, everything else goes on.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn pause_producer(&mut self, producer: ProducerId) -> Result<(), Closed> {
        self.change(Verb::PauseProducer, producer, |engine, producer| {
            control::pause_producer(&mut engine.world, producer)
        })
    }

    /// Resumes a producer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn resume_producer(&mut self, producer: ProducerId) -> Result<(), Closed> {
        self.change(Verb::ResumeProducer, producer, |engine, producer| {
            control::resume_producer(&mut engine.world, producer)
        })
    }

    /// Closes a producer, and its consumers with it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_producer(&mut self, producer: ProducerId) -> Result<(), Closed> {
        self.change(Verb::CloseProducer, producer, |engine, producer| {
            control::close_producer(&mut engine.world, producer)
        })
    }

    /// Sends an RTP packet on a direct transport, as if the network had brought it.
    ///
    /// # Errors
    ///
    /// [`SendError`]. What is wrong with the packet itself is counted as for the network.
    pub fn send(&mut self, producer: ProducerId, packet: &[u8]) -> Result<(), SendError> {
        self.undivided_with(Verb::Send, producer, packet, |engine, producer| {
            control::send_rtp(&mut engine.world, producer, packet)
        })
    }

    /// Sends RTCP on a direct transport, as if the network had brought it.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub fn send_rtcp(&mut self, transport: TransportId, packet: &[u8]) -> Result<(), SendError> {
        self.undivided_with(Verb::SendRtcp, transport, packet, |engine, transport| {
            control::send_rtcp(&mut engine.world, transport, packet)
        })
    }

    /// An entry for each stream of a producer that has begun.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn producer_stats(&self, producer: ProducerId) -> Result<Vec<RtpStats>, Closed> {
        control::producer_stats(&self.world, producer)
    }

    /// The scores of a producer's streams.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn score(&self, producer: ProducerId) -> Result<Vec<ProducerScore>, Closed> {
        control::producer_score(&self.world, producer)
    }

    /// Whether packets of a producer's streams arrive; nothing when it was made without a liveness
    /// timeout.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn liveness(&self, producer: ProducerId) -> Result<Vec<StreamLiveness>, Closed> {
        control::producer_liveness(&self.world, producer)
    }

    /// The parameters of a producer, validated and normalised.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn producer_parameters(&self, producer: ProducerId) -> Result<&RtpParameters, Closed> {
        Ok(&self.get::<ProducerParameters, _>(producer)?.rtp)
    }

    /// What consumers of a producer can get.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn consumable_parameters(&self, producer: ProducerId) -> Result<&RtpParameters, Closed> {
        Ok(&self.get::<ProducerParameters, _>(producer)?.consumable)
    }

    /// Audio or video.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn producer_kind(&self, producer: ProducerId) -> Result<MediaKind, Closed> {
        Ok(self.get::<Producer, _>(producer)?.kind)
    }

    /// Simple, simulcast or SVC.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn producer_type(&self, producer: ProducerId) -> Result<ProducerType, Closed> {
        Ok(self.get::<ProducerParameters, _>(producer)?.producer_type)
    }

    /// How the camera of a producer is held, once it told.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn orientation(&self, producer: ProducerId) -> Result<Option<VideoOrientation>, Closed> {
        let entity = find(&self.world, producer)?;
        Ok(self
            .world
            .get::<Orientation>(entity)
            .and_then(|orientation| orientation.0))
    }

    /// Chooses what is traced on a producer; each call replaces the choice.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn trace_producer(
        &mut self,
        producer: ProducerId,
        types: &[TraceType],
    ) -> Result<(), Closed> {
        self.change(
            Verb::TraceProducer,
            (producer, types),
            |engine, (producer, types)| control::trace_producer(&mut engine.world, producer, types),
        )
    }
}
