//! Data channels over WebRTC transports: negotiated, and opened by peers themselves.

use flumen::components::DtlsConnection;
use flumen::components::wire::dcep::ACK;
use flumen::dtls::{Connection, Identity, Tape};
use flumen::event::DataChannelOpened;
use flumen::sctp::{AssociationEvent as SctpEvent, Config, OutgoingMessage};
use flumen::{
    ConsumeDataError, DataConsumerId, DataConsumerOptions, DataProducerId, DataProducerOptions,
    DtlsState, MessageDiscard, SctpState, SctpStreamParameters,
};
use flumen_tests::{Channels, fails, message};

/// A data producer on `stream`.
fn produce(channels: &mut Channels, stream: u16) -> DataProducerId {
    let options = DataProducerOptions {
        sctp_stream_parameters: Some(SctpStreamParameters::new(stream)),
        ..DataProducerOptions::default()
    };
    let engine = &mut channels.room.engine;
    engine.produce_data(channels.transport, options).unwrap()
}

/// A data consumer that asks for `stream`, and the one that it got.
fn consume(
    channels: &mut Channels,
    data_producer: DataProducerId,
    stream: Option<u16>,
) -> (DataConsumerId, u16) {
    let options = DataConsumerOptions {
        stream_id: stream,
        ..DataConsumerOptions::new(data_producer)
    };
    let engine = &mut channels.room.engine;
    let data_consumer = engine.consume_data(channels.transport, options).unwrap();
    let parameters = engine.data_consumer_parameters(data_consumer).unwrap();
    let got = parameters.sctp_stream_parameters.unwrap().stream_id;
    channels.settle();
    (data_consumer, got)
}

/// How often this end reset a stream.
fn resets(channels: &Channels, stream: u16) -> usize {
    let reset = SctpEvent::ResetByPeer { stream };
    channels
        .events
        .iter()
        .filter(|event| **event == reset)
        .count()
}

#[test]
fn messages_go_both_ways_over_dtls() {
    let mut channels = Channels::new();
    let stream = SctpStreamParameters::new(0);
    let options = DataProducerOptions {
        sctp_stream_parameters: Some(stream),
        ..DataProducerOptions::default()
    };
    let engine = &mut channels.room.engine;
    let chat = engine.produce_data(channels.transport, options).unwrap();
    engine
        .consume_data(channels.transport, DataConsumerOptions::new(chat))
        .unwrap();
    channels.settle();
    assert_eq!(
        channels.room.engine.sctp_state(channels.transport),
        Ok(Some(SctpState::Connected))
    );
    channels.send(&message(0, vec![7; 100_000]));
    let payloads: Vec<_> = channels
        .got
        .iter()
        .map(|message| message.payload.len())
        .collect();
    assert_eq!(payloads, [100_000]);
}

#[test]
fn a_channel_that_the_peer_opens_is_acknowledged_and_told() {
    let mut channels = Channels::new();
    channels.open(4, "chat");
    let opened = channels.opened();
    let [DataChannelOpened { channel, .. }] = &opened[..] else {
        panic!("one was opened: {opened:?}");
    };
    assert_eq!(
        (&channel.label[..], &channel.protocol[..]),
        ("chat", "json")
    );
    assert_eq!(channel.sctp_stream_parameters.stream_id, 4);
    let got = channels.got.pop().unwrap();
    assert_eq!((got.stream, got.ppid, &got.payload[..]), (4, 50, &ACK[..]));
    let options = DataProducerOptions {
        sctp_stream_parameters: Some(channel.sctp_stream_parameters),
        label: channel.label.clone(),
        ..DataProducerOptions::default()
    };
    let producer = channels
        .room
        .engine
        .produce_data(channels.transport, options)
        .unwrap();
    channels.send(&message(4, "hello"));
    let stats = channels.room.engine.data_producer_stats(producer).unwrap();
    assert_eq!(stats.messages_received, 1);
}

/// What the data producers of a transport got, in order.
fn routed(channels: &mut Channels, stream: u16) -> Vec<Vec<u8>> {
    let chat = produce(channels, stream);
    let (_, back) = consume(channels, chat, None);
    channels.settle();
    let got = channels.got.drain(..);
    got.filter(|message| message.stream == back)
        .map(|message| message.payload.to_vec())
        .collect()
}

#[test]
fn what_is_sent_right_behind_the_request_for_a_channel_arrives() {
    let mut channels = Channels::new();
    channels.ask_for(4, "chat");
    for text in ["hello", "are you", "there"] {
        channels.queue(&message(4, text));
    }
    channels.settle();
    assert_eq!(channels.opened().len(), 1);
    let discarded = |channels: &Channels| {
        channels.room.engine.data_ledger().discarded[MessageDiscard::UnknownStream]
    };
    assert_eq!(discarded(&channels), 0);
    assert_eq!(
        routed(&mut channels, 4),
        [&b"hello"[..], b"are you", b"there"]
    );
    assert_eq!(discarded(&channels), 0);
}

#[test]
fn what_waits_for_a_data_producer_is_bounded_and_counted() {
    let mut channels = Channels::new();
    channels.open(4, "chat");
    for _ in 0..5 {
        channels.send(&message(4, vec![7; 100_000]));
    }
    let discarded = |channels: &Channels| {
        channels.room.engine.data_ledger().discarded[MessageDiscard::UnknownStream]
    };
    assert_eq!(discarded(&channels), 3, "256 KiB wait");
    channels.association.reset_stream(4);
    channels.settle();
    assert_eq!(discarded(&channels), 5, "the channel is closed");
    channels.open(4, "again");
    channels.send(&message(4, "nobody's"));
    assert_eq!(discarded(&channels), 5);
    let transport = channels.transport;
    channels.room.engine.close_transport(transport).unwrap();
    assert_eq!(discarded(&channels), 6, "the transport is");
}

#[test]
fn a_channel_that_lies_is_not_opened() {
    let mut channels = Channels::new();
    channels.open(5, "the stream is the engine's to open");
    let long = "x".repeat(2_000);
    channels.open(6, &long);
    channels.open(8, "twice");
    channels.open(8, "twice");
    let malformed = OutgoingMessage {
        ppid: 50,
        ..message(10, vec![3, 0, 0])
    };
    channels.send(&malformed);
    let opened: Vec<_> = channels
        .opened()
        .iter()
        .map(|one| one.channel.sctp_stream_parameters.stream_id)
        .collect();
    assert_eq!(opened, [8]);
    let refused = channels.room.engine.data_ledger().discarded[MessageDiscard::UnwantedChannel];
    assert_eq!(refused, 4);
    let acknowledged: Vec<_> = channels.got.iter().map(|message| message.stream).collect();
    assert_eq!(acknowledged, [8]);
    let reset = SctpEvent::ResetByPeer { stream: 8 };
    assert!(
        channels.events.contains(&reset),
        "what is open twice is closed"
    );
}

#[test]
fn a_channel_that_the_peer_closes_is_closed_at_this_end_too() {
    let mut channels = Channels::new();
    channels.open(4, "chat");
    channels.room.engine.drain_events();
    channels.association.reset_stream(4);
    channels.settle();
    let names = channels.room.event_names();
    assert_eq!(names, ["datachannelclose"]);
    assert!(
        channels
            .events
            .contains(&SctpEvent::ResetByPeer { stream: 4 })
    );
    channels.open(4, "again");
    assert_eq!(channels.opened().len(), 1);
}

#[test]
fn a_channel_that_the_peer_opened_is_sent_on_by_who_asks_for_it_alone() {
    let mut channels = Channels::new();
    channels.open(0, "chat");
    let chat = produce(&mut channels, 0);
    let (_, chosen) = consume(&mut channels, chat, None);
    assert_eq!(chosen, 1, "the channel is not given to anybody");
    let (_, asked) = consume(&mut channels, chat, Some(0));
    assert_eq!(asked, 0);
    channels.got.clear();
    channels.send(&message(0, "hello"));
    let mut got: Vec<_> = channels.got.iter().map(|message| message.stream).collect();
    got.sort_unstable();
    assert_eq!(got, [0, 1]);
    for stream in [0, 1, u16::MAX] {
        let transport = channels.transport;
        let options = DataConsumerOptions {
            stream_id: Some(stream),
            ..DataConsumerOptions::new(chat)
        };
        let error = fails(&mut channels.room, |room| {
            room.engine.consume_data(transport, options)
        });
        assert_eq!(error, ConsumeDataError::StreamIdUnavailable(stream));
    }
}

#[test]
fn a_channel_that_cannot_be_acknowledged_is_not_told() {
    let mut channels = Channels::with(Config {
        inbound_streams: 4,
        ..Config::default()
    });
    channels.open(6, "the peer takes nothing on it");
    assert_eq!(channels.opened(), []);
    let refused = channels.room.engine.data_ledger().discarded[MessageDiscard::UnwantedChannel];
    assert_eq!(refused, 1);
    channels.open(2, "this one it takes");
    assert_eq!(channels.opened().len(), 1);
}

#[test]
fn what_was_never_open_is_not_told_to_be_closed() {
    let mut channels = Channels::new();
    channels.open(5, "the stream is the engine's to open");
    channels.room.engine.drain_events();
    channels.association.reset_stream(5);
    channels.settle();
    assert_eq!(channels.room.event_names(), [""; 0]);
}

#[test]
fn a_channel_that_this_end_closes_is_closed_once() {
    let mut channels = Channels::new();
    channels.open(4, "chat");
    let chat = produce(&mut channels, 2);
    let (data_consumer, _) = consume(&mut channels, chat, Some(4));
    channels
        .room
        .engine
        .close_data_consumer(data_consumer)
        .unwrap();
    channels.settle();
    assert_eq!(resets(&channels, 4), 1);
    channels.room.engine.drain_events();
    channels.association.reset_stream(4);
    channels.settle();
    assert_eq!(channels.room.event_names(), ["datachannelclose"]);
    assert_eq!(resets(&channels, 4), 1, "the peer's was the answer");
    channels.open(4, "again");
    assert_eq!(channels.opened().len(), 1);
}

#[test]
fn a_channel_whose_data_producer_closes_is_closed() {
    let mut channels = Channels::new();
    channels.open(4, "chat");
    let chat = produce(&mut channels, 4);
    channels.room.engine.close_data_producer(chat).unwrap();
    channels.settle();
    assert_eq!(resets(&channels, 4), 1, "the peer hears of it");
    channels.send(&message(4, "too late"));
    let ledger = channels.room.engine.data_ledger();
    assert_eq!(ledger.discarded[MessageDiscard::UnknownStream], 1);
    channels.room.engine.drain_events();
    channels.association.reset_stream(4);
    channels.settle();
    assert_eq!(channels.room.event_names(), ["datachannelclose"]);
    channels.open(4, "again");
    channels.send(&message(4, "hello"));
    assert_eq!(routed(&mut channels, 4), [b"hello"]);
    // One on which a data consumer sends goes on.
    channels.open(6, "both ways");
    let chat = produce(&mut channels, 6);
    let other = produce(&mut channels, 8);
    consume(&mut channels, other, Some(6));
    channels.room.engine.close_data_producer(chat).unwrap();
    channels.settle();
    assert_eq!(resets(&channels, 6), 0);
}

#[test]
fn what_was_sent_before_its_transport_closes_arrives() {
    let mut channels = Channels::new();
    let chat = produce(&mut channels, 2);
    let (data_consumer, _) = consume(&mut channels, chat, None);
    let engine = &mut channels.room.engine;
    let bye = flumen::Message::text("bye");
    engine.send_message_to(data_consumer, &bye).unwrap();
    engine.close_transport(channels.transport).unwrap();
    channels.settle();
    let got: Vec<_> = channels.got.iter().map(|it| &it.payload[..]).collect();
    assert_eq!(got, [b"bye"]);
}

#[test]
fn a_channel_opens_however_much_waits_on_others() {
    let room = flumen_tests::Room::with(|builder| builder.sctp_send_buffer_bytes(10_000));
    let mut channels = Channels::inside(room);
    let chat = produce(&mut channels, 2);
    let (data_consumer, _) = consume(&mut channels, chat, None);
    let long = vec![7; 5_000];
    let message = flumen::Message::binary(&long);
    while channels
        .room
        .engine
        .send_message_to(data_consumer, &message)
        .is_ok()
    {}
    channels.open(4, "chat");
    assert_eq!(channels.opened().len(), 1);
}

#[test]
fn no_channel_outlives_its_association() {
    let mut channels = Channels::new();
    channels.open(4, "chat");
    channels.send(&message(4, "for nobody yet"));
    channels.room.engine.drain_events();
    channels.association.abort(channels.room.now);
    channels.settle();
    assert_eq!(
        channels.room.event_names(),
        ["sctpstatechange", "datachannelclose"]
    );
    let ledger = channels.room.engine.data_ledger();
    assert_eq!(ledger.discarded[MessageDiscard::UnknownStream], 1);
}

/// A connection that fails when it is to send.
fn failing() -> Connection {
    let tape = serde_json::json!({"entries": [{
        "answer": "Command",
        "after": {"state": "connected", "role": "server", "next_timeout": null},
    }]});
    let tape: Tape = serde_json::from_value(tape).unwrap();
    Connection::recorded(tape)
}

#[test]
fn a_connection_that_fails_when_messages_are_sent_is_told_and_ends_the_path() {
    let mut channels = Channels::new();
    let chat = produce(&mut channels, 4);
    let (data_consumer, _) = consume(&mut channels, chat, None);
    let entity = channels.room.engine.entity(channels.transport).unwrap();
    let mut connection = DtlsConnection::new(failing(), Identity::generate().unwrap());
    connection.advance(channels.room.now);
    let world = channels.room.engine.world_mut();
    *world.get_mut::<DtlsConnection>(entity).unwrap() = connection;
    channels.room.engine.drain_events();
    channels
        .room
        .engine
        .close_data_consumer(data_consumer)
        .unwrap();
    for _ in 0..3 {
        channels.room.tick();
    }
    let engine = &mut channels.room.engine;
    assert_eq!(engine.dtls_state(channels.transport), Ok(DtlsState::Failed));
    assert!(channels.room.event_names().contains(&"dtlsstatechange"));
    let path = channels
        .room
        .engine
        .world()
        .get::<flumen::components::Path>(entity);
    assert!(!path.unwrap().is_connected());
}
