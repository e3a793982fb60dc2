//! What an application sends and what it asks for act in the order in which it does both.

use flumen::rtp_parameters::MediaKind;
use flumen::{
    ConsumerId, Content, DataConsumerId, DataProducerId, Engine, Message, ProducerId, Recipient,
    TransportId,
};
use flumen_tests::{Packet, Room, Trunk, opus};

/// A data producer and a data consumer, each on a direct transport.
struct Talk {
    room: Room,
    inward: TransportId,
    outward: TransportId,
    data_producer: DataProducerId,
    consumer: DataConsumerId,
}

fn talk() -> Talk {
    let mut room = Room::new();
    let [inward, outward] = [(), ()].map(|()| room.direct());
    let data_producer = room.produce_data(inward);
    let consumer = room.consume_data(outward, data_producer, &[]);
    Talk {
        room,
        inward,
        outward,
        data_producer,
        consumer,
    }
}

const HELLO: Message<'static> = Message {
    content: Content::Text("hello"),
    ppid: None,
    subchannels: &[],
    required_subchannel: None,
    ignored_subchannel: Some(7),
};

/// Every request after which a message would not reach the data consumer.
const REQUESTS: [(&str, fn(&mut Talk)); 9] = [
    ("close_data_producer", |talk| {
        talk.room
            .engine
            .close_data_producer(talk.data_producer)
            .unwrap();
    }),
    ("pause_data_producer", |talk| {
        talk.room
            .engine
            .pause_data_producer(talk.data_producer)
            .unwrap();
    }),
    ("close_data_consumer", |talk| {
        talk.room.engine.close_data_consumer(talk.consumer).unwrap();
    }),
    ("pause_data_consumer", |talk| {
        talk.room.engine.pause_data_consumer(talk.consumer).unwrap();
    }),
    ("set_subchannels", |talk| {
        talk.room
            .engine
            .set_subchannels(talk.consumer, &[7])
            .unwrap();
    }),
    ("add_subchannel", |talk| {
        talk.room.engine.add_subchannel(talk.consumer, 7).unwrap();
    }),
    ("close the sender's transport", |talk| {
        talk.room.engine.close_transport(talk.inward).unwrap();
    }),
    ("close the receiver's transport", |talk| {
        talk.room.engine.close_transport(talk.outward).unwrap();
    }),
    ("close_router", |talk| {
        talk.room.engine.close_router(talk.room.router).unwrap();
    }),
];

#[test]
fn a_message_reaches_who_was_to_get_it_when_it_was_sent() {
    for (name, request) in REQUESTS {
        let mut talk = talk();
        talk.room
            .engine
            .send_message(talk.data_producer, &HELLO)
            .unwrap();
        request(&mut talk);
        talk.room.engine.check_ledger().unwrap();
        talk.room.tick();
        let expected = [(talk.consumer, 51, b"hello".to_vec())];
        assert_eq!(talk.room.messages(), expected, "{name}");
    }
}

#[test]
fn a_message_does_not_reach_who_came_after_it_was_sent() {
    let mut talk = talk();
    talk.room.engine.pause_data_consumer(talk.consumer).unwrap();
    talk.room
        .engine
        .send_message(talk.data_producer, &HELLO)
        .unwrap();
    talk.room
        .engine
        .resume_data_consumer(talk.consumer)
        .unwrap();
    talk.room
        .engine
        .send_message(talk.data_producer, &HELLO)
        .unwrap();
    let late = talk
        .room
        .consume_data(talk.outward, talk.data_producer, &[]);
    talk.room.tick();
    let got: Vec<_> = talk.room.messages().iter().map(|got| got.0).collect();
    assert_eq!(got, [talk.consumer]);
    assert_eq!(
        talk.room
            .engine
            .data_consumer_stats(late)
            .unwrap()
            .messages_sent,
        0
    );
}

#[test]
fn requests_of_another_thread_keep_the_order_too() {
    let mut talk = talk();
    let (data_producer, consumer) = (talk.data_producer, talk.consumer);
    let handle = talk.room.engine.handle();
    let send = move |engine: &mut Engine| engine.send_message(data_producer, &HELLO);
    let close = move |engine: &mut Engine| engine.close_data_consumer(consumer);
    let sent = handle.request(send).unwrap();
    let closed = handle.request(close).unwrap();
    talk.room.tick();
    assert_eq!(sent.wait().unwrap(), Ok(()));
    assert_eq!(closed.wait().unwrap(), Ok(()));
    assert_eq!(talk.room.messages().len(), 1);
    let events = talk.room.engine.drain_events();
    let closes = events.iter().filter(|event| event.name() == "close");
    assert_eq!(closes.count(), 1);
}

#[test]
fn a_message_leaves_over_sctp_before_its_data_consumer_closes() {
    let mut trunk = Trunk::new();
    let bridge = trunk.bridge(0, 0);
    trunk.settle();
    let engine = &mut trunk.rooms[0].engine;
    engine
        .send_message(bridge.data_producer, &Message::text("bye"))
        .unwrap();
    engine.close_data_consumer(bridge.sends).unwrap();
    trunk.settle();
    let got: Vec<_> = trunk.rooms[1]
        .messages()
        .into_iter()
        .map(|got| got.2)
        .collect();
    assert_eq!(got, [b"bye"]);
}

#[test]
fn what_is_sent_to_everybody_and_then_to_one_arrives_in_this_order() {
    let mut trunk = Trunk::new();
    let bridge = trunk.bridge(0, 0);
    trunk.settle();
    let engine = &mut trunk.rooms[0].engine;
    engine
        .send_message(bridge.data_producer, &Message::text("first"))
        .unwrap();
    engine
        .send_message_to(bridge.sends, &Message::text("then"))
        .unwrap();
    trunk.settle();
    let got: Vec<_> = trunk.rooms[1]
        .messages()
        .into_iter()
        .map(|got| got.2)
        .collect();
    assert_eq!(got, [&b"first"[..], b"then"]);
}

/// A producer and a consumer of audio, each on a direct transport.
struct Call {
    room: Room,
    sender: TransportId,
    receiver: TransportId,
    producer: ProducerId,
    consumer: ConsumerId,
}

fn call() -> Call {
    let mut room = Room::new();
    let [sender, receiver] = [(), ()].map(|()| room.direct());
    let producer = room.produce(sender, MediaKind::Audio, opus(1_111));
    let consumer = room.consume(receiver, producer);
    Call {
        room,
        sender,
        receiver,
        producer,
        consumer,
    }
}

impl Call {
    fn send(&mut self, sequence: u16) {
        let packet = Packet::new(111, sequence, 1_111, b"voice");
        self.room
            .engine
            .send(self.producer, &packet.bytes())
            .unwrap();
    }

    fn delivered(&mut self) -> usize {
        let mut delivered = 0;
        self.room.engine.drain_deliveries(|delivery| {
            delivered += usize::from(matches!(delivery.to, Recipient::Rtp(_)));
        });
        delivered
    }
}

#[test]
fn a_packet_reaches_who_was_to_get_it_when_it_was_sent() {
    let requests: [fn(&mut Call); 6] = [
        |call| call.room.engine.close_producer(call.producer).unwrap(),
        |call| call.room.engine.pause_producer(call.producer).unwrap(),
        |call| call.room.engine.close_consumer(call.consumer).unwrap(),
        |call| call.room.engine.pause_consumer(call.consumer).unwrap(),
        |call| call.room.engine.close_transport(call.sender).unwrap(),
        |call| call.room.engine.close_transport(call.receiver).unwrap(),
    ];
    for request in requests {
        let mut call = call();
        call.send(1);
        request(&mut call);
        call.room.engine.check_ledger().unwrap();
        call.room.tick();
        assert_eq!(call.delivered(), 1);
    }
}

#[test]
fn a_request_without_anything_sent_runs_no_tick() {
    let mut call = call();
    let ticks = call.room.engine.ticks();
    call.room.engine.pause_producer(call.producer).unwrap();
    assert_eq!(call.room.engine.ticks(), ticks);
    call.send(1);
    call.room.engine.resume_producer(call.producer).unwrap();
    assert_eq!(call.room.engine.ticks(), ticks + 1);
    assert_eq!(call.room.engine.now(), call.room.now);
}
