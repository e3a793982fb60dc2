//! Plain transports with SRTP: what comes is opened, what leaves is sealed, and nobody else notices.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::components::wire::classify::{PacketKind, classify};
use flumen::components::wire::rtcp::{RtcpPacket, packets, write_nack};
use flumen::components::wire::rtp::ClearHeader;
use flumen::rtp_parameters::MediaKind;
use flumen::srtp::{CryptoSuite, MasterKey};
use flumen::{
    ConnectError, ConnectOptions, ConsumerOptions, Discard, Listen, PlainTransportOptions,
    SctpOptions, TransportId,
};
use flumen_tests::feedback::pli;
use flumen_tests::victims::Victims;
use flumen_tests::{
    Call, Downlink, Packet, RECEIVER, Received, Room, SENDER, SSRC, SrtpPeer, VP8_DELTA_FRAME,
    VP8_KEY_FRAME, address, bottleneck, fails, opus, vp8, with_retransmissions,
};

const GCM: CryptoSuite = CryptoSuite::AeadAes128Gcm;

/// A frame of one packet, long enough that no part of it comes about by chance.
fn frame(number: u16) -> Packet {
    let mut payload = match number % 50 {
        1 => VP8_KEY_FRAME.to_vec(),
        _ => VP8_DELTA_FRAME.to_vec(),
    };
    payload.resize(100 + usize::from(number % 7), 0x5a);
    Packet::new(96, number, SSRC, &payload)
}

/// What both ends of a call of four seconds get: media of which some is lost on the way in and some
/// on the way out, and all that is said of it.
fn call(room: Room) -> (Call, Vec<Received>) {
    let mut call = Call::inside(room, MediaKind::Video, with_retransmissions(vp8(SSRC)));
    let ssrc = call.consumer_ssrc();
    let mut got = Vec::new();
    for number in 1..=400 {
        if number % 20 != 7 {
            call.room.arrive(call.sender, &frame(number));
        }
        if number % 100 == 70 {
            call.room.arrive_bytes(call.receiver, &pli(ssrc));
        }
        call.room.tick_after(Duration::from_millis(10));
        let received = call.room.received();
        let last = flumen_tests::rtp_to(&received, address(RECEIVER)).pop();
        if let Some(packet) = last.filter(|_| number % 30 == 0) {
            let mut nack = Vec::new();
            write_nack(&mut nack, 1, ssrc, [packet.sequence]);
            call.room.arrive_bytes(call.receiver, &nack);
        }
        got.extend(received);
    }
    (call, got)
}

/// How many packets there are of each kind that a call has: media, retransmissions, and RTCP.
fn kinds(call: &Call, got: &[Received]) -> [usize; 5] {
    let parameters = call.room.engine.consumer_parameters(call.consumer);
    let media = parameters.unwrap().codecs[0].payload_type;
    let mut kinds = [0; 5];
    for datagram in got {
        if classify(&datagram.bytes) == Some(PacketKind::Rtp) {
            kinds[usize::from(datagram.bytes[1] & 0x7f != media)] += 1;
            continue;
        }
        for packet in packets(&datagram.bytes) {
            match packet.unwrap() {
                RtcpPacket::SenderReport(_) => kinds[2] += 1,
                RtcpPacket::Nack(_) => kinds[3] += 1,
                RtcpPacket::Pli(_) => kinds[4] += 1,
                _ => {}
            }
        }
    }
    kinds
}

#[test]
fn whatever_leaves_is_sealed_and_is_what_leaves_without() {
    let (plain, expected) = call(Room::new());
    let kinds = kinds(&plain, &expected);
    assert!(kinds.iter().all(|count| *count > 2), "{kinds:?}");
    for suite in CryptoSuite::ALL {
        let (sealed, got) = call(Room::sealed(suite));
        assert!(got == expected, "{suite:?}");
        let stats = |call: &Call, id| call.room.engine.transport_stats(id).unwrap();
        let [without, with] = [&plain, &sealed].map(|call| stats(call, call.receiver));
        let counted = [without.rtp_bytes_sent, without.rtx_bytes_sent];
        assert_eq!([with.rtp_bytes_sent, with.rtx_bytes_sent], counted);
        let to_receiver = got
            .iter()
            .filter(|datagram| datagram.to == address(RECEIVER));
        let overhead: usize = to_receiver
            .map(|datagram| match classify(&datagram.bytes) {
                Some(PacketKind::Rtcp) => suite.rtcp_overhead(),
                _ => suite.rtp_overhead(),
            })
            .sum();
        assert_eq!(with.bytes_sent, without.bytes_sent + overhead as u64);
    }
}

#[test]
fn what_tries_a_path_is_sealed_too() {
    let run = |room: Room| {
        let mut downlink = Downlink::inside(room, bottleneck(2_000_000));
        downlink.want(3_000_000);
        let available = downlink.run(Duration::from_secs(4), |available| available);
        (available, downlink.padding_bytes)
    };
    let expected = run(Room::new());
    assert!(expected.1 > 10_000);
    assert!(run(Room::sealed(GCM)) == expected);
}

/// The same number twice, with another time of leaving, would tell who listens the key of the tags.
#[test]
fn without_a_stream_for_it_nothing_is_sent_again() {
    for (room, again) in [(Room::new(), 1), (Room::sealed(GCM), 0)] {
        let parameters = with_retransmissions(vp8(SSRC));
        let mut call = Call::inside(room, MediaKind::Video, parameters);
        let mut capabilities = call.room.capabilities();
        capabilities
            .codecs
            .retain(|codec| codec.mime_type != "video/rtx");
        let options = ConsumerOptions::new(call.producer, capabilities);
        let consumer = call.room.engine.consume(call.receiver, options).unwrap();
        call.room.arrive(call.sender, &frame(1));
        call.room.tick();
        let parameters = call.room.engine.consumer_parameters(consumer).unwrap();
        let ssrc = parameters.encodings[0].ssrc.unwrap();
        let sent = flumen_tests::rtp_to(&call.room.received(), address(RECEIVER));
        let packet = sent.iter().find(|packet| packet.ssrc == ssrc).unwrap();
        let mut nack = Vec::new();
        write_nack(&mut nack, 1, ssrc, [packet.sequence]);
        call.room.arrive_bytes(call.receiver, &nack);
        call.room.tick();
        let sent = flumen_tests::rtp_to(&call.room.received(), address(RECEIVER));
        assert_eq!(sent.len(), again);
        assert_eq!(call.room.engine.ledger().refused.total(), 0);
    }
}

#[test]
fn nothing_of_a_payload_is_on_the_wire() {
    for suite in CryptoSuite::ALL {
        let mut call = Call::inside(Room::sealed(suite), MediaKind::Video, vp8(SSRC));
        call.room.arrive(call.sender, &frame(1));
        call.room.tick();
        let datagrams = call.room.on_the_wire();
        let sent = datagrams.iter().find(|it| it.to == address(RECEIVER));
        let sent = &sent.unwrap().bytes;
        let header = ClearHeader::parse(sent).unwrap();
        assert_eq!(
            sent.len(),
            header.len + frame(1).payload.len() + suite.rtp_overhead()
        );
        assert!(!sent.windows(4).any(|part| part == [0x5a; 4]));
    }
}

/// Packets to several receivers, more than are sealed at once, leave as they would together.
#[test]
fn a_tick_that_is_sealed_in_parts_sends_the_same() {
    let run = |bytes: usize| {
        let mut room = Room::with(|builder| builder.sealed_bytes(bytes));
        room.srtp = Some(GCM);
        let sender = room.plain(address(SENDER));
        let producer = room.produce_video(sender, SSRC);
        for port in [6_000, 6_001, 6_002] {
            let receiver = room.plain(address(port));
            room.consume(receiver, producer);
        }
        room.srtp = None;
        let plain = room.plain(address(6_003));
        room.consume(plain, producer);
        for number in 1..40 {
            room.arrive(sender, &frame(number));
        }
        room.tick();
        (room.received(), room.engine.ledger().clone())
    };
    let expected = run(1 << 20);
    assert_eq!(expected.1.sent, 4 * 39);
    for bytes in [1, 100, 1_000, 5_000] {
        assert!(run(bytes) == expected, "{bytes} bytes at once");
    }
}

#[test]
fn what_waits_for_a_socket_was_sealed_in_its_turn() {
    let mut call = Call::inside(Room::sealed(GCM), MediaKind::Video, vp8(SSRC));
    let local = call.room.local(call.receiver);
    call.room.wire.block(local);
    for number in 1..5 {
        call.room.arrive(call.sender, &frame(number));
        call.room.tick();
    }
    assert_eq!(call.room.engine.ledger().waiting, 4);
    call.room.wire.unblock(local);
    let payloads = call.send(&[frame(5)]).packets.into_iter();
    let expected: Vec<_> = (1..6).map(|number| frame(number).payload).collect();
    assert!(payloads.map(|packet| packet.payload).eq(expected));
    let stats = call.room.engine.transport_stats(call.receiver).unwrap();
    assert_eq!(stats.bytes_sent, stats.rtp_bytes_sent + 5 * 16);
}

#[test]
fn a_shared_socket_has_receivers_with_and_without() {
    let mut room = Room::new();
    let sender = room.plain(address(SENDER));
    let producer = room.produce_video(sender, SSRC);
    let socket = room.socket();
    let options = PlainTransportOptions {
        listen: Listen::Shared(socket),
        ..Room::srtp_options(GCM)
    };
    let sealed = room.open(options);
    room.join_sealed(sealed, address(6_000));
    let plain = room.on_socket(socket, address(6_001));
    for receiver in [sealed, plain] {
        room.consume(receiver, producer);
    }
    room.arrive(sender, &frame(1));
    room.tick();
    let received = room.received();
    for port in [6_000, 6_001] {
        let packets = flumen_tests::rtp_to(&received, address(port));
        assert_eq!(packets[0].payload, frame(1).payload);
    }
}

#[test]
fn rtcp_on_a_port_of_its_own_is_sealed_with_the_same_keys() {
    let mut room = Room::new();
    let options = PlainTransportOptions {
        rtcp_mux: false,
        ..Room::srtp_options(GCM)
    };
    let transport = room.open(options);
    room.join_sealed(transport, address(SENDER));
    room.produce_video(transport, SSRC);
    room.arrive(transport, &Packet::new(96, 1, SSRC, VP8_DELTA_FRAME));
    let mut peer = room.peers.remove(&address(SENDER)).unwrap();
    let bye = peer.seal(&flumen_tests::feedback::packet(0x81, 203, &[SSRC]));
    let (to, from) = (room.local_rtcp(transport), address(SENDER + 1));
    room.wire.inject(to, from, &bye);
    room.tick_after(Duration::from_secs(1));
    room.tick_after(Duration::from_secs(1));
    assert_eq!(room.engine.ledger().consumed.total(), 1);
    let sent = room.on_the_wire();
    assert!(!sent.is_empty() && sent.iter().all(|datagram| datagram.to == from));
    for datagram in sent {
        let report = peer.open(&datagram.bytes).unwrap();
        assert!(packets(&report).all(|packet| packet.is_ok()));
    }
}

/// SCTP of plain transports is as unprotected as it was.
#[test]
fn sctp_is_not_sealed() {
    let mut room = Room::new();
    let options = PlainTransportOptions {
        sctp: Some(SctpOptions::default()),
        ..Room::srtp_options(GCM)
    };
    let transport = room.open(options);
    room.join_sealed(transport, address(SENDER));
    room.arrive_bytes(transport, &[0x13, 0x88, 0x13, 0x88, 0]);
    room.tick();
    let stats = room.engine.transport_stats(transport).unwrap();
    assert_eq!(stats.discarded[Discard::MalformedSctp], 1);
}

#[test]
fn keys_are_the_seeds_and_go_with_the_peers_suite() {
    let offer = |seed, suite| {
        let mut room = Room::with(|builder| builder.seed([seed; 32]));
        let transport = room.open(Room::srtp_options(suite));
        let offer = room.engine.srtp_parameters(transport).unwrap().unwrap();
        assert_eq!(offer.key().unwrap().suite(), suite);
        (room, transport, offer)
    };
    for suite in CryptoSuite::ALL {
        let (mut room, transport, offered) = offer(1, suite);
        assert_eq!(offer(1, suite).2, offered);
        assert_ne!(offer(2, suite).2, offered);
        room.join_sealed(transport, address(SENDER));
        let kept = room.engine.srtp_parameters(transport).unwrap();
        assert_eq!(kept, Some(offered));
    }
    let (mut room, transport, offered) = offer(1, CryptoSuite::AesCm128HmacSha1_80);
    let to = ConnectOptions {
        srtp_parameters: Some(SrtpPeer::parameters(CryptoSuite::AesCm128HmacSha1_32)),
        ..ConnectOptions::from(address(SENDER))
    };
    room.engine.connect(transport, &to).unwrap();
    let adopted = room.engine.srtp_parameters(transport).unwrap().unwrap();
    assert_eq!(adopted.crypto_suite, CryptoSuite::AesCm128HmacSha1_32);
    assert_ne!(adopted.key_base64, offered.key_base64);
    let plain = room.unconnected();
    assert_eq!(room.engine.srtp_parameters(plain).unwrap(), None);
}

#[test]
fn keys_are_in_no_dump_and_no_debug_output() {
    let mut room = Room::new();
    let transport = room.open(Room::srtp_options(GCM));
    let ours = room.engine.srtp_parameters(transport).unwrap().unwrap();
    room.join_sealed(transport, address(SENDER));
    let theirs = SrtpPeer::parameters(GCM);
    let dump = room.engine.dump_transport(transport).unwrap();
    let options = ConnectOptions {
        srtp_parameters: Some(theirs.clone()),
        ..ConnectOptions::default()
    };
    let said = [
        serde_json::to_string(&dump).unwrap(),
        serde_json::to_string(&room.engine.drain_events()).unwrap(),
        format!("{dump:?} {options:?} {ours:?} {:?}", theirs.key()),
    ]
    .concat();
    assert!(said.contains("AEAD_AES_128_GCM"));
    for key in [&ours, &theirs] {
        assert!(!said.contains(&key.key_base64[..8]), "{said}");
    }
}

/// A transport that learns its remote address, and does not know its peer's key yet.
fn unknown() -> (Room, TransportId, SocketAddr) {
    let mut room = Room::new();
    let transport = room.open(PlainTransportOptions {
        comedia: true,
        ..Room::srtp_options(GCM)
    });
    room.produce(transport, MediaKind::Audio, opus(SSRC));
    let local = room.local(transport);
    (room, transport, local)
}

fn discarded(room: &Room, reason: Discard) -> u64 {
    room.engine.ledger().discarded[reason]
}

#[test]
fn an_address_is_learnt_of_who_has_the_key() {
    let (mut room, transport, local) = unknown();
    let voice = |number| Packet::new(111, number, SSRC, &[9; 20]).bytes();
    let key = SrtpPeer::key(GCM);
    let mut peer = SrtpPeer::new(&key, &key);
    room.wire
        .inject(local, address(5_001), &peer.seal(&voice(1)));
    room.tick();
    assert_eq!(discarded(&room, Discard::SrtpKeysMissing), 1);
    let parameters = ConnectOptions {
        srtp_parameters: Some(SrtpPeer::parameters(GCM)),
        ..ConnectOptions::default()
    };
    room.engine.connect(transport, &parameters).unwrap();
    let again = fails(&mut room, |room| {
        room.engine.connect(transport, &parameters)
    });
    assert_eq!(again, ConnectError::AlreadyConnected);
    room.wire.inject(local, address(5_002), &voice(2));
    room.tick();
    assert_eq!(discarded(&room, Discard::ForgedSrtp), 1);
    let remote = |room: &Room| room.engine.tuple(transport).unwrap().unwrap().remote_port;
    assert_eq!(remote(&room), None);
    let sealed = peer.seal(&voice(3));
    room.wire.inject(local, address(5_003), &sealed);
    room.tick();
    assert_eq!(remote(&room), Some(5_003));
    assert_eq!(room.engine.ledger().accepted, 1);
}

/// Who caught a packet and sends it from elsewhere cannot make it count, nor take the sender's place.
#[test]
fn a_packet_that_was_caught_moves_nothing() {
    let mut room = Room::new();
    let transport = room.open(PlainTransportOptions {
        comedia: true,
        follow_after: Some(Duration::from_secs(1)),
        ..Room::srtp_options(GCM)
    });
    room.produce(transport, MediaKind::Audio, opus(SSRC));
    let parameters = ConnectOptions {
        srtp_parameters: Some(SrtpPeer::parameters(GCM)),
        ..ConnectOptions::default()
    };
    room.engine.connect(transport, &parameters).unwrap();
    let key = SrtpPeer::key(GCM);
    let mut peer = SrtpPeer::new(&key, &key);
    let [first, second] = [1, 2].map(|it| peer.seal(&Packet::new(111, it, SSRC, &[9; 9]).bytes()));
    let local = room.local(transport);
    let (sender, thief) = (address(5_001), address(5_002));
    room.wire.inject(local, sender, &first);
    // The second one is caught, and comes from the thief before it comes from the sender.
    room.wire.inject(local, thief, &second);
    room.wire.inject(local, sender, &second);
    room.tick();
    assert_eq!(room.engine.ledger().accepted, 2);
    assert_eq!(discarded(&room, Discard::UnknownSource), 1);
    // The sender is silent for long enough.
    room.tick_after(Duration::from_secs(2));
    room.wire.inject(local, thief, &second);
    room.tick();
    assert_eq!(discarded(&room, Discard::ReplayedSrtp), 1);
    let tuple = room.engine.tuple(transport).unwrap().unwrap();
    assert_eq!(tuple.remote_port, Some(5_001));
}

/// Around a rollover, in any order and however often: each packet is taken once.
#[test]
fn replays_around_a_rollover_are_told_apart() {
    for suite in CryptoSuite::ALL {
        let mut room = Room::sealed(suite);
        let sender = room.plain(address(SENDER));
        room.produce(sender, MediaKind::Audio, opus(SSRC));
        let local = room.local(sender);
        let peer = room.peers.get_mut(&address(SENDER)).unwrap();
        let numbers = (65_500..=65_535).chain(0..40);
        let sealed: Vec<_> = numbers
            .map(|number| peer.seal(&Packet::new(111, number, SSRC, &[9; 30]).bytes()))
            .collect();
        // Each eight are turned around, and then all come again.
        for packet in sealed.chunks(8).flat_map(|eight| eight.iter().rev()) {
            room.wire.inject(local, address(SENDER), packet);
        }
        room.tick();
        assert_eq!(room.engine.ledger().accepted, 76);
        for packet in &sealed {
            room.wire.inject(local, address(SENDER), packet);
        }
        room.tick();
        assert_eq!(discarded(&room, Discard::ReplayedSrtp), 76);
        assert_eq!(room.engine.ledger().accepted, 76);
    }
}

/// What victims get while somebody who can write their sender's address, and has read what it sent,
/// does what is possible without its key.
#[test]
fn who_has_no_key_changes_nothing_for_anybody() {
    const SENDER: u16 = 5_000;
    let run = |attacks: bool| {
        let mut victims = Victims::inside(Room::sealed(GCM));
        let wrong = MasterKey::new(GCM, &[8; 28]).unwrap();
        let mut forger = SrtpPeer::new(&wrong, &wrong);
        let mut caught: Vec<Vec<u8>> = Vec::new();
        let mut got = Vec::new();
        for tick in 0..30_u16 {
            victims.talk();
            if attacks {
                let to = victims.room.local(victims.sender);
                let from = address(SENDER);
                let number = 100 + 3 * tick;
                let next = Packet::new(111, number, 1_111, b"forged, as if it were next").bytes();
                for forged in [forger.seal(&next), next, forger.seal(&pli(1))] {
                    victims.room.wire.inject(to, from, &forged);
                }
                for replay in &caught {
                    victims.room.wire.inject(to, from, replay);
                }
                let peer = victims.room.peers.get_mut(&from).unwrap();
                let own = Packet::new(111, tick, 7_777, b"of nobody here");
                caught.push(peer.seal(&own.bytes()));
            }
            victims.room.tick();
            got.extend(victims.room.on_the_wire());
        }
        (got, victims.room.engine.ledger().accepted)
    };
    let (got, accepted) = run(false);
    assert!(accepted > 150);
    assert!(run(true) == (got, accepted));
}

#[test]
fn a_peer_cannot_make_the_engine_remember_more_than_a_limit() {
    let mut room = Room::with(|builder| builder.srtp_inbound_ssrcs(4));
    room.srtp = Some(GCM);
    let sender = room.plain(address(SENDER));
    for ssrc in 0..20 {
        room.arrive(sender, &Packet::new(111, 1, ssrc, &[9; 20]));
    }
    room.tick();
    assert_eq!(discarded(&room, Discard::TooManySrtpSsrcs), 16);
    assert_eq!(discarded(&room, Discard::UnknownProducer), 4);
}
