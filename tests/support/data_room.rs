//! Data producers and data consumers in a room.

use flumen::{
    DataConsumerId, DataConsumerOptions, DataProducerId, DataProducerOptions,
    DirectTransportOptions, Message, TransportId,
};

use crate::room::Room;

/// A message that a data consumer on a direct transport got: whose, under which identifier, what.
pub type Got = (DataConsumerId, u32, Vec<u8>);

impl Room {
    /// A direct transport for messages of at most `max_message_size` bytes.
    pub fn direct_for(&mut self, max_message_size: usize) -> TransportId {
        let options = DirectTransportOptions {
            max_message_size,
            ..DirectTransportOptions::default()
        };
        self.engine
            .create_direct_transport_with(self.router, options)
            .expect("the router is open")
    }

    /// A data producer on a direct transport.
    pub fn produce_data(&mut self, transport: TransportId) -> DataProducerId {
        self.engine
            .produce_data(transport, DataProducerOptions::default())
            .expect("the transport is direct")
    }

    /// A data consumer on a direct transport that subscribed to `subchannels`.
    pub fn consume_data(
        &mut self,
        transport: TransportId,
        data_producer: DataProducerId,
        subchannels: &[u16],
    ) -> DataConsumerId {
        let options = DataConsumerOptions {
            subchannels: subchannels.to_vec(),
            ..DataConsumerOptions::new(data_producer)
        };
        self.engine
            .consume_data(transport, options)
            .expect("the data producer can be consumed")
    }

    /// Sends a message, and ticks.
    pub fn say(&mut self, data_producer: DataProducerId, message: &Message<'_>) {
        self.engine
            .send_message(data_producer, message)
            .expect("the message can be sent");
        self.tick();
    }

    /// What data consumers on direct transports got since the last call.
    pub fn messages(&mut self) -> Vec<Got> {
        let mut messages = Vec::new();
        self.engine.drain_messages(|message| {
            messages.push((message.to, message.ppid, message.payload.to_vec()));
        });
        messages
    }
}
