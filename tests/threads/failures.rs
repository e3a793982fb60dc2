//! What threads do when something fails, and how they end.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

// Derives of the ECS name its crate.
use flumen::ecs::prelude::Res;
use flumen::{Engine, Loopback, Setup, Slot, Stage, TickError, Time, Workers};

/// All of them have a part, and that of one fails.
fn divide_badly(workers: Res<'_, Workers>) {
    let all_here = Barrier::new(workers.threads());
    workers.share(workers.threads(), 0..workers.threads(), |part| {
        all_here.wait();
        assert!(part != 1, "part {part} cannot be done");
    });
}

fn build(threads: usize, plugin: impl Fn(&mut Setup) + 'static) -> Engine {
    let builder = Engine::builder().backend(Loopback::new().0);
    builder.threads(threads).plugin(plugin).build().unwrap()
}

#[test]
fn a_panic_of_any_thread_poisons_the_engine_like_one_of_a_system() {
    let mut engine = build(3, |setup| {
        setup.add_systems(Stage::Score, Slot::After, divide_badly);
    });
    for _ in 0..2 {
        let error = engine.tick(Time::ZERO).unwrap_err();
        let TickError::Poisoned { system, message } = error else {
            panic!("{error}");
        };
        assert_eq!(
            (&*system, &*message),
            ("divide_badly", "part 1 cannot be done")
        );
    }
}

/// Says that its thread has ended, which it lives for.
struct Ending(Arc<AtomicUsize>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local! {
    static ENDING: Cell<Option<Ending>> = const { Cell::new(None) };
}

/// Each of the engine's threads but this one is watched.
fn watch(engine: &Engine) -> Arc<AtomicUsize> {
    let ended = Arc::new(AtomicUsize::new(0));
    let workers = engine.world().resource::<Workers>();
    let all_here = Barrier::new(workers.threads());
    let here = std::thread::current().id();
    workers.share(workers.threads(), 0..workers.threads(), |_| {
        all_here.wait();
        if std::thread::current().id() != here {
            ENDING.set(Some(Ending(ended.clone())));
        }
    });
    ended
}

#[test]
fn threads_end_with_their_engine() {
    let engine = build(4, |_| {});
    let ended = watch(&engine);
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    drop(engine);
    assert_eq!(ended.load(Ordering::SeqCst), 3);
}

#[test]
fn threads_end_with_a_shutdown() {
    let mut engine = build(2, |_| {});
    engine.tick(Time::from_secs(1)).unwrap();
    let ended = watch(&engine);
    engine.shutdown(std::time::Duration::ZERO).unwrap();
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}
