//! Real packets of a browser, changed at random: the engine lives, and nobody else notices.

use flumen::Ledger;
use flumen_tests::victims::{Victims, unharmed};
use flumen_tests::{Packet, VP8_DELTA_FRAME, VP8_KEY_FRAME};
use proptest::prelude::*;

/// Recorded from headless Chromium 156, hexadecimal, one packet a line.
const CAPTURES: [&str; 3] = [
    include_str!("../../components/wire/tests/data/vp8.hex"),
    include_str!("../../components/wire/tests/data/opus.hex"),
    include_str!("../../components/wire/tests/data/vp8-simulcast.hex"),
];

fn captured() -> Vec<Vec<u8>> {
    let lines = CAPTURES.iter().flat_map(|text| text.lines());
    let packets = lines.filter(|line| !line.starts_with('#'));
    packets.map(unhex).collect()
}

fn unhex(line: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let pairs = line.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

/// A valid packet: one of the browser's under the stranger's SSRC, or one that is forwarded.
fn valid() -> impl Strategy<Value = Vec<u8>> {
    let recorded = proptest::sample::select(captured()).prop_map(|mut packet| {
        let rtp = packet[1] & 0x7f < 64 || packet[1] & 0x7f > 95;
        if rtp && packet.len() >= 12 {
            packet[1] = packet[1] & 0x80 | 96;
            packet[8..12].copy_from_slice(&3_333_u32.to_be_bytes());
        }
        packet
    });
    let made = (
        any::<u16>(),
        any::<bool>(),
        1_u8..15,
        any::<bool>(),
        0_u8..9,
    )
        .prop_map(|(sequence, key_frame, id, two_byte, padding)| {
            let payload = if key_frame {
                VP8_KEY_FRAME
            } else {
                VP8_DELTA_FRAME
            };
            let mut packet = Packet::new(96, sequence % 400, 3_333, payload);
            packet = packet.with_extension(id, &[7; 3]).with_extension(3, &[1]);
            (packet.two_byte, packet.padding) = (two_byte, padding);
            packet.bytes()
        });
    prop_oneof![recorded, made]
}

#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Cut(usize),
    Insert(usize, u8),
    Append(Vec<u8>),
}

impl Change {
    fn apply(&self, packet: &mut Vec<u8>) {
        match self {
            Self::Set(at, byte) if !packet.is_empty() => {
                let at = at % packet.len();
                packet[at] = *byte;
            }
            Self::Set(..) => {}
            Self::Cut(at) => packet.truncate(at % (packet.len() + 1)),
            Self::Insert(at, byte) => packet.insert(at % (packet.len() + 1), *byte),
            Self::Append(bytes) => packet.extend(bytes),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    // Most of what matters stands in the first bytes.
    let at = prop_oneof![0_usize..24, any::<usize>()];
    let bytes = proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        4 => (at.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => at.clone().prop_map(Change::Cut),
        1 => (at, any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => bytes.prop_map(Change::Append),
    ]
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec(change(), 0..5);
    (valid(), changes).prop_map(|(mut packet, changes)| {
        changes.iter().for_each(|change| change.apply(&mut packet));
        packet
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_packets_harm_nobody(
        attack in proptest::collection::vec(proptest::collection::vec(mutated(), 0..12), 12),
    ) {
        unharmed(12, |victims, tick| {
            attack[tick as usize].iter().for_each(|bytes| victims.attack(bytes));
        });
    }
}

#[test]
fn the_browsers_packets_are_taken_as_they_are() {
    let mut victims = Victims::default();
    for packet in captured() {
        victims.attack(&packet);
        victims.room.tick();
    }
    let Ledger { discarded, .. } = victims.room.engine.ledger();
    let unknown = discarded[flumen::Discard::UnknownProducer];
    assert_eq!(discarded.total(), unknown, "{discarded:?}");
}
