//! Closing anything at any time leaves nothing behind.

use std::net::SocketAddr;

// Derives of the ECS name its crate.
use flumen::ecs as bevy_ecs;
use flumen::ecs::lifecycle::RemovedComponents;
use flumen::ecs::resource::Resource;
use flumen::ecs::system::ResMut;
use flumen::rtp_parameters::MediaKind;
use flumen::{
    ConsumerId, DataConsumerId, DataProducerId, Engine, ProducerId, RouterId, Slot, SocketId,
    Stage, TransportId, event,
};
use flumen_tests::{Packet, Room, VP8_KEY_FRAME, media_codecs, opus};
use proptest::prelude::*;

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn entities(room: &Room) -> u32 {
    room.engine.world().entities().count_spawned()
}

/// Lets the events of what happened last expire.
fn settle(room: &mut Room) {
    room.tick();
    room.tick();
    room.engine.drain_events();
}

/// Everything that can be opened, so that it can be closed.
#[derive(Default)]
struct Household {
    routers: Vec<RouterId>,
    sockets: Vec<SocketId>,
    transports: Vec<TransportId>,
    producers: Vec<ProducerId>,
    consumers: Vec<ConsumerId>,
    data_producers: Vec<DataProducerId>,
    data_consumers: Vec<DataConsumerId>,
    next: u32,
}

/// Picks one of `all` by `choice`.
fn pick<T: Copy>(all: &[T], choice: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[choice % all.len()])
}

impl Household {
    fn act(&mut self, room: &mut Room, action: Action, choice: usize) {
        match action {
            Action::OpenSocket => self.sockets.push(room.socket()),
            Action::OpenTransport => self.open_transport(room, choice),
            Action::Produce => self.produce(room, choice),
            Action::Consume => self.consume(room, choice),
            Action::ProduceData => self.produce_data(room, choice),
            Action::ConsumeData => self.consume_data(room, choice),
            Action::Say => self.say(room, choice),
            Action::Send => self.send(room, choice),
            Action::Block => self.block(room, choice),
            Action::Tick => room.tick(),
            Action::CloseConsumer => {
                close(&self.consumers, choice, |id| room.engine.close_consumer(id));
            }
            Action::CloseProducer => {
                close(&self.producers, choice, |id| room.engine.close_producer(id));
            }
            Action::CloseDataConsumer => close(&self.data_consumers, choice, |id| {
                room.engine.close_data_consumer(id)
            }),
            Action::CloseDataProducer => close(&self.data_producers, choice, |id| {
                room.engine.close_data_producer(id)
            }),
            Action::CloseTransport => close(&self.transports, choice, |id| {
                room.engine.close_transport(id)
            }),
            Action::CloseSocket => {
                close(&self.sockets, choice, |id| room.engine.close_socket(id));
            }
            Action::CloseRouter => {
                close(&self.routers, choice, |id| room.engine.close_router(id));
            }
        }
        self.forget_closed(&room.engine);
    }

    fn open_transport(&mut self, room: &mut Room, choice: usize) {
        let Some(router) = pick(&self.routers, choice) else {
            let router = room.engine.create_router(&media_codecs()).unwrap();
            return self.routers.push(router);
        };
        room.router = router;
        self.next += 2;
        let remote = address(10_000 + (self.next % 50_000) as u16);
        self.transports
            .push(match (choice / 7 % 5, pick(&self.sockets, choice)) {
                (0, _) => room.split(remote),
                (1, _) => room.direct(),
                (2, _) => room.comedia(),
                (3, Some(socket)) => room.on_socket(socket, remote),
                _ => room.plain(remote),
            });
    }

    fn produce(&mut self, room: &mut Room, choice: usize) {
        self.next += 2;
        if let Some(transport) = pick(&self.transports, choice) {
            self.producers.push(match choice % 2 {
                0 => room.produce_video(transport, 100_000 + self.next),
                _ => room.produce(transport, MediaKind::Audio, opus(100_000 + self.next)),
            });
        }
    }

    fn consume(&mut self, room: &mut Room, choice: usize) {
        let transport = pick(&self.transports, choice);
        let producer = pick(&self.producers, choice / 3);
        if let (Some(transport), Some(producer)) = (transport, producer) {
            let options = flumen::ConsumerOptions::new(producer, room.capabilities());
            // They may be in different routers.
            self.consumers
                .extend(room.engine.consume(transport, options));
        }
    }

    fn produce_data(&mut self, room: &mut Room, choice: usize) {
        if let Some(transport) = pick(&self.transports, choice) {
            let options = flumen::DataProducerOptions::default();
            // It may not be a direct one.
            self.data_producers
                .extend(room.engine.produce_data(transport, options));
        }
    }

    fn consume_data(&mut self, room: &mut Room, choice: usize) {
        let transport = pick(&self.transports, choice);
        let data_producer = pick(&self.data_producers, choice / 3);
        if let (Some(transport), Some(data_producer)) = (transport, data_producer) {
            let options = flumen::DataConsumerOptions::new(data_producer);
            // They may be in different routers.
            self.data_consumers
                .extend(room.engine.consume_data(transport, options));
        }
    }

    fn say(&mut self, room: &mut Room, choice: usize) {
        if let Some(data_producer) = pick(&self.data_producers, choice) {
            let message = flumen::Message::text("x");
            room.engine.send_message(data_producer, &message).unwrap();
        }
    }

    /// A packet of a producer arrives and is not handled before the next tick.
    fn send(&mut self, room: &mut Room, choice: usize) {
        let Some(producer) = pick(&self.producers, choice) else {
            return;
        };
        let ssrc = room.engine.producer_parameters(producer).unwrap().encodings[0].ssrc;
        let packet = Packet::new(
            96 + 15 * (choice % 2) as u8,
            1,
            ssrc.unwrap(),
            VP8_KEY_FRAME,
        );
        for &transport in &self.transports {
            let tuple = room.engine.tuple(transport).unwrap();
            if tuple.is_some_and(|tuple| tuple.remote_port.is_some()) {
                room.arrive(transport, &packet);
            }
        }
        // It is on a direct transport or it is not.
        let _ = room.engine.send(producer, &packet.bytes());
    }

    fn block(&mut self, room: &mut Room, choice: usize) {
        if let Some(transport) = pick(&self.transports, choice)
            && room.engine.tuple(transport).unwrap().is_some()
        {
            let local = room.local(transport);
            match choice % 3 {
                0 => room.wire.unblock(local),
                _ => room.wire.block(local),
            }
        }
    }

    fn forget_closed(&mut self, engine: &Engine) {
        self.routers.retain(|&id| !engine.closed(id));
        self.sockets.retain(|&id| !engine.closed(id));
        self.transports.retain(|&id| !engine.closed(id));
        self.producers.retain(|&id| !engine.closed(id));
        self.consumers.retain(|&id| !engine.closed(id));
        self.data_producers.retain(|&id| !engine.closed(id));
        self.data_consumers.retain(|&id| !engine.closed(id));
    }
}

/// Closes one of `open`; its identifier is closed from then on.
fn close<I: Copy>(
    open: &[I],
    choice: usize,
    mut close: impl FnMut(I) -> Result<(), flumen::Closed>,
) {
    if let Some(id) = pick(open, choice) {
        close(id).unwrap();
        close(id).unwrap_err();
    }
}

#[derive(Clone, Copy, Debug)]
enum Action {
    OpenSocket,
    OpenTransport,
    Produce,
    Consume,
    ProduceData,
    ConsumeData,
    Say,
    Send,
    Block,
    Tick,
    CloseConsumer,
    CloseProducer,
    CloseDataConsumer,
    CloseDataProducer,
    CloseTransport,
    CloseSocket,
    CloseRouter,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        1 => Just(Action::OpenSocket),
        6 => Just(Action::OpenTransport),
        6 => Just(Action::Produce),
        9 => Just(Action::Consume),
        4 => Just(Action::ProduceData),
        8 => Just(Action::ConsumeData),
        4 => Just(Action::Say),
        6 => Just(Action::Send),
        3 => Just(Action::Block),
        6 => Just(Action::Tick),
        3 => Just(Action::CloseConsumer),
        2 => Just(Action::CloseProducer),
        3 => Just(Action::CloseDataConsumer),
        2 => Just(Action::CloseDataProducer),
        2 => Just(Action::CloseTransport),
        1 => Just(Action::CloseSocket),
        1 => Just(Action::CloseRouter),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_opened_and_closed_in_whatever_order_nothing_is_left(
        actions in proptest::collection::vec((action(), any::<usize>()), 0..120),
    ) {
        let mut room = Room::new();
        settle(&mut room);
        let before = entities(&room);
        let own_router = room.router;
        let mut household = Household::default();
        household.routers.push(own_router);
        for (action, choice) in actions {
            household.act(&mut room, action, choice);
            room.engine.check_ledger().unwrap();
        }
        for router in std::mem::take(&mut household.routers) {
            room.engine.close_router(router).unwrap();
        }
        for socket in std::mem::take(&mut household.sockets) {
            room.engine.close_socket(socket).unwrap();
        }
        settle(&mut room);
        prop_assert_eq!(room.engine.waiting(), 0);
        let routers = u32::from(!room.engine.closed(own_router));
        // The room had a router when it was counted.
        prop_assert_eq!(entities(&room), before - 1 + routers);
    }
}

#[test]
fn events_live_until_the_commands_of_the_tick_after_theirs() {
    let mut room = Room::new();
    settle(&mut room);
    let before = entities(&room);
    let alive = |room: &mut Room| {
        let world = room.engine.world_mut();
        world
            .query::<&event::TransportCreated>()
            .iter(world)
            .count()
    };
    let transport = room.direct();
    assert_eq!(alive(&mut room), 1);
    room.tick();
    assert_eq!(alive(&mut room), 1);
    room.tick();
    assert_eq!(alive(&mut room), 0);
    room.engine.close_transport(transport).unwrap();
    settle(&mut room);
    assert_eq!(entities(&room), before);
}

#[test]
fn observers_go_with_what_they_observe() {
    let mut room = Room::new();
    settle(&mut room);
    let before = entities(&room);
    let transport = room.plain(address(5_000));
    let producer = room.produce_video(transport, 2_222);
    let consumer = room.consume(transport, producer);
    room.engine
        .observe(producer, |_: &event::ScoreChanged| {})
        .unwrap();
    room.engine
        .observe(consumer, |_: &event::Ended| {})
        .unwrap();
    room.engine
        .observe(transport, |_: &event::TupleChanged| {})
        .unwrap();
    room.engine.close_transport(transport).unwrap();
    settle(&mut room);
    assert_eq!(entities(&room), before);
}

#[test]
fn a_closed_socket_is_free_for_the_next_one() {
    let mut room = Room::with(|builder| builder.port_range(30_000, 30_001));
    for _ in 0..100 {
        let split = room.split(address(5_000));
        assert!(
            room.engine
                .create_plain_transport(room.router, Room::own_socket())
                .is_err()
        );
        room.engine.close_transport(split).unwrap();
    }
}

#[test]
fn what_arrives_for_a_closed_transport_is_no_longer_accepted() {
    let mut room = Room::new();
    let socket = room.socket();
    let sender = room.on_socket(socket, address(5_000));
    room.produce_video(sender, 2_222);
    let local = room.local(sender);
    let packet = Packet::new(96, 1, 2_222, VP8_KEY_FRAME).bytes();
    room.wire.inject(local, address(5_000), &packet);
    room.engine.close_transport(sender).unwrap();
    room.tick();
    let ledger = room.engine.ledger();
    assert_eq!(ledger.accepted, 0);
    assert_eq!(ledger.discarded[flumen::Discard::UnknownSource], 1);
}

#[test]
fn what_arrived_for_a_closed_socket_is_not_the_next_ones() {
    let mut room = Room::new();
    let first = room.comedia();
    let packet = Packet::new(96, 1, 2_222, VP8_KEY_FRAME).bytes();
    let local = room.local(first);
    assert!(room.wire.inject(local, address(5_000), &packet));
    room.engine.close_transport(first).unwrap();
    let second = room.comedia();
    room.tick();
    let tuple = room.engine.tuple(second).unwrap().unwrap();
    assert_eq!(tuple.remote_port, None);
    assert_eq!(room.engine.ledger().received, 0);
    assert!(!room.wire.inject(local, address(5_000), &packet));
}

#[test]
fn what_was_removed_is_told_to_systems_and_then_forgotten() {
    fn note(mut removed: RemovedComponents<'_, '_, TransportId>, mut seen: ResMut<'_, Seen>) {
        seen.0 += removed.read().count();
    }
    let mut room = Room::with(|builder| builder.add_systems(Stage::Score, Slot::After, note));
    room.engine.world_mut().init_resource::<Seen>();
    for _ in 0..10 {
        let transport = room.direct();
        room.engine.close_transport(transport).unwrap();
        room.tick();
    }
    assert_eq!(room.engine.world().resource::<Seen>().0, 10);
    settle(&mut room);
    assert_eq!(room.engine.world().removed::<TransportId>().count(), 0);
}

#[derive(Resource, Default)]
struct Seen(usize);
