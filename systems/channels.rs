//! Data channels that peers open in-band (RFC 8832).

use bytes::Bytes;
use flumen_components::wire::dcep::{ACK, Open};
use flumen_components::wire::ppid;
use flumen_components::{DataChannel, DtlsRole, SctpStreams};
use flumen_protocol::sctp::{OutgoingMessage, Reliability, UserMessage};

/// Which streams a peer may open, and how long its names may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channels {
    /// The remainder of their identifiers by two: a DTLS client opens even ones (section 6).
    pub(crate) parity: u16,
    /// Bytes of label and protocol together.
    pub(crate) name_bytes: usize,
}

/// What a message of the protocol asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A channel, which is open now and is to be acknowledged.
    Open(DataChannel),
    /// Nothing: it acknowledges what nobody asked for.
    Nothing,
    /// What cannot be; the stream is to be closed.
    Refused,
}

impl Channels {
    /// What the peer of a transport whose connection has `local_role` may open.
    pub(crate) fn of(local_role: Option<DtlsRole>, name_bytes: usize) -> Self {
        let is_client = local_role == Some(DtlsRole::Client);
        Self {
            parity: u16::from(is_client),
            name_bytes,
        }
    }

    /// Reads a message of the protocol.
    pub(crate) fn request(self, message: &UserMessage, streams: &mut SctpStreams) -> Request {
        let stream = message.stream;
        if message.payload[..] == ACK {
            return Request::Nothing;
        }
        let fits = |open: &Open<'_>| open.label.len() + open.protocol.len() <= self.name_bytes;
        match Open::parse(&message.payload).filter(fits) {
            Some(open) if stream % 2 == self.parity && streams.open(stream) => {
                Request::Open(DataChannel::new(stream, &open))
            }
            _ => Request::Refused,
        }
    }
}

/// DATA_CHANNEL_ACK (section 5.2).
pub(crate) fn acknowledgement(stream: u16) -> OutgoingMessage {
    OutgoingMessage {
        stream,
        ppid: ppid::DCEP,
        ordered: true,
        reliability: Reliability::Reliable,
        payload: Bytes::from_static(&ACK),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flumen_components::wire::dcep;

    fn message(stream: u16, label: &str) -> UserMessage {
        let mut payload = Vec::new();
        let open = Open {
            ordered: false,
            reliability: dcep::Reliability::Retransmits(2),
            label,
            protocol: "",
        };
        open.write(&mut payload);
        UserMessage {
            stream,
            ppid: ppid::DCEP,
            payload: payload.into(),
        }
    }

    #[test]
    fn a_channel_is_opened_once_and_on_streams_of_the_peer() {
        for (role, own, other) in [(DtlsRole::Server, 2, 3), (DtlsRole::Client, 3, 2)] {
            let mut streams = SctpStreams::default();
            let channels = Channels::of(Some(role), 1_024);
            let mut request = |stream| channels.request(&message(stream, "chat"), &mut streams);
            let Request::Open(channel) = request(own) else {
                panic!("it may be opened");
            };
            assert_eq!(channel.label, "chat");
            assert_eq!(channel.sctp_stream_parameters.max_retransmits, Some(2));
            assert_eq!(request(own), Request::Refused, "it is open");
            assert_eq!(request(other), Request::Refused, "it is ours to open");
        }
    }

    #[test]
    fn what_lies_opens_nothing() {
        let mut streams = SctpStreams::default();
        let channels = Channels::of(Some(DtlsRole::Server), 8);
        let long = message(0, "nine char");
        assert_eq!(channels.request(&long, &mut streams), Request::Refused);
        let mut cut = message(0, "chat");
        cut.payload.truncate(13);
        assert_eq!(channels.request(&cut, &mut streams), Request::Refused);
        let mut ack = message(0, "");
        ack.payload = Bytes::from_static(&ACK);
        assert_eq!(channels.request(&ack, &mut streams), Request::Nothing);
        assert!(streams.open(0), "nothing was");
    }
}
