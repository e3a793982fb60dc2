//! Who gets which message, as what, in which order, and how it is counted.

use std::time::Duration;

use flumen::{
    DataConsumerId, DataConsumerOptions, DataLedger, DataProducerId, DataProducerOptions, Message,
    MessageWithheld, TransportId,
};
use flumen_tests::Room;
use serde_json::json;

/// A data producer and two data consumers, each on a direct transport.
struct Talk {
    room: Room,
    inward: TransportId,
    outward: TransportId,
    data_producer: DataProducerId,
    consumers: [DataConsumerId; 2],
}

impl Talk {
    fn new() -> Self {
        Self::with([&[], &[]])
    }

    /// The data consumers subscribed to `subchannels`.
    fn with(subchannels: [&[u16]; 2]) -> Self {
        let mut room = Room::new();
        let [inward, outward] = [(), ()].map(|()| room.direct());
        let data_producer = room.produce_data(inward);
        let consumers = subchannels.map(|wanted| room.consume_data(outward, data_producer, wanted));
        room.engine.drain_events();
        Self {
            room,
            inward,
            outward,
            data_producer,
            consumers,
        }
    }

    /// Who gets `message`, in order.
    fn who_gets(&mut self, message: &Message<'_>) -> Vec<DataConsumerId> {
        self.room.say(self.data_producer, message);
        let got = self.room.messages();
        got.into_iter().map(|(to, ..)| to).collect()
    }

    fn ledger(&self) -> &DataLedger {
        self.room.engine.data_ledger()
    }
}

#[test]
fn a_message_reaches_every_data_consumer_once() {
    let mut talk = Talk::new();
    talk.room.say(talk.data_producer, &Message::text("hello"));
    let [first, second] = talk.consumers;
    let hello = |to| (to, 51, b"hello".to_vec());
    assert_eq!(talk.room.messages(), [hello(first), hello(second)]);
    assert_eq!(talk.room.messages(), [], "it is handed over once");
    talk.room.tick();
    assert_eq!(talk.room.messages(), [], "it is routed once");
}

#[test]
fn the_identifier_tells_strings_from_bytes_and_empty_ones_carry_a_filler() {
    let mut talk = Talk::new();
    let under = |ppid, message| Message {
        ppid: Some(ppid),
        ..message
    };
    let rows: [(Message<'_>, u32, &[u8]); 7] = [
        (Message::text("é"), 51, "é".as_bytes()),
        (Message::text(""), 56, b" "),
        (Message::binary(&[0, 255]), 53, &[0, 255]),
        (Message::binary(&[]), 57, &[0]),
        (under(56, Message::text("dropped")), 56, b" "),
        (under(57, Message::binary(b"dropped")), 57, &[0]),
        (under(50, Message::binary(&[2])), 50, &[2]),
    ];
    for (message, ppid, payload) in rows {
        talk.room.say(talk.data_producer, &message);
        let got = talk.room.messages();
        assert_eq!(got[0], (talk.consumers[0], ppid, payload.to_vec()));
    }
}

#[test]
fn subchannels_decide_who_gets_a_message() {
    let mut talk = Talk::with([&[1, 2], &[]]);
    let [subscribed, plain] = talk.consumers;
    let all = Message::text("x");
    let rows = [
        (all, vec![subscribed, plain]),
        (
            Message {
                subchannels: &[9, 2],
                ..all
            },
            vec![subscribed],
        ),
        (
            Message {
                subchannels: &[9],
                ..all
            },
            vec![],
        ),
        (
            Message {
                required_subchannel: Some(1),
                ..all
            },
            vec![subscribed],
        ),
        (
            Message {
                required_subchannel: Some(1),
                subchannels: &[3],
                ..all
            },
            vec![],
        ),
        (
            Message {
                required_subchannel: Some(1),
                subchannels: &[2],
                ..all
            },
            vec![subscribed],
        ),
        (
            Message {
                ignored_subchannel: Some(1),
                ..all
            },
            vec![plain],
        ),
        (
            Message {
                ignored_subchannel: Some(3),
                subchannels: &[1],
                ..all
            },
            vec![subscribed],
        ),
    ];
    for (message, expected) in rows {
        assert_eq!(talk.who_gets(&message), expected, "{message:?}");
    }
    assert_eq!(talk.ledger().withheld[MessageWithheld::NoSubchannel], 5);
}

#[test]
fn subscriptions_change_at_any_time() {
    let mut talk = Talk::new();
    let [first, second] = talk.consumers;
    let to_seven = Message {
        subchannels: &[7],
        ..Message::text("x")
    };
    assert_eq!(talk.who_gets(&to_seven), []);
    talk.room.engine.set_subchannels(first, &[9, 7, 7]).unwrap();
    assert_eq!(talk.room.engine.subchannels(first), Ok(&[7, 9][..]));
    assert_eq!(talk.who_gets(&to_seven), [first]);
    talk.room.engine.add_subchannel(second, 7).unwrap();
    talk.room.engine.remove_subchannel(first, 7).unwrap();
    assert_eq!(talk.who_gets(&to_seven), [second]);
    talk.room.engine.set_subchannels(second, &[]).unwrap();
    assert_eq!(talk.who_gets(&to_seven), []);
}

#[test]
fn a_data_consumer_that_closes_changes_nobodys_turn() {
    let mut talk = Talk::new();
    let (outward, data_producer) = (talk.outward, talk.data_producer);
    let mut expected = talk.consumers.to_vec();
    for _ in 0..20 {
        expected.push(talk.room.consume_data(outward, data_producer, &[]));
    }
    while expected.len() > 1 {
        let gone = expected.remove(expected.len() / 3);
        talk.room.engine.close_data_consumer(gone).unwrap();
        if expected.len().is_multiple_of(5) {
            expected.push(talk.room.consume_data(outward, data_producer, &[]));
            let gone = expected.remove(1);
            talk.room.engine.close_data_consumer(gone).unwrap();
        }
        assert_eq!(talk.who_gets(&Message::text("x")), expected);
    }
}

#[test]
fn messages_of_one_tick_keep_their_order() {
    let mut talk = Talk::new();
    for text in ["a", "b", "c"] {
        let message = Message::text(text);
        talk.room
            .engine
            .send_message(talk.data_producer, &message)
            .unwrap();
    }
    talk.room.tick();
    let got = talk.room.messages();
    let to_first = got.iter().filter(|(to, ..)| *to == talk.consumers[0]);
    let texts: Vec<_> = to_first.map(|(.., payload)| payload.as_slice()).collect();
    assert_eq!(texts, [b"a", b"b", b"c"]);
}

#[test]
fn a_paused_data_producer_counts_and_delivers_nothing() {
    let mut talk = Talk::new();
    let engine = &mut talk.room.engine;
    engine.pause_data_producer(talk.data_producer).unwrap();
    assert_eq!(engine.paused(talk.data_producer), Ok(true));
    assert_eq!(engine.data_producer_paused(talk.consumers[0]), Ok(true));
    assert_eq!(engine.paused(talk.consumers[0]), Ok(false));
    assert_eq!(talk.who_gets(&Message::text("hello")), []);
    assert_eq!(
        talk.ledger().withheld[MessageWithheld::DataProducerPaused],
        2
    );
    let stats = talk
        .room
        .engine
        .data_producer_stats(talk.data_producer)
        .unwrap();
    assert_eq!((stats.messages_received, stats.bytes_received), (1, 5));
    talk.room
        .engine
        .resume_data_producer(talk.data_producer)
        .unwrap();
    assert_eq!(
        talk.who_gets(&Message::text("x")),
        talk.consumers,
        "nothing was kept"
    );
}

#[test]
fn a_paused_data_consumer_gets_and_counts_nothing() {
    let mut talk = Talk::new();
    let [first, second] = talk.consumers;
    talk.room.engine.pause_data_consumer(first).unwrap();
    assert_eq!(talk.who_gets(&Message::text("x")), [second]);
    let stats = talk.room.engine.data_consumer_stats(first).unwrap();
    assert_eq!((stats.messages_sent, stats.bytes_sent), (0, 0));
    talk.room.engine.resume_data_consumer(first).unwrap();
    assert_eq!(talk.who_gets(&Message::text("x")), [first, second]);
}

#[test]
fn both_may_begin_paused() {
    let mut talk = Talk::new();
    let options = DataProducerOptions {
        paused: true,
        ..DataProducerOptions::default()
    };
    let data_producer = talk.room.engine.produce_data(talk.inward, options).unwrap();
    let options = DataConsumerOptions {
        paused: true,
        ..DataConsumerOptions::new(data_producer)
    };
    let consumer = talk
        .room
        .engine
        .consume_data(talk.outward, options)
        .unwrap();
    let mut heard = || {
        talk.room.say(data_producer, &Message::text("x"));
        talk.room.messages().len()
    };
    assert_eq!(heard(), 0);
    talk.room
        .engine
        .resume_data_producer(data_producer)
        .unwrap();
    let engine = &mut talk.room.engine;
    assert_eq!(engine.data_producer_paused(consumer), Ok(false));
    let mut heard = || {
        talk.room.say(data_producer, &Message::text("x"));
        talk.room.messages().len()
    };
    assert_eq!(heard(), 0);
    talk.room.engine.resume_data_consumer(consumer).unwrap();
    talk.room.say(data_producer, &Message::text("x"));
    assert_eq!(talk.room.messages().len(), 1);
}

#[test]
fn a_receiver_with_a_smaller_maximum_is_left_out_and_counts_nothing() {
    let mut talk = Talk::new();
    let small = talk.room.direct_for(4);
    let modest = talk.room.consume_data(small, talk.data_producer, &[]);
    assert_eq!(talk.who_gets(&Message::text("hello")), talk.consumers);
    let stats = talk.room.engine.data_consumer_stats(modest).unwrap();
    assert_eq!((stats.messages_sent, stats.bytes_sent), (0, 0));
    let [first, second] = talk.consumers;
    assert_eq!(
        talk.who_gets(&Message::text("four")),
        [first, second, modest]
    );
}

#[test]
fn statistics_have_every_field() {
    let mut room = Room::new();
    let transport = room.direct();
    let options = DataProducerOptions {
        label: "chat".into(),
        protocol: "json".into(),
        ..DataProducerOptions::default()
    };
    let data_producer = room.engine.produce_data(transport, options).unwrap();
    let consumer = room.consume_data(transport, data_producer, &[]);
    room.say(data_producer, &Message::text("hello"));
    room.say(data_producer, &Message::binary(&[]));
    room.tick_after(Duration::from_millis(40));
    let producer = room.engine.data_producer_stats(data_producer).unwrap();
    assert_eq!(
        serde_json::to_value(producer).unwrap(),
        json!({
            "type": "data-producer", "timestamp": 42, "label": "chat", "protocol": "json",
            "messagesReceived": 2, "bytesReceived": 6,
        })
    );
    let stats = room.engine.data_consumer_stats(consumer).unwrap();
    assert_eq!(
        serde_json::to_value(stats).unwrap(),
        json!({
            "type": "data-consumer", "timestamp": 42, "label": "chat", "protocol": "json",
            "messagesSent": 2, "bytesSent": 6, "bufferedAmount": 0,
        })
    );
    let traffic = room.engine.transport_stats(transport).unwrap();
    assert_eq!((traffic.bytes_received, traffic.bytes_sent), (6, 6));
}

#[test]
fn parameters_are_told_as_clients_know_them() {
    let mut room = Room::new();
    let transport = room.direct();
    let options = DataProducerOptions {
        label: "chat".into(),
        ..DataProducerOptions::default()
    };
    let data_producer = room.engine.produce_data(transport, options).unwrap();
    let consumer = room.consume_data(transport, data_producer, &[]);
    let engine = &room.engine;
    let expected = json!({ "type": "direct", "label": "chat", "protocol": "" });
    let told = engine.data_producer_parameters(data_producer).unwrap();
    assert_eq!(serde_json::to_value(told).unwrap(), expected);
    let told = engine.data_consumer_parameters(consumer).unwrap();
    assert_eq!(serde_json::to_value(told).unwrap(), expected);
    assert_eq!(engine.data_producer_of(consumer), Ok(data_producer));
}

#[test]
fn what_is_not_collected_is_bounded_and_takes_nothing_from_others() {
    let mut room = Room::with(|builder| {
        builder
            .delivered_messages_per_transport(3)
            .delivered_message_bytes_per_transport(100)
    });
    let sender = room.direct();
    let data_producer = room.produce_data(sender);
    let [greedy, modest] = [(), ()].map(|()| room.direct());
    for _ in 0..2 {
        room.consume_data(greedy, data_producer, &[]);
    }
    let one = room.consume_data(modest, data_producer, &[]);
    let full = |room: &Room| room.engine.data_ledger().withheld[MessageWithheld::DirectQueueFull];
    for expected in [0, 1, 3] {
        room.say(data_producer, &Message::text("x"));
        assert_eq!(full(&room), expected);
    }
    let got = room.messages();
    assert_eq!(got.iter().filter(|(to, ..)| *to == one).count(), 3);
    assert_eq!(got.len(), 6);
    // Both data consumers of the greedy one share the payload, so it fits once.
    room.say(data_producer, &Message::binary(&[0; 60]));
    assert_eq!(full(&room), 3);
    room.say(data_producer, &Message::binary(&[0; 60]));
    assert_eq!(full(&room), 6);
    let counted = room.engine.data_consumer_stats(one).unwrap();
    assert_eq!(counted.messages_sent, 5, "it counts as sent all the same");
}
