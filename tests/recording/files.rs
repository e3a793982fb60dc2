//! What is no recording, or not a whole one, is told apart.

use std::time::Duration;

use flumen::{Divergence, Engine, Recording, RecordingError, ReplayError};
use flumen_tests::Noise;
use flumen_tests::disk::{Disk, open, replay};
use flumen_tests::victims::Victims;

use crate::snapshots::bytes::checksum;

/// Some seconds of a run.
fn file() -> Vec<u8> {
    run(100)
}

/// So many ticks of one, ten in each second.
fn run(ticks: u32) -> Vec<u8> {
    let disk = Disk::default();
    let mut victims = Victims::with(|builder| builder.record_to(disk.clone()));
    for _ in 0..ticks {
        victims.talk();
        victims.room.tick_after(Duration::from_millis(100));
    }
    disk.finish(&mut victims.room.engine)
}

/// The frames of a file, with the twelve bytes in front of each.
fn frames(file: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut at = 12;
    while at < file.len() {
        let len = u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        frames.push(&file[at..at + 12 + len]);
        at += 12 + len;
    }
    frames
}

/// What is in each frame of a file.
fn contents(file: &[u8]) -> Vec<Vec<u8>> {
    let frames = frames(file).into_iter();
    frames.map(|frame| frame[12..].to_vec()).collect()
}

/// A file with this in its frames, and nothing by which one could tell that it was forged.
fn forged(contents: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"FLUMENRC\x04\0\0\0".to_vec();
    for (number, bytes) in (0_u32..).zip(contents) {
        let numbers = [bytes.len() as u32, number].map(u32::to_le_bytes).concat();
        let sum = checksum(&[&numbers[..], bytes].concat());
        file.extend([&numbers[..], &sum.to_le_bytes(), bytes].concat());
    }
    file
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
    assert_eq!(known, 4);
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
    let mut frames = frames(&file);
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

/// What has right checksums and was changed all the same gives an error, or a replay of something else:
/// it never panics.
#[test]
fn a_forgery_does_no_harm() {
    let whole = contents(&run(4));
    assert_eq!(replay(&forged(&whole)).unwrap().len(), 4);
    let mut noise = Noise::new(1);
    for _ in 0..500 {
        let mut changed = whole.clone();
        // The second frame has a snapshot, of which there is none; half of the time it is the first one.
        let frame = [0, 2 + noise.below(whole.len() as u64 - 2) as usize][noise.below(2) as usize];
        for _ in 0..=noise.below(3) {
            let at = noise.below(changed[frame].len() as u64) as usize;
            changed[frame][at] = noise.below(256) as u8;
        }
        drop(replay(&forged(&changed)));
    }
}

/// A flight of more datagrams than there ever were is another one, and takes no memory.
#[test]
fn a_flight_without_end_is_a_difference() {
    let most = [&[0xff; 9][..], &[1]].concat();
    // A pass begins, that many datagrams all leave in one flight, it ends, and none has left.
    let pass = [&[2, 7][..], &most, &most, &[0, 12, 0]].concat();
    let head = contents(&run(0)).into_iter().take(2);
    let file = forged(&head.chain([pass]).collect::<Vec<_>>());
    let error = replay(&file).unwrap_err();
    let ReplayError::Differs(difference) = error else {
        panic!("{error}");
    };
    assert!(matches!(difference.what, Divergence::Asked(_)));
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
