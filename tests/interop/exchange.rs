//! Messages that the engine exchanges with a peer over SCTP, through direct transports.
//!
//! What arrives on a stream has a data producer, and a data consumer on a direct transport hands it
//! over to be checked. What is sent is made here, enters by data producers on a direct transport,
//! and leaves by data consumers on the peer's.

use std::collections::BTreeMap;

use flumen::{
    DataConsumerId, DataConsumerOptions, DataProducerId, DataProducerOptions, Engine, Message,
    MessageDelivery, ReliabilityOverrides, RouterId, SctpState, SctpStreamParameters, TransportId,
};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::messages::{Incoming, Outgoing, Tally, is_ordered};

/// Bytes that may wait for a peer before no more are made: half of what the engine would hold.
const AHEAD: u64 = 1 << 20;
/// Messages that are made in a turn at most.
const TURN: u64 = 512;

/// What to exchange.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExchangeConfig {
    /// Streams in each direction.
    streams: u16,
    /// Messages to send.
    messages: u64,
    /// The greatest of their sizes, in bytes.
    longest: u32,
    /// What they are drawn from.
    seed: u64,
}

/// Messages to and from one peer.
pub(crate) struct Exchange {
    transport: TransportId,
    /// Who hands over what arrives on each stream.
    from_peer: Vec<DataConsumerId>,
    /// Where messages for each stream enter.
    entrances: Vec<DataProducerId>,
    /// Who sends them.
    to_peer: Vec<DataConsumerId>,
    incoming: Vec<Incoming>,
    outgoing: Outgoing,
    unsent: u64,
    states: Vec<SctpState>,
}

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The states of the association, in order.
    states: Vec<SctpState>,
    /// Messages of the peer whose contents or order were wrong.
    wrong: u64,
    sent: BTreeMap<usize, Tally>,
    received: BTreeMap<usize, Tally>,
}

impl Exchange {
    /// Makes everything; `transport` has SCTP.
    pub(crate) fn open(
        engine: &mut Engine,
        router: RouterId,
        transport: TransportId,
        config: ExchangeConfig,
    ) -> Result<Self, Failure> {
        let direct = engine.create_direct_transport(router)?;
        let mut exchange = Self {
            transport,
            from_peer: Vec::new(),
            entrances: Vec::new(),
            to_peer: Vec::new(),
            incoming: Vec::new(),
            outgoing: Outgoing::new(config.seed, config.longest, config.streams),
            unsent: config.messages,
            states: Vec::new(),
        };
        for stream in 0..config.streams {
            exchange.open_stream(engine, direct, stream)?;
        }
        Ok(exchange)
    }

    fn open_stream(
        &mut self,
        engine: &mut Engine,
        direct: TransportId,
        stream: u16,
    ) -> Result<(), Failure> {
        let arriving = DataProducerOptions {
            sctp_stream_parameters: Some(SctpStreamParameters::new(stream)),
            ..DataProducerOptions::default()
        };
        let arriving = engine.produce_data(self.transport, arriving)?;
        let handed_over = DataConsumerOptions::new(arriving);
        self.from_peer
            .push(engine.consume_data(direct, handed_over)?);
        self.incoming.push(Incoming::default());

        let entrance = engine.produce_data(direct, DataProducerOptions::default())?;
        let leaving = DataConsumerOptions {
            reliability: ReliabilityOverrides {
                ordered: Some(is_ordered(stream)),
                ..ReliabilityOverrides::default()
            },
            ..DataConsumerOptions::new(entrance)
        };
        // Their streams are numbered from 0 on, as they are made.
        self.to_peer
            .push(engine.consume_data(self.transport, leaving)?);
        self.entrances.push(entrance);
        Ok(())
    }

    /// Sends what there is room for; tells the association's state if it is a new one.
    pub(crate) fn turn(&mut self, engine: &mut Engine) -> Result<Option<SctpState>, Failure> {
        let Some(state) = engine.sctp_state(self.transport).ok().flatten() else {
            return Ok(None);
        };
        if state == SctpState::Connected {
            self.send(engine)?;
        }
        let is_new = self.states.last() != Some(&state);
        Ok(is_new.then(|| {
            self.states.push(state);
            state
        }))
    }

    fn send(&mut self, engine: &mut Engine) -> Result<(), Failure> {
        let waiting = self.to_peer.iter().map(|&it| engine.buffered_amount(it));
        let mut ahead: u64 = waiting.filter_map(Result::ok).sum();
        for _ in 0..TURN.min(self.unsent) {
            if ahead >= AHEAD {
                break;
            }
            let (stream, ppid, payload) = self.outgoing.make();
            let message = Message {
                ppid: Some(ppid),
                ..Message::binary(payload)
            };
            engine.send_message(self.entrances[usize::from(stream)], &message)?;
            ahead += payload.len() as u64;
            self.unsent -= 1;
        }
        Ok(())
    }

    /// Takes in a message if it is from this peer.
    pub(crate) fn take(&mut self, message: MessageDelivery<'_>) {
        let mut streams = self.from_peer.iter();
        if let Some(stream) = streams.position(|&it| it == message.to) {
            self.incoming[stream].take(stream as u16, message.ppid, message.payload);
        }
    }

    /// Closes what is sent on a stream.
    pub(crate) fn close_stream(&self, engine: &mut Engine, stream: u16) -> Result<(), Failure> {
        let data_consumer = self.to_peer.get(usize::from(stream));
        engine.close_data_consumer(*data_consumer.ok_or("there is no such stream")?)?;
        Ok(())
    }

    /// Closes the transport.
    pub(crate) fn close(&mut self, engine: &mut Engine) -> Result<(), Failure> {
        engine.close_transport(self.transport)?;
        Ok(())
    }

    /// Sums up.
    pub(crate) fn report(&self) -> Report {
        let sent = self.outgoing.tallies.iter().copied();
        let received = self.incoming.iter().map(|stream| stream.tally);
        let used = |(_, tally): &(usize, Tally)| tally.messages > 0;
        Report {
            states: self.states.clone(),
            wrong: self.incoming.iter().map(|stream| stream.wrong).sum(),
            sent: sent.enumerate().filter(used).collect(),
            received: received.enumerate().filter(used).collect(),
        }
    }
}
