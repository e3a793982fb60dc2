//! What a peer is: what it sends, how it listens, and the link it is behind.

use std::time::Duration;

use crate::link::Link;
use crate::video::Video;

/// A peer that is to join a [`Room`](crate::Room).
///
/// ```
/// use std::time::Duration;
/// use flumen_sim::{Audio, Link, Loss, Peer, Video};
///
/// let alice = Peer::new()
///     .audio(Audio::opus())
///     .video(Video::vp8().simulcast(3).temporal_layers(3))
///     .link(Link::new().latency(Duration::from_millis(30)).loss(Loss::percent(1)))
///     .drift_ppm(80);
/// assert_eq!(alice.media.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// What it sends.
    pub media: Vec<Media>,
    /// The messages that it sends; with none it has no SCTP association.
    pub messages: Option<Messages>,
    /// Its link to the engine.
    pub up: Link,
    /// Its link from the engine.
    pub down: Link,
    /// By how much its clock is too fast, in parts in a million.
    pub drift_ppm: i32,
    /// Whether it gets what the others send.
    pub listens: bool,
    /// How it asks for packets that are missing.
    pub repair: Repair,
    /// How it tells what arrives.
    pub feedback: Feedback,
    /// It comes as a browser does: by ICE, DTLS and SRTP. Otherwise it is on a plain transport.
    pub webrtc: bool,
}

/// A medium that a peer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Sound.
    Audio(Audio),
    /// Pictures.
    Video(Video),
}

/// How a peer asks for packets that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// By NACK, for video alone; they come again in a stream of their own (RFC 4588).
    Rtx,
    /// By NACK, for sound as well; they come again as they were.
    SameStream,
    /// Not at all: what is lost stays lost until a key frame.
    None,
}

/// How a peer tells what arrives of all that is sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// When each packet arrived, ten times a second.
    TransportCc,
    /// A bitrate, once a second: one and a half times what came.
    Remb,
    /// Nothing but receiver reports.
    None,
}

/// Opus as an encoder sends it: a packet each 20 ms, with its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audio {
    /// Bytes of a packet on average.
    pub payload_bytes: usize,
    /// How loud it is, in -dBov (RFC 6464).
    pub level: u8,
}

/// Messages in an SCTP association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Messages {
    /// One in each such span; none at all when it is zero.
    pub interval: Duration,
    /// Bytes of each, at least eight.
    pub bytes: usize,
    /// They arrive, all of them and in order; otherwise a lost one is not sent again.
    pub reliable: bool,
}

impl Default for Peer {
    fn default() -> Self {
        Self::new()
    }
}

impl Peer {
    /// A peer that sends nothing and gets everything, behind a link of 10 ms each way.
    pub fn new() -> Self {
        let link = Link::new().latency(Duration::from_millis(10));
        Self {
            media: Vec::new(),
            messages: None,
            up: link,
            down: link,
            drift_ppm: 0,
            listens: true,
            repair: Repair::Rtx,
            feedback: Feedback::TransportCc,
            webrtc: false,
        }
    }

    /// It comes as a browser does: its checks find the transport (ICE, RFC 8445), it shakes hands
    /// (DTLS), and what it sends and gets is sealed (SRTP; messages in DTLS). It begins to send when that
    /// is done, and keeps up its consent (RFC 7675).
    #[must_use]
    pub fn webrtc(mut self) -> Self {
        self.webrtc = true;
        self
    }

    /// It sends sound.
    #[must_use]
    pub fn audio(mut self, audio: Audio) -> Self {
        self.media.push(Media::Audio(audio));
        self
    }

    /// It sends pictures.
    #[must_use]
    pub fn video(mut self, video: Video) -> Self {
        self.media.push(Media::Video(video));
        self
    }

    /// It sends messages, and gets those of others.
    #[must_use]
    pub fn messages(mut self, messages: Messages) -> Self {
        self.messages = Some(messages);
        self
    }

    /// Its link in both directions.
    #[must_use]
    pub fn link(self, link: Link) -> Self {
        self.up(link).down(link)
    }

    /// Its link to the engine.
    #[must_use]
    pub fn up(mut self, link: Link) -> Self {
        self.up = link;
        self
    }

    /// Its link from the engine.
    #[must_use]
    pub fn down(mut self, link: Link) -> Self {
        self.down = link;
        self
    }

    /// By how much its clock is too fast, in parts in a million; clamped to a tenth.
    #[must_use]
    pub fn drift_ppm(mut self, drift_ppm: i32) -> Self {
        self.drift_ppm = drift_ppm.clamp(-100_000, 100_000);
        self
    }

    /// It gets nothing of what others send.
    #[must_use]
    pub fn deaf(mut self) -> Self {
        self.listens = false;
        self
    }

    /// How it asks for packets that are missing. Default [`Repair::Rtx`].
    #[must_use]
    pub fn repair(mut self, repair: Repair) -> Self {
        self.repair = repair;
        self
    }

    /// How it tells what arrives. Default [`Feedback::TransportCc`].
    #[must_use]
    pub fn feedback(mut self, feedback: Feedback) -> Self {
        self.feedback = feedback;
        self
    }
}

impl Audio {
    /// A voice of 32 kbit/s.
    pub fn opus() -> Self {
        Self {
            payload_bytes: 80,
            level: 30,
        }
    }

    /// How loud it is, in -dBov: 0 is the loudest, 127 silence.
    #[must_use]
    pub fn level(mut self, level: u8) -> Self {
        self.level = level.min(127);
        self
    }
}

impl Messages {
    /// A message of `bytes` in each `interval`, which arrives.
    pub fn every(interval: Duration, bytes: usize) -> Self {
        Self {
            interval,
            bytes: bytes.max(8),
            reliable: true,
        }
    }

    /// None: it only gets those of others.
    pub fn none() -> Self {
        Self::every(Duration::ZERO, 8)
    }

    /// What is lost is not sent again, and nothing waits for it.
    #[must_use]
    pub fn unreliable(mut self) -> Self {
        self.reliable = false;
        self
    }
}
