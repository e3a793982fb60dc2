//! Whatever a peer sends as SCTP, the engine lives, and others' messages go on.

use std::time::Duration;

use flumen::{Message, SctpStreamParameters};
use flumen_tests::{Noise, Room, Trunk, address};
use proptest::prelude::*;

/// What two rooms that talk send each other: handshake, data, acknowledgements.
fn conversation() -> Vec<Vec<u8>> {
    let mut trunk = Trunk::new();
    let bridge = trunk.bridge(0, 0);
    trunk.record = Some(Vec::new());
    for _ in 0..60 {
        // They are not connected yet in the first rounds.
        let message = Message::binary(&[7; 3_000]);
        let engine = &mut trunk.rooms[0].engine;
        engine.send_message(bridge.data_producer, &message).unwrap();
        trunk.run_for(Duration::from_millis(10));
    }
    trunk.record.unwrap()
}

fn mutate(bytes: &mut Vec<u8>, noise: &mut Noise) {
    for _ in 0..noise.below(4) {
        let at = noise.below(bytes.len() as u64) as usize;
        match noise.below(3) {
            0 => bytes[at] = noise.bits() as u8,
            1 => bytes.truncate(at.max(4)),
            _ => bytes.insert(at, noise.bits() as u8),
        }
    }
    // The ports stay, so that it is taken for SCTP, and the checksum is right, so that more than
    // the checksum looks at it.
    for (at, byte) in [0x13, 0x88, 0x13, 0x88].into_iter().enumerate() {
        if at < bytes.len() {
            bytes[at] = byte;
        }
    }
    if bytes.len() >= 12 {
        flumen::components::wire::sctp::seal(bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_sctp_harms_nobody(seed in any::<u64>()) {
        let mut noise = Noise::new(seed);
        let mut trunk = Trunk::new();
        let bridge = trunk.bridge(0, 0);
        trunk.settle();
        let room = &mut trunk.rooms[0];
        let stranger = room.plain_sctp(flumen::SctpOptions::default());
        let to = flumen::ConnectOptions {
            ip: Some(address(0).ip()),
            port: Some(6_000),
            ..flumen::ConnectOptions::default()
        };
        room.engine.connect(stranger, &to).unwrap();
        room.receive_stream(stranger, SctpStreamParameters::new(0));
        for round in 0..30_u8 {
            for mut bytes in conversation_cached() {
                if noise.below(4) == 0 {
                    mutate(&mut bytes, &mut noise);
                    attack(&mut trunk.rooms[0], stranger, &bytes);
                }
            }
            trunk.rooms[0].engine.send_message(bridge.data_producer, &Message::binary(&[round])).unwrap();
            trunk.run_for(Duration::from_millis(50));
        }
        let got = trunk.rooms[1].messages();
        prop_assert!(got.iter().map(|got| got.2[0]).eq(0..30));
    }
}

fn attack(room: &mut Room, stranger: flumen::TransportId, bytes: &[u8]) {
    let local = room.local(stranger);
    room.wire.inject(local, address(6_000), bytes);
}

/// The conversation is the same but for its tags, so once is enough.
fn conversation_cached() -> Vec<Vec<u8>> {
    static ONCE: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    ONCE.get_or_init(conversation).clone()
}
