//! Media over WebRTC transports: sealed both ways, and only for whom it is.

use flumen::rtp_parameters::MediaKind;
use flumen::{Discard, ProducerId, TransportId, Withheld};
use flumen_tests::feedback::pli;
use flumen_tests::{
    Packet, Peer, RECEIVER, Request, Room, SENDER, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address,
    requests_in, turn_all, vp8,
};

struct Call {
    room: Room,
    peers: [Peer; 2],
    transports: [TransportId; 2],
    producer: ProducerId,
}

/// A producer and its consumer, each with a peer that found its transport.
fn call() -> Call {
    let mut room = Room::new();
    let transports = [(); 2].map(|()| room.webrtc());
    let producer = room.produce(transports[0], MediaKind::Video, vp8(SSRC));
    let sender = Peer::join(&mut room, transports[0], address(SENDER));
    let receiver = Peer::join(&mut room, transports[1], address(RECEIVER));
    room.consume(transports[1], producer);
    Call {
        room,
        peers: [sender, receiver],
        transports,
        producer,
    }
}

impl Call {
    fn send(&mut self, sequence: u16, payload: &[u8]) {
        let packet = Packet::new(96, sequence, SSRC, payload);
        self.peers[0].send(&self.room, &packet);
        self.turn();
    }

    fn turn(&mut self) {
        self.room.tick();
        turn_all(&mut self.room, &mut self.peers);
    }
}

#[test]
fn a_key_frame_is_asked_for_in_srtcp() {
    let mut call = call();
    call.send(10, VP8_KEY_FRAME);
    let parameters = call.peers[1].rtp[0].ssrc;
    call.peers[0].rtcp.clear();
    call.room.tick_after(std::time::Duration::from_secs(3));
    turn_all(&mut call.room, &mut call.peers);
    call.peers[1].send_rtcp(&call.room, &pli(parameters));
    call.turn();
    let asked: Vec<_> = call.peers[0]
        .rtcp
        .iter()
        .flat_map(|compound| requests_in(compound))
        .collect();
    assert!(asked.contains(&Request::Pli(SSRC)), "{asked:?}");
}

#[test]
fn nothing_leaves_and_nothing_is_taken_before_there_are_keys() {
    let mut call = call();
    let late = call.room.webrtc();
    let mut peer = Peer::new(&call.room, late, address(RECEIVER + 1));
    call.room.consume(late, call.producer);
    peer.check(&call.room, flumen_tests::Check::NOMINATING);
    peer.turn(&mut call.room);
    let before = call.room.engine.ledger().withheld[Withheld::NotConnected];
    call.send(10, VP8_KEY_FRAME);
    assert_eq!(
        call.room.engine.ledger().withheld[Withheld::NotConnected],
        before + 1
    );
    let clear = Packet::new(96, 10, SSRC, VP8_KEY_FRAME).bytes();
    call.room.wire.inject(peer.server, peer.address, &clear);
    call.turn();
    let stats = call.room.engine.transport_stats(late).unwrap();
    assert_eq!(stats.discarded.total(), 1, "{:?}", stats.discarded);
    assert_eq!(stats.discarded[Discard::UnknownSource], 0);
}

#[test]
fn clear_media_is_never_taken_nor_sent() {
    let mut call = call();
    call.send(10, VP8_KEY_FRAME);
    let clear = Packet::new(96, 11, SSRC, VP8_DELTA_FRAME).bytes();
    let accepted = call.room.engine.ledger().accepted;
    call.room
        .wire
        .inject(call.peers[0].server, call.peers[0].address, &clear);
    call.turn();
    assert_eq!(call.room.engine.ledger().accepted, accepted);
    assert_eq!(call.peers[1].rtp.len(), 1);
    let stats = call
        .room
        .engine
        .transport_stats(call.transports[0])
        .unwrap();
    assert_eq!(stats.type_, "webrtc-transport");
    assert!(stats.bytes_received > 0 && stats.rtp_bytes_received > 0);
}

#[test]
fn nothing_is_taken_from_a_peer_that_said_goodbye() {
    let mut call = call();
    call.send(10, VP8_KEY_FRAME);
    let accepted = call.room.engine.ledger().accepted;
    assert_eq!(accepted, 1);
    call.peers[0].dtls.close(call.room.now);
    call.peers[0].flush(&call.room);
    call.turn();
    let state = call.room.engine.dtls_state(call.transports[0]);
    assert_eq!(state, Ok(flumen::DtlsState::Closed));
    call.send(11, VP8_DELTA_FRAME);
    assert_eq!(call.room.engine.ledger().accepted, accepted);
    let stats = call
        .room
        .engine
        .transport_stats(call.transports[0])
        .unwrap();
    assert_eq!(stats.discarded[Discard::SrtpKeysMissing], 1);
}

#[test]
fn a_transport_that_closes_says_goodbye() {
    let mut call = call();
    call.room
        .engine
        .close_transport(call.transports[1])
        .unwrap();
    turn_all(&mut call.room, &mut call.peers);
    assert_eq!(call.peers[1].dtls.state(), flumen::DtlsState::Closed);
    call.room.engine.check_ledger().unwrap();
    call.turn();
}
