//! The engine's own run loop: how it ends, and what those who wait for it learn.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use flumen::{
    Backend, DataConsumerOptions, DataProducerOptions, Engine, Handle, HandleError, Loopback,
    Message, MessageBatch, Remains, SendMessageError, Subject, TickError, Time, event,
};
use flumen_tests::{Room, media_codecs};

const LONG: Duration = Duration::from_secs(60);

fn engine() -> Engine {
    built(Loopback::new().0)
}

fn built(backend: impl Backend + 'static) -> Engine {
    Engine::builder().backend(backend).build().unwrap()
}

/// Runs `engine` on a thread of its own while `asking` goes on; what both came to.
fn serve<T>(engine: Engine, asking: impl FnOnce(Handle) -> T) -> (Result<Remains, TickError>, T) {
    let handle = engine.handle();
    thread::scope(|scope| {
        let running = scope.spawn(|| engine.run());
        let told = asking(handle);
        (running.join().unwrap(), told)
    })
}

#[test]
fn it_runs_until_a_handle_says_so_and_serves_what_was_asked_before() {
    let (remains, router) = serve(engine(), |handle| {
        let router = handle.request(|engine| engine.create_router(&media_codecs()).unwrap());
        let router = router.unwrap();
        handle.shutdown(LONG).unwrap();
        (router.wait().unwrap(), handle)
    });
    let events = remains.unwrap().events;
    let close = events.iter().find(|event| event.name() == "close");
    assert_eq!(close.unwrap().subject(), Subject::Router(router.0));
    let gone = Err(HandleError::EngineGone);
    assert_eq!(router.1.wake(), gone);
    assert_eq!(router.1.shutdown(LONG), gone);
    assert_eq!(router.1.request(|_| ()).map(|_| ()), gone);
}

#[test]
fn it_runs_until_the_last_handle_is_gone() {
    let (remains, ticks) = serve(engine(), |handle| {
        let others = [handle.clone(), handle.clone()];
        drop(handle);
        let ticks = others.map(|handle| handle.request(|engine| engine.ticks()).unwrap().wait());
        ticks.map(Result::unwrap)
    });
    remains.unwrap();
    assert!(ticks[0] <= ticks[1]);
    let engine = engine();
    drop(engine.handle());
    engine.run().unwrap();
    // One that is made anew counts.
    let engine = self::engine();
    drop(engine.handle());
    assert_eq!(engine.shutdown_asked(), Some(Duration::ZERO));
    let handle = engine.handle();
    assert_eq!(engine.shutdown_asked(), None);
    handle.shutdown(LONG).unwrap();
    handle.shutdown(Duration::ZERO).unwrap();
    assert_eq!(engine.shutdown_asked(), Some(LONG), "the first one counts");
}

#[test]
fn what_happens_is_handed_on_behind_every_tick() {
    let engine = engine();
    let handle = engine.handle();
    let (tell, told) = mpsc::channel();
    let remains = thread::scope(|scope| {
        let running = scope.spawn(|| {
            engine.run_with(|engine| {
                for event in engine.drain_events() {
                    tell.send(event.name()).unwrap();
                }
            })
        });
        let open = |engine: &mut Engine| {
            let router = engine.create_router(&media_codecs()).unwrap();
            engine.create_direct_transport(router).unwrap();
        };
        handle.request(open).unwrap().wait().unwrap();
        assert_eq!(told.recv_timeout(LONG), Ok("newtransport"));
        handle.shutdown(LONG).unwrap();
        running.join().unwrap().unwrap()
    });
    let names: Vec<_> = remains.events.iter().map(flumen::Event::name).collect();
    assert_eq!(names, ["routerclose", "close", "close"]);
}

#[test]
fn a_request_that_panics_fails_alone() {
    let mut room = Room::new();
    let handle = room.engine.handle();
    let before = handle.request(|_| 1).unwrap();
    let panicking = handle.request(|engine| assert_ne!(engine.ticks(), 0, "too early"));
    // It did something first, which was done to its end.
    let half = handle.request(|engine| {
        let router = engine.create_router(&media_codecs()).unwrap();
        engine
            .close_router(router)
            .unwrap_or_else(|error| panic!("{error}"));
        engine
            .close_router(router)
            .unwrap_or_else(|error| panic!("{error}"));
    });
    let behind = handle.request(|_| 3).unwrap();
    room.tick();
    assert_eq!((before.wait(), behind.wait()), (Ok(1), Ok(3)));
    for (completion, said) in [(panicking, "too early"), (half, "is closed")] {
        match completion.unwrap().wait() {
            Err(HandleError::Panicked { message }) => assert!(message.contains(said), "{message}"),
            other => panic!("{other:?}"),
        }
    }
    room.tick();
    assert_eq!(handle.wake(), Ok(()));
}

/// Asks for something that leaves the world in doubt, and checks that all are told where it was
/// asked for.
fn is_told(room: &mut Room, act: impl FnOnce(&mut Engine) + Send + 'static) {
    let handle = room.engine.handle();
    let line = line!() + 1;
    let doubtful = handle.request(act).unwrap();
    let behind = handle.request(|_| ()).unwrap();
    let Err(TickError::Poisoned { system, .. }) = room.engine.tick(Time::from_millis(1)) else {
        panic!("the world is in doubt");
    };
    assert!(system.contains(&format!("running.rs:{line}")), "{system}");
    let told = |answer: Result<(), HandleError>| match answer {
        Err(HandleError::Poisoned { system: named, .. }) => assert_eq!(named, system),
        other => panic!("{other:?}"),
    };
    told(doubtful.wait());
    told(behind.wait());
    told(handle.request(|_| ()).map(|_| ()));
    told(handle.wake());
    told(handle.shutdown(LONG));
}

#[test]
fn a_request_that_leaves_the_world_in_doubt_poisons_the_engine_by_name() {
    // An observer that panics while a producer closes: nobody knows what is left of it.
    let mut room = Room::new();
    let sender = room.direct();
    let producer = room.produce_video(sender, 1);
    let fuss = |_: &event::Ended| panic!("no closing here");
    room.engine.observe(producer, fuss).unwrap();
    is_told(&mut room, move |engine| {
        engine.close_producer(producer).unwrap();
    });
    // What is done in the world itself is beyond the engine's knowledge.
    is_told(&mut Room::new(), |engine| {
        engine.world_mut().spawn_empty();
        panic!("half done");
    });
}

#[test]
fn those_who_wait_learn_which_system_failed() {
    fn stumble() {
        panic!("no more");
    }
    let builder = Engine::builder().backend(Loopback::new().0);
    let builder = builder.add_systems(flumen::Stage::Score, flumen::Slot::After, stumble);
    let (ended, answers) = serve(builder.build().unwrap(), |handle| {
        let wait = |_| match handle.request(|_| ()) {
            Ok(completion) => completion.wait().err(),
            Err(error) => Some(error),
        };
        // The first one may be served in the tick that fails.
        (0..3).map(wait).collect::<Vec<_>>()
    });
    assert!(matches!(ended, Err(TickError::Poisoned { .. })));
    let Some(Some(HandleError::Poisoned { system, message })) = answers.last() else {
        panic!("{answers:?}");
    };
    assert_eq!((system.as_str(), message.as_str()), ("stumble", "no more"));
}

#[test]
fn a_batch_of_messages_is_one_request() {
    let mut room = Room::new();
    let transport = room.direct();
    let options = DataProducerOptions::default;
    let [chat, other] = [(); 2].map(|()| {
        let made = room.engine.produce_data(transport, options());
        made.unwrap()
    });
    let engine = &mut room.engine;
    let listener = engine.consume_data(transport, DataConsumerOptions::new(chat));
    let lobby = DataConsumerOptions {
        subchannels: vec![7],
        ..DataConsumerOptions::new(chat)
    };
    let (listener, lobby) = (
        listener.unwrap(),
        engine.consume_data(transport, lobby).unwrap(),
    );
    engine.close_data_producer(other).unwrap();
    let mut batch = MessageBatch::default();
    assert!(batch.is_empty());
    batch.push(chat, &Message::text("hällo"));
    batch.push(other, &Message::text("too late"));
    batch.push(chat, &Message::binary(&[1, 2]));
    let narrow = Message {
        subchannels: &[7],
        ppid: Some(99),
        ..Message::text("lobby")
    };
    batch.push(chat, &narrow);
    assert_eq!(batch.len(), 4);
    let handle = room.engine.handle();
    let mut sent = handle.send_messages(batch).unwrap();
    room.tick();
    let unsent = sent.poll().unwrap().unwrap();
    assert_eq!(unsent.len(), 1);
    assert_eq!(unsent[0].index, 1);
    assert!(matches!(unsent[0].error, SendMessageError::Closed(_)));
    let got = room.messages();
    let of = |whom| {
        let mine = got.iter().filter(move |(to, ..)| *to == whom);
        mine.map(|(_, ppid, payload)| (*ppid, payload.as_slice()))
    };
    let everything: [(u32, &[u8]); 3] = [(51, "hällo".as_bytes()), (53, &[1, 2]), (99, b"lobby")];
    assert!(of(lobby).eq(everything));
    assert!(of(listener).eq(everything[..2].iter().copied()));
}
