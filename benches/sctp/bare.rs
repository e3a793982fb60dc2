//! `rtc-sctp` by itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rtc_sctp::{
    Association, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier, ServerConfig, StreamEvent, TransportConfig,
};
use rtc_shared::TransportProtocol;

use crate::{BATCH, Line, TICK};

const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5_000);

struct End {
    endpoint: Endpoint,
    association: Option<Association>,
    buffered: usize,
    arrived: usize,
}

/// Two associations of the library, a datagram away from each other.
pub(crate) struct Bare {
    ends: [End; 2],
    now: Instant,
}

impl End {
    fn receive(&mut self, now: Instant, packet: Bytes) {
        let handled = self.endpoint.handle(now, NOBODY, None, packet);
        match (handled, &mut self.association) {
            (Some((_, DatagramEvent::AssociationEvent(event))), Some(association)) => {
                association.handle_event(event);
            }
            (Some((_, DatagramEvent::NewAssociation(new))), none) => *none = Some(new),
            _ => {}
        }
    }

    /// Reads what there is and returns what is to be sent.
    fn poll(&mut self, now: Instant) -> Vec<Bytes> {
        let Some(association) = &mut self.association else {
            return Vec::new();
        };
        while let Some(event) = association.poll() {
            match event {
                Event::Stream(StreamEvent::Readable { id }) => {
                    let mut stream = association.stream(id).expect("it is readable");
                    while let Ok(Some(message)) = stream.read() {
                        message.to_payload(BATCH).expect("it is shorter");
                        self.arrived += 1;
                    }
                }
                Event::Stream(StreamEvent::BufferedAmountReleased { n_bytes, .. }) => {
                    self.buffered -= n_bytes;
                }
                _ => {}
            }
        }
        let mut packets = Vec::new();
        while let Some(transmit) = association.poll_transmit(now) {
            if let Payload::RawEncode(raw) = transmit.message {
                packets.extend(raw);
            }
        }
        packets
    }
}

impl Bare {
    pub(crate) fn new(now: Instant) -> Self {
        let transport = TransportConfig::default().with_max_receive_buffer_size(5_242_880);
        let end = |server| End {
            endpoint: Endpoint::new(
                NOBODY,
                TransportProtocol::UDP,
                Arc::new(EndpointConfig::new()),
                server,
            ),
            association: None,
            buffered: 0,
            arrived: 0,
        };
        let server = ServerConfig::new(transport.clone());
        let mut ends = [end(None), end(Some(Arc::new(server)))];
        let config = ClientConfig::new(transport);
        let (_, asking) = ends[0]
            .endpoint
            .connect(now, config, NOBODY)
            .expect("it asks");
        ends[0].association = Some(asking);
        let mut bare = Self { ends, now };
        for _ in 0..10 {
            bare.tick();
        }
        let asking = bare.ends[0].association.as_mut().expect("it asked");
        asking
            .open_stream(1, PayloadProtocolIdentifier::Binary)
            .expect("it is connected");
        bare
    }

    fn tick(&mut self) {
        loop {
            let mut is_silent = true;
            for from in [0, 1] {
                for packet in self.ends[from].poll(self.now) {
                    is_silent = false;
                    self.ends[1 - from].receive(self.now, packet);
                }
            }
            if is_silent {
                break;
            }
        }
        self.now += TICK;
        for association in self
            .ends
            .iter_mut()
            .filter_map(|end| end.association.as_mut())
        {
            if association
                .poll_timeout()
                .is_some_and(|due| due <= self.now)
            {
                association.handle_timeout(self.now);
            }
        }
    }
}

impl Line for Bare {
    fn carry(&mut self, payload: &Bytes, count: usize) {
        self.ends[1].arrived = 0;
        let mut sent = 0;
        while self.ends[1].arrived < count {
            let [sender, _] = &mut self.ends;
            while sent < count && sender.buffered < 2_000_000 {
                let association = sender.association.as_mut().expect("it is connected");
                let mut stream = association.stream(1).expect("it is open");
                stream
                    .write_chunk_with_ppi(self.now, payload, PayloadProtocolIdentifier::Binary)
                    .expect("it is taken");
                sender.buffered += payload.len();
                sent += 1;
            }
            self.tick();
        }
    }
}
