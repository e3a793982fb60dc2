//! The engine's side: a router, and a transport for each who takes part.

use std::net::{Ipv4Addr, SocketAddr};

use flumen::rtp_parameters::{
    MediaKind, RtcpFeedback, RtpCodecCapability, RtpCodecParameters, RtpEncodingParameters,
    RtpHeaderExtensionParameters, RtpParameters,
};
use flumen::{
    ConnectOptions, ConsumerOptions, Engine, Listen, ListenInfo, PlainTransportOptions, ProducerId,
    ProducerOptions, RouterId, TransportId,
};

use crate::layout::{Layout, PAYLOAD_TYPE, Sender, Sockets, ssrc};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Opens what a layout asks for; says where its senders send to, one after another.
///
/// # Errors
///
/// When ports run out, usually.
pub(crate) fn open(
    engine: &mut Engine,
    layout: &Layout,
    sockets: Sockets,
) -> Result<Vec<SocketAddr>, Failure> {
    let listen = Listen::Own(ListenInfo::new(Ipv4Addr::LOCALHOST.into()));
    let to_receivers = match (&listen, sockets) {
        (Listen::Own(info), Sockets::Shared) => Listen::Shared(engine.open_socket(info)?),
        _ => listen.clone(),
    };
    let router = engine.create_router(&[opus()])?;
    let mut receivers = Vec::new();
    for receiver in 0..layout.receivers {
        let options = PlainTransportOptions::new(to_receivers.clone());
        let transport = engine.create_plain_transport(router, options)?;
        engine.connect(transport, &ConnectOptions::from(layout.address(receiver)))?;
        receivers.push(transport);
    }
    let mut producers = Vec::new();
    let mut entrances = Vec::new();
    for (index, sender) in layout.senders.iter().enumerate() {
        let transport = match sender.receiver {
            Some(receiver) => receivers[usize::from(receiver)],
            None => from_anywhere(engine, router, listen.clone())?,
        };
        let options = ProducerOptions::new(MediaKind::Audio, parameters(ssrc(index)));
        producers.push(engine.produce(transport, options)?);
        let tuple = engine.tuple(transport)?.and_then(|tuple| tuple.local());
        entrances.push(tuple.ok_or("it has no address")?);
    }
    for (sender, producer) in layout.senders.iter().zip(producers) {
        consume(engine, router, (sender, producer), &receivers)?;
    }
    Ok(entrances)
}

fn consume(
    engine: &mut Engine,
    router: RouterId,
    (sender, producer): (&Sender, ProducerId),
    receivers: &[TransportId],
) -> Result<(), Failure> {
    let capabilities = engine.rtp_capabilities(router)?.clone();
    for receiver in sender.receivers() {
        let options = ConsumerOptions::new(producer, capabilities.clone());
        engine.consume(receivers[usize::from(receiver)], options)?;
    }
    Ok(())
}

/// A transport for who only sends: where from is learnt from its first packet.
fn from_anywhere(
    engine: &mut Engine,
    router: RouterId,
    listen: Listen,
) -> Result<TransportId, Failure> {
    let options = PlainTransportOptions {
        comedia: true,
        ..PlainTransportOptions::new(listen)
    };
    Ok(engine.create_plain_transport(router, options)?)
}

fn opus() -> RtpCodecCapability {
    RtpCodecCapability {
        channels: Some(2),
        rtcp_feedback: vec![RtcpFeedback::new("nack", "")],
        ..RtpCodecCapability::new(MediaKind::Audio, "audio/opus", 48_000)
    }
}

/// A stream whose latest packets are kept, to be sent again when asked for, with the header
/// extensions that browsers negotiate.
fn parameters(ssrc: u32) -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "audio/opus".into(),
        payload_type: PAYLOAD_TYPE,
        clock_rate: 48_000,
        channels: Some(2),
        rtcp_feedback: vec![RtcpFeedback::new("nack", "")],
        ..RtpCodecParameters::default()
    };
    let extensions = [
        ("urn:ietf:params:rtp-hdrext:ssrc-audio-level", 1),
        (
            "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            2,
        ),
        ("urn:ietf:params:rtp-hdrext:sdes:mid", 4),
    ];
    RtpParameters {
        codecs: vec![codec],
        header_extensions: extensions
            .map(|(uri, id)| RtpHeaderExtensionParameters::new(uri, id))
            .into(),
        encodings: vec![RtpEncodingParameters {
            ssrc: Some(ssrc),
            ..RtpEncodingParameters::default()
        }],
        ..RtpParameters::default()
    }
}
