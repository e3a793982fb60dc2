//! What is no recording, or not a whole one, is told apart.

use flumen::{Engine, Recording, RecordingError, ReplayError};
use flumen_tests::disk::{Disk, open, replay};
use flumen_tests::victims::Victims;
use std::time::Duration;

/// Some seconds of a run.
fn file() -> Vec<u8> {
    let disk = Disk::default();
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()));
    for _ in 0..100 {
        victims.talk();
        victims.room.tick_after(Duration::from_millis(100));
    }
    disk.finish(&mut victims.room.engine)
}

fn refusal(file: &[u8]) -> RecordingError {
    match replay(file).unwrap_err() {
        ReplayError::Recording(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn what_does_not_begin_like_a_recording_is_none() {
    for file in [
        &b""[..],
        b"FLUM",
        b"\x7fELF and more of it",
        b"FLUMENRC\x01",
    ] {
        let error = open(file).err().unwrap();
        assert!(matches!(error, RecordingError::NoRecording), "{error}");
    }
}

#[test]
fn another_version_is_told_with_the_one_that_is_known() {
    let mut file = file();
    file[8] = 99;
    let error = open(&file).err().unwrap();
    let RecordingError::Version { found: 99, known } = error else {
        panic!("{error}");
    };
    assert_eq!(known, 3);
}

#[test]
fn a_file_that_is_cut_short_replays_up_to_there_and_says_so() {
    let file = file();
    for cut in (12..file.len()).step_by(file.len() / 50) {
        let error = refusal(&file[..cut]);
        let RecordingError::Truncated { at } = error else {
            panic!("{error}");
        };
        assert!(at <= cut as u64, "{at} {cut}");
    }
}

#[test]
fn a_file_that_was_changed_anywhere_is_not_believed() {
    let file = file();
    for at in (12..file.len()).step_by(file.len() / 200) {
        let mut changed = file.clone();
        changed[at] ^= 0x10;
        let error = refusal(&changed);
        let told = matches!(
            error,
            // A length that is wrong may lie behind the end.
            RecordingError::Corrupt { .. } | RecordingError::Truncated { .. }
        );
        assert!(told, "byte {at}: {error}");
    }
}

#[test]
fn frames_that_were_left_out_or_exchanged_are_missed() {
    let file = file();
    let mut frames = Vec::new();
    let mut at = 12;
    while at < file.len() {
        let len = u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        frames.push(&file[at..at + 12 + len]);
        at += 12 + len;
    }
    assert!(frames.len() > 3, "{} frames", frames.len());
    let without: Vec<_> = frames
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != 2)
        .collect();
    let without = without
        .into_iter()
        .flat_map(|(_, frame)| frame.iter().copied());
    let without: Vec<u8> = file[..12].iter().copied().chain(without).collect();
    assert!(matches!(refusal(&without), RecordingError::Corrupt { .. }));
    frames.swap(1, 2);
    let exchanged: Vec<u8> = file[..12].iter().copied().chain(frames.concat()).collect();
    assert!(matches!(
        refusal(&exchanged),
        RecordingError::Corrupt { .. }
    ));
}

#[test]
fn a_file_that_is_not_there_cannot_be_opened() {
    let error = Recording::open("/nowhere/at/all").err().unwrap();
    assert!(matches!(error, RecordingError::Io(_)), "{error}");
}

#[cfg(unix)]
#[test]
fn a_recording_is_its_owners_alone_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("flumen-{}.recording", std::process::id()));
    std::fs::write(&path, b"what was there before").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let (backend, _) = flumen::Loopback::new();
    let mut engine = Engine::builder()
        .backend(backend)
        .record(&path)
        .build()
        .unwrap();
    engine.tick(flumen::Time::from_millis(1)).unwrap();
    assert!(engine.finish_recording(Duration::from_secs(60)));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    let opened = Recording::open(&path).map(|recording| recording.progress().1);
    let replayed = replay(&std::fs::read(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(mode & 0o777, 0o600);
    assert!(opened.unwrap().is_some());
    assert_eq!(replayed.unwrap().len(), 1);
}
