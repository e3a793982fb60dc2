//! What data producers and data consumers tell, in which order, and how they end.

use flumen::{
    AppData, Closed, ConsumeDataError, DataConsumerId, DataConsumerOptions, DataProducerId,
    DataProducerOptions, Message, ProduceDataError, SendMessageError, Subject, TransportId,
};
use flumen_tests::Room;
use serde_json::json;

/// A data producer and a data consumer, each on a direct transport.
struct Talk {
    room: Room,
    inward: TransportId,
    outward: TransportId,
    data_producer: DataProducerId,
    consumer: DataConsumerId,
}

impl Talk {
    fn new() -> Self {
        let mut room = Room::new();
        let [inward, outward] = [(), ()].map(|()| room.direct());
        let data_producer = room.produce_data(inward);
        let consumer = room.consume_data(outward, data_producer, &[]);
        room.engine.drain_events();
        Self {
            room,
            inward,
            outward,
            data_producer,
            consumer,
        }
    }

    /// The events since the last call, as (name, who it is about).
    fn told(&mut self) -> Vec<(&'static str, Subject)> {
        let events = self.room.engine.drain_events();
        let told = events.iter().map(|event| (event.name(), event.subject()));
        told.collect()
    }

    fn producer(&self) -> Subject {
        Subject::DataProducer(self.data_producer)
    }

    fn consumer(&self) -> Subject {
        Subject::DataConsumer(self.consumer)
    }
}

#[test]
fn a_transport_tells_of_its_new_data_producers_and_data_consumers() {
    let mut room = Room::new();
    let transport = room.direct();
    room.engine.drain_events();
    let data_producer = room.produce_data(transport);
    let consumer = room.consume_data(transport, data_producer, &[]);
    assert_eq!(
        serde_json::to_value(room.engine.drain_events()).unwrap(),
        json!([
            { "event": "newdataproducer", "transportId": transport, "data": data_producer },
            { "event": "newdataconsumer", "transportId": transport, "data": consumer },
        ])
    );
    room.engine.close_data_producer(data_producer).unwrap();
    assert_eq!(
        serde_json::to_value(room.engine.drain_events()).unwrap(),
        json!([
            { "event": "close", "dataProducerId": data_producer },
            { "event": "dataproducerclose", "dataConsumerId": consumer },
            { "event": "close", "dataConsumerId": consumer },
        ])
    );
}

#[test]
fn data_consumers_hear_of_a_pause_only_when_it_changes_something_for_them() {
    let mut talk = Talk::new();
    let (data_producer, consumer) = (talk.data_producer, talk.consumer);
    let engine = &mut talk.room.engine;
    for _ in 0..2 {
        engine.pause_data_consumer(consumer).unwrap();
    }
    engine.pause_data_producer(data_producer).unwrap();
    engine.resume_data_consumer(consumer).unwrap();
    engine.pause_data_consumer(consumer).unwrap();
    for _ in 0..2 {
        engine.resume_data_producer(data_producer).unwrap();
    }
    engine.resume_data_consumer(consumer).unwrap();
    engine.pause_data_producer(data_producer).unwrap();
    engine.resume_data_producer(data_producer).unwrap();
    let (producer, consumer) = (talk.producer(), talk.consumer());
    let expected = [
        ("pause", consumer),
        ("pause", producer),
        ("dataproducerpause", consumer),
        ("resume", producer),
        ("dataproducerresume", consumer),
        ("resume", consumer),
        ("pause", producer),
        ("dataproducerpause", consumer),
        ("resume", producer),
        ("dataproducerresume", consumer),
    ];
    assert_eq!(talk.told(), expected);
}

#[test]
fn closing_a_transport_tells_data_producers_then_data_consumers() {
    let mut talk = Talk::new();
    let own = talk.room.consume_data(talk.inward, talk.data_producer, &[]);
    talk.room.engine.drain_events();
    talk.room.engine.close_transport(talk.inward).unwrap();
    let (producer, consumer) = (talk.producer(), talk.consumer());
    let own = Subject::DataConsumer(own);
    let expected = [
        ("transportclose", producer),
        ("close", producer),
        ("dataproducerclose", consumer),
        ("close", consumer),
        ("transportclose", own),
        ("close", own),
        ("close", Subject::Transport(talk.inward)),
    ];
    assert_eq!(talk.told(), expected);
    assert!(!talk.room.engine.closed(talk.outward));
}

#[test]
fn media_closes_before_data() {
    use flumen::rtp_parameters::MediaKind;
    let mut talk = Talk::new();
    let inward = talk.inward;
    let media = talk
        .room
        .produce(inward, MediaKind::Audio, flumen_tests::opus(1));
    let consumer = talk.room.consume(inward, media);
    talk.room.engine.drain_events();
    talk.room.engine.close_transport(inward).unwrap();
    let told = talk.told();
    let closed: Vec<_> = told.iter().filter(|(name, _)| *name == "close").collect();
    let expected = [
        Subject::Producer(media),
        Subject::Consumer(consumer),
        talk.producer(),
        talk.consumer(),
        Subject::Transport(inward),
    ];
    assert!(
        closed.iter().map(|(_, subject)| *subject).eq(expected),
        "{closed:?}"
    );
}

#[test]
fn closing_a_router_closes_no_data_consumer_for_its_data_producer() {
    let mut talk = Talk::new();
    talk.room.engine.close_router(talk.room.router).unwrap();
    let (producer, consumer) = (talk.producer(), talk.consumer());
    let expected = [
        ("transportclose", producer),
        ("close", producer),
        ("routerclose", Subject::Transport(talk.inward)),
        ("close", Subject::Transport(talk.inward)),
        ("transportclose", consumer),
        ("close", consumer),
        ("routerclose", Subject::Transport(talk.outward)),
        ("close", Subject::Transport(talk.outward)),
        ("close", Subject::Router(talk.room.router)),
    ];
    assert_eq!(talk.told(), expected);
}

#[test]
fn a_data_consumer_that_closes_leaves_its_data_producer_alone() {
    let mut talk = Talk::new();
    talk.room.engine.close_data_consumer(talk.consumer).unwrap();
    assert_eq!(talk.told(), [("close", talk.consumer())]);
    talk.room.say(talk.data_producer, &Message::text("x"));
    assert_eq!(talk.room.messages(), []);
    assert_eq!(talk.room.engine.data_ledger().offered, 0);
}

#[test]
fn what_is_delivered_can_be_collected_after_the_close() {
    let mut talk = Talk::new();
    talk.room
        .say(talk.data_producer, &Message::text("last words"));
    talk.room.engine.close_transport(talk.outward).unwrap();
    assert_eq!(talk.room.messages().len(), 1);
}

#[test]
fn a_closed_data_producer_says_so() {
    let mut talk = Talk::new();
    let id = talk.data_producer;
    let engine = &mut talk.room.engine;
    engine.close_data_producer(id).unwrap();
    let closed = Closed::new(id);
    assert!(engine.closed(id) && engine.closed(talk.consumer));
    assert_eq!(engine.close_data_producer(id), Err(closed.clone()));
    assert_eq!(engine.pause_data_producer(id), Err(closed.clone()));
    assert_eq!(engine.resume_data_producer(id), Err(closed.clone()));
    assert_eq!(engine.data_producer_stats(id), Err(closed.clone()));
    assert_eq!(engine.data_producer_parameters(id), Err(closed.clone()));
    assert_eq!(engine.paused(id), Err(closed.clone()));
    let sent = engine.send_message(id, &Message::text("x"));
    assert_eq!(sent, Err(SendMessageError::Closed(closed)));
    let consumed = engine.consume_data(talk.outward, DataConsumerOptions::new(id));
    assert_eq!(consumed, Err(ConsumeDataError::NotFound(id)));
}

#[test]
fn a_closed_data_consumer_says_so() {
    let mut talk = Talk::new();
    let id = talk.consumer;
    let engine = &mut talk.room.engine;
    engine.close_data_consumer(id).unwrap();
    let closed = Closed::new(id);
    assert_eq!(engine.close_data_consumer(id), Err(closed.clone()));
    assert_eq!(engine.pause_data_consumer(id), Err(closed.clone()));
    assert_eq!(engine.resume_data_consumer(id), Err(closed.clone()));
    assert_eq!(engine.data_consumer_stats(id), Err(closed.clone()));
    assert_eq!(engine.data_consumer_parameters(id), Err(closed.clone()));
    assert_eq!(engine.data_producer_of(id), Err(closed.clone()));
    assert_eq!(engine.data_producer_paused(id), Err(closed.clone()));
    assert_eq!(engine.subchannels(id), Err(closed.clone()));
    assert_eq!(engine.set_subchannels(id, &[1]), Err(closed.clone()));
    assert_eq!(engine.add_subchannel(id, 1), Err(closed.clone()));
    assert_eq!(engine.remove_subchannel(id, 1), Err(closed));
}

#[test]
fn on_a_closed_transport_no_data_begins() {
    let mut talk = Talk::new();
    talk.room.engine.close_transport(talk.outward).unwrap();
    let closed = Closed::new(talk.outward);
    let engine = &mut talk.room.engine;
    assert_eq!(
        engine.produce_data(talk.outward, DataProducerOptions::default()),
        Err(ProduceDataError::Closed(closed.clone()))
    );
    assert_eq!(
        engine.consume_data(talk.outward, DataConsumerOptions::new(talk.data_producer)),
        Err(ConsumeDataError::Closed(closed))
    );
}

#[test]
fn what_the_application_remembers_comes_with_it_and_changes() {
    let mut talk = Talk::new();
    let options = DataProducerOptions {
        app_data: AppData::new(7),
        ..DataProducerOptions::default()
    };
    let data_producer = talk.room.engine.produce_data(talk.inward, options).unwrap();
    let engine = &mut talk.room.engine;
    assert_eq!(engine.app_data(data_producer).unwrap().get(), Some(&7));
    assert_eq!(engine.app_data(talk.consumer).unwrap().get(), Some(&()));
    engine
        .set_app_data(talk.consumer, AppData::new("x"))
        .unwrap();
    assert_eq!(engine.app_data(talk.consumer).unwrap().get(), Some(&"x"));
}
