//! Conversations in which a peer mostly says what a true one might, as the bytes that choose them.

use crate::noise::Noise;

use super::impostor::KINDS;
use flumen::components::wire::sctp::kind;

/// Things that happen in one, at most.
const LONGEST: u64 = 120;
/// The same ones in every run.
const COUNT: u64 = 48;

/// So many conversations, as [`super::association()`] takes them: each goes on long behind its handshake.
pub(super) fn dialogues() -> Vec<Vec<u8>> {
    (0..COUNT).map(dialogue).collect()
}

fn dialogue(number: u64) -> Vec<u8> {
    let mut noise = Noise::new(number);
    // The association is asked; in each second one it asks, too.
    let mut choices = vec![(number & 1) as u8];
    for _ in 0..20 + noise.below(LONGEST - 20) {
        match noise.below(16) {
            0..=5 => data(&mut noise, &mut choices),
            6..=8 => sack(&mut noise, &mut choices),
            9..=11 => send(&mut noise, &mut choices),
            12 => forward(&mut noise, &mut choices),
            13 => reset(&mut noise, &mut choices),
            14 => answer(&mut noise, &mut choices),
            // A few hundred milliseconds.
            _ => choices.extend([177, 5 + noise.below(20) as u8]),
        }
    }
    choices
}

/// A datagram with one chunk of this kind, sealed and with the right tag.
fn say(kind: u8, flags: u8, choices: &mut Vec<u8>) {
    let choice = KINDS.iter().position(|it| *it == kind);
    choices.extend([0, 0, choice.expect("it is among them") as u8, flags]);
}

/// The next number: most often a whole message, otherwise one of its parts.
fn data(noise: &mut Noise, choices: &mut Vec<u8>) {
    const WHOLE: u8 = 3;
    const UNORDERED: u8 = 4;
    let flags = match noise.below(8) {
        0 => noise.below(4) as u8,
        1..=4 => WHOLE | UNORDERED,
        _ => WHOLE,
    };
    say(kind::DATA, flags, choices);
    let [stream, sequence] = [noise.below(4), noise.below(3)].map(|it| it as u8);
    choices.extend([0, stream, sequence, 53, noise.below(200) as u8]);
}

/// All that was sent, or a little less, with up to three gaps behind it.
fn sack(noise: &mut Noise, choices: &mut Vec<u8>) {
    say(kind::SACK, 0, choices);
    let behind = noise.below(4) as u8;
    let gaps = if behind > 1 { noise.below(3) as u8 } else { 0 };
    choices.extend([gaps, behind.wrapping_neg()]);
    choices.extend((0..gaps).flat_map(|gap| [2 + 2 * gap; 2]));
}

/// The application sends up to two thousand bytes.
fn send(noise: &mut Noise, choices: &mut Vec<u8>) {
    choices.extend([128 + noise.below(48) as u8, noise.below(4) as u8]);
    choices.extend([1 + noise.below(20) as u8, noise.below(3) as u8, 53]);
}

/// A few numbers are given up, on one stream or none.
fn forward(noise: &mut Noise, choices: &mut Vec<u8>) {
    say(kind::FORWARD_TSN, 0, choices);
    let streams = noise.below(2) as u8;
    choices.extend([streams, noise.below(4) as u8]);
    choices.extend([noise.below(4) as u8, noise.below(3) as u8].repeat(streams.into()));
}

/// A stream is reset, by the peer or from here.
fn reset(noise: &mut Noise, choices: &mut Vec<u8>) {
    if noise.below(2) == 0 {
        choices.extend([224, 0, noise.below(4) as u8]);
        return;
    }
    say(kind::RE_CONFIG, 0, choices);
    // One parameter: a request of one stream, behind all that was said.
    choices.extend([0, 0x10, 0, 0, noise.below(4) as u8]);
}

/// The newest request is answered: done, nothing to do, or in progress.
fn answer(noise: &mut Noise, choices: &mut Vec<u8>) {
    say(kind::RE_CONFIG, 0, choices);
    choices.extend([0, 2, 0, [1, 0, 6][noise.below(3) as usize]]);
}
