//! Observers of a router's audio, between ticks.

use flumen_components::{Closed, ProducerId, RouterId, RtpObserverId};
use flumen_systems::control::{
    self, ActiveSpeakerObserverOptions, AudioLevelObserverOptions, CreateObserverError,
    ObserveError,
};

use crate::commands::Verb;
use crate::engine::Engine;

/// Observers of audio. They hear the levels that senders write into packets (RFC 6464), so that
/// producers must have negotiated `urn:ietf:params:rtp-hdrext:ssrc-audio-level`.
impl Engine {
    /// Makes an observer that tells the loudest of its producers (`volumes`), and that none is loud
    /// any more (`silence`).
    ///
    /// # Errors
    ///
    /// [`CreateObserverError`].
    pub fn create_audio_level_observer(
        &mut self,
        router: RouterId,
        options: AudioLevelObserverOptions,
    ) -> Result<RtpObserverId, CreateObserverError> {
        self.undivided(
            Verb::CreateAudioLevelObserver,
            (router, options),
            |engine, (router, options)| {
                control::create_audio_level_observer(&mut engine.world, router, options)
            },
        )
    }

    /// Makes an observer that tells which of its producers is the dominant speaker
    /// (`dominantspeaker`).
    ///
    /// # Errors
    ///
    /// [`CreateObserverError::Closed`].
    pub fn create_active_speaker_observer(
        &mut self,
        router: RouterId,
        options: ActiveSpeakerObserverOptions,
    ) -> Result<RtpObserverId, CreateObserverError> {
        self.undivided(
            Verb::CreateActiveSpeakerObserver,
            (router, options),
            |engine, (router, options)| {
                control::create_active_speaker_observer(&mut engine.world, router, options)
            },
        )
    }

    /// Lets an observer listen to an audio producer of its router, which may be paused. Nothing
    /// happens when it already does.
    ///
    /// # Errors
    ///
    /// [`ObserveError`].
    pub fn add_producer(
        &mut self,
        observer: RtpObserverId,
        producer: ProducerId,
    ) -> Result<(), ObserveError> {
        self.change(
            Verb::AddProducer,
            (observer, producer),
            |engine, (observer, producer)| {
                control::add_producer(&mut engine.world, observer, producer)
            },
        )
    }

    /// Lets an observer no longer listen to a producer. Nothing happens when it does not.
    ///
    /// # Errors
    ///
    /// [`ObserveError`].
    pub fn remove_producer(
        &mut self,
        observer: RtpObserverId,
        producer: ProducerId,
    ) -> Result<(), ObserveError> {
        self.change(
            Verb::RemoveProducer,
            (observer, producer),
            |engine, (observer, producer)| {
                control::remove_producer(&mut engine.world, observer, producer)
            },
        )
    }

    /// Pauses an observer: it hears nothing, and what it has heard is forgotten.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the observer is.
    pub fn pause_observer(&mut self, observer: RtpObserverId) -> Result<(), Closed> {
        self.change(Verb::PauseObserver, observer, |engine, observer| {
            control::pause_observer(&mut engine.world, observer)
        })
    }

    /// Resumes an observer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the observer is.
    pub fn resume_observer(&mut self, observer: RtpObserverId) -> Result<(), Closed> {
        self.change(Verb::ResumeObserver, observer, |engine, observer| {
            control::resume_observer(&mut engine.world, observer)
        })
    }

    /// Closes an observer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_observer(&mut self, observer: RtpObserverId) -> Result<(), Closed> {
        self.change(Verb::CloseObserver, observer, |engine, observer| {
            control::close_observer(&mut engine.world, observer)
        })
    }
}
