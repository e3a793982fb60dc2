//! An application's own rules in the tick: what is not passed on, what is changed, what is added.
//!
//! On virtual time and without sockets: the application is sender and receiver, on direct
//! transports. The systems are in `rules.rs`.

mod rules;

use std::io::{self, Write};
use std::time::Duration;

use flumen::components::wire::rtp::RtpHeader;
use flumen::rtp_parameters::{MediaKind, RtpCodecCapability, RtpParameters};
use flumen::{
    ConsumerOptions, DataConsumerOptions, DataProducerOptions, Engine, Loopback, Message,
    ProducerOptions, Time,
};
use rules::{Announcement, Chat, house_rules};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    if std::env::args().len() > 1 {
        writeln!(io::stdout(), "usage: house_rules\n\n{ABOUT}")?;
        return Ok(());
    }
    let backend = Loopback::new().0;
    let mut engine = Engine::builder()
        .backend(backend)
        .plugin(house_rules)
        .build()?;
    let opus = RtpCodecCapability {
        channels: Some(2),
        ..RtpCodecCapability::new(MediaKind::Audio, "audio/opus", 48_000)
    };
    let router = engine.create_router(&[opus])?;
    let transport = engine.create_direct_transport(router)?;
    let capabilities = engine.rtp_capabilities(router)?.clone();
    let mut produce = |ssrc| -> Result<_, Failure> {
        let producer = engine.produce(
            transport,
            ProducerOptions::new(MediaKind::Audio, voice(ssrc)?),
        )?;
        engine.consume(
            transport,
            ConsumerOptions::new(producer, capabilities.clone()),
        )?;
        Ok(producer)
    };
    let (speaker, announcer) = (produce(1)?, produce(2)?);
    let chat = engine.produce_data(transport, DataProducerOptions::default())?;
    engine.consume_data(transport, DataConsumerOptions::new(chat))?;

    for (number, payload) in [&b"hello"[..], b"x", b"world"].into_iter().enumerate() {
        engine.send(speaker, &packet(number as u8, payload))?;
    }
    for text in ["HELLO", "damn"] {
        engine.send_message(chat, &Message::text(text))?;
    }
    let (announcer, chat) = (engine.entity(announcer)?, engine.entity(chat)?);
    let announcement = Announcement {
        payload_type: 111,
        ssrc: 2,
        packets_left: 3,
        next_at: Time::ZERO,
    };
    engine
        .world_mut()
        .entity_mut(announcer)
        .insert(announcement);
    engine.world_mut().entity_mut(chat).insert(Chat);

    let mut now = Time::ZERO;
    for _ in 0..10 {
        now += Duration::from_millis(10);
        engine.tick(now)?;
        engine.check_ledger()?;
    }
    report(&mut engine)
}

const ABOUT: &str = "Filters, rewrites and adds packets and messages with systems of its own.";

fn report(engine: &mut Engine) -> Result<(), Failure> {
    let mut out = io::stdout();
    let mut heard = Vec::new();
    engine.drain_deliveries(|delivery| {
        if let Ok(header) = RtpHeader::parse(delivery.packet) {
            let payload = header.payload(delivery.packet);
            heard.push(String::from_utf8_lossy(payload).into_owned());
        }
    });
    let mut read = Vec::new();
    engine
        .drain_messages(|message| read.push(String::from_utf8_lossy(message.payload).into_owned()));
    writeln!(out, "heard:    {heard:?}\nread:     {read:?}")?;
    writeln!(out, "media:    {}", serde_json::to_string(engine.ledger())?)?;
    writeln!(
        out,
        "messages: {}",
        serde_json::to_string(engine.data_ledger())?
    )?;
    Ok(())
}

fn voice(ssrc: u32) -> Result<RtpParameters, Failure> {
    let codec =
        r#"{ "mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2 }"#;
    let parameters = format!(r#"{{ "codecs": [{codec}], "encodings": [{{ "ssrc": {ssrc} }}] }}"#);
    Ok(serde_json::from_str(&parameters)?)
}

/// An RTP packet of the speaker.
fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let header = [0x80, 111, 0, number, 0, 0, number, 0, 0, 0, 0, 1];
    [&header, payload].concat()
}
