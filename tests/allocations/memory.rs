//! What a stream and a consumer take of memory, and what one tick asks for when many begin together.

use std::time::Duration;

use flumen::components::wire::rtcp::{ReportBlock, write_receiver_report};
use flumen::{ConsumerOptions, ProducerId, TransportId};
use flumen_tests::{Packet, Room, VP8_DELTA_FRAME, VP8_KEY_FRAME};

use crate::address;
use crate::counting::{bytes_allocated, bytes_copied, bytes_kept};

/// The length of a packet of video.
const LEN: usize = 1_200;
/// Packets a second of a stream.
const RATE: u32 = 120;
/// Seconds of video.
const SECONDS: u32 = 60;

/// Streams of video, each for a number of receivers that report what they get.
struct Cameras {
    room: Room,
    /// The length of a packet.
    len: usize,
    streams: Vec<Stream>,
    receivers: Vec<(TransportId, u32)>,
}

struct Stream {
    sender: TransportId,
    ssrc: u32,
    number: u16,
}

impl Cameras {
    fn new(streams: u16, receivers: u16) -> Self {
        let mut cameras = Self {
            room: Room::new(),
            len: LEN,
            streams: Vec::new(),
            receivers: Vec::new(),
        };
        cameras.room.wire.set_recording(false);
        for index in 0..streams {
            let ssrc = 2_000 + u32::from(index);
            let sender = cameras.room.plain(address(5_000 + index));
            let video = cameras.room.produce_video(sender, ssrc);
            cameras.streams.push(Stream {
                sender,
                ssrc,
                number: 65_000,
            });
            for _ in 0..receivers {
                cameras.join(video);
            }
        }
        cameras
    }

    fn join(&mut self, video: ProducerId) {
        let port = 10_000 + self.receivers.len() as u16;
        let transport = self.room.plain(address(port));
        let mut capabilities = self.room.capabilities();
        // The path is not measured.
        let is_measured = |uri: &str| uri.contains("transport-wide") || uri.contains("send-time");
        let extensions = &mut capabilities.header_extensions;
        extensions.retain(|extension| !is_measured(&extension.uri));
        let options = ConsumerOptions::new(video, capabilities);
        let consumer = self.room.engine.consume(transport, options).unwrap();
        let parameters = self.room.engine.consumer_parameters(consumer).unwrap();
        let ssrc = parameters.encodings[0].ssrc.unwrap();
        self.receivers.push((transport, ssrc));
    }

    /// The next packet of a stream arrives.
    fn film(&mut self, index: usize) {
        let stream = &mut self.streams[index];
        let payload = match stream.number {
            65_000 => VP8_KEY_FRAME,
            _ => VP8_DELTA_FRAME,
        };
        let mut packet = Packet::new(96, stream.number, stream.ssrc, payload);
        packet.payload.resize(self.len - 12, 7);
        stream.number = stream.number.wrapping_add(1);
        let sender = stream.sender;
        self.room.arrive(sender, &packet);
    }

    /// A receiver tells that it gets everything.
    fn report(&mut self, index: usize) {
        let (transport, ssrc) = self.receivers[index];
        let block = ReportBlock {
            ssrc,
            ..ReportBlock::default()
        };
        let mut report = Vec::new();
        write_receiver_report(&mut report, 1, &[block]);
        self.room.arrive_bytes(transport, &report);
    }

    /// Video for a while, of all streams at once.
    fn run(&mut self, seconds: u32) {
        for step in 0..seconds * RATE {
            (0..self.streams.len()).for_each(|index| self.film(index));
            if step % RATE == 0 {
                (0..self.receivers.len()).for_each(|index| self.report(index));
            }
            self.room.tick_after(Duration::from_secs(1) / RATE);
            self.room.engine.drain_events();
        }
    }
}

#[test]
fn a_consumer_takes_little_with_its_transport() {
    // With the stream's own one and its sender, tables of the world are full.
    const CONSUMERS: i64 = 126;
    let mut cameras = Cameras::new(1, 1);
    // What has left waits in the loopback backend until it is looked at: no consumer's memory.
    cameras.len = 100;
    let video = cameras.room.produce_video(cameras.streams[0].sender, 2_222);
    cameras.streams[0].ssrc = 2_222;
    // What is there once reaches its size with the first packets.
    cameras.run(3);
    let before = bytes_kept();
    for _ in 0..CONSUMERS {
        cameras.join(video);
    }
    cameras.room.tick();
    cameras.room.engine.drain_events();
    let new = (bytes_kept() - before) / CONSUMERS;
    cameras.run(SECONDS);
    let then = (bytes_kept() - before) / CONSUMERS;
    assert!(new <= 4_096, "{new} bytes when new");
    assert!(
        then <= 6_144,
        "{then} bytes after {SECONDS} seconds of video"
    );
}

#[test]
fn a_video_stream_takes_little_besides_its_packets() {
    const STREAMS: i64 = 32;
    let mut cameras = Cameras::new(STREAMS as u16, 1);
    cameras.room.tick();
    cameras.room.engine.drain_events();
    let before = bytes_kept();
    cameras.run(SECONDS);
    // Those of two seconds are kept, both ends included.
    let packets = i64::from(2 * RATE + 1) * LEN as i64;
    let each = (bytes_kept() - before) / STREAMS - packets;
    assert!(each <= 64 << 10, "{each} bytes besides the packets");
}

/// What a tick may ask of the heap while streams begin, in bytes: 32 KiB for each stream that begins
/// in it, and some tables.
const ASKED_MAX: u64 = 512 << 10;
/// The same once they have begun: a piece for each of those that it has packets of, and once what the
/// first reports of all of them need.
const ASKED_LATER_MAX: u64 = 256 << 10;
/// What growing may copy in a tick, in bytes.
const COPIED_MAX: u64 = 160 << 10;

#[test]
fn streams_that_begin_together_do_not_stall_a_tick() {
    const STREAMS: usize = 200;
    let mut cameras = Cameras::new(STREAMS as u16, 3);
    // Frames of four packets, thirty a second: a few streams have theirs in each millisecond.
    for tick in 0..4_000_usize {
        let frame = tick % 33;
        for index in (0..STREAMS).filter(|index| index % 33 == frame) {
            (0..4).for_each(|_| cameras.film(index));
        }
        cameras.room.now += Duration::from_millis(1);
        let (now, engine) = (cameras.room.now, &mut cameras.room.engine);
        let (asked, copied) = (bytes_allocated(), bytes_copied());
        engine.tick(now).unwrap();
        let (asked, copied) = (bytes_allocated() - asked, bytes_copied() - copied);
        let asked_max = if tick < 33 {
            ASKED_MAX
        } else {
            ASKED_LATER_MAX
        };
        assert!(asked <= asked_max, "tick {tick} asked for {asked} bytes");
        assert!(copied <= COPIED_MAX, "tick {tick} copied {copied} bytes");
        engine.check_ledger().unwrap();
        engine.drain_events();
    }
    assert_eq!(cameras.room.engine.ledger().enqueued, 4 * 3 * 24_244);
}
