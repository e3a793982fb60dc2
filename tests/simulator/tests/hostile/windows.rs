//! Lies about what came of messages, and about how many more may come.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use flumen::components::wire::sctp::{
    Data, Init, Sack, chunks, close_chunk, kind, open_chunk, seal, write_header,
};
use flumen::sctp::PORT;
use flumen_sim::checks::{Check, Sent};
use flumen_sim::{Link, Loss, Messages, Peer, PeerId};

use super::{Call, Manner, STEP, compare};

/// What an attacker knows of its association.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// What the engine wants to see.
    tag: u32,
    /// The last number that the engine assigned.
    sent: u32,
    /// The last of the attacker's numbers that the engine has acknowledged.
    pub(super) acknowledged: u32,
    /// The engine has ended it.
    pub(super) is_over: bool,
}

/// Hears what comes to the attacker.
pub(super) struct Ear {
    pub(super) attacker: PeerId,
    pub(super) known: Rc<RefCell<Known>>,
}

impl Check for Ear {
    fn name(&self) -> &'static str {
        "nothing, but it hears"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        if sent.to != self.attacker {
            return Ok(());
        }
        let mut known = self.known.borrow_mut();
        for chunk in chunks(sent.bytes) {
            known.is_over |= chunk.kind == kind::ABORT;
            if let Some(init) = Init::of(&chunk) {
                known.tag = init.tag;
            }
            if let Some(data) = Data::of(&chunk) {
                known.sent = data.tsn;
            }
            if let Some(sack) = Sack::of(&chunk) {
                known.acknowledged = sack.cumulative;
            }
        }
        Ok(())
    }
}

/// A packet with the right tag and checksum.
pub(super) fn packet(known: &Known, said: &[(u8, u8, Vec<u8>)]) -> Vec<u8> {
    let mut packet = Vec::new();
    write_header(&mut packet, PORT, PORT, known.tag);
    for (kind, flags, value) in said {
        let start = open_chunk(&mut packet, *kind, *flags);
        packet.extend(value);
        close_chunk(&mut packet, start);
    }
    seal(&mut packet);
    packet
}

fn sack(cumulative: u32, window: u32, gaps: &[[u16; 2]], again: &[u32]) -> (u8, u8, Vec<u8>) {
    let mut value = cumulative.to_be_bytes().to_vec();
    value.extend(window.to_be_bytes());
    value.extend((gaps.len() as u16).to_be_bytes());
    value.extend((again.len() as u16).to_be_bytes());
    value.extend(gaps.as_flattened().iter().flat_map(|it| it.to_be_bytes()));
    value.extend(again.iter().flat_map(|it| it.to_be_bytes()));
    (kind::SACK, 0, value)
}

/// A whole message with this number.
fn data(tsn: u32) -> (u8, u8, Vec<u8>) {
    const WHOLE: u8 = 3;
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend([0, 9, 0, 0, 0, 0, 0, 53, 7, 7, 7, 7]);
    (kind::DATA, WHOLE, value)
}

/// Plays a call in whose midst an attacker that gets messages hears no more of them, and begins to
/// `lie`; returns whether the engine had enough of it.
fn unharmed(lie: impl Fn(&mut Call, &Known) -> Vec<u8>) -> bool {
    let outcomes = [Manner::Calm, Manner::Attacks].map(|manner| {
        let interval = Duration::from_millis(100);
        let attacker = Peer::new().messages(Messages::every(interval, 40));
        let mut call = Call::with(manner, attacker);
        let known = Rc::new(RefCell::new(Known::default()));
        call.room.check(Ear {
            attacker: call.attacker,
            known: known.clone(),
        });
        call.room.run_for(100 * STEP);
        // What it says for its own part is nobody's, so that it may come to nothing.
        for victim in call.victims {
            let hears = call.room.data_consumer(victim, call.attacker).unwrap();
            call.room.engine_mut().close_data_consumer(hears).unwrap();
        }
        let nothing = Link::new().loss(Loss::percent(100));
        call.room.set_down(call.attacker, nothing);
        let outcome = call.play(|call| {
            for _ in 0..5 {
                let told = known.borrow().clone();
                let said = lie(call, &told);
                call.say(&said);
            }
        });
        (outcome, known.borrow().is_over)
    });
    let [(calm, _), (attacked, is_over)] = outcomes;
    assert_ne!(attacked.answers, calm.answers, "the attacker is heard");
    compare(&calm, &attacked);
    is_over
}

#[test]
fn windows_that_open_and_close_change_nothing() {
    let is_over = unharmed(|call, known| {
        let window = match call.noise.below(4) {
            0 => 0,
            1 => 1 + call.noise.below(40) as u32,
            2 => u32::MAX - call.noise.below(3) as u32,
            // What was promised is taken back.
            _ => 1 << call.noise.below(20),
        };
        let behind = call.noise.below(8) as u32;
        let gap = 1 + call.noise.below(3) as u16;
        let gaps = &[[gap, gap]][..usize::from(behind > 3)];
        let said = sack(
            known.sent.wrapping_sub(behind),
            window,
            gaps,
            &[known.sent; 9],
        );
        packet(known, &[said])
    });
    assert!(!is_over);
}

#[test]
fn acknowledgements_of_what_was_never_sent_change_nothing() {
    let is_over = unharmed(|call, known| {
        let sent = known.sent;
        let far = call.noise.bits() as u32;
        let gap = 1 + call.noise.below(60) as u16;
        let (cumulative, gaps) = match call.noise.below(3) {
            0 => (sent.wrapping_add(1 + far % 1_000), [[1, 1]; 3]),
            1 => (far, [[1, 1], [3, 3], [1, 1]]),
            // Where none can be, and in no order.
            _ => (sent.wrapping_sub(4), [[gap, 2], [1, gap], [gap, u16::MAX]]),
        };
        packet(known, &[sack(cumulative, 100_000, &gaps, &[])])
    });
    assert!(is_over);
}

#[test]
fn numbers_that_come_again_or_too_early_change_nothing() {
    let is_over = unharmed(|call, known| {
        let said: Vec<_> = (0..40)
            .map(|_| {
                let early = 2 + call.noise.below(100) as u32;
                data(match call.noise.below(2) {
                    0 => known.acknowledged,
                    _ => known.acknowledged.wrapping_add(early),
                })
            })
            .collect();
        packet(known, &said)
    });
    assert!(!is_over);
}
