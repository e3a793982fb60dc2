//! Who opens data channels, and says what it likes where they are asked for.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::components::wire::dcep::{ACK, Open, Reliability};
use flumen::components::wire::ppid;
use flumen::sctp::{Association, Config, OutgoingMessage, Output, Refused};
use flumen::{SctpOptions, SctpStreamParameters, WebRtcTransportOptions};

use super::input::Input;
use crate::ends::{message, start};
use crate::peer::Peer;
use crate::room::Room;

/// The peer, and its association inside DTLS.
pub(super) struct Opener {
    peer: Peer,
    association: Association,
}

/// It opens some of these: every second one is not its to open.
const STREAMS: u8 = 16;

impl Opener {
    /// At this address; the messages of one of its streams are taken.
    pub(super) fn new(room: &mut Room, address: SocketAddr) -> Self {
        let transport = room.webrtc_with(|options| WebRtcTransportOptions {
            sctp: Some(SctpOptions::default()),
            // It sends no checks, and may say nothing for long.
            ice_consent_timeout: Duration::ZERO,
            ..options
        });
        room.receive_stream(transport, SctpStreamParameters::new(0));
        // What DTLS adds must fit into a datagram, too.
        let config = Config {
            mtu: 1_100,
            ..Config::default()
        };
        let mut opener = Self {
            peer: Peer::join(room, transport, address),
            association: Association::new(config, start()),
        };
        opener.association.connect(room.now);
        opener
    }

    /// Where it is.
    pub(super) fn address(&self) -> SocketAddr {
        self.peer.address
    }

    /// Asks for a channel, or for what cannot be; says something on one, or closes it.
    pub(super) fn act(&mut self, room: &Room, input: &mut Input<'_>) {
        let how = input.byte();
        let stream = u16::from(input.byte() % STREAMS);
        let asks = |payload: Vec<u8>| OutgoingMessage {
            ppid: ppid::DCEP,
            ..message(stream, payload)
        };
        let said = match how & 7 {
            0..=2 => asks(open(how, input)),
            3 => {
                let mut request = open(how, input);
                let at = usize::from(input.byte()) % request.len();
                request[at] ^= input.byte();
                asks(request)
            }
            4 => asks(ACK.to_vec()),
            5 => {
                self.association.reset_stream(stream);
                return self.say(room);
            }
            _ => message(stream, vec![how; 1 + usize::from(input.byte())]),
        };
        // It may be closing the stream, or be in the midst of its own handshake.
        let _ = self.association.send(room.now, &said);
        self.say(room);
    }

    /// Takes in a datagram.
    pub(super) fn hear(&mut self, room: &Room, datagram: &[u8]) {
        self.peer.receive(room, datagram);
        for payload in std::mem::take(&mut self.peer.payloads) {
            let heard = self.association.receive(room.now, &payload);
            assert!(!matches!(heard, Err(Refused::Malformed(_))), "{heard:?}");
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, room: &Room) {
        let due = self.association.next_timeout();
        if due.is_some_and(|due| due <= room.now) {
            self.association.advance(room.now);
        }
        self.say(room);
    }

    fn say(&mut self, room: &Room) {
        let mut out = Output::default();
        self.association.poll(room.now, &mut out);
        for datagram in out.datagrams() {
            self.peer.send_payload(room, datagram);
        }
    }
}

/// A request for a channel, with any names.
fn open(how: u8, input: &mut Input<'_>) -> Vec<u8> {
    let reliability = match how >> 3 & 3 {
        0 => Reliability::Retransmits(input.short().into()),
        1 => Reliability::Lifetime(input.short().into()),
        _ => Reliability::Reliable,
    };
    let [label, protocol] = [(); 2].map(|()| String::from_utf8_lossy(input.block()).into_owned());
    let mut request = Vec::new();
    let open = Open {
        ordered: how & 0x20 == 0,
        reliability,
        // Now and then it is longer than it may be.
        label: &label.repeat(1 + usize::from(how >> 6) * 2),
        protocol: &protocol,
    };
    open.write(&mut request);
    request
}
