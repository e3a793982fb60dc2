//! The default library: `rtc-sctp`, a state machine without I/O.
//!
//! What it does not let one choose: RTO.Initial and RTO.Min are one second (RFC 9260 section 16),
//! where other stacks for data channels begin at 500 and 400 ms; a delayed acknowledgement takes
//! 200 ms. What is buffered on a stream includes what is under way and not yet acknowledged.
//! Interleaving (RFC 8260) is not negotiated.
//!
//! What the gate keeps from it, because 0.21 mishandles it: chunk types and INIT parameters that it
//! does not know (it drops the packet), ERROR (it closes the association), RE-CONFIG (it resets
//! both directions at once), verification tags of other handshakes, and sequence numbers far
//! ahead (it walks there one by one). It gives up retransmitting without a word, so it is told
//! never to, and the gate counts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use flumen_wire::sctp::{Forward, chunks, kind};
use rtc_sctp::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event,
    Payload, PayloadProtocolIdentifier, ReliabilityType, ServerConfig, StreamEvent, TimerConfig,
    TransportConfig, max_payload_size_for_mtu,
};
use rtc_shared::TransportProtocol;

use super::identifiers;
use super::library::{Library, Occurrence, Side};
use super::{Config, Epoch, OutgoingMessage, PORT, Reliability};
use crate::Time;

/// The library wants addresses and uses them for nothing.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);
/// Max.Init.Retransmits of RFC 9260 section 16.
const INIT_RETRANSMISSIONS: usize = 8;
/// Association.Max.Retrans of the same section.
const RETRANSMISSIONS: usize = 10;

/// One association of `rtc-sctp`.
pub(super) struct Rtc {
    epoch: Epoch,
    endpoint: Endpoint,
    association: Option<(AssociationHandle, Association)>,
    longest: usize,
    /// A stream that may have more messages to read.
    readable: Option<u16>,
}

impl Library for Rtc {
    const LONGEST: u32 = u32::MAX;

    fn open(config: &Config, epoch: &Epoch, side: Side, now: Time) -> Self {
        let transport = transport(config);
        let mut own = EndpointConfig::new();
        own.max_payload_size(max_payload_size_for_mtu(u32::from(config.mtu)));
        let server = Arc::new(ServerConfig::new(transport.clone()));
        let mut endpoint = Endpoint::new(
            NOBODY,
            TransportProtocol::UDP,
            Arc::new(own),
            (side == Side::Server).then_some(server),
        );
        let association = match side {
            Side::Client => endpoint
                .connect(epoch.at(now), ClientConfig::new(transport), NOBODY)
                .ok(),
            Side::Server => None,
        };
        Self {
            epoch: epoch.clone(),
            endpoint,
            association,
            longest: config.max_receive_message_size as usize + identifiers::LEN,
            readable: None,
        }
    }

    fn input(&mut self, now: Time, packet: Bytes) {
        let abandoned = self.order_abandoned(&packet);
        let handled = self
            .endpoint
            .handle(self.epoch.at(now), NOBODY, None, packet);
        match (handled, &mut self.association) {
            (Some((_, DatagramEvent::AssociationEvent(event))), Some((_, association))) => {
                association.handle_event(event);
            }
            (Some((handle, DatagramEvent::NewAssociation(new))), none @ None) => {
                *none = Some((handle, new));
            }
            _ => {}
        }
        for stream in abandoned {
            self.set_unordered(stream, true);
        }
    }

    fn write(&mut self, now: Time, message: &OutgoingMessage) -> Option<()> {
        let (kind, value) = match message.reliability {
            Reliability::Reliable => (ReliabilityType::Reliable, 0),
            Reliability::Lifetime(millis) => (ReliabilityType::Timed, u32::from(millis)),
            Reliability::Retransmits(times) => (ReliabilityType::Rexmit, u32::from(times)),
        };
        let ppid = PayloadProtocolIdentifier::from(message.ppid);
        let now = self.epoch.at(now);
        let (_, association) = self.association.as_mut()?;
        if association.stream(message.stream).is_err() {
            association.open_stream(message.stream, ppid).ok()?;
        }
        let mut stream = association.stream(message.stream).ok()?;
        stream
            .set_reliability_params(!message.ordered, kind, value)
            .ok()?;
        let written = stream.write_chunk_with_ppi(now, &message.payload, ppid);
        self.set_unordered(message.stream, true);
        written.ok().map(drop)
    }

    fn shut_down(&mut self, _: Time) {
        if let Some((_, association)) = &mut self.association {
            // Refused while handshaking only, and then there is nothing to shut down.
            let _ = association.shutdown();
        }
    }

    fn advance(&mut self, now: Time) {
        let is_due = self.next_timeout().is_some_and(|due| due <= now);
        if let (true, Some((_, association))) = (is_due, &mut self.association) {
            association.handle_timeout(self.epoch.at(now));
        }
    }

    fn next_timeout(&self) -> Option<Time> {
        let (_, association) = self.association.as_ref()?;
        association
            .poll_timeout()
            .map(|instant| self.epoch.time(instant))
    }

    fn transmit(&mut self, now: Time, each: &mut dyn FnMut(&[u8])) {
        let Some((_, association)) = &mut self.association else {
            return;
        };
        while let Some(transmit) = association.poll_transmit(self.epoch.at(now)) {
            if let Payload::RawEncode(packets) = transmit.message {
                packets.iter().for_each(|packet| each(packet));
            }
        }
    }

    fn poll(&mut self) -> Option<Occurrence> {
        loop {
            if let Some(message) = self.read() {
                return Some(message);
            }
            let (_, association) = self.association.as_mut()?;
            match association.poll()? {
                Event::Connected => return Some(Occurrence::Connected),
                Event::HandshakeFailed { .. } => return Some(Occurrence::HandshakeFailed),
                Event::Stream(StreamEvent::Readable { id }) => self.readable = Some(id),
                Event::Stream(StreamEvent::Opened { id }) => self.accept(id),
                Event::Stream(StreamEvent::BufferedAmountReleased { id, n_bytes }) => {
                    return Some(Occurrence::Released {
                        stream: id,
                        bytes: n_bytes,
                    });
                }
                _ => {}
            }
        }
    }

    fn timeouts(&self) -> u64 {
        let association = self.association.as_ref();
        association.map_or(0, |(_, association)| {
            association.stats().get_num_t3timeouts()
        })
    }

    fn is_closed(&self) -> bool {
        let association = self.association.as_ref();
        association.is_some_and(|(_, association)| association.is_closed())
    }
}

impl Rtc {
    fn accept(&mut self, stream: u16) {
        if let Some((_, association)) = &mut self.association {
            while association.accept_stream().is_some() {}
        }
        self.set_unordered(stream, true);
    }

    /// The next message of the stream that may have one.
    fn read(&mut self) -> Option<Occurrence> {
        let stream = self.readable?;
        let (_, association) = self.association.as_mut()?;
        let read = association.stream(stream).and_then(|mut at| at.read());
        let Ok(Some(fragments)) = read else {
            self.readable = None;
            return None;
        };
        let ppid = match fragments.ppi {
            PayloadProtocolIdentifier::Unknown => 0,
            known => known as u32,
        };
        Some(match fragments.to_payload(self.longest) {
            Ok(payload) => Occurrence::Message {
                stream,
                ppid,
                payload: payload.freeze(),
            },
            Err(_) => Occurrence::TooLong { stream },
        })
    }

    /// The library decides by what is *sent* on a stream whether what was abandoned by the peer
    /// is to be looked for among ordered or unordered messages. So streams are unordered for it,
    /// save while it reads a FORWARD TSN that names them, and while a message is handed over.
    fn order_abandoned(&mut self, packet: &[u8]) -> Vec<u16> {
        let mut ordered = Vec::new();
        for chunk in chunks(packet).filter(|chunk| chunk.kind == kind::FORWARD_TSN) {
            for at in Forward::of(&chunk).iter().flat_map(Forward::streams) {
                self.set_unordered(at.stream, false);
                ordered.push(at.stream);
            }
        }
        ordered
    }

    fn set_unordered(&mut self, stream: u16, unordered: bool) {
        if let Some((_, association)) = &mut self.association
            && let Ok(mut stream) = association.stream(stream)
        {
            // Fails for closed streams only, and none is ever closed.
            let _ = stream.set_reliability_params(unordered, ReliabilityType::Reliable, 0);
        }
    }
}

fn transport(config: &Config) -> TransportConfig {
    let longest = (config.max_send_message_size).saturating_add(identifiers::LEN as u32);
    TransportConfig::default()
        .with_sctp_port(PORT)
        .with_max_receive_buffer_size(config.receive_window)
        .with_max_message_size(longest)
        .with_max_num_outbound_streams(config.outbound_streams)
        .with_max_num_inbound_streams(config.inbound_streams)
        .with_timer_config(TimerConfig {
            max_t1_init_retrans: INIT_RETRANSMISSIONS,
            max_t1_cookie_retrans: INIT_RETRANSMISSIONS,
            max_t2_shutdown_retrans: RETRANSMISSIONS,
            max_t3_rtx_retrans: usize::MAX,
            ..TimerConfig::default()
        })
}
