//! Other threads ask the engine for things, and get answers without a runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use flumen::{Completion, Engine, Handle, HandleError, Loopback, Time};
use flumen_tests::{Room, media_codecs};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn the_engine_can_move_and_its_handle_can_be_shared() {
    fn can_move<T: Send + 'static>() {}
    fn can_be_shared<T: Clone + Send + Sync + 'static>() {}
    can_move::<Engine>();
    can_be_shared::<Handle>();
    can_move::<Completion<String>>();
}

#[test]
fn a_request_is_served_before_the_packets_of_the_next_tick() {
    let mut room = Room::new();
    room.tick();
    let handle = room.engine.handle();
    let mut done = handle
        .request(|engine| (engine.ticks(), engine.ledger().received))
        .unwrap();
    assert_eq!(done.poll(), None);
    let sender = room.plain(([127, 0, 0, 1], 5_000).into());
    room.arrive_bytes(sender, b"anything");
    room.tick();
    assert_eq!(done.poll(), Some(Ok((1, 0))));
    assert_eq!(done.poll(), None, "an answer can be taken once");
}

#[test]
fn requests_are_served_in_order_and_one_that_asks_again_waits_a_tick() {
    let mut room = Room::new();
    let handle = room.engine.handle();
    let again = handle.clone();
    let first = handle
        .request(move |engine| {
            let second = again.request(|engine| engine.ticks()).unwrap();
            (engine.ticks(), second)
        })
        .unwrap();
    let router = handle
        .request(|engine| engine.create_router(&media_codecs()).unwrap())
        .unwrap();
    room.tick();
    let (ticks, mut second) = first.wait().unwrap();
    assert_eq!((ticks, second.poll()), (0, None));
    assert!(!room.engine.closed(router.wait().unwrap()));
    room.tick();
    assert_eq!(second.wait(), Ok(1));
}

#[test]
fn no_more_requests_wait_than_the_limit() {
    let mut room = Room::with(|builder| builder.requests(2));
    let handle = room.engine.handle();
    let taken = [
        handle.request(|_| 1).unwrap(),
        handle.request(|_| 2).unwrap(),
    ];
    assert_eq!(handle.request(|_| 3).err(), Some(HandleError::Full));
    room.tick();
    assert!(handle.request(|_| 4).is_ok());
    assert_eq!(taken.map(|done| done.wait().unwrap()), [1, 2]);
}

#[test]
fn whoever_asks_an_engine_that_is_gone_is_told() {
    let mut room = Room::new();
    room.tick();
    let handle = room.engine.handle();
    let pending = handle.request(|_| ()).unwrap();
    let mut polled = handle.request(|_| ()).unwrap();
    drop(room);
    assert_eq!(pending.wait(), Err(HandleError::EngineGone));
    assert_eq!(polled.poll(), Some(Err(HandleError::EngineGone)));
    assert_eq!(handle.request(|_| ()).err(), Some(HandleError::EngineGone));
    assert_eq!(handle.wake(), Err(HandleError::EngineGone));
}

/// Runs `engine` until `asking`, on a thread of its own, is done; how long the longest turn took.
fn serve(mut engine: Engine, asking: impl FnOnce(Handle) + Send) -> Duration {
    // What the making of the engine asked for is done in a first tick.
    engine.turn(Some(Duration::ZERO)).unwrap();
    let handle = engine.handle();
    thread::scope(|scope| {
        let asker = scope.spawn(move || asking(handle));
        let mut longest = Duration::ZERO;
        while !asker.is_finished() {
            let before = engine.clock();
            // The last turn has nobody to wake it.
            let patience = if engine.ticks() > 3 {
                Duration::from_millis(10)
            } else {
                LONG
            };
            engine.turn(Some(patience)).unwrap();
            longest = longest.max(engine.clock() - before);
        }
        longest
    })
}

fn ask_three_times(handle: Handle) {
    for expected in 1..4 {
        let done = handle.request(|engine| engine.ticks()).unwrap();
        assert!(done.wait().unwrap() >= expected);
    }
}

#[test]
fn a_request_wakes_a_sleeping_engine() {
    let loopback = Engine::builder().backend(Loopback::new().0);
    assert!(serve(loopback.build().unwrap(), ask_three_times) < LONG / 2);
    let udp = Engine::builder();
    assert!(serve(udp.build().unwrap(), ask_three_times) < LONG / 2);
}

/// Runs a future on this thread, as a runtime would.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(LONG),
        }
    }
}

#[test]
fn an_answer_can_be_awaited() {
    let engine = Engine::builder()
        .backend(Loopback::new().0)
        .build()
        .unwrap();
    let took = serve(engine, |handle| {
        for _ in 0..3 {
            let ticks = block_on(async { handle.request(|engine| engine.ticks()).unwrap().await });
            assert!(ticks.unwrap() > 0);
        }
    });
    assert!(took < LONG / 2);
}

#[test]
fn identifiers_from_elsewhere_and_from_before_are_closed() {
    let (mut room, mut other) = (Room::new(), Room::with(|builder| builder.seed([8; 32])));
    let transport = room.plain(([127, 0, 0, 1], 5_000).into());
    let producer = room.produce_video(transport, 2_222);
    assert!(!room.engine.closed(producer));
    assert!(other.engine.closed(producer));
    assert!(other.engine.pause_producer(producer).is_err());
    room.engine.close_transport(transport).unwrap();
    for _ in 0..3 {
        room.engine.tick(Time::ZERO).unwrap();
        assert!(room.engine.closed(producer) && room.engine.closed(transport));
        let error = room.engine.pause_producer(producer).unwrap_err();
        assert_eq!((error.kind, error.id), ("producer", producer.to_string()));
        assert!(room.engine.tuple(transport).is_err());
        assert!(room.engine.close_transport(transport).is_err());
    }
    other.tick();
}
