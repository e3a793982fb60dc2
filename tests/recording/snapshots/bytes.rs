//! Snapshots as bytes, and what is wrong with them.

use flumen::{Engine, Loopback, RestoreError, Snapshot};
use flumen_tests::{Call, Noise};

use crate::rooms::{crowded, wish};

fn snapshot() -> Snapshot {
    let mut call = Call::audio();
    call.room.engine.snapshot().unwrap()
}

fn restore(snapshot: &Snapshot) -> Result<Engine, RestoreError> {
    let (backend, _) = Loopback::new();
    Engine::builder().backend(backend).restore(snapshot)
}

#[test]
fn whatever_is_damaged_is_told() {
    let bytes = snapshot().to_bytes();
    assert!(Snapshot::from_bytes(&bytes).is_ok());
    for len in 0..bytes.len() {
        Snapshot::from_bytes(&bytes[..len]).unwrap_err();
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let error = Snapshot::from_bytes(&changed).unwrap_err();
        let as_expected = match at {
            0..8 => matches!(error, RestoreError::NotASnapshot),
            8..12 => matches!(error, RestoreError::Format { .. }),
            _ => matches!(error, RestoreError::Damaged),
        };
        assert!(as_expected, "{at}: {error}");
    }
}

/// What has a right checksum and was changed all the same is refused, or gives an engine: it never
/// panics.
#[test]
fn a_forgery_does_no_harm() {
    do_no_harm(&snapshot(), 2_000);
    for seed in 0..4 {
        let (mut room, crowd) = crowded(seed, |builder| builder);
        wish(&mut room, crowd);
        do_no_harm(&room.engine_mut().snapshot().unwrap(), 50);
    }
}

/// So many forgeries of a snapshot.
fn do_no_harm(whole: &Snapshot, count: u64) {
    let whole = whole.to_bytes();
    let mut noise = Noise::new(1);
    for _ in 0..count {
        let mut bytes = whole.clone();
        for _ in 0..=noise.below(3) {
            let at = 16 + noise.below(bytes.len() as u64 - 16) as usize;
            bytes[at] = noise.below(256) as u8;
        }
        let sum = checksum(&bytes[16..]);
        bytes[12..16].copy_from_slice(&sum.to_le_bytes());
        if let Ok(snapshot) = Snapshot::from_bytes(&bytes) {
            drop(restore(&snapshot));
        }
    }
}

/// CRC-32C, bit by bit.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn a_file_is_its_owners_alone() {
    let path = std::env::temp_dir().join(format!("flumen-snapshot-{}", std::process::id()));
    std::fs::write(&path, "something of before, which anybody may read").unwrap();
    snapshot().write(&path).unwrap();
    let read = Snapshot::read(&path);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::remove_file(&path).unwrap();
    assert!(restore(&read.unwrap()).is_ok());
    assert!(matches!(Snapshot::read(&path), Err(RestoreError::Read(_))));
}

#[test]
fn what_was_there_stays_until_all_of_another_is_written() {
    let path = std::env::temp_dir().join(format!("flumen-snapshots-{}", std::process::id()));
    let part = path.with_extension("part");
    snapshot().write(&path).unwrap();
    assert!(!part.exists());
    std::fs::create_dir(&part).unwrap();
    assert!(snapshot().write(&path).is_err());
    assert!(Snapshot::read(&path).is_ok(), "the one before");
    std::fs::remove_dir(&part).unwrap();
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn keys_are_not_shown() {
    let shown = format!("{:?}", snapshot());
    assert!(shown.len() < 200, "{shown}");
}
