//! A slow receiver of messages is told of, costs a bounded amount of memory, and delays nobody.

use std::time::Duration;

use flumen::{
    DataConsumerId, Event, Message, MessageWithheld, SctpOptions, SendMessageToError, Subject,
};
use flumen_sim::{Link, Loss};
use flumen_tests::{Bridge, GOOD, Trunk};

const SECOND: Duration = Duration::from_secs(1);

const LOST: Link = GOOD.loss(Loss::percent(100));

/// A trunk whose first room may have `buffer` bytes waiting, and a way to the second.
fn trunk(buffer: u32) -> (Trunk, Bridge) {
    let options = SctpOptions {
        sctp_send_buffer_size: Some(buffer),
        ..SctpOptions::default()
    };
    let mut trunk = Trunk::with(|builder| builder, options);
    let bridge = trunk.bridge(0, 0);
    trunk.settle();
    trunk.rooms[0].engine.drain_events();
    (trunk, bridge)
}

/// The events of a data consumer of the first room, as (name, bytes that wait).
fn told(trunk: &mut Trunk, consumer: DataConsumerId) -> Vec<(&'static str, Option<u64>)> {
    let events = trunk.rooms[0].engine.drain_events();
    let about = |event: &&Event| event.subject() == Subject::DataConsumer(consumer);
    let tell = |event: &Event| {
        let waiting = match event {
            Event::BufferedAmountLow(event) => Some(event.buffered_amount),
            _ => None,
        };
        (event.name(), waiting)
    };
    events.iter().filter(about).map(tell).collect()
}

#[test]
fn a_full_buffer_is_told_once_until_there_is_room_again() {
    let (mut trunk, bridge) = trunk(10_000);
    trunk.ways.set_link(LOST);
    for _ in 0..20 {
        trunk.rooms[0].say(bridge.data_producer, &Message::binary(&[0; 1_000]));
        trunk.carry(0);
    }
    assert_eq!(
        told(&mut trunk, bridge.sends),
        [("sctpsendbufferfull", None)]
    );
    let engine = &mut trunk.rooms[0].engine;
    assert_eq!(engine.buffered_amount(bridge.sends), Ok(10_000));
    let ledger = engine.data_ledger();
    assert_eq!(ledger.withheld[MessageWithheld::SendBufferFull], 10);
    let stats = engine.data_consumer_stats(bridge.sends).unwrap();
    assert_eq!((stats.messages_sent, stats.buffered_amount), (20, 10_000));
    let sent = engine.send_message_to(bridge.sends, &Message::text("x"));
    assert_eq!(sent, Err(SendMessageToError::SendBufferFull));
    trunk.ways.set_link(GOOD);
    trunk.run_for(60 * SECOND);
    assert_eq!(
        trunk.rooms[1].messages().len(),
        10,
        "what was taken arrives"
    );
    let told = told(&mut trunk, bridge.sends);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "bufferedamountlow");
    assert!(told[0].1 <= Some(1_024));
    let sent = trunk.rooms[0]
        .engine
        .send_message_to(bridge.sends, &Message::text("four"));
    assert_eq!(sent, Ok(4), "so many bytes wait then");
}

#[test]
fn the_threshold_decides_when_little_waits() {
    let (mut trunk, bridge) = trunk(100_000);
    let engine = &mut trunk.rooms[0].engine;
    engine
        .set_buffered_amount_low_threshold(bridge.sends, 50_000)
        .unwrap();
    for _ in 0..60 {
        engine
            .send_message(bridge.data_producer, &Message::binary(&[0; 1_000]))
            .unwrap();
    }
    trunk.run_for(10 * SECOND);
    let told = told(&mut trunk, bridge.sends);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!((40_000..=50_000).contains(&told[0].1.unwrap()), "{told:?}");
}

#[test]
fn a_slow_receiver_delays_nobody() {
    let (mut trunk, bridge) = trunk(10_000);
    let direct = trunk.rooms[0].direct();
    let quick = trunk.rooms[0].consume_data(direct, bridge.data_producer, &[]);
    trunk.ways.set_link(LOST);
    for _ in 0..1_000 {
        trunk.rooms[0].say(bridge.data_producer, &Message::binary(&[0; 1_000]));
        trunk.carry(0);
        let got = trunk.rooms[0].messages();
        assert_eq!(got.len(), 1, "in the tick in which it was sent");
        assert_eq!(got[0].0, quick);
    }
    assert_eq!(
        trunk.rooms[0].engine.buffered_amount(bridge.sends),
        Ok(10_000)
    );
}

#[test]
fn a_full_stream_leaves_the_others_room() {
    let options = SctpOptions {
        sctp_per_stream_send_queue_limit: Some(1_000),
        ..SctpOptions::default()
    };
    let mut trunk = Trunk::with(|builder| builder, options);
    let bridges = [0, 1].map(|stream| trunk.bridge(0, stream));
    trunk.settle();
    trunk.ways.set_link(LOST);
    let engine = &mut trunk.rooms[0].engine;
    let message = Message::binary(&[0; 1_000]);
    let full = Err(SendMessageToError::SendBufferFull);
    assert_eq!(
        engine.send_message_to(bridges[0].sends, &message),
        Ok(1_000)
    );
    assert_eq!(engine.send_message_to(bridges[0].sends, &message), full);
    assert_eq!(
        engine.send_message_to(bridges[1].sends, &message),
        Ok(1_000)
    );
}

#[test]
fn a_message_to_one_receiver_is_not_routed() {
    let (mut trunk, bridge) = trunk(10_000);
    trunk.rooms[0]
        .engine
        .set_subchannels(bridge.sends, &[1])
        .unwrap();
    let only = Message {
        subchannels: &[9],
        ..Message::text("x")
    };
    let engine = &mut trunk.rooms[0].engine;
    assert_eq!(engine.send_message_to(bridge.sends, &only), Ok(1));
    engine.pause_data_consumer(bridge.sends).unwrap();
    let paused = Err(SendMessageToError::Paused);
    assert_eq!(engine.send_message_to(bridge.sends, &only), paused);
    engine.resume_data_consumer(bridge.sends).unwrap();
    engine.pause_data_producer(bridge.data_producer).unwrap();
    assert_eq!(engine.send_message_to(bridge.sends, &only), paused);
    trunk.run_for(SECOND);
    assert_eq!(
        trunk.rooms[1].messages(),
        [(bridge.consumer, 51, b"x".to_vec())]
    );
    assert_eq!(trunk.rooms[0].engine.data_ledger().offered, 0);
}

#[test]
fn a_freed_stream_begins_anew() {
    let (mut trunk, bridge) = trunk(10_000);
    let say = |trunk: &mut Trunk, text: &str| {
        let message = Message::text(text);
        trunk.rooms[0].say(bridge.data_producer, &message);
        trunk.carry(0);
        trunk.run_for(SECOND);
    };
    say(&mut trunk, "first");
    trunk.rooms[0]
        .engine
        .close_data_consumer(bridge.sends)
        .unwrap();
    trunk.run_for(SECOND);
    say(&mut trunk, "to nobody");
    trunk.send(0, bridge.data_producer);
    trunk.receive(1, flumen::SctpStreamParameters::new(1));
    say(&mut trunk, "second");
    let texts: Vec<_> = trunk.rooms[1]
        .messages()
        .into_iter()
        .map(|got| got.2)
        .collect();
    assert_eq!(
        texts,
        [b"first".to_vec()],
        "the new one is on another stream"
    );
    assert_eq!(trunk.rooms[1].engine.data_ledger().accepted, 2);
}
