//! The seam between a transport and what estimates its path.

use std::time::Duration;

use serde::Serialize;

use crate::tick::time::Time;

/// Estimates what the path to a receiver carries: in goes what was sent and what was reported, out
/// come an estimate and its reasons.
///
/// An engine makes one for every transport whose video consumers negotiated feedback on bandwidth;
/// see `Builder::bandwidth_estimator`. Whatever is read here has been checked: numbers that were
/// never sent, and reports that say the same again, do not come through. For runs that can be
/// repeated an implementation reads no clock and draws no randomness.
///
/// While what is sent arrives without a queue, by the figures of an estimate, consumers keep their layers
/// although more is sent than it says. A bound set on purpose is told as
/// [`EstimateCause::Limit`](super::EstimateCause::Limit), to which they fall at once.
pub trait BandwidthEstimator: Send + Sync {
    /// Takes in what happened on the path at `now`.
    fn receive(&mut self, report: PathReport<'_>, now: Time);

    /// What the path carries at `now`, at which the consumers of the transport want `wanted` bits a
    /// second. Called when something was reported, and now and then while reports are due.
    fn estimate(&mut self, wanted: u64, now: Time) -> PathEstimate;

    /// What a snapshot keeps of it. None, as by default: it begins anew where the snapshot is
    /// restored, with the bitrate that it estimated last.
    fn save(&self) -> Option<Vec<u8>> {
        None
    }

    /// Goes on with what [`save`](Self::save) gave; false when that is not to be understood.
    fn load(&mut self, _saved: &[u8]) -> bool {
        false
    }
}

/// Something that happened on a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PathReport<'a> {
    /// A packet was sent.
    Sent(SentPacket),
    /// The receiver told of packets (transport-wide feedback), those that arrived in the order of
    /// their arrival. Each of them is told of once, and once more when it was lost and then came
    /// after all; what nobody told of is not there.
    Feedback(&'a [PacketReport]),
    /// The receiver told a bitrate, in bits a second (REMB).
    Bitrate(u64),
    /// The receiver is elsewhere from now on: delays are those of another path.
    Moved,
}

/// A packet that was sent and whose arrival will be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentPacket {
    /// Counts the packets of the transport that are reported; it does not wrap.
    pub number: u64,
    /// When it was sent.
    pub at: Time,
    /// Length of the RTP packet in bytes.
    pub bytes: u16,
    /// The number of the probe during which it was sent; 0 when it was during none.
    pub probe: u8,
}

crate::snapshot::state! { struct SentPacket { number, at, bytes, probe } }

/// What a receiver told of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketReport {
    /// The packet.
    pub sent: SentPacket,
    /// When it arrived, on the receiver's clock, whose beginning means nothing; none when it was
    /// not there.
    pub arrived: Option<Time>,
    /// It was told to be lost before.
    pub was_lost: bool,
}

/// What a path carries, and why that is believed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathEstimate {
    /// Bits a second.
    pub bitrate: u64,
    /// What the last change came of.
    pub cause: EstimateCause,
    /// What was measured.
    pub figures: PathFigures,
    /// A probe to be sent now. One at a time: while it is sent, others are ignored.
    pub probe: Option<Probe>,
}

crate::snapshot::state! { struct PathEstimate { bitrate, cause, figures, probe } }

/// More than the estimate, to be sent for a moment: media, and padding as far as that is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Names it in [`SentPacket::probe`], 1 to 255.
    pub number: u8,
    /// Bits a second.
    pub bitrate: u64,
    /// How many bytes of RTP, at most [`BYTES_MAX`](Self::BYTES_MAX).
    pub bytes: u32,
}

crate::snapshot::state! { struct Probe { number, bitrate, bytes } }

impl Probe {
    /// No probe is longer: a thousand packets.
    pub const BYTES_MAX: u32 = 1_200_000;

    /// What it takes where `bitrate` bits a second are sent anyway; none when that is enough.
    pub(super) fn less(self, bitrate: u64) -> Option<Self> {
        let left = self.bitrate.checked_sub(bitrate).filter(|left| *left > 0)?;
        let bytes = u64::from(self.bytes) * left / self.bitrate;
        Some(Self {
            bitrate: left,
            bytes: bytes as u32,
            ..self
        })
    }
}

impl PathEstimate {
    /// Nothing is known yet.
    pub fn starting_at(bitrate: u64) -> Self {
        Self {
            bitrate,
            cause: EstimateCause::Start,
            figures: PathFigures::default(),
            probe: None,
        }
    }

    /// Packets that were overtaken come within about this time; zero where none are.
    pub fn overtaking(&self) -> Duration {
        overtaking(self.figures.reordering)
    }

    /// More is sent than the path carries: packets wait in its queue for long, or are lost behind
    /// it.
    pub fn is_overfull(&self) -> bool {
        let queue = self.figures.queueing_delay;
        let is_lossy = self.figures.loss.is_some_and(|loss| loss > OVERFLOW);
        self.is_full() || queue > QUEUED_MS && is_lossy
    }

    /// Its queue is full, or soon will be.
    pub fn is_full(&self) -> bool {
        self.figures.queueing_delay > FULL_MS
    }

    /// Packets wait for so long in its queue, or are lost there, that it has to be drained.
    pub fn is_crowded(&self) -> bool {
        let queue = self.figures.queueing_delay;
        let is_lossy = self.figures.loss.is_some_and(|loss| loss > OVERFLOW);
        queue > CROWDED_MS || queue > SHALLOW_MS && is_lossy
    }
}

/// Within about which time packets come that are `late` by so many milliseconds.
pub(super) fn overtaking(late: f64) -> Duration {
    match late > OVERTAKING_MIN_MS {
        true => Duration::from_micros((late * 1_000.0) as u64).min(OVERTAKING_MAX),
        false => Duration::ZERO,
    }
}

/// Packets that are overtaken by less are no reason to wait, and none is waited for longer.
const OVERTAKING_MIN_MS: f64 = 10.0;
const OVERTAKING_MAX: Duration = Duration::from_millis(500);
/// A queue of so many milliseconds is full, or soon will be.
const FULL_MS: f64 = 200.0;
/// A queue this long that loses so much is full, however shallow it is.
const QUEUED_MS: f64 = 20.0;
/// A queue of so many milliseconds is more than frames that come together make.
const CROWDED_MS: f64 = 60.0;
/// The same where packets are lost: sixteen short ones are not more.
const SHALLOW_MS: f64 = 10.0;
const OVERFLOW: f64 = 0.05;

/// What changed an estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum EstimateCause {
    /// Nothing yet: it is where it began.
    #[default]
    Start,
    /// Queues stayed short, so more was tried.
    Growth,
    /// A probe got through.
    Probe,
    /// A queue grew.
    Queue,
    /// Packets were lost.
    Loss,
    /// The receiver has been silent although packets were sent.
    Silence,
    /// The receiver told a bitrate (REMB).
    Remb,
    /// The limits of the transport, and nothing measured.
    Limit,
}

crate::snapshot::state! {
    enum EstimateCause {
        Start, Growth, Probe, Queue, Loss, Silence, Remb, Limit
    }
}

/// What is measured on a path: what explains an estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathFigures {
    /// Bits a second that arrived; where packets wait for long, those of the last report, if that is
    /// less.
    pub acknowledged_bitrate: Option<u64>,
    /// Bits a second that were sent.
    pub sent_bitrate: u64,
    /// How much longer packets are on their way than on an idle path, in milliseconds.
    pub queueing_delay: f64,
    /// How much longer than the fastest packets those take that others overtake, in milliseconds.
    pub reordering: f64,
    /// How fast the queueing delay grows, as the detector of queues sees it, in milliseconds.
    pub delay_trend: f64,
    /// The share of packets that were lost, 0 to 1.
    pub loss: Option<f64>,
    /// From sending a packet to being told of it, in milliseconds.
    pub round_trip_time: Option<f64>,
}

crate::snapshot::state! {
    struct PathFigures {
        acknowledged_bitrate, sent_bitrate, queueing_delay, reordering, delay_trend, loss,
        round_trip_time
    }
}

/// A span in milliseconds.
pub(super) fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}
