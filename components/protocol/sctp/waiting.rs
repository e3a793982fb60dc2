//! Messages that wait until their stream may be sent on.

use std::collections::{BTreeMap, VecDeque};

use super::OutgoingMessage;

/// What is to be done on streams, or by a library, that begin anew, once they have; by stream, in
/// order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    streams: BTreeMap<u16, Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    steps: VecDeque<Step>,
    bytes: usize,
}

/// What waits.
#[derive(Debug)]
pub(super) enum Step {
    /// A message is to be sent.
    Send(OutgoingMessage),
    /// The stream is to be reset, for the messages behind.
    Reset,
}

impl Waiting {
    /// Whether anything waits on `stream`.
    pub(super) fn is_on(&self, stream: u16) -> bool {
        self.streams.contains_key(&stream)
    }

    /// Bytes that wait on `stream`.
    pub(super) fn bytes(&self, stream: u16) -> usize {
        self.streams.get(&stream).map_or(0, |queue| queue.bytes)
    }

    /// Bytes that wait on all streams.
    pub(super) fn total(&self) -> usize {
        self.streams.values().map(|queue| queue.bytes).sum()
    }

    /// `message` waits behind what does.
    pub(super) fn send(&mut self, message: OutgoingMessage) {
        let queue = self.streams.entry(message.stream).or_default();
        queue.bytes += message.payload.len();
        queue.steps.push_back(Step::Send(message));
    }

    /// The stream is to be reset behind what waits on it; once, however often that is said.
    pub(super) fn reset(&mut self, stream: u16) {
        if let Some(queue) = self.streams.get_mut(&stream)
            && !matches!(queue.steps.back(), Some(Step::Reset))
        {
            queue.steps.push_back(Step::Reset);
        }
    }

    /// The streams on which anything waits.
    pub(super) fn streams(&self) -> Vec<u16> {
        self.streams.keys().copied().collect()
    }

    /// The next thing to be done on `stream`.
    pub(super) fn next(&mut self, stream: u16) -> Option<Step> {
        let queue = self.streams.get_mut(&stream)?;
        let step = queue.steps.pop_front()?;
        if let Step::Send(message) = &step {
            queue.bytes -= message.payload.len();
        }
        if queue.steps.is_empty() {
            self.streams.remove(&stream);
        }
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Reliability;
    use super::*;

    fn message(payload: &'static [u8]) -> OutgoingMessage {
        OutgoingMessage {
            stream: 1,
            ppid: 53,
            ordered: true,
            reliability: Reliability::Reliable,
            payload: Bytes::from_static(payload),
        }
    }

    #[test]
    fn a_reset_stands_between_what_was_sent_before_and_after() {
        let mut waiting = Waiting::default();
        waiting.reset(1);
        assert!(!waiting.is_on(1), "nothing waits that it could be behind");
        waiting.send(message(b"one"));
        waiting.reset(1);
        waiting.reset(1);
        waiting.send(message(b"other"));
        assert_eq!((waiting.bytes(1), waiting.streams()), (8, vec![1]));
        let steps = std::iter::from_fn(|| waiting.next(1));
        let steps: Vec<_> = steps
            .map(|step| match step {
                Step::Send(message) => Some(message.payload),
                Step::Reset => None,
            })
            .collect();
        let payloads = [Some(&b"one"[..]), None, Some(b"other")];
        assert_eq!(steps, payloads.map(|it| it.map(Bytes::from_static)));
        assert!(!waiting.is_on(1));
    }
}
