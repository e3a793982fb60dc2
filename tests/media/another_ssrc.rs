//! A sender that comes back with another SSRC, under the same MID, or RID, or both, takes the place of
//! the one before (RFC 8843 section 9.2).

use std::time::Duration;

use flumen::rtp_parameters::{MediaKind, RtpParameters};
use flumen::stats::RtpStats;
use flumen::{Discard, Event, ProducerId};
use flumen_tests::{
    Call, Left, MID, Packet, REPAIRED_RID, RID, RTX, Request, Room, SENDER, VP8_DELTA_FRAME,
    VP8_KEY_FRAME, address, encoding, encoding_named, encoding_of, opus, requests_to, vp8_rtx,
};
use proptest::prelude::*;

/// By which names a producer is found.
#[derive(Clone, Copy, Debug)]
struct Names {
    mid: Option<&'static str>,
    rid: Option<&'static str>,
}

const NAMES: [Names; 3] = [
    Names {
        mid: Some("m"),
        rid: None,
    },
    Names {
        mid: None,
        rid: Some("r"),
    },
    Names {
        mid: Some("m"),
        rid: Some("r"),
    },
];

impl Names {
    fn parameters(self) -> RtpParameters {
        let encoding = self.rid.map_or_else(encoding, encoding_named);
        RtpParameters {
            mid: self.mid.map(Into::into),
            ..vp8_rtx(vec![encoding])
        }
    }

    fn on(self, mut packet: Packet) -> Packet {
        for (id, name) in [(MID, self.mid), (RID, self.rid)] {
            if let Some(name) = name {
                packet = packet.with_extension(id, name.as_bytes());
            }
        }
        packet
    }
}

/// A call whose producer declares no SSRC.
struct Caller {
    call: Call,
    names: Names,
}

impl Caller {
    fn new(names: Names) -> Self {
        Self::inside(Room::new(), names)
    }

    fn inside(room: Room, names: Names) -> Self {
        let call = Call::inside(room, MediaKind::Video, names.parameters());
        Self { call, names }
    }

    fn send(&mut self, ssrc: u32, sequence: u16, payload: &[u8]) -> Left {
        let packet = self.names.on(Packet::new(96, sequence, ssrc, payload));
        self.call.send(&[packet])
    }

    /// Sends `original` again as number `sequence` of `ssrc`; how many packets that brings.
    fn repeat(&mut self, ssrc: u32, sequence: u16, original: u16) -> usize {
        let payload = [&original.to_be_bytes(), VP8_DELTA_FRAME].concat();
        let mut packet = Packet::new(RTX, sequence, ssrc, &payload);
        let repaired = self.names.rid.map(|rid| (REPAIRED_RID, rid));
        for (id, name) in self
            .names
            .mid
            .map(|mid| (MID, mid))
            .into_iter()
            .chain(repaired)
        {
            packet = packet.with_extension(id, name.as_bytes());
        }
        self.call.send(&[packet]).packets.len()
    }

    fn changes(&mut self) -> Vec<(u32, u32)> {
        let events = self.call.room.engine.drain_events();
        let changes = events.into_iter().filter_map(|event| match event {
            Event::SsrcChanged(event) => Some(event.change),
            _ => None,
        });
        changes
            .map(|change| (change.previous_ssrc, change.ssrc))
            .collect()
    }

    fn discarded(&self, reason: Discard) -> u64 {
        self.call.room.engine.ledger().discarded[reason]
    }
}

fn sequences(left: &Left) -> Vec<u16> {
    left.packets.iter().map(|packet| packet.sequence).collect()
}

#[test]
fn the_new_ssrc_is_forwarded_from_its_first_key_frame_on_with_continuous_numbers() {
    for names in NAMES {
        let mut caller = Caller::new(names);
        let first = sequences(&caller.send(10, 100, VP8_KEY_FRAME))[0];
        assert_eq!(
            sequences(&caller.send(10, 101, VP8_DELTA_FRAME)),
            [first + 1]
        );
        // What cannot be decoded without what came before is held back, and a key frame asked for.
        let left = caller.send(20, 60_000, VP8_DELTA_FRAME);
        assert!(left.packets.is_empty());
        assert_eq!(left.requests, [Request::Pli(20)], "{names:?}");
        assert_eq!(caller.changes(), [(10, 20)]);
        assert_eq!(
            sequences(&caller.send(20, 60_001, VP8_KEY_FRAME)),
            [first + 2]
        );
        // Names come with the first packets alone.
        let bare = Packet::new(96, 60_002, 20, VP8_DELTA_FRAME);
        assert_eq!(sequences(&caller.call.send(&[bare])), [first + 3]);
        assert_eq!(caller.call.inbound().stream.ssrc, 20);
        assert_eq!(caller.changes(), []);
    }
}

#[test]
fn a_key_frame_in_the_first_packet_of_the_new_ssrc_needs_no_request() {
    let mut caller = Caller::new(NAMES[0]);
    let first = sequences(&caller.send(10, 1, VP8_KEY_FRAME))[0];
    for (ssrc, sequence) in [(20, 1), (30, 2), (40, 2), (50, 1)] {
        let left = caller.send(ssrc, sequence, VP8_KEY_FRAME);
        assert_eq!(sequences(&left), [first + (ssrc / 10 - 1) as u16]);
        assert_eq!(left.requests, []);
    }
}

#[test]
fn audio_goes_on_at_once() {
    let mut parameters = opus(1);
    parameters.encodings = vec![encoding()];
    parameters.mid = Some("m".into());
    let mut call = Call::of(MediaKind::Audio, parameters);
    let mut send = |ssrc, sequence| {
        let packet = Packet::new(111, sequence, ssrc, b"a").with_extension(4, b"m");
        sequences(&call.send(&[packet]))
    };
    let first = send(10, 7)[0];
    assert_eq!(send(20, 50_000), [first + 1]);
    assert_eq!(send(20, 50_001), [first + 2]);
    assert_eq!(send(30, 50_001), [first + 3]);
}

#[test]
fn the_event_says_which_stream_it_is_about() {
    let mut room = Room::new();
    let sender = room.plain(address(SENDER));
    let parameters = vp8_rtx(["q", "h"].map(encoding_named).to_vec());
    let producer = room.produce(sender, MediaKind::Video, parameters);
    for (ssrc, rid) in [(1, "q"), (2, "h"), (3, "h")] {
        let packet = Packet::new(96, 1, ssrc, VP8_KEY_FRAME).with_extension(RID, rid.as_bytes());
        room.arrive(sender, &packet);
        room.tick();
    }
    let events = room.engine.drain_events();
    let change = events
        .iter()
        .find(|event| event.name() == "ssrcchange")
        .unwrap();
    let expected = serde_json::json!({
        "event": "ssrcchange",
        "producerId": producer,
        "data": { "encodingIdx": 1, "rid": "h", "ssrc": 3, "previousSsrc": 2 },
    });
    assert_eq!(serde_json::to_value(change).unwrap(), expected);
    let score = room.engine.score(producer).unwrap();
    let ssrcs: Vec<u32> = score.iter().map(|entry| entry.ssrc).collect();
    assert_eq!(ssrcs, [1, 3], "the other layer goes on");
}

#[test]
fn the_last_packets_of_the_old_ssrc_do_not_bring_it_back() {
    let mut caller = Caller::new(NAMES[0]);
    caller.send(10, 1, VP8_KEY_FRAME);
    caller.send(20, 1, VP8_KEY_FRAME);
    caller.changes();
    for sequence in 2..40 {
        assert!(caller.send(10, sequence, VP8_KEY_FRAME).packets.is_empty());
        assert_eq!(caller.send(20, sequence, VP8_DELTA_FRAME).packets.len(), 1);
    }
    assert_eq!(caller.changes(), []);
    assert_eq!(caller.discarded(Discard::UnknownStream), 38);
}

#[test]
fn an_ssrc_that_was_replaced_may_come_back_once_its_successor_is_silent() {
    let mut caller = Caller::new(NAMES[0]);
    caller.send(10, 1, VP8_KEY_FRAME);
    caller.send(20, 1, VP8_KEY_FRAME);
    caller.call.tick_after(Duration::from_secs(2));
    assert_eq!(caller.send(10, 2, VP8_KEY_FRAME).packets.len(), 1);
    assert_eq!(caller.changes(), [(10, 20), (20, 10)]);
}

#[test]
fn retransmissions_follow_their_media() {
    for names in NAMES {
        let mut caller = Caller::new(names);
        for (media, rtx) in [(10, 11), (20, 21)] {
            caller.send(media, 1, VP8_KEY_FRAME);
            caller.send(media, 3, VP8_DELTA_FRAME);
            // That of the one before is nobody's, even if it comes first.
            if media == 20 {
                assert_eq!(caller.repeat(11, 2, 2), 0);
                assert_eq!(caller.discarded(Discard::UnknownStream), 1);
            }
            assert_eq!(caller.repeat(rtx, 2, 2), 1);
            assert_eq!(caller.call.inbound().stream.rtx_ssrc, Some(rtx));
        }
    }
}

#[test]
fn retransmissions_may_come_with_another_ssrc_alone() {
    for names in NAMES {
        let mut caller = Caller::new(names);
        caller.send(10, 1, VP8_KEY_FRAME);
        // SSRC, its number of the retransmission, and how many get through.
        let steps = [
            (11, 500, 1),
            (12, 60_000, 1),
            (11, 501, 0),
            (12, 60_001, 1),
            (13, 7, 1),
        ];
        for (missed, (rtx, number, got)) in (2..).step_by(2).zip(steps) {
            caller.send(10, missed + 1, VP8_DELTA_FRAME);
            assert_eq!(caller.repeat(rtx, number, missed), got, "{names:?}: {rtx}");
        }
        let inbound = caller.call.inbound();
        assert_eq!(inbound.stream.rtx_ssrc, Some(13), "{names:?}");
        assert_eq!(caller.changes(), [], "its media has the same");
    }
}

#[test]
fn a_flood_of_ssrcs_of_retransmissions_costs_no_more_than_the_limit() {
    let room = Room::with(|builder| builder.ssrc_changes_per_encoding(5));
    let mut caller = Caller::inside(room, NAMES[0]);
    caller.send(1, 1, VP8_KEY_FRAME);
    for ssrc in 100..300 {
        caller.repeat(ssrc, 1, 2);
    }
    assert_eq!(caller.discarded(Discard::TooManySsrcs), 200 - 6);
}

#[test]
fn what_the_receiver_asks_for_again_is_that_of_the_new_ssrc() {
    let mut caller = Caller::new(NAMES[0]);
    let old = caller.send(10, 1, VP8_KEY_FRAME).packets.remove(0);
    let new = caller
        .send(20, 1, &[VP8_KEY_FRAME, b"new"].concat())
        .packets
        .remove(0);
    let mut nack = Vec::new();
    let ssrc = caller.call.consumer_ssrc();
    let numbers = [old.sequence, new.sequence];
    flumen::components::wire::rtcp::write_nack(&mut nack, 1, ssrc, numbers);
    caller.call.room.arrive_bytes(caller.call.receiver, &nack);
    let again = caller.call.tick_after(Duration::from_millis(1)).packets;
    assert_eq!(again.len(), 1, "what was before is gone");
    assert_eq!(again[0].payload[2..], new.payload);
}

#[test]
fn a_declared_ssrc_is_not_replaced() {
    let mut declared = encoding_of(10);
    declared.rid = Some("r".into());
    let mut parameters = vp8_rtx(vec![declared]);
    parameters.mid = Some("m".into());
    let call = Call::of(MediaKind::Video, parameters);
    let mut caller = Caller {
        call,
        names: NAMES[2],
    };
    assert_eq!(caller.send(10, 1, VP8_KEY_FRAME).packets.len(), 1);
    assert!(caller.send(20, 1, VP8_KEY_FRAME).packets.is_empty());
    assert_eq!(caller.discarded(Discard::UnknownStream), 1);
    assert_eq!(caller.changes(), []);
}

fn entities(room: &mut Room) -> u32 {
    // Two ticks later no event lives in the world.
    room.tick();
    room.tick();
    room.engine.world().entities().count_spawned()
}

#[test]
fn a_flood_of_ssrcs_costs_no_more_than_the_limit() {
    let room = Room::with(|builder| builder.ssrc_changes_per_encoding(5));
    let mut caller = Caller::inside(room, NAMES[0]);
    caller.send(1, 1, VP8_KEY_FRAME);
    let before = entities(&mut caller.call.room);
    caller.call.room.received();
    for ssrc in 2..2_002 {
        let packet = caller.names.on(Packet::new(96, 1, ssrc, VP8_DELTA_FRAME));
        caller.call.room.arrive(caller.call.sender, &packet);
        if ssrc % 100 == 0 {
            caller.call.room.tick();
        }
    }
    caller.call.room.tick();
    assert_eq!(caller.changes().len(), 5);
    assert_eq!(caller.discarded(Discard::TooManySsrcs), 2_000 - 5);
    let requests = requests_to(&caller.call.room.received(), address(SENDER));
    assert!(requests.len() <= 5, "{requests:?}");
    assert_eq!(entities(&mut caller.call.room), before);
    // Later the sender may come back.
    caller.call.tick_after(Duration::from_secs(10));
    assert_eq!(caller.send(9_999, 1, VP8_KEY_FRAME).packets.len(), 1);
}

#[test]
fn a_flood_under_one_mid_costs_nobody_else_anything() {
    let mut caller = Caller::new(NAMES[0]);
    let mut other = NAMES[0].parameters();
    other.mid = Some("n".into());
    let sender = caller.call.sender;
    let neighbour = caller.call.room.produce(sender, MediaKind::Video, other);
    let receiver = caller.call.room.plain(address(6_001));
    caller.call.room.consume(receiver, neighbour);
    for round in 0..100 {
        for ssrc in 0..20 {
            let flood = Packet::new(96, 1, 1_000 + round * 20 + ssrc, VP8_KEY_FRAME);
            let flood = caller.names.on(flood);
            caller.call.room.arrive(sender, &flood);
        }
        let packet = Packet::new(96, round as u16, 7, VP8_KEY_FRAME).with_extension(MID, b"n");
        caller.call.room.arrive(sender, &packet);
        caller.call.room.tick();
        assert_eq!(caller.call.room.rtp_to(address(6_001)).len(), 1);
    }
    let streams = streams(&caller.call.room, neighbour);
    assert_eq!(streams, [(7, 100)]);
}

/// SSRC and packets of each stream.
fn streams(room: &Room, producer: ProducerId) -> Vec<(u32, u64)> {
    let stats = room.engine.producer_stats(producer).unwrap();
    let inbound = stats.iter().filter_map(|stats| match stats {
        RtpStats::Inbound(stats) => Some((stats.stream.ssrc, stats.stream.packet_count)),
        _ => None,
    });
    inbound.collect()
}

proptest! {
    /// However often a sender comes back, and with whatever numbers and timestamps: what leaves is
    /// one run of numbers, and of each SSRC it begins with a key frame.
    #[test]
    fn whatever_comes_back_leaves_as_one_run(
        lives in prop::collection::vec(
            (any::<u16>(), prop::collection::vec(any::<bool>(), 1..8)), 1..12,
        ),
        kind in 0_usize..3,
    ) {
        let mut caller = Caller::new(NAMES[kind]);
        let mut left = Vec::new();
        for (ssrc, (first, pictures)) in (1..).zip(&lives) {
            let mut begun = false;
            for (offset, &key) in (0..).zip(pictures) {
                let payload = if key { VP8_KEY_FRAME } else { VP8_DELTA_FRAME };
                let sent = caller.send(ssrc, first.wrapping_add(offset), payload);
                begun |= key;
                prop_assert_eq!(sent.packets.len(), usize::from(begun));
                left.extend(sequences(&sent));
            }
            prop_assert_eq!(caller.call.inbound().stream.ssrc, ssrc);
        }
        prop_assert!(left.windows(2).all(|pair| pair[0].wrapping_add(1) == pair[1]), "{:?}", left);
        prop_assert_eq!(caller.changes().len(), lives.len() - 1);
    }
}
