//! What a browser really sends is played on virtual time: as it was recorded, probes and all.

#[path = "../../examples/relay/capture.rs"]
mod capture;

use std::net::SocketAddr;

use flumen::components::wire::codec::vp8;
use flumen::components::wire::{PacketKind, classify};
use flumen::rtp_parameters::{MediaKind, RtpParameters};
use flumen::stats::RtpStats;
use flumen::{Control, Counts, Event, ProducerId, Reason, Subject, TransportId, VideoOrientation};
use flumen_tests::{Packet, Room};

use capture::Recorded;

/// The address of receiver number `index`, or of the sender, which is number 0.
fn address(index: u16) -> SocketAddr {
    ([127, 0, 0, 1], 5_000 + index).into()
}

/// What a browser sent, and the parameters it negotiated.
struct Recording {
    kind: MediaKind,
    parameters: RtpParameters,
    packets: Vec<Recorded<'static>>,
}

impl Recording {
    fn vp8() -> Self {
        Self {
            kind: MediaKind::Video,
            parameters: read(include_str!("../../examples/data/chromium-rtp-vp8.json")),
            packets: capture::read(include_bytes!(
                "../../examples/data/chromium-rtp-vp8-O.pcap"
            ))
            .expect("the recording is whole"),
        }
    }

    fn opus() -> Self {
        Self {
            kind: MediaKind::Audio,
            parameters: read(include_str!("../../examples/data/chromium-rtp-opus.json")),
            packets: capture::read(include_bytes!(
                "../../examples/data/chromium-rtp-opus-O.pcap"
            ))
            .expect("the recording is whole"),
        }
    }

    fn ssrc(&self) -> u32 {
        self.parameters.encodings[0]
            .ssrc
            .expect("the parameters name it")
    }

    /// The packets of its media: neither probes nor retransmissions nor RTCP.
    fn media(&self) -> Vec<Packet> {
        let datagrams = self.packets.iter().map(|recorded| recorded.datagram);
        let rtp = datagrams.filter(|bytes| classify(bytes) == Some(PacketKind::Rtp));
        rtp.map(Packet::parse)
            .filter(|packet| packet.ssrc == self.ssrc())
            .collect()
    }

    fn start(&self) -> Playing {
        let mut room = Room::new();
        let transport = room.plain(address(0));
        let producer = room.produce(transport, self.kind, self.parameters.clone());
        Playing {
            room,
            transport,
            producer,
        }
    }
}

/// A room with a producer of the recording.
struct Playing {
    room: Room,
    transport: TransportId,
    producer: ProducerId,
}

impl Playing {
    /// Lets packets arrive when they did, with a tick and a look at the ledgers after each.
    fn play(&mut self, packets: &[Recorded<'_>]) {
        let mut last = packets[0].at;
        for packet in packets {
            self.room.arrive_bytes(self.transport, packet.datagram);
            self.room.tick_after(packet.at - last);
            last = packet.at;
        }
    }

    /// SSRC, SSRC of retransmissions and accepted packets of each stream.
    fn streams(&self) -> Vec<(u32, Option<u32>, u64)> {
        let stats = self.room.engine.producer_stats(self.producer);
        let row = |stats: RtpStats| match stats {
            RtpStats::Inbound(stats) => {
                let stream = stats.stream;
                (stream.ssrc, stream.rtx_ssrc, stream.packet_count)
            }
            other => panic!("{other:?} is not received"),
        };
        stats.expect("it is open").into_iter().map(row).collect()
    }
}

fn read(json: &str) -> RtpParameters {
    serde_json::from_str(json).expect("the parameters can be read")
}

/// The reasons that were counted.
fn counted<R: Reason>(counts: &Counts<R>) -> Vec<(&'static str, u64)> {
    let named = |(reason, count): (R, u64)| (reason.name(), count);
    counts.nonzero().map(named).collect()
}

/// What of a packet must be the same on both sides.
fn essence(packet: &Packet) -> (u32, bool, &[u8]) {
    (packet.timestamp, packet.marker, &packet.payload)
}

fn is_key_frame(packet: &Packet) -> bool {
    vp8::Descriptor::parse(&packet.payload).is_some_and(|descriptor| descriptor.is_key_frame)
}

#[test]
fn every_datagram_of_a_recorded_browser_is_accounted_for() {
    for (recording, rtcp) in [(Recording::vp8(), 63), (Recording::opus(), 57)] {
        let mut playing = recording.start();
        playing.play(&recording.packets);
        let ledger = playing.room.engine.ledger();
        assert_eq!(ledger.received, recording.packets.len() as u64);
        assert_eq!(ledger.accepted, recording.media().len() as u64);
        assert_eq!(ledger.consumed[Control::Rtcp], rtcp);
    }
}

#[test]
fn an_ssrc_is_one_stream_whatever_else_its_sender_sends() {
    let video = Recording::vp8();
    let mut playing = video.start();
    playing.play(&video.packets);
    assert_eq!(
        playing.streams(),
        [(3_269_080_673, Some(2_444_458_663), 110)]
    );
    let audio = Recording::opus();
    let mut playing = audio.start();
    playing.play(&audio.packets);
    assert_eq!(playing.streams(), [(142_649_841, None, 174)]);
}

#[test]
fn probes_and_retransmissions_that_nobody_asked_for_go_no_further() {
    let recording = Recording::vp8();
    let mut playing = recording.start();
    playing.play(&recording.packets);
    // The first probe comes before any media, so no stream can have it.
    let discarded = counted(&playing.room.engine.ledger().discarded);
    assert_eq!(
        discarded,
        [
            ("unknownStream", 1),
            ("probe", 17),
            ("unrequestedRetransmission", 17)
        ]
    );
}

#[test]
fn every_consumer_gets_the_recorded_media_beginning_with_a_key_frame() {
    for recording in [Recording::vp8(), Recording::opus()] {
        let mut playing = recording.start();
        for index in 1..=3 {
            let transport = playing.room.plain(address(index));
            playing.room.consume(transport, playing.producer);
        }
        playing.play(&recording.packets);
        let media = recording.media();
        let expected: Vec<_> = media.iter().map(essence).collect();
        let received = playing.room.received();
        for index in 1..=3 {
            let mine = received
                .iter()
                .filter(|datagram| datagram.to == address(index))
                .filter(|datagram| classify(&datagram.bytes) == Some(PacketKind::Rtp));
            let packets: Vec<_> = mine
                .map(|datagram| Packet::parse(&datagram.bytes))
                .collect();
            assert!(recording.kind == MediaKind::Audio || is_key_frame(&packets[0]));
            assert_eq!(packets.iter().map(essence).collect::<Vec<_>>(), expected);
            let first = packets[0].sequence;
            let without_gaps = (0..packets.len() as u16).map(|n| first.wrapping_add(n));
            let sequence = packets.iter().map(|packet| packet.sequence);
            assert!(sequence.eq(without_gaps));
        }
    }
}

#[test]
fn a_consumer_that_missed_the_key_frame_waits_for_the_next() {
    let recording = Recording::vp8();
    let (begin, rest) = recording.packets.split_at(100);
    let mut playing = recording.start();
    playing.play(begin);
    let transport = playing.room.plain(address(1));
    playing.room.consume(transport, playing.producer);
    playing.play(rest);
    assert_eq!(playing.room.rtp_to(address(1)), []);
    let ledger = playing.room.engine.ledger();
    let [(reason, withheld)] = counted(&ledger.withheld)[..] else {
        panic!("one reason, not {:?}", ledger.withheld);
    };
    assert_eq!((reason, withheld), ("awaitingKeyFrame", ledger.offered));
    assert!(ledger.generated > 0, "the sender is asked for a key frame");
}

#[test]
fn the_orientation_of_a_recorded_camera_is_found_once() {
    let recording = Recording::vp8();
    let mut playing = recording.start();
    playing.play(&recording.packets);
    let upright = VideoOrientation {
        camera: false,
        flip: false,
        rotation: 0,
    };
    let engine = &mut playing.room.engine;
    assert_eq!(engine.orientation(playing.producer), Ok(Some(upright)));
    let told = engine
        .drain_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::VideoOrientationChanged(event) => Some((event.subject, event.orientation)),
            _ => None,
        });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [(Subject::Producer(playing.producer), upright)]
    );
}
