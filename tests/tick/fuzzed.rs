//! What `fuzz/` asks of every way in, asked of what it begins with, and of what is near that.

use flumen_tests::Noise;
use flumen_tests::any_input::{CLAIMS, Claim, seeds};

/// Changes a few bytes, or cuts it short.
fn change(input: &mut Vec<u8>, noise: &mut Noise) {
    for _ in 0..=noise.below(3) {
        let at = noise.below(input.len() as u64) as usize;
        input[at] = noise.bits() as u8;
    }
    if noise.below(4) == 0 {
        input.truncate(noise.below(input.len() as u64) as usize + 1);
    }
}

fn holds_near_its_seeds(name: &str, changes: u64) {
    let (_, claim): (_, Claim) = *CLAIMS.iter().find(|(it, _)| *it == name).unwrap();
    let mut noise = Noise::new(changes);
    let seeds = seeds(name);
    assert!(seeds.len() > 10, "{name}: {} seeds", seeds.len());
    for seed in &seeds {
        claim(seed);
        for _ in 0..changes {
            let mut input = seed.clone();
            change(&mut input, &mut noise);
            claim(&input);
        }
    }
}

#[test]
fn any_payload_can_be_read() {
    holds_near_its_seeds("codecs", 50);
}

#[test]
fn any_rtp_can_be_read() {
    holds_near_its_seeds("rtp", 50);
}

#[test]
fn any_rtcp_can_be_read() {
    holds_near_its_seeds("rtcp", 200);
}

#[test]
fn any_sctp_can_be_read() {
    holds_near_its_seeds("sctp", 200);
}

#[test]
fn nothing_is_opened_but_what_was_sealed() {
    holds_near_its_seeds("srtp", 100);
}

#[test]
fn dtls_connections_share_keys_or_nothing() {
    holds_near_its_seeds("dtls", 3);
}

#[test]
fn any_stun_can_be_read() {
    holds_near_its_seeds("stun", 200);
}

#[test]
fn any_offer_is_refused_or_answered() {
    holds_near_its_seeds("sdp", 20);
}

#[test]
fn an_ice_agent_knows_no_more_than_it_may() {
    holds_near_its_seeds("agent", 50);
}

#[test]
fn an_association_outlives_any_peer() {
    holds_near_its_seeds("association", 3);
}

#[test]
fn a_room_outlives_any_stranger() {
    holds_near_its_seeds("room", 1);
}
