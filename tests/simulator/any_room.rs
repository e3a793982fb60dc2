//! Rooms drawn from a seed: who joins, behind what, and what happens to them.

mod failed;

use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::{Builder, Digest, PreferredLayers};

use crate::checks::Broken;
use crate::link::{Link, Loss, Queue};
use crate::noise::Noise;
use crate::peer::{Audio, Feedback, Messages, Peer, Repair};
use crate::peer_id::PeerId;
use crate::room::Room;
use crate::video::Video;

pub use failed::Failed;

/// A short room of which everything is drawn from a seed.
///
/// Peers of all kinds join behind links of all kinds; meanwhile links break and heal, consumers and
/// producers pause, layers are chosen, peers leave. Nothing is expected of what they get, for links
/// may be too bad for that; every [rule](crate::checks) holds.
///
/// ```
/// use flumen_sim::AnyRoom;
///
/// let played = AnyRoom::new(17).play().unwrap();
/// assert_eq!(played.digest, AnyRoom::new(17).play().unwrap().digest);
/// ```
pub struct AnyRoom {
    room: Room,
    noise: Noise,
    peers: Vec<PeerId>,
    cells: Vec<Cell>,
    /// Of what the engine knew, as long as that is the same in every run.
    states: Option<Digest>,
}

/// What a played room was like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// The hash of everything that the engine sent.
    pub digest: u64,
    /// The hash of what the engine knew whenever something happened, where nobody came
    /// [as a browser](Peer::webrtc): keys are drawn from the operating system.
    pub states: Option<u64>,
    /// How long it took in the room.
    pub time: Duration,
    /// How every video was received.
    pub cells: Vec<Cell>,
}

/// A video, and who received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The seed of its room.
    pub seed: u64,
    /// Who received it.
    pub to: PeerId,
    /// Who sent it.
    pub from: PeerId,
    /// Frames that were decoded.
    pub frames: u64,
    /// How long the first one was waited for.
    pub waited: Duration,
    /// How long the picture was frozen.
    pub frozen: Duration,
}

/// What happens in a room, one after the other.
const ACTS: u64 = 12;

impl AnyRoom {
    /// The room of a seed, with nobody in it yet.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, |builder| builder)
    }

    /// The same with an engine that is built with more, as in [`Room::with`]: plugins, to be tried in any
    /// room, or a recording.
    ///
    /// # Panics
    ///
    /// When the engine cannot be built.
    pub fn with(seed: u64, configure: impl FnOnce(Builder) -> Builder) -> Self {
        Self {
            room: Room::with(seed, configure),
            noise: Noise::of(seed, u64::MAX, 1),
            peers: Vec::new(),
            cells: Vec::new(),
            states: Some(Digest::default()),
        }
    }

    /// Plays the room of a seed to its end, and tells how to play it again where that fails, be it by
    /// a panic.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, or the panic.
    pub fn try_seed(seed: u64) -> Result<Played, Failed> {
        Failed::catch(seed, || Self::new(seed).play())
    }

    /// Plays it to its end.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn play(mut self) -> Result<Played, Broken> {
        for _ in 0..2 + self.noise.below(2) {
            self.join();
        }
        for _ in 0..ACTS {
            let span = Duration::from_millis(20 + self.noise.below(500));
            self.room.try_run_for(span)?;
            self.note_state();
            self.act();
        }
        self.room.try_run_for(Duration::from_millis(300))?;
        self.note_cells();
        let time = self.room.now() - flumen::Time::ZERO;
        let digest = self.room.digest();
        self.room.try_close()?;
        Ok(Played {
            digest,
            states: self.states.map(|states| states.finish()),
            time,
            cells: self.cells,
        })
    }

    fn note_state(&mut self) {
        if let Some(states) = &mut self.states {
            states.write_u64(self.room.state_digest());
        }
    }

    fn join(&mut self) {
        let peer = self.any_peer();
        if peer.webrtc {
            self.states = None;
        }
        self.peers.push(self.room.join(peer));
    }

    fn act(&mut self) {
        let index = self.noise.below(self.peers.len() as u64) as usize;
        let peer = self.peers[index];
        match self.noise.below(12) {
            0 if self.peers.len() < 6 => self.join(),
            1 if self.peers.len() > 2 => {
                self.peers.swap_remove(index);
                self.room.leave(peer);
            }
            2 => self.room.cut(peer),
            3 => self.room.heal(peer),
            4 => {
                let link = self.any_link();
                self.room.set_down(peer, link);
            }
            5 | 6 => self.pause(peer),
            7 | 8 => self.resume(peer),
            9 | 10 => self.prefer(peer),
            _ => {}
        }
    }

    /// Another peer than `peer`, and its medium of some kind.
    fn other(&mut self) -> (PeerId, MediaKind) {
        let index = self.noise.below(self.peers.len() as u64) as usize;
        let kind = match self.noise.below(3) {
            0 => MediaKind::Audio,
            _ => MediaKind::Video,
        };
        (self.peers[index], kind)
    }

    // What is closed by now cannot be paused any more; nothing comes of it then.
    fn pause(&mut self, peer: PeerId) {
        let (other, kind) = self.other();
        if let Some(consumer) = self.room.consumer(peer, other, kind) {
            let _ = self.room.engine_mut().pause_consumer(consumer);
        } else if let Some(producer) = self.room.producer(other, kind) {
            let _ = self.room.engine_mut().pause_producer(producer);
        }
    }

    fn resume(&mut self, peer: PeerId) {
        let (other, kind) = self.other();
        if let Some(consumer) = self.room.consumer(peer, other, kind) {
            let _ = self.room.engine_mut().resume_consumer(consumer);
        } else if let Some(producer) = self.room.producer(other, kind) {
            let _ = self.room.engine_mut().resume_producer(producer);
        }
    }

    fn prefer(&mut self, peer: PeerId) {
        let (other, _) = self.other();
        let layers = PreferredLayers {
            spatial_layer: self.noise.below(3) as u8,
            temporal_layer: Some(self.noise.below(3) as u8),
        };
        if let Some(consumer) = self.room.consumer(peer, other, MediaKind::Video) {
            let _ = self
                .room
                .engine_mut()
                .set_preferred_layers(consumer, layers);
        }
    }

    fn any_peer(&mut self) -> Peer {
        let mut peer = Peer::new().up(self.any_link()).down(self.any_link());
        if self.noise.below(4) > 0 {
            peer = peer.audio(Audio::opus());
        }
        if self.noise.below(4) > 0 {
            peer = peer.video(self.any_video());
        }
        if self.noise.below(3) == 0 {
            let interval = Duration::from_millis(10 + self.noise.below(100));
            let messages = Messages::every(interval, 8 + self.noise.below(2_000) as usize);
            peer = peer.messages(match self.noise.below(2) {
                0 => messages,
                _ => messages.unreliable(),
            });
        }
        if self.noise.below(3) == 0 {
            peer = peer.webrtc();
        }
        peer.drift_ppm(self.noise.below(1_000) as i32 - 500)
            .repair(
                [Repair::Rtx, Repair::Rtx, Repair::SameStream, Repair::None]
                    [self.noise.below(4) as usize],
            )
            .feedback(
                [Feedback::TransportCc, Feedback::Remb, Feedback::None]
                    [self.noise.below(3) as usize],
            )
    }

    fn any_video(&mut self) -> Video {
        let video = self.any_codec();
        let video = match self.noise.below(2) {
            0 => video.simulcast(1 + self.noise.below(3) as usize),
            _ => video.spatial_layers(1 + self.noise.below(3) as u8),
        };
        let video = video
            .temporal_layers(1 + self.noise.below(3) as u8)
            .bitrate(100_000 + self.noise.below(1_500_000))
            .frame_rate(5 + self.noise.below(26) as u32);
        match self.noise.below(4) {
            0 => video.without_rtx(),
            _ => video,
        }
    }

    fn any_codec(&mut self) -> Video {
        let video = match self.noise.below(6) {
            0 | 1 => Video::vp8(),
            2 => Video::vp9(),
            3 => Video::vp9().flexible(),
            4 => Video::av1(),
            _ => Video::h264(),
        };
        match self.noise.below(2) {
            0 => video.key_only(),
            _ => video,
        }
    }

    fn any_link(&mut self) -> Link {
        let noise = &mut self.noise;
        let mut link = Link::new().latency(Duration::from_millis(noise.below(120)));
        if noise.below(2) == 0 {
            link = link.jitter(Duration::from_millis(noise.below(40)));
        }
        link = match noise.below(4) {
            0 => link.loss(Loss::percent(noise.below(15) as u32)),
            1 => link.loss(Loss::bursts(
                1 + noise.below(10) as u32,
                1 + noise.below(8) as u32,
            )),
            _ => link,
        };
        if noise.below(3) == 0 {
            let span = Duration::from_millis(noise.below(60));
            link = link.reordering(noise.below(50_000) as u32, span);
        }
        if noise.below(4) == 0 {
            link = link.duplication(noise.below(50_000) as u32);
        }
        if noise.below(3) == 0 {
            let queue = match noise.below(3) {
                0 => Queue::Packets(5 + noise.below(100) as usize),
                1 => Queue::Bytes(5_000 + noise.below(100_000) as usize),
                _ => Queue::Delay(Duration::from_millis(20 + noise.below(500))),
            };
            link = link.rate(100_000 + noise.below(3_000_000)).queue(queue);
        }
        link
    }

    fn note_cells(&mut self) {
        for &to in &self.peers {
            for &from in &self.peers {
                if self.room.consumer(to, from, MediaKind::Video).is_some() {
                    let video = self.room.video(to, from);
                    self.cells.push(Cell {
                        seed: self.room.seed(),
                        to,
                        from,
                        frames: video.frames,
                        waited: video.waited,
                        frozen: video.frozen,
                    });
                }
            }
        }
    }
}
