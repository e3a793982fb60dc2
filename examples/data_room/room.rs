//! Who takes part: two data producers, and the data consumers of both.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use flumen::{
    Builder, ConnectOptions, DataConsumerId, DataConsumerOptions, DataProducerId,
    DataProducerOptions, Engine, Listen, ListenInfo, Message, PlainTransportOptions, SctpOptions,
    SctpState, SctpStreamParameters, TransportId,
};

use crate::Failure;

/// The stream on which the client publishes.
pub(crate) const CLIENT_STREAM: u16 = 0;
/// What the program's messages are for, one after another: for everybody, for one team, for both.
const SUBCHANNELS: [&[u16]; 4] = [&[], &[1], &[2], &[1, 2]];
/// Who listens on direct transports, and to which subchannels.
const LISTENERS: [(&str, &[u16]); 4] = [
    ("lobby", &[]),
    ("red team", &[1]),
    ("blue team", &[2]),
    ("referee", &[1, 2]),
];
/// What the client listens to.
const CLIENT_SUBCHANNELS: &[u16] = &[1];

/// An engine, and who takes part.
pub(crate) struct Room {
    pub(crate) engine: Engine,
    trunk: TransportId,
    /// What the client and the program publish.
    pub(crate) from_client: DataProducerId,
    pub(crate) from_program: DataProducerId,
    pub(crate) listeners: Vec<Listener>,
    /// Messages that the program sent, by what they were for.
    pub(crate) sent: [u64; SUBCHANNELS.len()],
}

/// Someone who listens to both.
pub(crate) struct Listener {
    pub(crate) name: &'static str,
    pub(crate) subchannels: &'static [u16],
    /// It hears over SCTP, and not through this program.
    pub(crate) over_sctp: bool,
    pub(crate) data_consumers: [DataConsumerId; 2],
    /// Messages and bytes that it was handed.
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl Room {
    /// Opens everything, and begins to connect to the client.
    pub(crate) fn open(builder: Builder, client: SocketAddr) -> Result<Self, Failure> {
        let mut engine = builder.build()?;
        let router = engine.create_router(&[])?;

        // The client's transport speaks SCTP in plain UDP.
        let options = PlainTransportOptions {
            sctp: Some(SctpOptions::default()),
            ..PlainTransportOptions::new(Listen::Own(ListenInfo::new(LOCAL)))
        };
        let trunk = engine.create_plain_transport(router, options)?;
        let options = DataProducerOptions {
            sctp_stream_parameters: Some(SctpStreamParameters::new(CLIENT_STREAM)),
            label: "client".into(),
            ..DataProducerOptions::default()
        };
        let from_client = engine.produce_data(trunk, options)?;

        // The program's transport needs no network.
        let direct = engine.create_direct_transport(router)?;
        let options = DataProducerOptions {
            label: "program".into(),
            ..DataProducerOptions::default()
        };
        let from_program = engine.produce_data(direct, options)?;

        let mut room = Self {
            engine,
            trunk,
            from_client,
            from_program,
            listeners: Vec::new(),
            sent: [0; SUBCHANNELS.len()],
        };
        for (name, subchannels) in LISTENERS {
            room.admit(name, direct, false, subchannels)?;
        }
        room.admit("client", trunk, true, CLIENT_SUBCHANNELS)?;
        let to = ConnectOptions {
            ip: Some(client.ip()),
            port: Some(client.port()),
            ..ConnectOptions::default()
        };
        room.engine.connect(trunk, &to)?;
        Ok(room)
    }

    fn admit(
        &mut self,
        name: &'static str,
        transport: TransportId,
        over_sctp: bool,
        subchannels: &'static [u16],
    ) -> Result<(), Failure> {
        let mut listen = |data_producer| {
            let options = DataConsumerOptions {
                subchannels: subchannels.to_vec(),
                ..DataConsumerOptions::new(data_producer)
            };
            self.engine.consume_data(transport, options)
        };
        self.listeners.push(Listener {
            name,
            subchannels,
            over_sctp,
            data_consumers: [listen(self.from_client)?, listen(self.from_program)?],
            messages: 0,
            bytes: 0,
        });
        Ok(())
    }

    /// Whether messages flow between the client and the engine.
    pub(crate) fn is_connected(&self) -> Result<bool, Failure> {
        match self.engine.sctp_state(self.trunk)? {
            Some(SctpState::Failed | SctpState::Closed) => Err("the client is gone".into()),
            state => Ok(state == Some(SctpState::Connected)),
        }
    }

    /// Publishes until `due` messages have been sent.
    pub(crate) fn publish(&mut self, due: u64) -> Result<(), Failure> {
        for number in self.sent.iter().sum()..due {
            let turn = number as usize % SUBCHANNELS.len();
            let text = format!("message {number} of the program");
            let message = Message {
                subchannels: SUBCHANNELS[turn],
                ..Message::text(&text)
            };
            self.engine.send_message(self.from_program, &message)?;
            self.sent[turn] += 1;
        }
        Ok(())
    }

    /// How many of the program's messages were meant for someone with `subchannels`.
    pub(crate) fn meant_for(&self, subchannels: &[u16]) -> u64 {
        let is_meant = |&(of, _): &(&[u16], u64)| {
            of.is_empty() || of.iter().any(|one| subchannels.contains(one))
        };
        let sent = SUBCHANNELS.into_iter().zip(self.sent);
        sent.filter(is_meant).map(|(_, count)| count).sum()
    }

    /// Ends the recording, if there is one.
    pub(crate) fn finish(&mut self, patience: Duration) -> Result<(), Failure> {
        let is_recorded = self.engine.recording().is_some();
        if is_recorded && !self.engine.finish_recording(patience) {
            return Err("not all could be recorded".into());
        }
        Ok(())
    }

    /// Lets the engine work, and takes what it hands over.
    pub(crate) fn turn(&mut self, patience: Duration) -> Result<(), Failure> {
        self.engine.turn(Some(patience))?;
        self.engine.check_ledger()?;
        self.engine.drain_events();
        let listeners = &mut self.listeners;
        self.engine.drain_messages(|message| {
            let mut listeners = listeners.iter_mut();
            if let Some(to) = listeners.find(|it| it.data_consumers.contains(&message.to)) {
                to.messages += 1;
                to.bytes += message.payload.len() as u64;
            }
        });
        Ok(())
    }
}

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
