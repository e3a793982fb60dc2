//! Every reason of the two ledgers happens: no packet vanishes, none is counted twice.

use std::fmt::Debug;
use std::net::SocketAddr;

use flumen::components::wire::sctp;
use flumen::components::{Destination, Link, Outbox, Outgoing, Path, SocketKey, SrtpSession, find};
use flumen::ecs as bevy_ecs;
use flumen::ecs::entity::Entity;
use flumen::ecs::resource::Resource;
use flumen::ecs::system::ResMut;
use flumen::rtp_parameters::{MediaKind, RtpCodecParameters};
use flumen::srtp::{Bounds, CryptoSuite, Inbound, MasterKey, Outbound};
use flumen::{
    AppData, ConsumerOptions, Control, Counts, Discard, Ledger, ListenInfo, PreferredLayers,
    ProducerId, Reason, Refusal, RtcpFault, SctpOptions, SctpStreamParameters, Slot, Stage,
    TransportId, WebRtcListen, WebRtcTransportOptions, Withheld,
};
use flumen_tests::feedback::pli;
use flumen_tests::{
    Check, Packet, Peer, Room, Trunk, VP8_DELTA_FRAME, VP8_KEY_FRAME, encoding_of, opus, vp8,
    vp8_rtx,
};

const REMOTE: SocketAddr = local(5_000);
const SPLIT_REMOTE: SocketAddr = local(5_100);
const RECEIVER: SocketAddr = local(6_000);
const SSRC: u32 = 2_222;
const GCM: CryptoSuite = CryptoSuite::AeadAes128Gcm;

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

fn key_frame(sequence: u16) -> Packet {
    Packet::new(96, sequence, SSRC, VP8_KEY_FRAME)
}

/// Makes each reason happen once, in a room of its own. A new reason fails until something triggers
/// it.
fn each_happens_once<R: Reason + Debug>(of: fn(&Ledger) -> &Counts<R>, trigger: fn(R) -> Room) {
    for &reason in R::ALL {
        let room = trigger(reason);
        let counts = of(room.engine.ledger());
        assert_eq!(counts[reason], 1, "{reason:?} among {counts:?}");
    }
}

#[test]
fn every_reason_to_discard_happens() {
    each_happens_once(|ledger| &ledger.discarded, discard);
}

#[test]
fn what_is_discarded_is_told_by_the_transport_it_came_to() {
    for &reason in Discard::ALL {
        let mut room = discard(reason);
        let mut ids = room.engine.world_mut().query::<&TransportId>();
        let ids: Vec<_> = ids.iter(room.engine.world()).copied().collect();
        let stats = ids
            .iter()
            .map(|&id| room.engine.transport_stats(id).unwrap());
        let told: u64 = stats.map(|stats| stats.discarded[reason]).sum();
        assert_eq!(told, 1, "{reason:?}");
    }
}

#[test]
fn every_reason_to_withhold_happens() {
    each_happens_once(|ledger| &ledger.withheld, withhold);
}

#[test]
fn every_reason_to_refuse_happens() {
    each_happens_once(|ledger| &ledger.refused, refuse);
}

#[test]
fn every_fault_of_rtcp_happens() {
    each_happens_once(|ledger| &ledger.rtcp_faults, rtcp_fault);
}

#[test]
fn every_kind_of_control_happens() {
    each_happens_once(|ledger| &ledger.consumed, control);
}

struct Entrances {
    muxed: TransportId,
    split: TransportId,
}

fn entrances(room: &mut Room) -> Entrances {
    let muxed = room.plain(REMOTE);
    let split = room.split(SPLIT_REMOTE);
    room.produce_video(muxed, SSRC);
    Entrances { muxed, split }
}

fn discard(reason: Discard) -> Room {
    let mut room = Room::new();
    let Entrances { muxed, split } = entrances(&mut room);
    let rtp_of_split = room.local(split);
    let rtcp_of_split = room.local_rtcp(split);
    let (at_muxed, rtcp_remote) = (room.local(muxed), local(5_101));
    let good = key_frame(10).bytes();
    let other = |payload_type, sequence, ssrc| {
        Packet::new(payload_type, sequence, ssrc, VP8_KEY_FRAME).bytes()
    };
    let arrive = |to: SocketAddr, from: SocketAddr, bytes: &[u8]| {
        assert!(room.wire.inject(to, from, bytes), "{to} is bound");
    };
    let at_muxed_from = |bytes: &[u8]| arrive(at_muxed, REMOTE, bytes);
    match reason {
        Discard::Truncated => at_muxed_from(&[good, vec![0; 3_000]].concat()),
        Discard::Empty => at_muxed_from(&[]),
        Discard::Unclassified => at_muxed_from(&[0x50; 20]),
        Discard::UnexpectedStun => at_muxed_from(&[0, 1, 0, 0]),
        Discard::UnexpectedDtls => at_muxed_from(&[22, 254, 253]),
        Discard::UnknownSource => arrive(at_muxed, local(5_999), &good),
        Discard::RtpOnRtcpSocket => arrive(rtcp_of_split, rtcp_remote, &good),
        Discard::RtcpOnRtpSocket => arrive(rtp_of_split, SPLIT_REMOTE, &pli(SSRC)),
        Discard::MalformedRtp => at_muxed_from(&good[..11]),
        Discard::UnexpectedSctp
        | Discard::MalformedSctp
        | Discard::UnwantedSctp
        | Discard::SctpClosed => return discard_sctp(reason),
        Discard::MalformedStun
        | Discard::UnwantedStun
        | Discard::UnknownUsername
        | Discard::UnauthenticatedCheck
        | Discard::RepeatedCheck
        | Discard::TakenTuple
        | Discard::TooManyChecks
        | Discard::UnwantedDtls
        | Discard::DtlsClosed => return discard_session(reason),
        Discard::SrtpKeysMissing
        | Discard::MalformedSrtp
        | Discard::ForgedSrtp
        | Discard::ReplayedSrtp
        | Discard::SrtpTooOld
        | Discard::UnencryptedSrtcp
        | Discard::TooManySrtpSsrcs => return discard_srtp(reason),
        Discard::MalformedRtcp => at_muxed_from(&pli(SSRC)[..11]),
        Discard::UnknownProducer => at_muxed_from(&other(96, 10, 9_999)),
        Discard::UnknownStream => at_muxed_from(&other(97, 10, SSRC)),
        Discard::TooManySsrcs => return discard_ssrc(),
        Discard::UnknownPayloadType => {
            at_muxed_from(&good);
            at_muxed_from(&other(100, 11, SSRC));
        }
        Discard::BadSequence => {
            at_muxed_from(&good);
            at_muxed_from(&other(96, 30_000, SSRC));
        }
        Discard::Probe | Discard::MalformedRetransmission | Discard::UnrequestedRetransmission => {
            at_muxed_from(&good);
            let (payload, padding): (&[u8], u8) = match reason {
                Discard::Probe => (&[], 8),
                Discard::MalformedRetransmission => (&[0], 0),
                // The packet that is there already.
                _ => (&[0, 10, 0x10, 0x00], 0),
            };
            let packet = Packet::new(97, 10, SSRC + 1, payload);
            at_muxed_from(&Packet { padding, ..packet }.bytes());
        }
        reason => panic!("nothing triggers {reason:?}"),
    }
    room.tick();
    room
}

/// What a peer sends from where that of another transport of one server is.
fn discard_taken() -> Room {
    let mut room = Room::new();
    let server = (room.engine)
        .create_webrtc_server(&[ListenInfo::at(local(3_478))], AppData::default())
        .unwrap();
    let options = || WebRtcTransportOptions::new(WebRtcListen::Server(server));
    let [found, other] = [(); 2].map(|()| {
        let transport = (room.engine).create_webrtc_transport(room.router, options());
        transport.unwrap()
    });
    Peer::join(&mut room, found, REMOTE);
    let mut forger = Peer::new(&room, other, REMOTE);
    forger.check(&room, Check::NOMINATING);
    room.tick();
    room
}

/// What a stranger, or a peer, may send to a WebRTC transport.
fn discard_session(reason: Discard) -> Room {
    if reason == Discard::TakenTuple {
        return discard_taken();
    }
    let mut room = Room::with(|builder| builder.stun_checks_per_transport(1));
    let transport = room.webrtc();
    let mut peer = Peer::join(&mut room, transport, REMOTE);
    let check = peer.check_bytes(Check::NOMINATING);
    let mut from = REMOTE;
    let sent = match reason {
        Discard::MalformedStun => vec![check[..check.len() - 1].to_vec()],
        Discard::UnwantedStun => {
            let mut answer = check;
            answer.truncate(20);
            answer[..4].copy_from_slice(&[1, 1, 0, 0]);
            vec![answer]
        }
        Discard::UnknownUsername => vec![peer.signed("nobody:peer", Check::NOMINATING)],
        Discard::UnauthenticatedCheck => {
            peer.parameters.password.push('x');
            vec![peer.check_bytes(Check::NOMINATING)]
        }
        Discard::RepeatedCheck => {
            room.wire.inject(peer.server, REMOTE, &check);
            room.tick();
            from = RECEIVER;
            vec![check]
        }
        Discard::TooManyChecks => vec![check, peer.check_bytes(Check::NOMINATING)],
        Discard::UnwantedDtls => vec![vec![22, 254, 253]],
        Discard::DtlsClosed => {
            peer.dtls.close(room.now);
            peer.turn(&mut room);
            vec![dtls_data()]
        }
        reason => panic!("nothing triggers {reason:?}"),
    };
    for datagram in &sent {
        assert!(room.wire.inject(peer.server, from, datagram));
    }
    room.tick();
    room
}

/// A record that only a connection could tell from one of its own.
fn dtls_data() -> Vec<u8> {
    let mut record = vec![23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 32];
    record.resize(13 + 32, 7);
    record
}

fn discard_srtp(reason: Discard) -> Room {
    let mut room = Room::with(|builder| builder.srtp_inbound_ssrcs(1));
    room.srtp = Some(GCM);
    let transport = room.plain(REMOTE);
    room.produce_video(transport, SSRC);
    let to = room.local(transport);
    let Room { wire, peers, .. } = &mut room;
    let peer = peers.get_mut(&REMOTE).unwrap();
    let packet = |sequence, ssrc| Packet::new(96, sequence, ssrc, &[7; 20]).bytes();
    let mut sealed = |sequence, ssrc| peer.seal(&packet(sequence, ssrc));
    let arrive = |bytes: &[u8]| assert!(wire.inject(to, REMOTE, bytes));
    match reason {
        Discard::SrtpKeysMissing => {
            arrive(&packet(1, SSRC));
            forget_keys(&mut room, transport);
        }
        Discard::MalformedSrtp => arrive(&packet(1, SSRC)[..20]),
        Discard::ForgedSrtp => arrive(&packet(1, SSRC)),
        Discard::ReplayedSrtp => {
            let sealed = sealed(1, SSRC);
            arrive(&sealed);
            arrive(&sealed);
        }
        Discard::SrtpTooOld => {
            let old = sealed(1, SSRC);
            arrive(&sealed(2_000, SSRC));
            arrive(&old);
        }
        Discard::UnencryptedSrtcp => {
            let mut report = peer.seal(&pli(SSRC));
            let word = report.len() - 4;
            report[word] &= 0x7f;
            arrive(&report);
        }
        Discard::TooManySrtpSsrcs => {
            arrive(&sealed(1, SSRC));
            arrive(&sealed(1, SSRC + 1));
        }
        reason => panic!("nothing triggers {reason:?}"),
    }
    room.tick();
    room
}

/// As it is until a handshake brings keys.
fn forget_keys(room: &mut Room, transport: TransportId) {
    let world = room.engine.world_mut();
    let entity = find(world, transport).unwrap();
    world.entity_mut(entity).insert(SrtpSession::default());
}

/// A second SSRC under one MID, where the first one is to stay.
fn discard_ssrc() -> Room {
    let mut room = Room::with(|builder| builder.ssrc_changes_per_encoding(0));
    let transport = room.plain(REMOTE);
    let mut parameters = vp8_rtx(vec![flumen_tests::encoding()]);
    parameters.mid = Some("m".into());
    room.produce(transport, MediaKind::Video, parameters);
    for ssrc in [1, 2] {
        let packet = Packet::new(96, 1, ssrc, VP8_KEY_FRAME);
        let packet = packet.with_extension(flumen_tests::MID, b"m");
        room.arrive(transport, &packet);
    }
    room.tick();
    room
}

/// A well-formed SCTP packet that no association sent.
fn forged_sctp() -> Vec<u8> {
    let mut packet = Vec::new();
    sctp::write_header(&mut packet, 5_000, 5_000, 1);
    sctp::write_heartbeat(&mut packet, b"x");
    sctp::seal(&mut packet);
    packet
}

fn discard_sctp(reason: Discard) -> Room {
    let mut trunk = Trunk::new();
    // One end asks: when both do, one INIT of the two is not wanted.
    trunk.receive(0, SctpStreamParameters::new(0));
    trunk.settle();
    let here = trunk.rooms[0].local(trunk.transports[0]);
    let mut forged = forged_sctp();
    match reason {
        Discard::MalformedSctp => forged[8] ^= 1,
        Discard::SctpClosed => {
            trunk.rooms[1]
                .engine
                .close_transport(trunk.transports[1])
                .unwrap();
            let abort = trunk.rooms[1].received().remove(0);
            trunk.rooms[0].wire.inject(here, REMOTE, &abort.bytes);
        }
        _ => {}
    }
    let [mut room, _] = trunk.rooms;
    room.tick();
    if reason == Discard::UnexpectedSctp {
        let without = room.plain(local(5_500));
        assert!(room.wire.inject(room.local(without), local(5_500), &forged));
    } else {
        assert!(room.wire.inject(here, REMOTE, &forged));
    }
    room.tick();
    room
}

fn rtcp_fault(fault: RtcpFault) -> Room {
    let mut room = Room::new();
    let muxed = entrances(&mut room).muxed;
    let malformed: &[u8] = match fault {
        RtcpFault::TooShort => &[0x80, 201, 0, 9],
        RtcpFault::BadVersion => &[0x40, 201, 0, 0],
        RtcpFault::BadPadding => &[0xa0, 201, 0, 0],
        RtcpFault::BadBody => &[0x80, 201, 0, 0],
        fault => panic!("nothing triggers {fault:?}"),
    };
    room.arrive_bytes(muxed, &[&pli(SSRC), malformed].concat());
    room.tick();
    assert_eq!(room.engine.ledger().consumed[Control::Rtcp], 1);
    room
}

fn control(kind: Control) -> Room {
    let mut room = Room::new();
    let split = entrances(&mut room).split;
    match kind {
        Control::Rtcp => {
            let to = room.local_rtcp(split);
            assert!(room.wire.inject(to, local(5_101), &pli(SSRC)));
        }
        Control::Sctp => {
            let mut peer = Room::new();
            let asking = peer.plain_sctp(SctpOptions::default());
            peer.receive_stream(asking, SctpStreamParameters::new(0));
            peer.connect(asking);
            peer.tick();
            let asked = room.plain_sctp(SctpOptions::default());
            room.connect(asked);
            let init = peer.received().remove(0);
            assert!(room.wire.inject(room.local(asked), REMOTE, &init.bytes));
        }
        Control::Stun | Control::Dtls => {
            let transport = room.webrtc();
            let mut peer = Peer::new(&room, transport, REMOTE);
            peer.check(&room, Check::NOMINATING);
            if kind == Control::Dtls {
                peer.signal(&mut room);
                peer.flush(&room);
            }
        }
        kind => panic!("nothing triggers {kind:?}"),
    }
    room.tick();
    room
}

fn withhold(reason: Withheld) -> Room {
    let mut room = Room::new();
    let sender = room.plain(REMOTE);
    let receiver = room.plain(RECEIVER);
    match reason {
        Withheld::ProducerPaused => {
            let producer = room.produce_video(sender, SSRC);
            room.consume(receiver, producer);
            room.engine.pause_producer(producer).unwrap();
        }
        Withheld::ConsumerPaused => {
            let producer = room.produce_video(sender, SSRC);
            let consumer = room.consume(receiver, producer);
            room.engine.pause_consumer(consumer).unwrap();
        }
        Withheld::NotConnected => {
            let producer = room.produce_video(sender, SSRC);
            let nowhere = room.unconnected();
            room.consume(nowhere, producer);
        }
        Withheld::PayloadTypeNotNegotiated => {
            consume_one_of_two_codecs(&mut room, sender, receiver);
            room.arrive(sender, &key_frame(10));
            room.arrive(sender, &Packet::new(98, 11, SSRC, &[0x0c, 0]));
        }
        Withheld::AwaitingKeyFrame => {
            let producer = room.produce_video(sender, SSRC);
            room.consume(receiver, producer);
            room.arrive(sender, &Packet::new(96, 9, SSRC, VP8_DELTA_FRAME));
        }
        Withheld::PaddingOnly => {
            let producer = room.produce_video(sender, SSRC);
            room.consume(receiver, producer);
            room.arrive(sender, &key_frame(10));
            room.arrive(sender, &padding(11));
        }
        Withheld::Dtx => silence(&mut room, sender, receiver),
        Withheld::Duplicate => {
            let producer = room.produce_video(sender, SSRC);
            room.consume(receiver, producer);
            room.arrive(sender, &key_frame(12));
        }
        Withheld::OtherLayer => return layers(1, &[(1, 0, false), (0, 0, false)]),
        Withheld::Undecodable => {
            // A frame that needs the newest one of its layer, which was not wanted.
            return layers(
                1,
                &[(1, 0, false), (1, 1, true), (1, 0, false), (1, 1, false)],
            );
        }
        Withheld::TooLate => return too_late(),
        reason => panic!("nothing triggers {reason:?}"),
    }
    room.arrive(sender, &key_frame(12));
    room.tick();
    room
}

/// Frames of two encodings, of which a consumer wants one: encoding, temporal layer, and whether only
/// the lowest of these is wanted then. The first of each encoding is a key frame.
fn layers(wanted: u8, frames: &[(usize, u8, bool)]) -> Room {
    let mut room = Room::new();
    let sender = room.plain(REMOTE);
    let receiver = room.plain(RECEIVER);
    let mut parameters = vp8_rtx([SSRC, SSRC + 100].map(encoding_of).into());
    for encoding in &mut parameters.encodings {
        encoding.scalability_mode = Some("L1T2".into());
    }
    let producer = room.produce(sender, MediaKind::Video, parameters);
    let consumer = room.consume(receiver, producer);
    let mut numbers = [0; 2];
    for &(encoding, temporal, only_base) in frames {
        let number = &mut numbers[encoding];
        *number += 1;
        let first = u8::from(*number > 1);
        let payload = [0x90, 0xE0, *number, *number, temporal << 6, first];
        let packet = Packet::new(96, (*number).into(), SSRC + 100 * encoding as u32, &payload);
        room.arrive(sender, &packet.marked());
        let layers = PreferredLayers {
            spatial_layer: wanted,
            temporal_layer: only_base.then_some(0),
        };
        room.engine.set_preferred_layers(consumer, layers).unwrap();
        room.tick();
    }
    room
}

fn padding(sequence: u16) -> Packet {
    let mut padding = Packet::new(96, sequence, SSRC, &[]);
    padding.padding = 4;
    padding
}

/// The producer may send VP8 and VP9, the consumer takes VP8.
fn consume_one_of_two_codecs(room: &mut Room, sender: TransportId, receiver: TransportId) {
    let mut parameters = vp8(SSRC);
    parameters.codecs.push(RtpCodecParameters {
        mime_type: "video/VP9".into(),
        payload_type: 98,
        clock_rate: 90_000,
        ..RtpCodecParameters::default()
    });
    let producer = room.produce(sender, MediaKind::Video, parameters);
    let mut capabilities = room.capabilities();
    capabilities
        .codecs
        .retain(|codec| codec.mime_type != "video/VP9");
    room.engine
        .consume(receiver, ConsumerOptions::new(producer, capabilities))
        .unwrap();
}

fn silence(room: &mut Room, sender: TransportId, receiver: TransportId) {
    let producer = room.produce(sender, MediaKind::Audio, opus(1_111));
    let mut options = ConsumerOptions::new(producer, room.capabilities());
    options.ignore_dtx = true;
    room.engine.consume(receiver, options).unwrap();
    room.arrive(sender, &Packet::new(111, 10, 1_111, &[0x78]));
}

/// A number that was taken out of the outgoing sequence comes again, with a payload.
fn too_late() -> Room {
    let mut room = Room::new();
    let (sender, producer) = audio(&mut room);
    let receiver = room.plain(RECEIVER);
    let mut options = ConsumerOptions::new(producer, room.capabilities());
    options.ignore_dtx = true;
    room.engine.consume(receiver, options).unwrap();
    for packet in [
        Packet::new(111, 10, 1_111, b"voice"),
        Packet::new(111, 11, 1_111, &[0x78]),
        Packet::new(111, 12, 1_111, b"voice"),
    ] {
        room.arrive(sender, &packet);
    }
    room.tick();
    assert_eq!(room.engine.ledger().withheld[Withheld::Dtx], 1);
    room.arrive(sender, &Packet::new(111, 11, 1_111, b"late"));
    room.tick();
    room
}

fn audio(room: &mut Room) -> (TransportId, ProducerId) {
    let sender = room.plain(REMOTE);
    let producer = room.produce(sender, MediaKind::Audio, opus(1_111));
    (sender, producer)
}

fn refuse(reason: Refusal) -> Room {
    match reason {
        Refusal::QueueFull => queue_full(),
        Refusal::ConnectionFull => connection_full(),
        Refusal::DirectQueueFull => direct_queue_full(),
        Refusal::Unproven => unproven(),
        Refusal::TransportClosed => transport_closed(),
        Refusal::SocketClosed => socket_closed(),
        Refusal::SrtpKeysMissing => {
            let (mut room, sender, receiver) = forwarding(Room::sealed(GCM));
            forget_keys(&mut room, receiver);
            room.arrive(sender, &key_frame(10));
            room.tick();
            room
        }
        Refusal::SrtpIndexUsed => seal_all(&[rtp(1, 1), rtp(1, 1)]),
        Refusal::SrtpTooOld => seal_all(&[rtp(2_000, 1), rtp(1, 1)]),
        Refusal::TooManySrtpSsrcs => seal_all(&[rtp(1, 1), rtp(1, 2)]),
        Refusal::SrtpKeyExhausted => seal_all(&[rtp(1, 1), rtp(2, 1), rtp(3, 1)]),
        Refusal::MalformedPacket => seal_all(&[b"hello".to_vec()]),
        reason => refused_by_the_network(reason),
    }
}

fn refused_by_the_network(reason: Refusal) -> Room {
    let (mut room, sender, _) = forwarding(Room::new());
    room.wire.refuse_next(RECEIVER, reason);
    room.arrive(sender, &key_frame(10));
    room.tick();
    room
}

/// A room in which video of the first transport leaves on the second.
fn forwarding(mut room: Room) -> (Room, TransportId, TransportId) {
    let sender = room.plain(REMOTE);
    let producer = room.produce_video(sender, SSRC);
    let receiver = room.plain(RECEIVER);
    room.consume(receiver, producer);
    (room, sender, receiver)
}

fn queue_full() -> Room {
    let limited = Room::with(|builder| builder.waiting_datagrams_per_transport(2));
    let (mut room, sender, receiver) = forwarding(limited);
    room.wire.block(room.local(receiver));
    for sequence in 10..13 {
        room.arrive(sender, &key_frame(sequence));
    }
    room.tick();
    assert_eq!(room.engine.waiting(), 2);
    room
}

/// A check says that the receiver is elsewhere, and nothing else does.
fn unproven() -> Room {
    let mut room = Room::with(|builder| builder.ice_unproven_bytes(2_000));
    let [sender, receiver] = [(); 2].map(|()| room.webrtc());
    let producer = room.produce_video(sender, SSRC);
    let mut sending = Peer::join(&mut room, sender, REMOTE);
    let mut receiving = Peer::join(&mut room, receiver, RECEIVER);
    room.consume(receiver, producer);
    let aimed = Check {
        nomination: Some(1),
        ..Check::default()
    };
    let check = receiving.check_bytes(aimed);
    room.wire.inject(receiving.server, local(6_001), &check);
    room.tick();
    for sequence in 0..3 {
        let payload = [VP8_KEY_FRAME, &[0; 700]].concat();
        sending.send(&room, &Packet::new(96, sequence, SSRC, &payload));
    }
    room.tick();
    room
}

/// A call to a receiver over TCP.
fn over_tcp(mut room: Room) -> (Room, [Peer; 2]) {
    let (sender, receiver) = (room.webrtc(), room.webrtc_over_tcp());
    let producer = room.produce_video(sender, SSRC);
    let sending = Peer::join(&mut room, sender, REMOTE);
    let receiving = Peer::join_over_tcp(&mut room, receiver, RECEIVER);
    room.consume(receiver, producer);
    (room, [sending, receiving])
}

fn connection_full() -> Room {
    let limited = Room::with(|builder| builder.tcp_unsent_bytes_per_connection(4_000));
    let (mut room, [mut sending, receiving]) = over_tcp(limited);
    let (server, address) = (receiving.server, receiving.address);
    room.wire.take_only(server, address, Some(0));
    for sequence in 0..6 {
        let payload = [VP8_KEY_FRAME, &[0; 700]].concat();
        sending.send(&room, &Packet::new(96, sequence, SSRC, &payload));
    }
    room.tick();
    room
}

fn direct_queue_full() -> Room {
    let mut room = Room::with(|builder| builder.deliveries_per_transport(2));
    let sender = room.plain(REMOTE);
    let producer = room.produce_video(sender, SSRC);
    let direct = room.direct();
    room.consume(direct, producer);
    for sequence in 10..13 {
        room.arrive(sender, &key_frame(sequence));
    }
    room.tick();
    room
}

fn transport_closed() -> Room {
    let (mut room, sender, receiver) = forwarding(Room::new());
    room.wire.block(room.local(receiver));
    room.arrive(sender, &key_frame(10));
    room.tick();
    room.engine.close_transport(receiver).unwrap();
    room.engine.check_ledger().expect("also between ticks");
    room.tick();
    room
}

fn rtp(sequence: u16, ssrc: u32) -> Vec<u8> {
    Packet::new(96, sequence, ssrc, b"payload").bytes()
}

/// Lets datagrams of a user's system leave on a transport whose key protects two packets of one
/// SSRC.
fn seal_all(datagrams: &[Vec<u8>]) -> Room {
    #[derive(Resource)]
    struct ToSend(Vec<Vec<u8>>, Destination);
    fn send(
        mut to_send: ResMut<'_, ToSend>,
        mut outbox: ResMut<'_, Outbox>,
        mut ledger: ResMut<'_, Ledger>,
    ) {
        let to = to_send.1;
        for datagram in to_send.0.drain(..) {
            let row = Outgoing::generated(outbox.headers.len() as u32, datagram.len() as u16);
            outbox.headers.extend(datagram);
            outbox.push_to(to, row);
            ledger.generated += 1;
        }
    }
    let mut room = Room::with(|builder| builder.add_systems(Stage::Protect, Slot::After, send));
    room.srtp = Some(GCM);
    let receiver = room.plain(RECEIVER);
    let world = room.engine.world_mut();
    let transport = find(world, receiver).unwrap();
    let key = MasterKey::new(GCM, &[1; 28]).unwrap();
    let bounds = Bounds {
        ssrcs: 1,
        rtp_packets: 2,
        rtcp_packets: 0,
    };
    let (inbound, outbound) = (Inbound::new(&key, bounds), Outbound::new(&key, bounds));
    let mut session = SrtpSession::default();
    session.set_contexts(inbound, outbound);
    world.entity_mut(transport).insert(session);
    let Link::Udp { socket, .. } = world.get::<Path>(transport).unwrap().rtp else {
        unreachable!("it is plain")
    };
    let to = Destination {
        transport,
        socket,
        address: RECEIVER,
    };
    world.insert_resource(ToSend(datagrams.to_vec(), to));
    room.tick();
    room
}

/// Sockets close together with the transports on them, so only a user's system can still send from
/// one that is gone.
fn socket_closed() -> Room {
    fn send_from_nowhere(mut outbox: ResMut<'_, Outbox>, mut ledger: ResMut<'_, Ledger>) {
        outbox.headers.extend(b"hello");
        let nowhere = Destination {
            transport: Entity::PLACEHOLDER,
            socket: SocketKey(999),
            address: RECEIVER,
        };
        outbox.push_to(nowhere, Outgoing::generated(0, 5));
        ledger.generated += 1;
    }
    let mut room =
        Room::with(|builder| builder.add_systems(Stage::Feedback, Slot::After, send_from_nowhere));
    room.tick();
    room
}
