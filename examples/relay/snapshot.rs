//! What there is to see of an engine between two ticks.

use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::stats::{RtpStats, StreamStats};
use flumen::{Engine, Event, Ledger, ProducerId, VideoOrientation};
use serde::Serialize;

use crate::room::{Room, Viewer, local_address};
use crate::running::Failure;

/// A moment of an engine.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Ticks run.
    pub(crate) ticks: u64,
    /// The time they took together.
    pub(crate) tick_time: Duration,
    /// Where every datagram has gone.
    pub(crate) ledger: Ledger,
    /// The producers.
    pub(crate) producers: Vec<ProducerView>,
    /// Who consumes them.
    pub(crate) viewers: Vec<ViewerView>,
    /// What happened since the last moment.
    pub(crate) events: Vec<Event>,
}

/// A producer, as the summary tells it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ProducerView {
    /// Its identifier.
    pub(crate) id: ProducerId,
    /// Audio or video.
    pub(crate) kind: MediaKind,
    /// Its streams that have begun.
    pub(crate) streams: Vec<StreamView>,
    /// How its camera is held, when it told.
    pub(crate) orientation: Option<VideoOrientation>,
}

/// A stream of a producer, as the summary tells it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamView {
    /// Its codec: "video/VP8".
    pub(crate) mime_type: String,
    /// Its SSRC.
    pub(crate) ssrc: u32,
    /// Its RTP stream identifier, when it has one.
    pub(crate) rid: Option<String>,
    /// 0 to 10.
    pub(crate) score: u8,
    /// Bits a second.
    pub(crate) bitrate: u64,
    /// Packets received.
    pub(crate) packets: u64,
}

/// Someone who consumes.
#[derive(Clone, Debug)]
pub(crate) struct ViewerView {
    /// What it is called.
    pub(crate) name: String,
    /// The port that it is sent to from.
    pub(crate) port: u16,
    /// That port is its own.
    pub(crate) own_socket: bool,
    /// Packets forwarded to it, for each consumer.
    pub(crate) forwarded: Vec<(MediaKind, u64)>,
    /// Bits a second of all its consumers.
    pub(crate) bitrate: u64,
}

impl Snapshot {
    /// Looks at an engine.
    pub(crate) fn of(engine: &mut Engine, room: &Room) -> Result<Self, Failure> {
        let producers = room.producers.iter();
        let viewers = room.viewers.iter();
        Ok(Self {
            ticks: engine.ticks(),
            tick_time: engine.work().all_ticks(),
            ledger: engine.ledger().clone(),
            producers: producers
                .map(|&id| ProducerView::of(engine, id))
                .collect::<Result<_, _>>()?,
            viewers: viewers
                .map(|viewer| ViewerView::of(engine, viewer))
                .collect::<Result<_, _>>()?,
            events: engine.drain_events(),
        })
    }

    /// The time that a tick took on average.
    pub(crate) fn mean_tick(&self) -> Duration {
        let ticks = u32::try_from(self.ticks).unwrap_or(u32::MAX);
        self.tick_time.checked_div(ticks).unwrap_or_default()
    }
}

impl ProducerView {
    fn of(engine: &Engine, id: ProducerId) -> Result<Self, Failure> {
        let streams = engine.producer_stats(id)?;
        let codec = engine.producer_parameters(id)?.media_codec(0);
        let kind = codec.and_then(|codec| MediaKind::of_mime_type(&codec.mime_type));
        Ok(Self {
            id,
            kind: kind.ok_or("the producer has no media codec")?,
            streams: streams.iter().filter_map(StreamView::of).collect(),
            orientation: engine.orientation(id)?,
        })
    }
}

impl StreamView {
    fn of(stats: &RtpStats) -> Option<Self> {
        let RtpStats::Inbound(stats) = stats else {
            return None;
        };
        let stream = &stats.stream;
        Some(Self {
            mime_type: stream.mime_type.clone(),
            ssrc: stream.ssrc,
            rid: stream.rid.clone(),
            score: stream.score,
            bitrate: stream.bitrate,
            packets: stream.packet_count,
        })
    }
}

impl ViewerView {
    fn of(engine: &Engine, viewer: &Viewer) -> Result<Self, Failure> {
        let mut sent: Vec<StreamStats> = Vec::new();
        for &consumer in &viewer.consumers {
            for stats in engine.consumer_stats(consumer)? {
                if let RtpStats::Outbound(stats) = stats {
                    sent.push(stats.stream);
                }
            }
        }
        Ok(Self {
            name: viewer.name.clone(),
            port: local_address(engine, viewer.transport)?.port(),
            own_socket: viewer.own_socket,
            forwarded: sent
                .iter()
                .map(|stream| (stream.kind, stream.packet_count))
                .collect(),
            bitrate: sent.iter().map(|stream| stream.bitrate).sum(),
        })
    }
}
