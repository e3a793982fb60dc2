//! Data channels over WebRTC transports: negotiated, and opened by peers themselves.

use flumen::components::wire::dcep::ACK;
use flumen::event::DataChannelOpened;
use flumen::sctp::{AssociationEvent as SctpEvent, OutgoingMessage};
use flumen::{
    DataConsumerOptions, DataProducerOptions, MessageDiscard, SctpState, SctpStreamParameters,
};
use flumen_tests::{Channels, message};

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
