//! The video of another peer.

use std::time::Duration;

use flumen::components::wire::rtcp::{write_nack, write_pli};
use flumen::components::wire::rtp::RtpHeader;
use flumen::{ConsumerId, ProducerId, Time};

use super::Freezes;
use super::decoder::{Decoder, Shown};
use super::gaps::Gaps;
use super::reception::Reception;
use crate::clock::Clock;
use crate::peer::Repair;
use crate::sending::Stamp;
use crate::video::Video;

/// How a peer gets the video of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VideoReception {
    /// Packets of media that came, each once.
    pub packets: u64,
    /// Bytes of RTP that came for it, with what was sent again.
    pub bytes: u64,
    /// Numbers that were missing when a later one came.
    pub missing: u64,
    /// Of these: those that came later, by themselves or because they were asked for.
    pub repaired: u64,
    /// Of these: those that are not waited for any more.
    pub given_up: u64,
    /// Packets that came again that nobody missed.
    pub needless: u64,
    /// NACK packets that were sent.
    pub nacks: u64,
    /// Key frames that were asked for.
    pub plis: u64,
    /// Pictures that could be decoded, in order, in the highest spatial layer that was sent.
    pub frames: u64,
    /// Of these: key frames.
    pub key_frames: u64,
    /// Until the first picture came, or until now.
    pub waited: Duration,
    /// Between pictures that were further apart than three times what is usual and than that and
    /// 150 ms, where the mean of the last 30 intervals is usual: as the statistics of WebRTC count it.
    /// From the newest picture until now it is the same. Nothing counts while the video is paused.
    pub frozen: Duration,
    /// How often that was so, or is.
    pub freezes: u64,
    /// The longest of these.
    pub longest_freeze: Duration,
    /// How long the repaired numbers were missing, in all.
    pub repair_time: Duration,
    /// The first frame.
    pub first: Option<Shown>,
    /// The newest frame.
    pub last: Option<Shown>,
}

impl VideoReception {
    /// Of a hundred missing packets so many came; 100 when none was missing.
    pub fn repaired_percent(&self) -> u64 {
        (self.repaired * 100)
            .checked_div(self.missing)
            .unwrap_or(100)
    }

    /// How long a freeze took on average.
    pub fn recovery(&self) -> Duration {
        self.frozen
            .checked_div(self.freezes as u32)
            .unwrap_or_default()
    }

    fn show(&mut self, shown: Shown) {
        self.frames += 1;
        self.key_frames += u64::from(shown.is_key);
        self.first.get_or_insert(shown);
        self.last = Some(shown);
    }
}

/// What a peer has of a video.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) producer: ProducerId,
    pub(crate) consumer: ConsumerId,
    pub(crate) stream: Reception,
    pub(crate) rtx_ssrc: Option<u32>,
    pub(crate) got: VideoReception,
    repair: Repair,
    freezes: Freezes,
    gaps: Gaps,
    decoder: Decoder,
    /// When it asks for a key frame, unless it can decode something before.
    plea: Option<Time>,
}

/// Who cannot decode anything for so long asks for a key frame.
const PATIENCE: Duration = Duration::from_millis(400);

impl View {
    pub(crate) fn new(
        (producer, consumer): (ProducerId, ConsumerId),
        (ssrc, rtx_ssrc): (u32, Option<u32>),
        repair: Repair,
        (video, now): (&Video, Time),
    ) -> Self {
        Self {
            producer,
            consumer,
            stream: Reception::new(ssrc, 90_000),
            rtx_ssrc,
            got: VideoReception::default(),
            repair,
            freezes: Freezes::new(video.interval(), now),
            gaps: Gaps::default(),
            decoder: Decoder::default(),
            plea: None,
        }
    }

    /// Its consumer is paused, or goes on.
    pub(crate) fn set_paused(&mut self, is_paused: bool, now: Time) {
        self.freezes.set_paused(is_paused, now, &mut self.got);
    }

    /// Its consumer is closed.
    pub(super) fn end(&mut self, now: Time) {
        self.freezes.end(now, &mut self.got);
    }

    /// What it has got by `now`.
    pub(crate) fn got_by(&self, now: Time) -> VideoReception {
        self.freezes.closed(now, &self.got)
    }

    /// When it has to do something.
    pub(crate) fn due(&self) -> Option<Time> {
        self.gaps.due.into_iter().chain(self.plea).min()
    }

    /// Takes in a packet of its stream.
    pub(crate) fn take(&mut self, header: &RtpHeader, payload: &[u8], now: Time, clock: Clock) {
        let newest = self.stream.has_begun().then_some(self.stream.newest);
        let (number, timestamp) = (header.sequence_number, header.timestamp);
        let number = self.stream.take(number, timestamp, now, clock);
        match newest {
            Some(newest) if number > newest => {
                self.got.missing += number - newest - 1;
                if self.repair == Repair::None {
                    self.got.given_up += number - newest - 1;
                } else if !self.gaps.notice(newest, number, now) {
                    self.plea = Some(now);
                }
            }
            Some(_) if !self.fill(number, now) => return,
            _ => {}
        }
        self.decode(header.marker, payload, now);
    }

    /// Takes in a packet that was sent again in a stream of its own.
    pub(crate) fn take_again(&mut self, marker: bool, payload: &[u8], now: Time) {
        let Some((number, payload)) = payload.split_first_chunk() else {
            return;
        };
        let number = super::unwrap(u16::from_be_bytes(*number), self.stream.newest);
        if self.fill(number, now) {
            self.stream.repaired();
            self.decode(marker, payload, now);
        }
    }

    /// False when the number was not missed.
    fn fill(&mut self, number: u64, now: Time) -> bool {
        let Some(missing_for) = self.gaps.fill(number, now) else {
            self.got.needless += 1;
            return false;
        };
        self.got.repaired += 1;
        self.got.repair_time += missing_for;
        true
    }

    /// The marker is on the last packet of a picture.
    fn decode(&mut self, marker: bool, payload: &[u8], now: Time) {
        self.got.packets += 1;
        let Some(stamp) = Stamp::read(payload) else {
            return;
        };
        let before = self.got.frames;
        let (got, freezes) = (&mut self.got, &mut self.freezes);
        self.decoder.take(stamp, marker, now, |shown| {
            freezes.show(now, got);
            got.show(shown);
        });
        if self.got.frames > before {
            self.plea = None;
        }
        if self.decoder.is_stuck() && self.plea.is_none() {
            self.plea = Some(now + PATIENCE);
        }
    }

    /// Appends what it asks for at `now`.
    pub(crate) fn act(&mut self, now: Time, reporter: u32, out: &mut Vec<u8>) {
        let numbers = self.gaps.ask(now, &mut self.got.given_up);
        if !numbers.is_empty() {
            self.got.nacks += 1;
            write_nack(out, reporter, self.stream.ssrc, numbers);
        }
        if self.plea.is_some_and(|plea| plea <= now) {
            self.plea = Some(now + PATIENCE);
            self.got.plis += 1;
            write_pli(out, reporter, self.stream.ssrc);
        }
    }
}
