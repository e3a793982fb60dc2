//! A run is run again from its recording, and every byte is the same.

use std::time::Duration;

// Derives of the ECS name its crate.
use flumen::components::Now;
use flumen::ecs as bevy_ecs;
use flumen::ecs::prelude::*;
use flumen::event::{BufferedAmountLow, Pending};
use flumen::rtp_parameters::MediaKind;
use flumen::trace::TraceType;
use flumen::{
    AppData, DataConsumerOptions, Discard, Divergence, Engine, Listen, ListenInfo, Loopback,
    Message, PlainTransportOptions, Refusal, ReplayError, Setup, Slot, Stage, Subject, Time,
};
use flumen_tests::disk::{Disk, replay, replay_with};
use flumen_tests::feedback::{packet, pli};
use flumen_tests::victims::Victims;
use flumen_tests::{
    Packet, Room, VP8_KEY_FRAME, address, media_codecs, opus, vp8, with_retransmissions,
};

fn talk(victims: &mut Victims, ticks: u16) {
    for tick in 0..ticks {
        victims.talk();
        if tick % 5 == 0 {
            victims.attack(&Packet::new(96, tick, 3_333, VP8_KEY_FRAME).bytes());
            victims.attack(&pli(victims.stranger_gets));
            victims.attack(b"nothing that is known");
        }
        victims.room.tick_after(Duration::from_micros(19_900));
    }
}

#[test]
fn a_simulated_run_replays_to_the_last_byte() {
    let disk = Disk::default();
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()));
    talk(&mut victims, 200);
    let (sent, ticks) = (victims.room.wire.totals(), victims.room.engine.ticks());
    let file = disk.finish(&mut victims.room.engine);
    let replayed = replay(&file).unwrap();
    let datagrams: u64 = replayed.iter().map(|tick| tick.outputs.datagrams).sum();
    let bytes: u64 = replayed.iter().map(|tick| tick.outputs.bytes).sum();
    assert_eq!((datagrams, bytes), (sent.datagrams, sent.bytes));
    assert_eq!(replayed.len() as u64, ticks);
    assert!(datagrams > 1_000, "{datagrams}");
    assert_eq!(replayed.last().map(|tick| tick.at), Some(victims.room.now));
}

/// Everything an application does to a room, and everything sockets may do to it.
fn eventful(room: &mut Room) {
    let sender = room.plain(address(5_000));
    let audio = room.produce(sender, MediaKind::Audio, opus(1_111));
    let video = room.produce(sender, MediaKind::Video, with_retransmissions(vp8(2_222)));
    let receiver = room.plain(address(6_000));
    let [hears, sees] = [audio, video].map(|producer| room.consume(receiver, producer));
    let local = room.local(receiver);
    let engine = &mut room.engine;
    engine
        .trace_consumer(sees, &[TraceType::Pli, TraceType::Nack])
        .unwrap();
    engine.trace_producer(video, &[TraceType::Rtp]).unwrap();
    let seen = engine.consumer_parameters(sees).unwrap().encodings[0]
        .ssrc
        .unwrap();
    for number in 0..110_u16 {
        let voice = Packet::new(111, number, 1_111, b"voice");
        let picture = Packet::new(96, number, 2_222, VP8_KEY_FRAME);
        room.arrive(sender, &voice.with_extension(1, &[0x85]));
        if number % 7 != 3 {
            room.arrive(sender, &picture);
        }
        match number {
            20 => room.engine.pause_producer(audio).unwrap(),
            25 => room.engine.resume_producer(audio).unwrap(),
            30 => room.engine.pause_consumer(sees).unwrap(),
            35 => room.engine.resume_consumer(sees).unwrap(),
            40 => room.engine.set_priority(sees, 7).unwrap(),
            50 => room.arrive_bytes(receiver, &packet(0x81, 205, &[1, seen, 20 << 16 | 1])),
            60 => room.wire.block_after(local, 1),
            70 => room.wire.unblock(local),
            80 => room.wire.refuse_next(address(6_000), Refusal::Unreachable),
            90 => room
                .engine
                .set_max_outgoing_bitrate(receiver, 100_000)
                .unwrap(),
            100 => room.engine.close_consumer(hears).unwrap(),
            _ => {}
        }
        room.tick_after(Duration::from_millis(3));
    }
    room.engine.close_transport(sender).unwrap();
    // What fails changes nothing, and is no part of the run.
    room.engine.pause_producer(audio).unwrap_err();
    let taken = ListenInfo::at(local);
    let taken = PlainTransportOptions::new(Listen::Own(taken));
    room.engine
        .create_plain_transport(room.router, taken)
        .unwrap_err();
    room.tick_after(Duration::from_secs(6));
    // Time does not run backwards.
    room.engine.tick(Time::ZERO).unwrap();
}

#[test]
fn all_that_an_application_and_its_sockets_do_is_in_the_recording() {
    let disk = Disk::default();
    let mut room = Room::with(|builder| builder.record_to(disk.clone()).port_range(9_000, 9_003));
    eventful(&mut room);
    let ledger = room.engine.ledger();
    assert!(ledger.refused[Refusal::Unreachable] == 1 && ledger.generated > 3);
    let file = disk.finish(&mut room.engine);
    let ticks = replay(&file).unwrap();
    assert_eq!(ticks.len() as u64, room.engine.ticks());
}

#[test]
fn a_replay_ends_in_the_world_of_its_run() {
    let disk = Disk::default();
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()));
    talk(&mut victims, 50);
    let file = disk.finish(&mut victims.room.engine);
    let recording = flumen_tests::disk::open(&file).unwrap();
    let builder = recording.builder();
    let mut replay = flumen::Replay::new(recording, builder).unwrap();
    while replay.step().unwrap().is_some() {}
    let (then, now) = (&victims.room.engine, replay.engine());
    assert!(replay.is_complete());
    assert_eq!(now.ledger(), then.ledger());
    assert_eq!(
        now.dump_router(victims.room.router).unwrap(),
        then.dump_router(victims.room.router).unwrap()
    );
    let stats = |engine: &Engine| {
        let stats = engine.transport_stats(victims.sender).unwrap();
        serde_json::to_string(&stats).unwrap()
    };
    assert_eq!(stats(now), stats(then));
    assert!(now.ledger().discarded[Discard::Unclassified] > 0);
}

/// Sockets are named in a recording, so what fails must not change which names come next.
#[test]
fn sockets_that_came_to_nothing_are_not_missed() {
    let disk = Disk::default();
    let mut room = Room::with(|builder| builder.record_to(disk.clone()));
    let sender = room.plain(address(5_000));
    let taken = ListenInfo::at(room.local(sender));
    let free = ListenInfo::new([127, 0, 0, 1].into());
    let infos = [free.clone(), free.clone(), free.clone(), taken.clone()];
    let engine = &mut room.engine;
    engine
        .create_webrtc_server(&infos, AppData::default())
        .unwrap_err();
    let listen = flumen::WebRtcListen::Own(infos.to_vec());
    let options = flumen::WebRtcTransportOptions::new(listen);
    engine
        .create_webrtc_transport(room.router, options)
        .unwrap_err();
    let options = PlainTransportOptions {
        rtcp_mux: false,
        rtcp_listen: Some(Listen::Own(taken)),
        ..PlainTransportOptions::new(Listen::Own(free))
    };
    engine
        .create_plain_transport(room.router, options)
        .unwrap_err();
    let producer = room.produce(sender, MediaKind::Audio, opus(1_111));
    let receivers = [6_000, 6_001, 6_002, 6_003].map(|port| room.plain(address(port)));
    for receiver in receivers {
        room.consume(receiver, producer);
    }
    for number in 0..10 {
        room.arrive(sender, &Packet::new(111, number, 1_111, b"voice"));
        for receiver in receivers {
            room.arrive_bytes(receiver, &pli(1));
        }
        room.tick();
    }
    assert_eq!(room.received().len(), 40);
    let file = disk.finish(&mut room.engine);
    replay(&file).unwrap();
}

/// Withholds every packet with a sequence number that is divisible by this.
struct Rule(u16);

#[derive(Resource)]
struct Divisor(u16, flumen::Veto);

fn withhold(mut packets: flumen::components::Packets<'_, '_>, divisor: Res<'_, Divisor>) {
    for index in 0..packets.len() {
        let number = packets
            .get(index)
            .map(|packet| packet.header.sequence_number);
        if number.is_some_and(|number| number.is_multiple_of(divisor.0)) {
            packets.veto(index, divisor.1).unwrap();
        }
    }
}

impl flumen::Plugin for Rule {
    fn build(&self, setup: &mut Setup) {
        let veto = setup.veto("divisible");
        setup.world_mut().insert_resource(Divisor(self.0, veto));
        setup.add_systems(Stage::Receive, Slot::After, withhold);
    }
}

#[test]
fn a_replay_takes_the_plugins_of_its_run_and_names_the_first_difference() {
    let disk = Disk::default();
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()).plugin(Rule(20)));
    talk(&mut victims, 20);
    let file = disk.finish(&mut victims.room.engine);
    let same = replay_with(&file, |builder| builder.plugin(Rule(20))).unwrap();
    let error = replay_with(&file, |builder| builder.plugin(Rule(140))).unwrap_err();
    let ReplayError::Differs(difference) = &error else {
        panic!("{error}");
    };
    // Numbers begin at 101 and three arrive in a tick: 120 is the first that is withheld.
    let talking = same
        .iter()
        .position(|tick| tick.outputs.datagrams > 0)
        .unwrap();
    assert_eq!(difference.tick, same[talking + 6].number);
    assert_eq!(difference.at, same[talking + 6].at);
    let Divergence::Outputs { recorded, replayed } = difference.what else {
        panic!("{error}");
    };
    assert!(replayed.datagrams > recorded.datagrams, "{error}");
    assert!(error.to_string().contains("behind tick"), "{error}");
}

/// Tells of so many bytes in its third tick.
struct Teller(u64);

impl flumen::Plugin for Teller {
    fn build(&self, setup: &mut Setup) {
        let low = BufferedAmountLow {
            about: Entity::PLACEHOLDER,
            subject: Subject::Engine,
            buffered_amount: self.0,
        };
        let tell = move |now: Res<'_, Now>, mut pending: ResMut<'_, Pending>| {
            if now.tick == 3 {
                pending.0.push(low.clone().into());
            }
        };
        setup.add_systems(Stage::Emit, Slot::Before, tell);
    }
}

#[test]
fn a_replay_in_which_something_else_is_told_differs() {
    let disk = Disk::default();
    let mut victims = Victims::with(|builder| {
        let builder = builder.record_to(disk.clone());
        builder.plugin(Teller(1))
    });
    talk(&mut victims, 10);
    let names = victims.room.event_names();
    assert!(names.contains(&"bufferedamountlow"), "{names:?}");
    let file = disk.finish(&mut victims.room.engine);
    assert!(replay_with(&file, |builder| builder.plugin(Teller(1))).is_ok());
    let error = replay_with(&file, |builder| builder.plugin(Teller(2))).unwrap_err();
    let ReplayError::Differs(difference) = error else {
        panic!("{error}");
    };
    assert!(matches!(difference.what, Divergence::Delivered));
}

#[test]
fn who_was_lent_the_world_is_named_with_a_difference() {
    let disk = Disk::default();
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()).plugin(Rule(140)));
    talk(&mut victims, 2);
    let lent_behind = victims.room.engine.ticks();
    let divisor = &mut victims.room.engine.world_mut().resource_mut::<Divisor>().0;
    *divisor = 1;
    talk(&mut victims, 2);
    let file = disk.finish(&mut victims.room.engine);
    let error = replay_with(&file, |builder| builder.plugin(Rule(140))).unwrap_err();
    let ReplayError::Differs(difference) = error else {
        panic!("{error}");
    };
    assert_eq!(difference.lent, Some(lent_behind));
}

fn fail_at_five(now: Res<'_, Now>) {
    assert!(now.time < Time::from_millis(5), "it is five");
}

#[test]
fn a_run_that_was_poisoned_replays_up_to_there() {
    let disk = Disk::default();
    let poisoned =
        |builder: flumen::Builder| builder.add_systems(Stage::Emit, Slot::After, fail_at_five);
    let mut room = Room::with(|builder| poisoned(builder.record_to(disk.clone())));
    for millis in 0..5 {
        room.engine.tick(Time::from_millis(millis)).unwrap();
    }
    room.engine.tick(Time::from_millis(5)).unwrap_err();
    let file = disk.finish(&mut room.engine);
    let error = replay_with(&file, poisoned).unwrap_err();
    let ReplayError::Failed { message, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(message, "it is five");
}

#[test]
fn requests_of_other_threads_and_the_shutdown_are_in_the_recording() {
    let disk = Disk::default();
    let (backend, wire) = Loopback::new();
    let builder = Engine::builder().backend(backend).record_to(disk.clone());
    let engine = builder.build().unwrap();
    let handle = engine.handle();
    #[expect(
        clippy::disallowed_methods,
        reason = "the engine is on a thread of its own"
    )]
    let running = std::thread::spawn(move || engine.run());
    let (router, producer, local) = handle
        .request(|engine| {
            let router = engine.create_router(&media_codecs()).unwrap();
            let listen = Listen::Own(ListenInfo::new([127, 0, 0, 1].into()));
            let options = PlainTransportOptions {
                comedia: true,
                ..PlainTransportOptions::new(listen)
            };
            let sender = engine.create_plain_transport(router, options).unwrap();
            let options = flumen::ProducerOptions::new(MediaKind::Audio, opus(1_111));
            let producer = engine.produce(sender, options).unwrap();
            let local = engine.tuple(sender).unwrap().unwrap().local().unwrap();
            (router, producer, local)
        })
        .unwrap()
        .wait()
        .unwrap();
    for number in 0..20 {
        wire.inject(
            local,
            address(5_000),
            &Packet::new(111, number, 1_111, b"voice").bytes(),
        );
        let direct = move |engine: &mut Engine| {
            let transport = engine.create_direct_transport(router).unwrap();
            let chat = engine
                .produce_data(transport, flumen::DataProducerOptions::default())
                .unwrap();
            engine
                .consume_data(transport, DataConsumerOptions::new(chat))
                .unwrap();
            engine
                .send_message(chat, &Message::text("sent before it closes"))
                .unwrap();
            engine.close_data_producer(chat).unwrap();
            engine.drain_messages(|_| {});
            engine.producer_stats(producer).unwrap().len()
        };
        handle.request(direct).unwrap().wait().unwrap();
    }
    handle.shutdown(Duration::from_secs(60)).unwrap();
    let remains = running.join().unwrap().unwrap();
    assert_eq!(remains.ledger.accepted, 20);
    let ticks = replay(&disk.bytes()).unwrap();
    assert!(ticks.len() >= 20);
}

/// Over real sockets, on the machine's time.
#[test]
fn a_run_on_real_sockets_replays() {
    let disk = Disk::default();
    let mut engine = Engine::builder().record_to(disk.clone()).build().unwrap();
    let router = engine.create_router(&media_codecs()).unwrap();
    let [sends, receives] = [(); 2].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    let transports = [&sends, &receives].map(|socket| {
        let listen = Listen::Own(ListenInfo::new([127, 0, 0, 1].into()));
        let transport = engine.create_plain_transport(router, PlainTransportOptions::new(listen));
        let transport = transport.unwrap();
        let remote = socket.local_addr().unwrap();
        engine.connect(transport, &remote.into()).unwrap();
        transport
    });
    let options = flumen::ProducerOptions::new(MediaKind::Audio, opus(1_111));
    let producer = engine.produce(transports[0], options).unwrap();
    let capabilities = engine.rtp_capabilities(router).unwrap().clone();
    let options = flumen::ConsumerOptions::new(producer, capabilities);
    engine.consume(transports[1], options).unwrap();
    let local = engine
        .tuple(transports[0])
        .unwrap()
        .unwrap()
        .local()
        .unwrap();
    receives
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut bytes = [0; 1_500];
    for number in 0..100 {
        let packet = Packet::new(111, number, 1_111, b"voice");
        sends.send_to(&packet.bytes(), local).unwrap();
        while engine.ledger().accepted <= u64::from(number) {
            engine.turn(Some(Duration::from_secs(1))).unwrap();
        }
        receives.recv(&mut bytes).unwrap();
    }
    let remains = {
        let ticks = engine.ticks();
        (disk.finish(&mut engine), ticks)
    };
    let replayed = replay(&remains.0).unwrap();
    assert_eq!(replayed.len() as u64, remains.1);
    let datagrams: u64 = replayed.iter().map(|tick| tick.outputs.datagrams).sum();
    assert!(datagrams >= 100, "{datagrams}");
}
