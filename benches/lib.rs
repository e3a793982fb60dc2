//! What the benches share: a warm room, and a packet of the size that video has.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::rtp_parameters::{
    MediaKind, RtpCodecCapability, RtpCodecParameters, RtpEncodingParameters,
    RtpHeaderExtensionParameters, RtpParameters,
};
use flumen::srtp::{CryptoSuite, MasterKey};
use flumen::{
    Backend, Builder, ConnectOptions, ConsumerOptions, Engine, Listen, PlainTransportOptions,
    ProducerId, ProducerOptions, RouterId, SrtpParameters, Time, TransportId,
};

/// Payload type of the packets.
pub const PAYLOAD_TYPE: u8 = 111;
/// SSRC of the first producer.
pub const SSRC: u32 = 1_111;
/// Length of the packets in bytes: a full one of a video.
pub const PACKET_LEN: usize = 1_200;

/// An engine with a router, on virtual time.
pub struct Bench {
    /// The engine.
    pub engine: Engine,
    router: RouterId,
    now: Time,
}

impl Bench {
    /// An engine on `backend`, always with the same seed.
    ///
    /// # Panics
    ///
    /// When the engine cannot be built.
    pub fn new(backend: impl Backend + 'static) -> Self {
        Self::of(Engine::builder().backend(backend))
    }

    /// An engine of `builder`, always with the same seed.
    ///
    /// # Panics
    ///
    /// When the engine cannot be built.
    pub fn of(builder: Builder) -> Self {
        let mut engine = builder
            .seed([1; 32])
            .datagrams_per_socket(1_024)
            .build()
            .expect("the engine builds");
        let mut opus = RtpCodecCapability::new(MediaKind::Audio, "audio/opus", 48_000);
        opus.channels = Some(2);
        let router = engine.create_router(&[opus]).expect("Opus is supported");
        Self {
            engine,
            router,
            now: Time::ZERO,
        }
    }

    /// A plain transport connected to `remote`.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub fn transport(&mut self, listen: Listen, remote: SocketAddr) -> TransportId {
        let options = PlainTransportOptions::new(listen);
        let transport = self.engine.create_plain_transport(self.router, options);
        let transport = transport.expect("the transport opens");
        let to = ConnectOptions {
            ip: Some(remote.ip()),
            port: Some(remote.port()),
            ..ConnectOptions::default()
        };
        self.engine
            .connect(transport, &to)
            .expect("the transport connects");
        transport
    }

    /// A plain transport with SRTP connected to `remote`.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub fn sealed_transport(
        &mut self,
        listen: Listen,
        remote: SocketAddr,
        suite: CryptoSuite,
    ) -> TransportId {
        let options = PlainTransportOptions {
            enable_srtp: true,
            srtp_crypto_suite: suite,
            ..PlainTransportOptions::new(listen)
        };
        let transport = self.engine.create_plain_transport(self.router, options);
        let transport = transport.expect("the transport opens");
        let key = MasterKey::new(suite, &vec![7; suite.master_len()]);
        let to = ConnectOptions {
            srtp_parameters: key.as_ref().ok().map(SrtpParameters::from),
            ..ConnectOptions::from(remote)
        };
        self.engine
            .connect(transport, &to)
            .expect("the transport connects");
        transport
    }

    /// A producer of packets with `ssrc`.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn produce(&mut self, transport: TransportId, ssrc: u32) -> ProducerId {
        let options = ProducerOptions::new(MediaKind::Audio, parameters(ssrc));
        self.engine
            .produce(transport, options)
            .expect("the parameters are valid")
    }

    /// A consumer of `producer` with every header extension there is.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn consume(&mut self, transport: TransportId, producer: ProducerId) {
        let capabilities = self
            .engine
            .rtp_capabilities(self.router)
            .expect("the router is open");
        let options = ConsumerOptions::new(producer, capabilities.clone());
        self.engine
            .consume(transport, options)
            .expect("the producer can be consumed");
    }

    /// One tick, a millisecond after the last.
    ///
    /// # Panics
    ///
    /// When the tick fails.
    pub fn tick(&mut self) {
        self.tick_after(Duration::from_millis(1));
    }

    /// One tick, `span` after the last.
    ///
    /// # Panics
    ///
    /// When the tick fails.
    pub fn tick_after(&mut self, span: Duration) {
        self.now += span;
        self.engine.tick(self.now).expect("the tick runs");
    }
}

/// An audio stream with the header extensions that browsers negotiate.
pub fn parameters(ssrc: u32) -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "audio/opus".into(),
        payload_type: PAYLOAD_TYPE,
        clock_rate: 48_000,
        channels: Some(2),
        ..RtpCodecParameters::default()
    };
    let extension = RtpHeaderExtensionParameters::new;
    RtpParameters {
        codecs: vec![codec],
        header_extensions: vec![
            extension("urn:ietf:params:rtp-hdrext:ssrc-audio-level", 1),
            extension(
                "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
                2,
            ),
            extension("urn:ietf:params:rtp-hdrext:sdes:mid", 4),
        ],
        encodings: vec![RtpEncodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        }],
        ..RtpParameters::default()
    }
}

/// A packet of [`PACKET_LEN`] bytes with audio level, abs-send-time and MID in one-byte form.
pub fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x90, PAYLOAD_TYPE];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 960).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xbe, 0xde, 0, 2, 0x10, 0x7f, 0x22, 1, 2, 3, 0x40, b'0']);
    packet.resize(PACKET_LEN, 0x5a);
    packet
}

/// Changes the sequence number of a packet.
pub fn renumber(packet: &mut [u8], sequence: u16) {
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
}
