//! What a browser sent: its packets, and the parameters it negotiated for them.

use flumen::components::wire::{PacketKind, RtpHeader, classify};
use flumen::rtp_parameters::{MediaKind, RtpParameters};

use crate::capture::{self, Recorded};
use crate::running::Failure;

/// A recorded stream.
pub(crate) struct Recording {
    /// Audio or video.
    pub(crate) kind: MediaKind,
    /// As the browser's application would tell them to a server.
    pub(crate) parameters: RtpParameters,
    /// All that was sent: media, retransmissions, probes and RTCP.
    pub(crate) packets: Vec<Recorded<'static>>,
}

/// A packet of media, as consumers must get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Media<'a> {
    /// The RTP timestamp.
    pub(crate) timestamp: u32,
    /// The marker bit.
    pub(crate) marker: bool,
    /// The payload.
    pub(crate) payload: &'a [u8],
}

impl Recording {
    /// Chromium's fake camera: VP8 with retransmissions.
    pub(crate) fn video() -> Result<Self, Failure> {
        Self::read(
            MediaKind::Video,
            include_str!("../data/chromium-rtp-vp8.json"),
            include_bytes!("../data/chromium-rtp-vp8-O.pcap"),
        )
    }

    /// Chromium's fake microphone: Opus.
    pub(crate) fn audio() -> Result<Self, Failure> {
        Self::read(
            MediaKind::Audio,
            include_str!("../data/chromium-rtp-opus.json"),
            include_bytes!("../data/chromium-rtp-opus-O.pcap"),
        )
    }

    fn read(kind: MediaKind, parameters: &str, capture: &'static [u8]) -> Result<Self, Failure> {
        Ok(Self {
            kind,
            parameters: serde_json::from_str(parameters)?,
            packets: capture::read(capture)?,
        })
    }

    /// The packets of its media, in order: what each consumer must get.
    pub(crate) fn media(&self) -> Vec<Media<'static>> {
        let ssrc = self.parameters.encodings[0].ssrc;
        let packets = self.packets.iter().map(|recorded| recorded.datagram);
        let rtp = packets.filter(|bytes| classify(bytes) == Some(PacketKind::Rtp));
        let of_stream = rtp.filter_map(|bytes| {
            let header = RtpHeader::parse(bytes).ok()?;
            (Some(header.ssrc) == ssrc).then(|| Media::of(&header, bytes))
        });
        of_stream.collect()
    }
}

impl<'a> Media<'a> {
    /// What `header` and `bytes` of a packet say.
    pub(crate) fn of(header: &RtpHeader, bytes: &'a [u8]) -> Self {
        Self {
            timestamp: header.timestamp,
            marker: header.marker,
            payload: header.payload(bytes),
        }
    }
}
