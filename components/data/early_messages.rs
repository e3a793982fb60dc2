//! What comes of data channels before anybody can have taken them.

use std::collections::VecDeque;

use bytes::Bytes;

/// Messages of channels that the peer has opened, and that are no data producer's yet: a peer may send
/// right behind its request to open one (RFC 8832 section 6), before the application is told of it.
#[derive(Clone, Debug, Default)]
pub struct EarlyMessages {
    messages: VecDeque<EarlyMessage>,
    bytes: usize,
}

crate::snapshot::state! { struct EarlyMessages { messages, bytes } }

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlyMessage {
    /// Stream identifier.
    pub stream: u16,
    /// Payload protocol identifier.
    pub ppid: u32,
    /// User data.
    pub payload: Bytes,
}

crate::snapshot::state! { struct EarlyMessage { stream, ppid, payload } }

impl EarlyMessage {
    /// What it takes, with what keeps it.
    fn cost(&self) -> usize {
        self.payload.len() + size_of::<Self>()
    }
}

impl EarlyMessages {
    /// Keeps a message behind those before, unless there is no room among `limit` bytes.
    pub fn keep(&mut self, message: EarlyMessage, limit: usize) -> bool {
        let bytes = self.bytes + message.cost();
        let fits = bytes <= limit;
        if fits {
            self.bytes = bytes;
            self.messages.push_back(message);
        }
        fits
    }

    /// Takes out those of the streams that `is_taken`, in the order in which they came.
    pub fn take(&mut self, is_taken: impl Fn(u16) -> bool) -> Vec<EarlyMessage> {
        if self.messages.is_empty() {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.messages);
        let (taken, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| is_taken(it.stream));
        self.messages = left.into();
        self.bytes = self.messages.iter().map(EarlyMessage::cost).sum();
        taken
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(stream: u16, payload: &'static str) -> EarlyMessage {
        EarlyMessage {
            stream,
            ppid: 51,
            payload: Bytes::from_static(payload.as_bytes()),
        }
    }

    #[test]
    fn those_of_a_stream_are_taken_in_order_and_make_room() {
        let mut early = EarlyMessages::default();
        let limit = 3 * message(0, "four").cost();
        for (stream, payload) in [(1, "four"), (2, "more"), (1, "last")] {
            assert!(early.keep(message(stream, payload), limit));
        }
        assert!(
            !early.keep(message(1, ""), limit),
            "an empty one has a cost"
        );
        let taken = early.take(|stream| stream == 1);
        assert_eq!(taken, [message(1, "four"), message(1, "last")]);
        assert_eq!(early.len(), 1);
        assert!(early.keep(message(3, "four"), limit));
        assert_eq!(early.take(|_| true).len(), 2);
        assert!(early.is_empty());
    }
}
