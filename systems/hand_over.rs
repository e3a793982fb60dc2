//! Messages of data consumers become messages of associations.

use bytes::Bytes;
use flumen_components::{DataConsumer, MessageWithheld, SctpStreamParameters};
use flumen_protocol::sctp::{OutgoingMessage, Reliability, SendRefused};

/// A message as an association takes it.
pub(crate) fn outgoing(stream: SctpStreamParameters, ppid: u32, payload: Bytes) -> OutgoingMessage {
    let reliability = match (stream.max_packet_life_time, stream.max_retransmits) {
        (Some(milliseconds), _) => Reliability::Lifetime(milliseconds),
        (None, Some(retransmissions)) => Reliability::Retransmits(retransmissions),
        (None, None) => Reliability::Reliable,
    };
    OutgoingMessage {
        stream: stream.stream_id,
        ppid,
        ordered: stream.ordered.unwrap_or(true),
        reliability,
        payload,
    }
}

/// Why an association did not take a message.
pub(crate) fn refusal(error: SendRefused) -> MessageWithheld {
    match error {
        SendRefused::Empty => MessageWithheld::Empty,
        SendRefused::TooLong { .. } => MessageWithheld::TooLarge,
        SendRefused::NoStream { .. } => MessageWithheld::NoStream,
        SendRefused::BufferFull | SendRefused::StreamFull(_) => MessageWithheld::SendBufferFull,
        // Not connected, shutting down, or failed: it fails a message only when it is about to end.
        _ => MessageWithheld::NotConnected,
    }
}

/// Notes whether a message found room; true when the application is to be told that none did.
pub(crate) fn note_room<T>(
    consumer: &mut DataConsumer,
    outcome: Result<T, MessageWithheld>,
) -> bool {
    match outcome {
        Ok(_) => {
            consumer.send_buffer_full = false;
            false
        }
        Err(MessageWithheld::SendBufferFull) => {
            !std::mem::replace(&mut consumer.send_buffer_full, true)
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_reliability() {
        let stream = |ordered, life_time, retransmits| SctpStreamParameters {
            stream_id: 3,
            ordered: Some(ordered),
            max_packet_life_time: life_time,
            max_retransmits: retransmits,
        };
        let rows = [
            (stream(true, None, None), true, Reliability::Reliable),
            (stream(false, None, None), false, Reliability::Reliable),
            (
                stream(false, Some(0), None),
                false,
                Reliability::Lifetime(0),
            ),
            (
                stream(false, Some(90), None),
                false,
                Reliability::Lifetime(90),
            ),
            (
                stream(false, None, Some(0)),
                false,
                Reliability::Retransmits(0),
            ),
            (
                stream(false, None, Some(5)),
                false,
                Reliability::Retransmits(5),
            ),
        ];
        for (stream, ordered, reliability) in rows {
            let expected = OutgoingMessage {
                stream: 3,
                ppid: 51,
                ordered,
                reliability,
                payload: Bytes::from_static(b"x"),
            };
            let payload = Bytes::from_static(b"x");
            assert_eq!(outgoing(stream, 51, payload), expected);
        }
    }
}
