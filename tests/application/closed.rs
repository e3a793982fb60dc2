//! What is closed stays closed: every method says so, and says of what.

use flumen::rtp_parameters::MediaKind;
use flumen::{
    AppData, Closed, ConnectError, ConnectOptions, ConsumeError, ConsumerOptions,
    CreateTransportError, Listen, ListenInfo, OpenTransportError, PlainTransportOptions,
    ProduceError, ProducerOptions, SendError,
};
use flumen_tests::{Call, Room, address, opus};

#[test]
fn a_closed_router_says_so() {
    let mut room = Room::new();
    let router = room.router;
    room.engine.close_router(router).unwrap();
    let closed = Closed::new(router);
    assert!(room.engine.closed(router));
    let engine = &mut room.engine;
    assert_eq!(engine.close_router(router), Err(closed.clone()));
    assert_eq!(engine.rtp_capabilities(router), Err(closed.clone()));
    assert_eq!(engine.create_direct_transport(router), Err(closed.clone()));
    let options = PlainTransportOptions::new(Listen::Own(ListenInfo::at(address(9_000))));
    let Err(CreateTransportError::Open(OpenTransportError::Closed(told))) =
        engine.create_plain_transport(router, options)
    else {
        panic!("the router is closed");
    };
    assert_eq!(told, closed);
    assert_eq!(closed.kind, "router");
    assert_eq!(closed.id, router.to_string());
}

#[test]
fn a_closed_transport_says_so() {
    let mut call = Call::audio();
    let options = ConsumerOptions::new(call.producer, call.room.capabilities());
    let transport = call.receiver;
    call.room.engine.close_transport(transport).unwrap();
    let closed = Closed::new(transport);
    let engine = &mut call.room.engine;
    assert!(engine.closed(transport));
    assert_eq!(engine.close_transport(transport), Err(closed.clone()));
    assert_eq!(engine.tuple(transport), Err(closed.clone()));
    assert_eq!(engine.rtcp_tuple(transport), Err(closed.clone()));
    assert_eq!(engine.transport_stats(transport), Err(closed.clone()));
    assert_eq!(
        engine.connect(transport, &ConnectOptions::default()),
        Err(ConnectError::Closed(closed.clone()))
    );
    let produced = engine.produce(transport, ProducerOptions::new(MediaKind::Audio, opus(9)));
    assert_eq!(produced, Err(ProduceError::Closed(closed.clone())));
    assert_eq!(
        engine.consume(transport, options),
        Err(ConsumeError::Closed(closed.clone()))
    );
    assert_eq!(
        engine.send_rtcp(transport, &[0]),
        Err(SendError::Closed(closed))
    );
}

#[test]
fn a_closed_socket_says_so() {
    let mut room = Room::new();
    let socket = room
        .engine
        .open_socket(&ListenInfo::at(address(9_000)))
        .unwrap();
    room.engine.close_socket(socket).unwrap();
    assert!(room.engine.closed(socket));
    assert_eq!(room.engine.close_socket(socket), Err(Closed::new(socket)));
    room.engine
        .open_socket(&ListenInfo::at(address(9_000)))
        .unwrap();
}

#[test]
fn a_closed_producer_says_so() {
    let mut call = Call::video();
    let producer = call.producer;
    call.room.engine.close_producer(producer).unwrap();
    let closed = Closed::new(producer);
    let engine = &mut call.room.engine;
    assert!(engine.closed(producer));
    assert_eq!(engine.close_producer(producer), Err(closed.clone()));
    assert_eq!(engine.pause_producer(producer), Err(closed.clone()));
    assert_eq!(engine.resume_producer(producer), Err(closed.clone()));
    assert_eq!(engine.producer_stats(producer), Err(closed.clone()));
    assert_eq!(engine.score(producer), Err(closed.clone()));
    assert_eq!(engine.producer_parameters(producer), Err(closed.clone()));
    assert_eq!(engine.consumable_parameters(producer), Err(closed.clone()));
    assert_eq!(engine.producer_kind(producer), Err(closed.clone()));
    assert_eq!(engine.producer_type(producer), Err(closed.clone()));
    assert_eq!(engine.orientation(producer), Err(closed.clone()));
    assert_eq!(engine.trace_producer(producer, &[]), Err(closed.clone()));
    assert_eq!(engine.paused(producer), Err(closed.clone()));
    assert_eq!(engine.entity(producer), Err(closed.clone()));
    assert_eq!(engine.app_data(producer).err(), Some(closed.clone()));
    assert_eq!(
        engine.set_app_data(producer, AppData::default()),
        Err(closed.clone())
    );
    let observed = engine.observe(producer, |_: &flumen::event::ScoreChanged| {});
    assert_eq!(observed, Err(closed.clone()));
    assert_eq!(engine.send(producer, &[0]), Err(SendError::Closed(closed)));
}

#[test]
fn a_closed_consumer_says_so() {
    let mut call = Call::video();
    let consumer = call.consumer;
    call.room.engine.close_consumer(consumer).unwrap();
    let closed = Closed::new(consumer);
    let engine = &mut call.room.engine;
    assert!(engine.closed(consumer));
    assert_eq!(engine.close_consumer(consumer), Err(closed.clone()));
    assert_eq!(engine.pause_consumer(consumer), Err(closed.clone()));
    assert_eq!(engine.resume_consumer(consumer), Err(closed.clone()));
    assert_eq!(engine.request_key_frame(consumer), Err(closed.clone()));
    assert_eq!(engine.consumer_stats(consumer), Err(closed.clone()));
    assert_eq!(engine.consumer_kind(consumer), Err(closed.clone()));
    assert_eq!(engine.producer_of(consumer), Err(closed.clone()));
    assert_eq!(engine.producer_paused(consumer), Err(closed.clone()));
    assert_eq!(engine.consumer_parameters(consumer), Err(closed.clone()));
    assert_eq!(engine.trace_consumer(consumer, &[]), Err(closed.clone()));
    assert_eq!(engine.paused(consumer), Err(closed));
}

#[test]
fn what_hung_on_something_closed_is_closed_too() {
    let mut call = Call::video();
    call.room.engine.close_router(call.room.router).unwrap();
    let engine = &call.room.engine;
    assert!(engine.closed(call.sender) && engine.closed(call.receiver));
    assert!(engine.closed(call.producer) && engine.closed(call.consumer));
    call.room.tick();
}

#[test]
fn app_data_can_be_changed_at_any_time() {
    let mut call = Call::audio();
    let engine = &mut call.room.engine;
    assert_eq!(
        engine.app_data(call.producer).unwrap().get::<()>(),
        Some(&())
    );
    engine
        .set_app_data(call.producer, AppData::new("alice"))
        .unwrap();
    engine
        .set_app_data(call.consumer, AppData::new(7_u8))
        .unwrap();
    engine
        .set_app_data(call.producer, AppData::new("bob"))
        .unwrap();
    assert_eq!(engine.app_data(call.producer).unwrap().get(), Some(&"bob"));
    assert_eq!(engine.app_data(call.consumer).unwrap().get(), Some(&7_u8));
}
