//! Two rooms whose plain transports carry messages to each other over SCTP.

use std::time::Duration;

use flumen::{
    Builder, ConnectOptions, DataConsumerId, DataConsumerOptions, DataProducerId,
    DataProducerOptions, Listen, ListenInfo, PlainTransportOptions, SctpOptions,
    SctpStreamParameters, Time, TransportId,
};

use crate::room::{LOCAL, Room, address};
use crate::ways::{GOOD, Ways};

/// Two rooms and the link between them, on virtual time.
pub struct Trunk {
    /// The rooms.
    pub rooms: [Room; 2],
    /// The transport of each that the link is between.
    pub transports: [TransportId; 2],
    /// What is between them.
    pub ways: Ways,
    /// Keeps what either sends, when it is there.
    pub record: Option<Vec<Vec<u8>>>,
}

/// The address under which each room knows the other.
const REMOTE: u16 = 5_000;

impl Default for Trunk {
    fn default() -> Self {
        Self::new()
    }
}

impl Trunk {
    /// Over a good link, with the default sizes.
    pub fn new() -> Self {
        Self::with(|builder| builder, SctpOptions::default())
    }

    /// Over a good link; the first room is built with more, and its transport has `options`.
    pub fn with(configure: impl FnOnce(Builder) -> Builder, options: SctpOptions) -> Self {
        // With one seed both would draw the same identifiers and tags.
        let first = Room::with(|builder| configure(builder.seed([8; 32])));
        let mut rooms = [first, Room::new()];
        let first = rooms[0].plain_sctp(options);
        let second = rooms[1].plain_sctp(SctpOptions::default());
        let transports = [first, second];
        for (room, transport) in rooms.iter_mut().zip(transports) {
            room.connect(transport);
            room.engine.drain_events();
        }
        Self {
            rooms,
            transports,
            ways: Ways::new(GOOD, 1),
            record: None,
        }
    }

    /// A data producer on the trunk transport of room `at`, which receives `stream`.
    pub fn receive(&mut self, at: usize, stream: SctpStreamParameters) -> DataProducerId {
        self.rooms[at].receive_stream(self.transports[at], stream)
    }

    /// A data consumer on the trunk transport of room `at`.
    pub fn send(&mut self, at: usize, data_producer: DataProducerId) -> DataConsumerId {
        let options = DataConsumerOptions::new(data_producer);
        self.rooms[at]
            .engine
            .consume_data(self.transports[at], options)
            .expect("it can be consumed")
    }

    /// A data producer on a direct transport of room `from`, whose messages leave on stream
    /// `stream` and reach a data consumer on a direct transport of the other room.
    pub fn bridge(&mut self, from: usize, stream: u16) -> Bridge {
        let inward = self.rooms[from].direct();
        let data_producer = self.rooms[from].produce_data(inward);
        let sends = self.send(from, data_producer);
        let receives = self.receive(1 - from, SctpStreamParameters::new(stream));
        let outward = self.rooms[1 - from].direct();
        let consumer = self.rooms[1 - from].consume_data(outward, receives, &[]);
        Bridge {
            data_producer,
            sends,
            receives,
            consumer,
        }
    }

    /// Runs for `span`: both rooms tick whenever anything arrives or is due.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.rooms[0].now + span;
        self.tick(self.rooms[0].now);
        while let Some(next) = self.next().filter(|next| *next <= until) {
            self.tick(next.max(self.rooms[0].now));
        }
        self.tick(until);
    }

    fn next(&self) -> Option<Time> {
        let due = self.rooms.iter().map(|room| room.engine.next_deadline());
        due.chain([self.ways.next_arrival()]).flatten().min()
    }

    /// Both rooms tick at `now`, and what they send is on its way.
    pub fn tick(&mut self, now: Time) {
        while let Some((to, datagram)) = self.ways.arrival(now) {
            let local = self.rooms[to].local(self.transports[to]);
            self.rooms[to]
                .wire
                .inject(local, address(REMOTE), &datagram);
        }
        for room in &mut self.rooms {
            room.now = now;
            room.engine.tick(now).expect("the tick runs");
            room.engine.check_ledger().expect("no packet vanishes");
        }
        for at in 0..2 {
            self.carry(at);
        }
    }

    /// Puts on the link what room `at` has sent.
    pub fn carry(&mut self, at: usize) {
        for datagram in self.rooms[at].received() {
            let now = self.rooms[at].now;
            self.ways.send(now, 1 - at, &datagram.bytes);
            if let Some(record) = &mut self.record {
                record.push(datagram.bytes);
            }
        }
    }

    /// Runs until messages flow.
    pub fn settle(&mut self) {
        self.run_for(Duration::from_millis(500));
    }
}

/// A way from one room to the other.
#[derive(Clone, Copy, Debug)]
pub struct Bridge {
    /// Where messages begin: on a direct transport of one room.
    pub data_producer: DataProducerId,
    /// Sends them over SCTP.
    pub sends: DataConsumerId,
    /// Receives them over SCTP.
    pub receives: DataProducerId,
    /// Where messages end: on a direct transport of the other room.
    pub consumer: DataConsumerId,
}

impl Room {
    /// A plain transport with SCTP, not connected yet.
    pub fn plain_sctp(&mut self, options: SctpOptions) -> TransportId {
        let listen = Listen::Own(ListenInfo::new(LOCAL));
        let options = PlainTransportOptions {
            sctp: Some(options),
            ..PlainTransportOptions::new(listen)
        };
        self.engine
            .create_plain_transport(self.router, options)
            .expect("the transport opens")
    }

    /// Tells a transport where the other side is.
    pub fn connect(&mut self, transport: TransportId) {
        let to = ConnectOptions {
            ip: Some(LOCAL),
            port: Some(REMOTE),
            ..ConnectOptions::default()
        };
        self.engine.connect(transport, &to).expect("it connects");
    }

    /// A data producer that receives `stream` of a transport's association.
    pub fn receive_stream(
        &mut self,
        transport: TransportId,
        stream: SctpStreamParameters,
    ) -> DataProducerId {
        let options = DataProducerOptions {
            sctp_stream_parameters: Some(stream),
            ..DataProducerOptions::default()
        };
        self.engine
            .produce_data(transport, options)
            .expect("the stream is free")
    }
}
