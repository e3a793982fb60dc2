//! A peer that speaks SCTP inside DTLS, as for data channels.

use flumen::components::wire::dcep::{Open, Reliability};
use flumen::components::wire::ppid;
use flumen::event::DataChannelOpened;
use flumen::sctp::{
    Association, AssociationEvent as SctpEvent, Config, OutgoingMessage, Output,
    UserMessage as SctpMessage,
};
use flumen::{Event, SctpOptions, TransportId, WebRtcTransportOptions};

use crate::call::SENDER;
use crate::ends::{message, start};
use crate::peer::Peer;
use crate::room::{Room, address};

/// A transport, and a peer with an SCTP association of its own inside DTLS.
pub struct Channels {
    /// Where the transport is.
    pub room: Room,
    /// Its peer.
    pub peer: Peer,
    /// The transport.
    pub transport: TransportId,
    /// The association of the peer.
    pub association: Association,
    /// Messages that the peer got.
    pub got: Vec<SctpMessage>,
    /// What happened to its association.
    pub events: Vec<SctpEvent>,
}

impl Default for Channels {
    fn default() -> Self {
        Self::new()
    }
}

impl Channels {
    /// A transport with SCTP, and a peer that is connected to it.
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    /// The same with a peer whose association is made with more.
    pub fn with(config: Config) -> Self {
        Self::inside_with(Room::new(), config)
    }

    /// The same in a room that is there.
    pub fn inside(room: Room) -> Self {
        Self::inside_with(room, Config::default())
    }

    fn inside_with(mut room: Room, config: Config) -> Self {
        let transport = room.webrtc_with(|options| WebRtcTransportOptions {
            sctp: Some(SctpOptions::default()),
            ..options
        });
        let peer = Peer::join(&mut room, transport, address(SENDER));
        // What DTLS adds must fit into a datagram, too.
        let config = Config {
            mtu: 1_100,
            ..config
        };
        let mut channels = Self {
            room,
            peer,
            transport,
            association: Association::new(config, start()),
            got: Vec::new(),
            events: Vec::new(),
        };
        channels.association.connect(channels.room.now);
        channels.settle();
        channels
    }

    /// Lets time pass until everything has arrived.
    pub fn settle(&mut self) {
        for _ in 0..300 {
            let now = self.room.now;
            for payload in std::mem::take(&mut self.peer.payloads) {
                self.association
                    .receive(now, &payload)
                    .expect("it is for it");
            }
            if self
                .association
                .next_timeout()
                .is_some_and(|due| due <= now)
            {
                self.association.advance(now);
            }
            let mut out = Output::default();
            self.association.poll(now, &mut out);
            for datagram in out.datagrams() {
                self.peer.send_payload(&self.room, datagram);
            }
            self.got.append(&mut out.messages);
            self.events.append(&mut out.events);
            self.peer.turn(&mut self.room);
        }
    }

    /// Sends a message.
    pub fn send(&mut self, outgoing: &OutgoingMessage) {
        self.queue(outgoing);
        self.settle();
    }

    /// The same, but leaves it to be sent with what follows.
    pub fn queue(&mut self, outgoing: &OutgoingMessage) {
        self.association
            .send(self.room.now, outgoing)
            .expect("it is connected");
    }

    /// Opens a channel in-band.
    pub fn open(&mut self, stream: u16, label: &str) {
        self.ask_for(stream, label);
        self.settle();
    }

    /// Asks for a channel, and leaves that to be sent with what follows.
    pub fn ask_for(&mut self, stream: u16, label: &str) {
        let mut payload = Vec::new();
        let open = Open {
            ordered: true,
            reliability: Reliability::Reliable,
            label,
            protocol: "json",
        };
        open.write(&mut payload);
        let outgoing = OutgoingMessage {
            ppid: ppid::DCEP,
            ..message(stream, payload)
        };
        self.queue(&outgoing);
    }

    /// The channels of which the application was told since it was asked last.
    pub fn opened(&mut self) -> Vec<DataChannelOpened> {
        let events = self.room.engine.drain_events().into_iter();
        let opened = |event| match event {
            Event::DataChannelOpened(opened) => Some(opened),
            _ => None,
        };
        events.filter_map(opened).collect()
    }
}
