//! What a peer gets, by what it is of.

use std::collections::BTreeMap;

use flumen::components::Probation;
use flumen::components::wire::rtcp::{ReportBlock, SenderInfo, write_receiver_report};
use flumen::components::wire::rtp::RtpHeader;
use flumen::rtp_parameters::RtpParameters;
use flumen::{ConsumerId, ProducerId, Time};

use super::{Arrivals, Sound, View};
use crate::clock::Clock;
use crate::peer::{Feedback, Media, Repair};
use crate::video::Video;

/// All that a peer gets of media, and what it tells of that.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) sounds: Vec<Sound>,
    pub(crate) views: Vec<View>,
    pub(crate) arrivals: Arrivals,
    sinks: BTreeMap<u32, Sink>,
    wide: Option<u8>,
    repair: Repair,
    reporter: u32,
}

/// What an SSRC that comes is of.
#[derive(Clone, Copy, Debug)]
enum Sink {
    Sound(usize),
    View(usize),
    /// What was sent again of it.
    Again(usize),
    /// What was closed, of which some may be on its way; or what is the application's own.
    Gone,
}

/// Blocks of one report, RFC 3550 section 6.4.2.
const BLOCKS_MAX: usize = 31;

impl Receiver {
    pub(crate) fn new(repair: Repair, feedback: Feedback, reporter: u32) -> Self {
        Self {
            sounds: Vec::new(),
            views: Vec::new(),
            arrivals: Arrivals::new(feedback, reporter),
            sinks: BTreeMap::from([(Probation::SSRC, Sink::Gone)]),
            wide: None,
            repair,
            reporter,
        }
    }

    /// It is to get a producer as `consumer`, with these parameters.
    pub(crate) fn listen(
        &mut self,
        ids: (ProducerId, ConsumerId),
        parameters: &RtpParameters,
        (media, now): (&Media, Time),
    ) {
        let Some(encoding) = parameters.encodings.first() else {
            return;
        };
        let Some(ssrc) = encoding.ssrc else { return };
        let rtx = encoding.rtx.as_ref().map(|rtx| rtx.ssrc);
        let is_wide = |uri: &str| uri.contains("transport-wide");
        let extensions = &parameters.header_extensions;
        let wide = extensions.iter().find(|extension| is_wide(&extension.uri));
        self.wide = wide.map(|extension| extension.id).or(self.wide);
        match media {
            Media::Audio(_) => {
                self.sinks.insert(ssrc, Sink::Sound(self.sounds.len()));
                self.sounds.push(Sound::new(ids, ssrc, self.repair));
            }
            Media::Video(video) => self.watch(ids, (ssrc, rtx), (video, now)),
        }
    }

    fn watch(
        &mut self,
        ids: (ProducerId, ConsumerId),
        ssrcs: (u32, Option<u32>),
        video: (&Video, Time),
    ) {
        let index = self.views.len();
        self.sinks.insert(ssrcs.0, Sink::View(index));
        if let Some(rtx) = ssrcs.1 {
            self.sinks.insert(rtx, Sink::Again(index));
        }
        self.views.push(View::new(ids, ssrcs, self.repair, video));
    }

    /// What it gets: each producer, and the consumer that it gets it by.
    pub(crate) fn consumers(&self) -> impl Iterator<Item = (ProducerId, ConsumerId)> {
        let sounds = self.sounds.iter().map(|it| (it.producer, it.consumer));
        let views = self.views.iter().map(|it| (it.producer, it.consumer));
        sounds.chain(views)
    }

    /// How it gets a video.
    pub(crate) fn view(&mut self, consumer: ConsumerId) -> Option<&mut View> {
        let mut views = self.views.iter_mut();
        views.find(|view| view.consumer == consumer)
    }

    /// What comes of an SSRC that it was told nothing else of is nothing to it.
    pub(crate) fn pass_over(&mut self, ssrc: u32) {
        self.sinks.entry(ssrc).or_insert(Sink::Gone);
    }

    /// It gets nothing any more.
    pub(crate) fn end(&mut self, now: Time) {
        self.views.iter_mut().for_each(|view| view.end(now));
    }

    /// A consumer of it is closed.
    pub(crate) fn forget(&mut self, consumer: ConsumerId, now: Time) {
        let sound = self.sounds.iter().find(|sound| sound.consumer == consumer);
        let ssrc = sound.map(|sound| sound.stream.ssrc);
        let view = self.view(consumer);
        let ssrc = ssrc.or(view.as_ref().map(|view| view.stream.ssrc));
        let again = view.and_then(|view| {
            view.end(now);
            view.rtx_ssrc
        });
        for ssrc in ssrc.into_iter().chain(again) {
            self.sinks.insert(ssrc, Sink::Gone);
        }
    }

    /// Takes in a packet: when there is something to do about it. What it can make nothing of is an
    /// error.
    pub(crate) fn take(
        &mut self,
        now: Time,
        datagram: &[u8],
        clock: Clock,
    ) -> Result<Option<Time>, String> {
        let header = RtpHeader::parse(datagram).map_err(|_| "malformed RTP")?;
        let sink = self.sinks.get(&header.ssrc).copied();
        let sink = sink.ok_or_else(|| format!("RTP of SSRC {}, unknown to it", header.ssrc))?;
        let wide = self.wide.and_then(|id| header.extension(datagram, id));
        let wide = wide
            .and_then(<[u8]>::first_chunk)
            .map(|wide| u16::from_be_bytes(*wide));
        self.arrivals.take(wide, datagram.len(), clock.local(now));
        let (payload, len) = (header.payload(datagram), datagram.len() as u64);
        Ok(match sink {
            Sink::Sound(index) => {
                let sound = &mut self.sounds[index];
                sound.got.bytes += len;
                let (number, timestamp) = (header.sequence_number, header.timestamp);
                sound.take(number, timestamp, payload, now, clock);
                sound.due()
            }
            Sink::View(index) => {
                let view = &mut self.views[index];
                view.got.bytes += len;
                view.take(&header, payload, now, clock);
                view.due()
            }
            Sink::Again(index) => {
                let view = &mut self.views[index];
                view.got.bytes += len;
                view.take_again(header.marker, payload, now);
                view.due()
            }
            Sink::Gone => None,
        })
    }

    /// Takes in what a sender report says.
    pub(crate) fn hear(&mut self, info: &SenderInfo, now: Time) {
        let views = self.views.iter_mut().map(|view| &mut view.stream);
        let sounds = self.sounds.iter_mut().map(|sound| &mut sound.stream);
        let stream = views.chain(sounds).find(|stream| stream.ssrc == info.ssrc);
        if let Some(stream) = stream {
            stream.hear(info, now);
        }
    }

    /// Appends how what it gets arrives.
    pub(crate) fn write_reports(&mut self, now: Time, bytes: &mut Vec<u8>) {
        let views = self.views.iter_mut().map(|view| &mut view.stream);
        let sounds = self.sounds.iter_mut().map(|sound| &mut sound.stream);
        let blocks = views.chain(sounds).filter_map(|stream| stream.block(now));
        let blocks: Vec<ReportBlock> = blocks.collect();
        for blocks in blocks.chunks(BLOCKS_MAX) {
            write_receiver_report(bytes, self.reporter, blocks);
        }
    }

    /// Appends what it tells and asks of arrivals and of missing packets, as far as that is due.
    pub(crate) fn act(&mut self, now: Time, clock: Clock, bytes: &mut Vec<u8>) {
        if self.arrivals.due <= now {
            let ssrcs: Vec<u32> = self.views.iter().map(|view| view.stream.ssrc).collect();
            self.arrivals.act(now, clock.local(now), &ssrcs, bytes);
        }
        for sound in &mut self.sounds {
            sound.act(now, self.reporter, bytes);
        }
        for view in &mut self.views {
            view.act(now, self.reporter, bytes);
        }
    }

    /// It has nothing to do before.
    pub(crate) fn due(&self) -> Time {
        let sounds = self.sounds.iter().filter_map(Sound::due);
        let due = sounds.chain(self.views.iter().filter_map(View::due)).min();
        due.map_or(self.arrivals.due, |due| due.min(self.arrivals.due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock { drift_ppm: 0 };

    fn packet(ssrc: u32) -> Vec<u8> {
        [&[0x80, 96, 0, 1, 0, 0, 0, 0], &ssrc.to_be_bytes()[..]].concat()
    }

    #[test]
    fn what_it_can_make_nothing_of_is_an_error() {
        let mut receiver = Receiver::new(Repair::Rtx, Feedback::None, 1);
        let mut take = |datagram: &[u8]| receiver.take(Time::ZERO, datagram, CLOCK);
        let error = take(&packet(77)).unwrap_err();
        assert!(error.contains("SSRC 77"), "{error}");
        assert_eq!(take(&packet(77)[..11]), Err("malformed RTP".into()));
        assert_eq!(take(&packet(Probation::SSRC)), Ok(None));
    }
}
