//! With `rtc-sctp`: a state machine that is given datagrams and the time.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc_sctp::{
    Association, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier, ServerConfig, StreamEvent, StreamId, TransportConfig,
};
use rtc_shared::TransportProtocol;

use super::Pulse;
use crate::Failure;
use crate::room::CLIENT_STREAM;

/// The name of the stack.
pub(super) const NAME: &str = "rtc-sctp";
/// Between two messages, and for how long it sleeps at most.
const INTERVAL: Duration = Duration::from_millis(1);
const LONGEST_DATAGRAM: usize = 2_048;

struct Stack<'a> {
    socket: UdpSocket,
    endpoint: Endpoint,
    association: Option<Association>,
    /// Whom it answers.
    remote: Option<SocketAddr>,
    pulse: &'a Pulse,
}

/// Answers whoever asks first, and exchanges messages until it is to leave.
#[expect(clippy::disallowed_methods, reason = "an application keeps real time")]
pub(super) fn run(socket: UdpSocket, pulse: &Pulse) -> Result<(), Failure> {
    socket.set_read_timeout(Some(INTERVAL))?;
    let server = ServerConfig::new(TransportConfig::default());
    let endpoint = Endpoint::new(
        socket.local_addr()?,
        TransportProtocol::UDP,
        Arc::new(EndpointConfig::new()),
        Some(Arc::new(server)),
    );
    let mut stack = Stack {
        socket,
        endpoint,
        association: None,
        remote: None,
        pulse,
    };
    let mut due = Instant::now();
    while !pulse.is_leaving() {
        stack.take_datagram(Instant::now())?;
        let now = Instant::now();
        if pulse.is_publishing() && due <= now {
            stack.publish(now)?;
            due = now + INTERVAL;
        }
        stack.work(now)?;
    }
    Ok(())
}

impl Stack<'_> {
    fn take_datagram(&mut self, now: Instant) -> Result<(), Failure> {
        let mut buffer = [0; LONGEST_DATAGRAM];
        let (length, from) = match self.socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let datagram = Bytes::copy_from_slice(&buffer[..length]);
        match self.endpoint.handle(now, from, None, datagram) {
            Some((_, DatagramEvent::NewAssociation(association))) => {
                self.association = Some(association);
                self.remote = Some(from);
            }
            Some((_, DatagramEvent::AssociationEvent(event))) => {
                if let Some(association) = &mut self.association {
                    association.handle_event(event);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn publish(&mut self, now: Instant) -> Result<(), Failure> {
        let Some(association) = &mut self.association else {
            return Ok(());
        };
        let message = Bytes::from(self.pulse.next_message());
        let string = PayloadProtocolIdentifier::String;
        // The first message opens the stream.
        if association.stream(CLIENT_STREAM).is_err() {
            association.open_stream(CLIENT_STREAM, string)?;
        }
        let mut stream = association.stream(CLIENT_STREAM)?;
        stream.write_chunk_with_ppi(now, &message, string)?;
        Ok(())
    }

    /// Fires timers, takes messages, and sends what there is to send.
    fn work(&mut self, now: Instant) -> Result<(), Failure> {
        let (Some(association), Some(remote)) = (&mut self.association, self.remote) else {
            return Ok(());
        };
        if association.poll_timeout().is_some_and(|due| due <= now) {
            association.handle_timeout(now);
        }
        while let Some(event) = association.poll() {
            if let Event::Stream(StreamEvent::Readable { id }) = event {
                take_messages(association, id, self.pulse)?;
            }
        }
        while let Some(transmit) = association.poll_transmit(now) {
            if let Payload::RawEncode(packets) = transmit.message {
                for packet in packets {
                    self.socket.send_to(&packet, remote)?;
                }
            }
        }
        Ok(())
    }
}

fn take_messages(
    association: &mut Association,
    stream: StreamId,
    pulse: &Pulse,
) -> Result<(), Failure> {
    while let Some(message) = association.stream(stream)?.read()? {
        pulse.receive(message.len());
    }
    Ok(())
}
