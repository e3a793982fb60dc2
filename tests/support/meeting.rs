//! A meeting: cameras in simulcast, and receivers of them behind bottlenecks that they may share.

mod camera;
mod cross_traffic;
mod viewer;

use std::time::Duration;

use flumen::components::wire::classify::{PacketKind, classify};
use flumen::{Builder, ConsumerId, Event, RouterId, Time};
use flumen_sim::Link;

pub use camera::{Camera, Encoding};
pub use cross_traffic::{Tcp, Work};
pub use viewer::{Feedback, Video, Viewer};

use crate::call::requests_in;
use crate::path::Path;
use crate::room::{Room, address};

/// Cameras, receivers, and the paths to these.
pub struct Meeting {
    /// The room.
    pub room: Room,
    /// Who sends.
    pub cameras: Vec<Camera>,
    /// Who receives.
    pub viewers: Vec<Viewer>,
    /// Links.
    pub paths: Vec<Path<Parcel>>,
    /// What else goes through them.
    pub flows: Vec<Tcp>,
    /// The events that were drained.
    pub events: Vec<Event>,
    /// How a millisecond passes.
    pub tick: fn(&mut Room),
    /// What chance makes of cameras and bottlenecks: set before there are any.
    pub seed: u64,
}

/// A packet behind a bottleneck.
#[derive(Clone, Debug)]
pub enum Parcel {
    /// Of the engine, to this viewer.
    Rtp(usize, Vec<u8>),
    /// Of this viewer, to the engine.
    Told(usize, Vec<u8>),
    /// Of a flow of cross traffic.
    Tcp(usize),
}

const STEP: Duration = Duration::from_millis(1);
const CAMERAS: u16 = 5_000;
const VIEWERS: u16 = 6_000;

impl Meeting {
    /// A room with nobody in it.
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// A room of an engine that is built with more.
    pub fn with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        Self {
            room: Room::with(configure),
            cameras: Vec::new(),
            viewers: Vec::new(),
            paths: Vec::new(),
            flows: Vec::new(),
            events: Vec::new(),
            tick: Room::tick,
            seed: 0,
        }
    }

    /// One camera, and one receiver of it behind `path` that tells of it so.
    pub fn told_by(feedback: Feedback, encodings: &[Encoding], path: Link) -> Self {
        let mut meeting = Self::new();
        let camera = meeting.film(encodings);
        let path = meeting.lay(path);
        let viewer = meeting.join(path, Duration::ZERO, feedback);
        meeting.watch(viewer, camera);
        meeting
    }

    /// `count` cameras, and one receiver of all of them behind `path`.
    pub fn of(count: usize, encodings: &[Encoding], path: Link) -> Self {
        Self::of_with(count, encodings, path, |builder| builder)
    }

    /// The same with an engine that is built with more.
    pub fn of_with(
        count: usize,
        encodings: &[Encoding],
        path: Link,
        configure: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let mut meeting = Self::with(configure);
        for _ in 0..count {
            meeting.film(encodings);
        }
        let path = meeting.lay(path);
        let viewer = meeting.join(path, Duration::ZERO, Feedback::TransportCc);
        for camera in 0..count {
            meeting.watch(viewer, camera);
        }
        meeting
    }

    /// Adds a camera.
    pub fn film(&mut self, encodings: &[Encoding]) -> usize {
        let index = self.cameras.len();
        let noise = self.noise(11 + index as u64);
        let port = CAMERAS + index as u16;
        let camera = Camera::new(&mut self.room, (port, index), encodings, noise);
        self.cameras.push(camera);
        index
    }

    /// Adds a bottleneck.
    pub fn lay(&mut self, path: Link) -> usize {
        self.paths.push(Path::new(path, self.noise(7)));
        self.paths.len() - 1
    }

    fn noise(&self, of: u64) -> u64 {
        of + 1_000 * self.seed
    }

    /// Adds a receiver behind bottleneck `path` and so much more of delay.
    pub fn join(&mut self, path: usize, delay: Duration, feedback: Feedback) -> usize {
        let index = self.announce(path, delay, feedback);
        self.connect(index);
        index
    }

    /// Adds one whose transport is not connected yet.
    pub fn announce(&mut self, path: usize, delay: Duration, feedback: Feedback) -> usize {
        let back = self.paths[path].link().latency + delay;
        let transport = self.room.unconnected();
        let viewer = Viewer::new(transport, (path, delay, back), feedback);
        self.viewers.push(viewer);
        self.viewers.len() - 1
    }

    /// Connects it.
    pub fn connect(&mut self, viewer: usize) {
        let to = address(VIEWERS + viewer as u16);
        self.room.join(self.viewers[viewer].transport, to);
    }

    /// Lets a viewer watch a camera.
    pub fn watch(&mut self, viewer: usize, camera: usize) -> ConsumerId {
        let producer = self.cameras[camera].producer;
        self.viewers[viewer].watch(&mut self.room, camera, producer)
    }

    /// The router.
    pub fn router(&self) -> RouterId {
        self.room.router
    }

    /// What the path of a viewer is believed to carry, in bits a second.
    pub fn available(&self, viewer: usize) -> u64 {
        let stats = self
            .room
            .engine
            .transport_stats(self.viewers[viewer].transport);
        let stats = stats.expect("it is open");
        stats.available_outgoing_bitrate.unwrap_or_default()
    }

    /// Lets `span` pass.
    pub fn run(&mut self, span: Duration) {
        self.run_with(span, |_| {});
    }

    /// Lets `span` pass, and looks after every millisecond.
    pub fn run_with(&mut self, span: Duration, mut look: impl FnMut(&mut Self)) {
        let end = self.room.now + span;
        while self.room.now < end {
            self.step();
            look(self);
        }
    }

    fn step(&mut self) {
        let now = self.room.now + STEP;
        for camera in &mut self.cameras {
            camera.film(&mut self.room, now);
        }
        for viewer in &mut self.viewers {
            viewer.tell(&mut self.room, now);
        }
        (self.tick)(&mut self.room);
        self.carry(now);
        for (index, flow) in self.flows.iter_mut().enumerate() {
            flow.step(index, &mut self.paths, now);
        }
        self.deliver(now);
        for (index, viewer) in self.viewers.iter_mut().enumerate() {
            viewer.receive(now);
            viewer.speak(index, &mut self.paths, now);
        }
        for event in self.room.engine.drain_events() {
            for viewer in &mut self.viewers {
                viewer.hear(&event, now);
            }
            self.events.push(event);
        }
    }

    /// What the engine sent goes to cameras, and into the bottlenecks.
    fn carry(&mut self, now: Time) {
        for datagram in self.room.received() {
            let is_rtp = classify(&datagram.bytes) == Some(PacketKind::Rtp);
            let port = datagram.to.port();
            if port >= VIEWERS {
                let index = usize::from(port - VIEWERS);
                let path = self.viewers[index].path;
                let len = datagram.bytes.len();
                if is_rtp {
                    let parcel = Parcel::Rtp(index, datagram.bytes);
                    let fits = self.paths[path].send(now, len, parcel);
                    self.viewers[index].count_sent(fits);
                }
            } else if !is_rtp && let Some(index) = port.checked_sub(CAMERAS) {
                let camera = &mut self.cameras[usize::from(index)];
                camera.hear(&requests_in(&datagram.bytes), now);
            }
        }
    }

    fn deliver(&mut self, now: Time) {
        for path in &mut self.paths {
            while let Some((at, parcel)) = path.arrival(now) {
                match parcel {
                    Parcel::Rtp(viewer, bytes) => self.viewers[viewer].arrive(at, bytes),
                    Parcel::Told(viewer, bytes) => self.viewers[viewer].is_heard(at, bytes),
                    Parcel::Tcp(flow) => self.flows[flow].arrive(at),
                }
            }
        }
    }
}

impl Default for Meeting {
    fn default() -> Self {
        Self::new()
    }
}
