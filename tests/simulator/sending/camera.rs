//! A peer's pictures.

use std::time::Duration;

use flumen::Time;
use flumen::components::wire::rtcp::RtcpPacket;

use super::Out;
use super::encoding::{Encoding, RATE};
use crate::clock::Clock;
use crate::noise::Noise;
use crate::video::Video;

/// Key frames do not come faster than that, however often they are asked for.
const KEY_INTERVAL: Duration = Duration::from_millis(200);

/// What a peer's video has sent, and was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoSent {
    /// Pictures.
    pub frames: u64,
    /// Key frames, of all encodings.
    pub key_frames: u64,
    /// Packets, without those that were sent again.
    pub packets: u64,
    /// Packets that were sent again.
    pub resent: u64,
    /// Packets that were asked for and not there any more.
    pub forgotten: u64,
    /// Requests for key frames.
    pub key_frame_requests: u64,
    /// What it was told last that its path carries, in bits a second.
    pub told_bitrate: Option<u64>,
}

/// What sends pictures.
#[derive(Clone, Debug)]
pub(crate) struct Camera {
    video: Video,
    encodings: Vec<Encoding>,
    /// When the next key frame of each encoding may come, and whether it is asked for.
    keys: Vec<Key>,
    frame: u32,
    /// On the peer's clock.
    next: Time,
    pub(crate) sent: VideoSent,
}

#[derive(Clone, Copy, Debug, Default)]
struct Key {
    /// One was asked for, and comes then.
    due: Option<Time>,
    last: Option<Time>,
}

impl Camera {
    pub(crate) fn new(video: Video, ssrc: u32, mut noise: Noise, begin: Time) -> Self {
        let interval = video.interval().as_nanos() as u64;
        let next = begin + Duration::from_nanos(noise.below(interval));
        let encoding = |index| {
            let noise = Noise::of(noise.bits(), index as u64, 0);
            let ssrc = ssrc + 2 * index as u32;
            Encoding::new(ssrc, index as u8, &video, noise)
        };
        let first = Key {
            due: Some(Time::ZERO),
            last: None,
        };
        Self {
            encodings: (0..video.encodings).map(encoding).collect(),
            keys: vec![first; video.encodings],
            video,
            frame: 0,
            next,
            sent: VideoSent::default(),
        }
    }

    /// Shows nothing before `local`, on the peer's clock.
    pub(crate) fn hold(&mut self, local: Time) {
        while self.next < local {
            self.next += self.video.interval();
        }
    }

    pub(crate) fn due(&self, clock: Clock) -> Time {
        clock.global(self.next)
    }

    pub(crate) fn act(&mut self, now: Time, clock: Clock, out: &mut Out) {
        while self.next <= clock.local(now) {
            self.film(now, clock, out);
            self.next += self.video.interval();
        }
    }

    fn film(&mut self, now: Time, clock: Clock, out: &mut Out) {
        self.frame += 1;
        self.sent.frames += 1;
        let moment = (clock.rtp(clock.global(self.next), RATE), clock.local(now));
        let before = out.len();
        for index in 0..self.encodings.len() {
            let bytes = self.bitrate_of(index) / 8 / u64::from(self.video.frame_rate);
            let is_key = self.keys[index].comes(now);
            self.sent.key_frames += u64::from(is_key);
            self.encodings[index].encode(self.frame, is_key, bytes, moment, out);
        }
        self.sent.packets += (out.len() - before) as u64;
        for encoding in &mut self.encodings {
            encoding.report(now, clock, out);
        }
    }

    /// Of what the path carries each encoding gets its share.
    fn bitrate_of(&self, index: usize) -> u64 {
        let wished = |index| self.video.bitrate_of(index);
        let all: u64 = (0..self.encodings.len()).map(wished).sum();
        match self.sent.told_bitrate {
            Some(told) if self.video.adapts && told < all => {
                // Even a path that carries nothing carries that.
                wished(index) * told.max(30_000) / all
            }
            _ => wished(index),
        }
    }

    /// Takes in what it is asked for.
    pub(crate) fn hear(
        &mut self,
        packet: &RtcpPacket<'_>,
        (now, clock): (Time, Clock),
        out: &mut Out,
    ) {
        match packet {
            RtcpPacket::Pli(pli) => self.want_key(pli.media_ssrc, now),
            RtcpPacket::Fir(fir) => {
                fir.entries()
                    .for_each(|entry| self.want_key(entry.ssrc, now));
            }
            RtcpPacket::Nack(nack) if self.video.rtx => {
                let mut encodings = self.encodings.iter_mut();
                let encoding = encodings.find(|it| it.ssrc == nack.media_ssrc);
                let Some(encoding) = encoding else { return };
                for number in nack.sequence_numbers() {
                    match encoding.resend(number, clock.local(now), out) {
                        true => self.sent.resent += 1,
                        false => self.sent.forgotten += 1,
                    }
                }
            }
            RtcpPacket::Remb(remb) => self.sent.told_bitrate = Some(remb.bitrate),
            _ => {}
        }
    }

    fn want_key(&mut self, ssrc: u32, now: Time) {
        let index = self.encodings.iter().position(|it| it.ssrc == ssrc);
        if let Some(index) = index {
            self.sent.key_frame_requests += 1;
            let due = now + self.video.reaction;
            self.keys[index].due.get_or_insert(due);
        }
    }
}

impl Key {
    /// Whether the frame of `now` is one.
    fn comes(&mut self, now: Time) -> bool {
        let is_early = self.last.is_some_and(|last| now - last < KEY_INTERVAL);
        let comes = !is_early && self.due.is_some_and(|due| due <= now);
        if comes {
            (self.due, self.last) = (None, Some(now));
        }
        comes
    }
}
