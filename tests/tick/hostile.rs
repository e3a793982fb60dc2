//! Hostile RTP: no panic, bounded memory, counted, and nobody else's output changes.

use flumen::components::Listener;
use flumen::components::wire::classify::{PacketKind, classify};
use flumen::{Discard, TransportId};
use flumen_tests::victims::{STRANGER, Victims, unharmed};
use flumen_tests::{Noise, Packet, Room, VP8_KEY_FRAME, with_retransmissions};

fn discarded(victims: &Victims, reason: Discard) -> u64 {
    victims.room.engine.ledger().discarded[reason]
}

/// A packet of the stranger's with everything a header can have.
fn full_packet() -> Vec<u8> {
    let mut packet = Packet::new(96, 10, 3_333, VP8_KEY_FRAME)
        .with_extension(3, &[1])
        .with_extension(9, b"mid")
        .with_extension(10, b"rid");
    packet.padding = 5;
    packet.bytes()
}

/// How many entries the lookup tables of a transport have.
fn table_sizes(room: &Room, transport: TransportId) -> [usize; 4] {
    let entity = room.engine.entity(transport).unwrap();
    let listener = room.engine.world().get::<Listener>(entity).unwrap();
    let Listener {
        ssrcs,
        mids,
        rids,
        consumers,
        ..
    } = listener;
    [ssrcs.len(), mids.len(), rids.len(), consumers.len()]
}

#[test]
fn random_bytes_harm_nobody() {
    let mut noise = Noise::new(1);
    let victims = unharmed(100, |victims, _| {
        for _ in 0..50 {
            victims.attack(&noise.bytes(300));
        }
    });
    assert!(discarded(&victims, Discard::Unclassified) > 1_000);
    assert!(discarded(&victims, Discard::UnexpectedStun) > 0);
    assert!(discarded(&victims, Discard::UnexpectedDtls) > 0);
    assert!(discarded(&victims, Discard::MalformedRtp) > 0);
}

#[test]
fn random_bytes_behind_a_valid_beginning_harm_nobody() {
    let mut noise = Noise::new(2);
    let victims = unharmed(100, |victims, _| {
        for _ in 0..50 {
            let mut packet = noise.bytes(300);
            packet.splice(..packet.len().min(1), [0x80 | noise.below(64) as u8]);
            if packet.len() > 12 {
                packet[1] = 96;
                packet[8..12].copy_from_slice(&3_333_u32.to_be_bytes());
            }
            victims.attack(&packet);
        }
    });
    assert!(discarded(&victims, Discard::MalformedRtp) > 100);
    assert!(discarded(&victims, Discard::BadSequence) > 100);
}

#[test]
fn packets_cut_off_at_every_length_harm_nobody() {
    let packet = full_packet();
    let headers = (0..packet.len()).filter(|&len| packet[..len].last() != Some(&5));
    let lengths: Vec<usize> = headers.collect();
    let victims = unharmed(lengths.len() as u32, |victims, tick| {
        victims.attack(&packet[..lengths[tick as usize]]);
    });
    let malformed = discarded(&victims, Discard::MalformedRtp);
    let [empty, one_byte] = [Discard::Empty, Discard::Unclassified].map(|r| discarded(&victims, r));
    assert_eq!((empty, one_byte), (1, 1));
    assert!(malformed >= 30, "{malformed}");
}

#[test]
fn wrong_versions_are_no_rtp() {
    let packet = full_packet();
    let victims = unharmed(3, |victims, tick| {
        let mut wrong = packet.clone();
        wrong[0] = wrong[0] & 0x3f | [0, 1, 3][tick as usize] << 6;
        victims.attack(&wrong);
    });
    let ledger = victims.room.engine.ledger();
    assert_eq!(ledger.discarded.total(), 3, "{:?}", ledger.discarded);
}

#[test]
fn absurd_lengths_are_malformed() {
    let packet = full_packet();
    let with = |at: usize, value: u8| {
        let mut absurd = packet.clone();
        absurd[at] = value;
        absurd
    };
    let last = packet.len() - 1;
    let absurd = [
        with(14, 0xff),
        with(15, 0xff),
        with(16, 0x3f),
        with(last, 0),
        with(last, 255),
        with(0, packet[0] | 0x0f),
    ];
    let victims = unharmed(absurd.len() as u32, |victims, tick| {
        victims.attack(&absurd[tick as usize]);
    });
    assert_eq!(discarded(&victims, Discard::MalformedRtp), 6);
}

#[test]
fn repeated_extension_elements_do_not_make_a_packet_grow() {
    let mut victims = Victims::default();
    let plain = Packet::new(96, 10, 3_333, VP8_KEY_FRAME).with_extension(3, &[1]);
    let mut repeated = Packet::new(96, 11, 3_333, VP8_KEY_FRAME);
    for _ in 0..200 {
        repeated = repeated.with_extension(3, &[1]);
    }
    victims.attack(&plain.bytes());
    victims.attack(&repeated.bytes());
    let lengths: Vec<usize> = {
        victims.room.tick();
        let sent = victims.room.received().into_iter();
        let to_stranger = sent.filter(|datagram| datagram.to == STRANGER);
        let media = to_stranger.filter(|sent| classify(&sent.bytes) == Some(PacketKind::Rtp));
        media.map(|datagram| datagram.bytes.len()).collect()
    };
    assert_eq!(lengths.len(), 2);
    assert_eq!(lengths[0], lengths[1]);
}

#[test]
fn elements_of_every_length_in_every_place_leave_as_well_formed_packets() {
    let mut victims = Victims::default();
    let mut sequence = 10;
    for id in 1..=14 {
        for len in 0..=255 {
            let mut packet = Packet::new(96, sequence, 3_333, VP8_KEY_FRAME)
                .with_extension(id, &vec![0xaa; len])
                .with_extension(3, &vec![0x55; 255 - len]);
            packet.two_byte = true;
            victims.attack(&packet.bytes());
            victims.room.tick();
            assert!(!victims.room.rtp_to(STRANGER).is_empty());
            sequence += 1;
        }
    }
}

#[test]
fn a_hundred_thousand_unknown_ssrcs_are_counted_and_not_remembered() {
    let mut noise = Noise::new(3);
    let mut before = None;
    let victims = unharmed(400, |victims, tick| {
        if tick == 0 {
            before = Some(table_sizes(&victims.room, victims.stranger));
        }
        for _ in 0..250 {
            let ssrc = 10_000 + noise.below(1 << 31) as u32;
            let mut packet = Packet::new(96, tick as u16, ssrc, VP8_KEY_FRAME);
            match noise.below(3) {
                0 => packet = packet.with_extension(9, &noise.bytes(7)[..].repeat(2)[..]),
                1 => packet = packet.with_extension(10, b"r").with_extension(11, b"rr"),
                _ => {}
            }
            packet.extensions.retain(|(_, value)| !value.is_empty());
            victims.attack(&packet.bytes());
        }
    });
    assert_eq!(discarded(&victims, Discard::UnknownProducer), 100_000);
    assert_eq!(Some(table_sizes(&victims.room, victims.stranger)), before);
}

#[test]
fn a_producer_that_names_no_ssrc_has_one_stream_however_many_ssrcs_claim_to_be_it() {
    let mut room = Room::new();
    let sender = room.plain(STRANGER);
    let mut parameters = with_retransmissions(flumen_tests::vp8(1));
    parameters.mid = Some("m".into());
    parameters.encodings[0].ssrc = None;
    parameters.encodings[0].rtx = None;
    room.produce(sender, flumen::rtp_parameters::MediaKind::Video, parameters);
    for index in 0..10_000 {
        let payload_type = 96 + (index % 2) as u8;
        let packet = Packet::new(payload_type, 1, 10_000 + index, VP8_KEY_FRAME);
        room.arrive(sender, &packet.with_extension(9, b"m"));
        if index % 200 == 0 {
            room.tick();
        }
    }
    room.tick();
    // One of media and the first retransmission behind it latched their SSRCs.
    assert_eq!(table_sizes(&room, sender), [2, 1, 0, 0]);
    let changes = flumen::Limits::default().ssrc_changes_per_encoding as u64;
    assert!(room.engine.ledger().accepted <= 1 + changes);
    let refused = room.engine.ledger().discarded[Discard::TooManySsrcs];
    // Each time another took the place of media, retransmissions of another came behind it.
    assert_eq!(refused, 2 * (5_000 - 1 - changes));
}

#[test]
fn a_second_source_cannot_take_a_learnt_address_over() {
    let mut room = Room::new();
    let sender = room.comedia();
    let producer = room.produce_video(sender, 2_222);
    let receiver = room.plain(([127, 0, 0, 1], 6_000).into());
    room.consume(receiver, producer);
    let local = room.local(sender);
    let (owner, thief) = (
        ([127, 0, 0, 1], 5_000).into(),
        ([127, 0, 0, 1], 5_001).into(),
    );
    for sequence in 10..20 {
        let packet = Packet::new(96, sequence, 2_222, VP8_KEY_FRAME).bytes();
        room.wire.inject(local, owner, &packet);
        room.wire.inject(local, thief, &packet);
        room.tick();
    }
    let ledger = room.engine.ledger();
    assert_eq!(ledger.discarded[Discard::UnknownSource], 10);
    assert_eq!(ledger.accepted, 10);
    let tuple = room.engine.tuple(sender).unwrap().unwrap();
    assert_eq!(tuple.remote_port, Some(5_000));
}

#[test]
fn what_is_no_media_teaches_no_address() {
    let mut room = Room::new();
    let sender = room.comedia();
    let local = room.local(sender);
    let mut noise = Noise::new(4);
    for _ in 0..200 {
        let mut bytes = noise.bytes(100);
        bytes.insert(0, noise.below(128) as u8);
        room.wire.inject(local, STRANGER, &bytes);
        room.wire.inject(local, STRANGER, &[0x80; 11]);
    }
    room.tick();
    room.tick();
    let tuple = room.engine.tuple(sender).unwrap().unwrap();
    assert_eq!(tuple.remote_port, None);
}

#[test]
fn a_flooded_socket_delays_the_packets_of_another_by_one_tick_at_most() {
    let mut room = Room::with(|builder| builder.datagrams_per_tick(64));
    let address = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    // The flooded socket is the older one, which has no advantage.
    let [flooded, sender] = [7_000, 5_000].map(|port| room.plain(address(port)));
    room.produce_video(sender, 2_222);
    let junk = Packet::new(96, 1, 9_999, VP8_KEY_FRAME).bytes();
    for sequence in 0..50 {
        (0..500).for_each(|_| room.arrive_bytes(flooded, &junk));
        room.arrive(sender, &Packet::new(96, sequence, 2_222, VP8_KEY_FRAME));
        room.tick();
        let accepted = room.engine.ledger().accepted;
        assert!(accepted >= u64::from(sequence), "{accepted} in time");
    }
}

#[test]
fn a_flood_within_the_limits_delays_nobody() {
    let junk = Packet::new(96, 1, 9_999, VP8_KEY_FRAME).bytes();
    unharmed(50, |victims, _| {
        for _ in 0..500 {
            victims.attack(&junk);
        }
    });
}

#[test]
fn a_flooded_queue_drops_the_floods_own_packets() {
    let victims = unharmed(20, |victims, _| {
        victims.room.wire.limit_queues(1_000);
        for _ in 0..5_000 {
            victims.attack(&[0x50]);
        }
    });
    let ledger = victims.room.engine.ledger();
    assert!(ledger.kernel_drops > 90_000, "{}", ledger.kernel_drops);
}
