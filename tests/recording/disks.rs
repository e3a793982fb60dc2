//! A disk that is slow or full ends the recording, and nothing else.

use std::time::Duration;

use flumen::event::RecordingFault;
use flumen::{Engine, Event, RecordingError, ReplayError, Subject};
use flumen_tests::disk::{Disk, replay};
use flumen_tests::victims::Victims;

/// Talks until the recording has stopped: why, and after how many ticks.
fn until_stopped(victims: &mut Victims) -> (RecordingFault, u64) {
    for _ in 0..100_000 {
        victims.talk();
        victims.room.tick_after(Duration::from_millis(20));
        for event in victims.room.engine.drain_events() {
            if let Event::RecordingStopped(stopped) = event {
                assert_eq!(stopped.subject, Subject::Engine);
                return (stopped.reason, victims.room.engine.ticks());
            }
        }
    }
    panic!("it never stopped");
}

/// The run goes on, and nothing more is told or recorded.
fn goes_on(victims: &mut Victims) {
    victims.room.received();
    for _ in 0..10 {
        victims.talk();
        victims.room.tick_after(Duration::from_millis(20));
    }
    assert!(victims.room.received().len() >= 60);
    let told = victims.room.engine.drain_events();
    assert!(!told.iter().any(|event| event.name() == "recordingstopped"));
    let report = victims.room.engine.recording().unwrap();
    assert_eq!(report.ticks_missed, 10);
    assert!(!victims.room.engine.finish_recording(Duration::from_secs(1)));
}

#[test]
fn a_disk_that_takes_nothing_in_holds_up_no_tick() {
    let disk = Disk::stuck();
    let mut victims = Victims::with(|builder| {
        let builder = builder.record_to(disk.clone());
        builder.recording_buffer_bytes(200_000)
    });
    let (reason, ticks) = until_stopped(&mut victims);
    assert_eq!(reason, RecordingFault::TooSlow);
    let report = victims.room.engine.recording().unwrap().clone();
    assert_eq!(report.stopped, Some(RecordingFault::TooSlow));
    assert!((100_000..400_000).contains(&report.bytes), "{report:?}");
    goes_on(&mut victims);
    // What had been handed over is written after all, and can be replayed.
    disk.go_on();
    let replayed = loop {
        match replay(&disk.bytes()) {
            Ok(ticks) => break ticks,
            Err(ReplayError::Recording(
                RecordingError::Truncated { .. } | RecordingError::NoRecording,
            )) => {
                std::thread::yield_now();
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert!(replayed.len() > 10 && replayed.len() as u64 <= ticks);
}

#[test]
fn a_disk_is_not_too_slow_for_time_that_goes_fast() {
    let disk = Disk::stuck();
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()));
    // More seconds than a queue of frames would hold.
    for _ in 0..5_000 {
        victims.room.tick_after(Duration::from_secs(1));
    }
    assert_eq!(told(&victims.room.engine.drain_events()), [] as [&_; 0]);
    disk.go_on();
    let file = disk.finish(&mut victims.room.engine);
    let ticks = victims.room.engine.ticks();
    assert_eq!(replay(&file).unwrap().len() as u64, ticks);
}

#[test]
fn a_sink_that_panics_is_told_of() {
    struct Broken;
    impl std::io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            std::panic::resume_unwind(Box::new("no disk"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut engine = Victims::with(|builder| builder.record_to(Broken))
        .room
        .engine;
    assert!(!engine.finish_recording(Duration::from_secs(60)));
    let events = engine.drain_events();
    let told = told(&events);
    assert!(matches!(told[..], [RecordingFault::Failed(_)]), "{told:?}");
}

/// What was told of the recording.
fn told(events: &[Event]) -> Vec<&RecordingFault> {
    let told = events.iter().filter_map(|event| match event {
        Event::RecordingStopped(stopped) => Some(&stopped.reason),
        _ => None,
    });
    told.collect()
}

/// A run so short that all of it is in the buffer yet.
fn brief(disk: &Disk) -> Engine {
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()));
    victims.talk();
    victims.room.tick();
    let mut engine = victims.room.engine;
    engine.drain_events();
    assert_eq!(engine.recording().unwrap().stopped, None);
    engine
}

#[test]
fn an_end_that_is_not_written_in_time_is_told() {
    for patience in [Duration::ZERO, Duration::from_millis(1)] {
        let disk = Disk::stuck();
        let mut engine = brief(&disk);
        assert!(!engine.finish_recording(patience));
        assert_eq!(told(&engine.drain_events()), [&RecordingFault::TooSlow]);
        let stopped = engine.recording().unwrap().stopped.clone();
        assert_eq!(stopped, Some(RecordingFault::TooSlow));
        disk.go_on();
    }
}

#[test]
fn an_end_that_cannot_be_written_is_told_once() {
    let disk = Disk::with_room(0).held();
    let engine = brief(&disk);
    disk.go_on();
    let remains = engine.shutdown(Duration::ZERO).unwrap();
    let told = told(&remains.events);
    assert!(matches!(told[..], [RecordingFault::Failed(_)]), "{told:?}");
}

#[test]
fn a_recording_that_has_ended_costs_nothing_more() {
    let disk = Disk::with_room(1 << 20);
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()));
    victims.talk();
    victims.room.tick();
    assert!(
        victims
            .room
            .engine
            .finish_recording(Duration::from_secs(10))
    );
    let written = disk.bytes().len() as u64;
    let report = victims.room.engine.recording().unwrap().clone();
    assert_eq!(report.stopped, None);
    assert!(report.bytes > 0 && report.bytes < written, "{report:?}");
    victims.talk();
    victims.room.tick();
    assert_eq!(victims.room.engine.recording(), Some(&report));
}

#[test]
fn a_disk_that_is_full_ends_the_recording_with_its_reason() {
    let disk = Disk::with_room(50_000);
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()));
    let (reason, _) = until_stopped(&mut victims);
    let RecordingFault::Failed(why) = reason else {
        panic!("{reason:?}");
    };
    assert!(why.contains("storage"), "{why}");
    goes_on(&mut victims);
    let error = replay(&disk.bytes()).unwrap_err();
    assert!(
        matches!(
            error,
            ReplayError::Recording(RecordingError::Truncated { .. })
        ),
        "{error}"
    );
}

#[test]
fn the_event_tells_why_under_the_name_of_the_engine() {
    let disk = Disk::with_room(10_000);
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()));
    for _ in 0..100_000 {
        victims.room.tick_after(Duration::from_secs(1));
        for event in victims.room.engine.drain_events() {
            if event.name() == "recordingstopped" {
                let told = serde_json::to_value(&event).unwrap();
                assert!(told.get("engine").is_some(), "{told}");
                assert!(told["data"]["failed"].is_string(), "{told}");
                return;
            }
        }
    }
    panic!("it never stopped");
}

#[test]
fn a_file_that_cannot_be_made_is_an_error_of_the_builder() {
    let (backend, _) = flumen::Loopback::new();
    let built = Engine::builder()
        .backend(backend)
        .record("/nowhere/at/all")
        .build();
    let error = built.err().unwrap();
    assert!(matches!(error, flumen::BuildError::Recording(_)), "{error}");
}

#[test]
fn an_engine_without_a_recording_has_none_to_finish() {
    let mut victims = Victims::default();
    assert_eq!(victims.room.engine.recording(), None);
    assert!(!victims.room.engine.finish_recording(Duration::ZERO));
}
