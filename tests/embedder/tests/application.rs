//! Media and messages, as an application moves them.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use flumen::rtp_parameters::{MediaKind, RtpCodecCapability, RtpParameters};
use flumen::{
    ConnectOptions, ConsumerOptions, DataConsumerOptions, DataProducerOptions, Engine, Listen,
    ListenInfo, Loopback, Message, MessageBatch, PlainTransportOptions, ProducerOptions, Time,
};

/// An Opus packet (RFC 7587) with this sequence number.
fn packet(sequence: u16) -> Vec<u8> {
    let mut bytes = vec![0x80, 100];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend((u32::from(sequence).wrapping_mul(960)).to_be_bytes());
    bytes.extend(1_111u32.to_be_bytes());
    bytes.extend(b"sound");
    bytes
}

#[test]
fn media_crosses_an_engine_on_virtual_time_and_its_numbers_wrap() {
    let (backend, wire) = Loopback::new();
    let mut engine = Engine::builder()
        .backend(backend)
        .seed([7; 32])
        .build()
        .unwrap();
    let mut opus = RtpCodecCapability::new(MediaKind::Audio, "audio/opus", 48_000);
    opus.channels = Some(2);
    let router = engine.create_router(&[opus]).unwrap();
    let [from, to]: [SocketAddr; 2] = [5_000, 6_000].map(|port| ([127, 0, 0, 1], port).into());
    let [sender, receiver] = [from, to].map(|remote| {
        let options = PlainTransportOptions::new(Listen::Own(ListenInfo::new(remote.ip())));
        let transport = engine.create_plain_transport(router, options).unwrap();
        engine
            .connect(transport, &ConnectOptions::from(remote))
            .unwrap();
        transport
    });
    let parameters: RtpParameters = serde_json::from_str(
        r#"{ "codecs": [{ "mimeType": "audio/opus", "payloadType": 100, "clockRate": 48000,
                          "channels": 2 }],
             "encodings": [{ "ssrc": 1111 }] }"#,
    )
    .unwrap();
    let options = ProducerOptions::new(MediaKind::Audio, parameters);
    let producer = engine.produce(sender, options).unwrap();
    let capabilities = engine.rtp_capabilities(router).unwrap().clone();
    engine
        .consume(receiver, ConsumerOptions::new(producer, capabilities))
        .unwrap();
    let local = engine.tuple(sender).unwrap().unwrap().local().unwrap();
    // Twice around what sequence numbers can count, in eight minutes of media.
    for count in 0..25_000u32 {
        wire.inject(
            local,
            from,
            &packet((count * 3).wrapping_add(65_000) as u16),
        );
        wire.inject(
            local,
            from,
            &packet((count * 3).wrapping_add(65_001) as u16),
        );
        engine
            .tick(Time::from_millis(u64::from(count) * 20))
            .unwrap();
        wire.for_each_sent(|_, _, _| {});
    }
    engine.check_ledger().unwrap();
    assert_eq!(engine.ledger().accepted, 50_000);
    assert_eq!(engine.ledger().enqueued, 50_000);
}

#[test]
fn messages_cross_an_engine_on_a_thread_of_its_own() {
    let mut engine = Engine::builder().build().unwrap();
    let router = engine.create_router(&[]).unwrap();
    let transport = engine.create_direct_transport(router).unwrap();
    let chat = engine
        .produce_data(transport, DataProducerOptions::default())
        .unwrap();
    engine
        .consume_data(transport, DataConsumerOptions::new(chat))
        .unwrap();
    let handle = engine.handle();
    let (give, take) = mpsc::channel();
    let running = thread::spawn(move || {
        engine.run_with(|engine| {
            engine.drain_messages(|message| give.send(message.payload.to_vec()).unwrap());
        })
    });
    let mut batch = MessageBatch::default();
    for number in 0..1_000u16 {
        batch.push(chat, &Message::binary(&number.to_be_bytes()));
    }
    assert!(
        handle
            .send_messages(batch)
            .unwrap()
            .wait()
            .unwrap()
            .is_empty()
    );
    for number in 0..1_000u16 {
        let payload = take.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(payload, number.to_be_bytes());
    }
    drop(handle);
    let remains = running.join().unwrap().unwrap();
    remains.ledger.check().unwrap();
}
