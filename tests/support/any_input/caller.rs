//! Who knows the password of a WebRTC transport, and sends it what it likes over UDP and TCP.

use std::mem;
use std::net::SocketAddr;

use flumen::components::Protocol;
use flumen::rtp_parameters::MediaKind;
use flumen::{DtlsRole, ListenInfo, WebRtcListen, WebRtcTransportOptions};

use super::input::Input;
use crate::parameters::vp8;
use crate::peer::{Check, Peer, framed};
use crate::room::{LOCAL, Room};

/// The peer, and the far end of its connections.
pub(super) struct Caller {
    peer: Peer,
    listener: SocketAddr,
    /// Its latest check.
    asked: Vec<u8>,
}

impl Caller {
    /// At this address; its media has this SSRC.
    pub(super) fn new(room: &mut Room, address: SocketAddr, ssrc: u32) -> Self {
        let infos = [Protocol::Udp, Protocol::Tcp].map(|protocol| ListenInfo {
            protocol,
            ..ListenInfo::new(LOCAL)
        });
        let transport = room.webrtc_with(|options| WebRtcTransportOptions {
            listen: WebRtcListen::Own(infos.to_vec()),
            ..options
        });
        room.produce(transport, MediaKind::Video, vp8(ssrc));
        let mut peer = Peer::new(room, transport, address);
        let told = peer.dtls_parameters(DtlsRole::Client);
        let connected = room.engine.connect_webrtc(transport, &told);
        connected.expect("the fingerprints are valid");
        peer.hear_of(room, DtlsRole::Server);
        let candidates = room.engine.ice_candidates(transport);
        let mut candidates = candidates.expect("it is open").into_iter();
        let tcp = candidates.find(|one| one.protocol == Protocol::Tcp);
        let listener = SocketAddr::new(LOCAL, tcp.expect("it listens").port);
        Self {
            peer,
            listener,
            asked: Vec::new(),
        }
    }

    /// Its transport is closed, whatever it is amid.
    pub(super) fn leave(&self, room: &mut Room) {
        let closed = room.engine.close_transport(self.peer.transport);
        closed.expect("it is open");
    }

    /// Sends something, from one of a few addresses, or goes on with its handshake.
    pub(super) fn act(&mut self, room: &mut Room, input: &mut Input<'_>) {
        let how = input.byte();
        let mut from = self.peer.address;
        from.set_port(from.port() + u16::from(how >> 6));
        let datagram = match how & 7 {
            0 => return self.peer.flush(room),
            1 => input.block().to_vec(),
            2 => self.hello(input),
            3 if input.byte() & 7 == 0 => return self.restart(room),
            4 => self.asked.clone(),
            _ => {
                self.asked = self.check(input);
                self.asked.clone()
            }
        };
        match how >> 3 & 7 {
            0..=2 => drop(room.wire.inject(self.peer.server, from, &datagram)),
            3 => drop(room.wire.connect(self.listener, from)),
            4 => drop(room.wire.hang_up(self.listener, from)),
            5 => drop(room.wire.write(self.listener, from, &datagram)),
            _ => {
                let open = input.word() as usize & 0xfff;
                room.wire.take_only(self.listener, from, Some(open));
                room.wire.write(self.listener, from, &framed(&datagram));
            }
        }
    }

    /// Signalling tells of other names and passwords.
    fn restart(&mut self, room: &mut Room) {
        let restarted = room.engine.restart_ice(self.peer.transport);
        self.peer.parameters = restarted.expect("it is open");
    }

    /// A check, of which any byte may be another; or in the name of nobody, or by who does not know
    /// the password.
    fn check(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        let how = input.byte();
        let says = Check {
            use_candidate: how & 1 != 0,
            nomination: (how & 2 != 0).then(|| input.short().into()),
            controlled: how & 0x1c == 0x1c,
        };
        match how & 0xe0 {
            0xa0 => {
                let another = self.listener.to_string();
                let known = mem::replace(&mut self.peer.parameters.password, another);
                let check = self.peer.check_bytes(says);
                self.peer.parameters.password = known;
                check
            }
            0xc0 => self.peer.signed("nobody:peer", says),
            0xe0 => {
                let mut check = self.peer.check_bytes(says);
                let at = usize::from(input.byte()) % check.len();
                check[at] ^= input.byte();
                check
            }
            _ => self.peer.check_bytes(says),
        }
    }

    /// A fragment of a handshake message, that lies of how long that is.
    fn hello(&self, input: &mut Input<'_>) -> Vec<u8> {
        let (kind, total) = (input.byte(), input.word());
        let [_, offset @ ..] = input.word().to_be_bytes();
        let body = input.block();
        let [_, length @ ..] = total.to_be_bytes();
        let [_, here @ ..] = (body.len() as u32).to_be_bytes();
        let record = (12 + body.len() as u16).to_be_bytes();
        let mut bytes = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1];
        bytes.extend(record);
        bytes.push(kind % 32);
        bytes.extend(length);
        bytes.extend([0, 0]);
        bytes.extend(offset);
        bytes.extend(here);
        bytes.extend(body);
        bytes
    }
}
