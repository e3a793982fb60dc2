//! Many messages of an application, to be sent together.

use std::ops::Range;

use flumen_components::{Content, DataProducerId, Message};
use flumen_systems::control::SendMessageError;

use crate::engine::Engine;

/// Messages to send on direct transports, in their order: [`Engine::send_messages`] and, from
/// another thread and with one request, [`Handle::send_messages`](crate::Handle::send_messages).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageBatch {
    rows: Vec<Row>,
    text: String,
    binary: Vec<u8>,
    subchannels: Vec<u16>,
}

/// A message of a batch that could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Its position in the batch, counted from 0.
    pub index: usize,
    /// Why.
    pub error: SendMessageError,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    data_producer: DataProducerId,
    content: Place,
    ppid: Option<u32>,
    subchannels: Range<usize>,
    required_subchannel: Option<u16>,
    ignored_subchannel: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Text(Range<usize>),
    Binary(Range<usize>),
}

impl MessageBatch {
    /// Adds a copy of `message`, to be sent through `data_producer`.
    pub fn push(&mut self, data_producer: DataProducerId, message: &Message<'_>) {
        let content = match message.content {
            Content::Text(text) => {
                self.text.push_str(text);
                Place::Text(self.text.len() - text.len()..self.text.len())
            }
            Content::Binary(bytes) => {
                self.binary.extend_from_slice(bytes);
                Place::Binary(self.binary.len() - bytes.len()..self.binary.len())
            }
        };
        let first = self.subchannels.len();
        self.subchannels.extend_from_slice(message.subchannels);
        self.rows.push(Row {
            data_producer,
            content,
            ppid: message.ppid,
            subchannels: first..self.subchannels.len(),
            required_subchannel: message.required_subchannel,
            ignored_subchannel: message.ignored_subchannel,
        });
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// There is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The messages, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (DataProducerId, Message<'_>)> {
        let message = |row: &Row| Message {
            content: match &row.content {
                Place::Text(range) => Content::Text(&self.text[range.clone()]),
                Place::Binary(range) => Content::Binary(&self.binary[range.clone()]),
            },
            ppid: row.ppid,
            subchannels: &self.subchannels[row.subchannels.clone()],
            required_subchannel: row.required_subchannel,
            ignored_subchannel: row.ignored_subchannel,
        };
        let rows = self.rows.iter();
        rows.map(move |row| (row.data_producer, message(row)))
    }
}

/// Many messages at once.
impl Engine {
    /// Sends messages on direct transports, as [`send_message`](Self::send_message) does each;
    /// those that could not be sent, and why. The others are.
    pub fn send_messages(&mut self, batch: &MessageBatch) -> Vec<Unsent> {
        let send = |(index, (data_producer, message))| {
            let sent = self.send_message(data_producer, &message);
            sent.err().map(|error| Unsent { index, error })
        };
        batch.iter().enumerate().filter_map(send).collect()
    }
}
