//! An attacker who sends from the addresses of victims that came as browsers do.

use std::time::Duration;

use flumen::components::wire::stun::{BINDING, Class, Role, Writer};
use flumen::srtp::{Bounds, CryptoSuite, MasterKey, Outbound};
use flumen::stun::IntegrityKey;
use flumen_sim::{Feedback, Peer};

use super::heard::{assert_same, by_stream};
use super::{Call, Manner, Outcome, camera, compare, victim};

/// What comes of a call of whom nothing is paced, when an attacker does `act` from the first handshake on.
fn played(manner: Manner, mut act: impl FnMut(&mut Call)) -> Outcome {
    let victim = victim(camera()).feedback(Feedback::None).webrtc();
    let call = Call::of(manner, victim, Peer::new().deaf());
    call.play(|call| (0..4).for_each(|_| act(call)))
}

/// Asserts that victims get the same as when the attacker says nothing that means anything, and as when
/// it says nothing.
fn unharmed(act: impl FnMut(&mut Call) + Clone) {
    let [silent, calm, attacked] =
        [Manner::Silent, Manner::Calm, Manner::Attacks].map(|manner| played(manner, act.clone()));
    compare(&calm, &attacked);
    assert_eq!(silent.messages, attacked.messages);
    let [silent, attacked] = [silent, attacked].map(|outcome| by_stream(outcome.got));
    assert_same(&silent, &attacked, Duration::ZERO);
}

impl Call {
    /// Sends from the address of a victim.
    fn spoof(&mut self, write: impl FnOnce(&mut Self, usize) -> Vec<u8>) {
        let victim = self.victim();
        let datagram = write(self, victim.index());
        self.send(victim.address(), victim, &datagram);
    }

    fn random(&mut self, len: u64) -> Vec<u8> {
        let len = self.noise.below(len);
        (0..len).map(|_| self.noise.bits() as u8).collect()
    }
}

/// A check as a victim writes it, which may nominate, and is signed with another password, or not at all;
/// or an answer to one.
fn check(call: &mut Call, victim: usize) -> Vec<u8> {
    let transport = call.room.transport(call.victims[victim]);
    let ice = call.room.engine().ice_parameters(transport).unwrap();
    let class = [
        Class::Request,
        Class::Indication,
        Class::Success,
        Class::Error,
    ][call.noise.below(4) as usize];
    let mut id = [0; 12];
    id[..8].copy_from_slice(&call.noise.bits().to_be_bytes());
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, class, BINDING, id);
    writer.username(format!("{}:peer", ice.username_fragment).as_bytes());
    writer.priority(1);
    writer.use_candidate();
    match call.noise.below(3) {
        0 => writer.role(Role::Controlled, u64::MAX),
        1 => writer.error(487, "Role Conflict"),
        _ => writer.role(Role::Controlling, 7),
    }
    if call.noise.below(2) == 0 {
        IntegrityKey::new("guessed").seal(writer);
    }
    bytes
}

/// A record without protection: an alert that ends it all, a ClientHello, part of another message of a
/// handshake; or one that looks protected.
fn record(call: &mut Call, _: usize) -> Vec<u8> {
    const CLIENT_HELLO: u8 = 1;
    let (kind, epoch, body) = match call.noise.below(5) {
        0 => (21, 0, vec![2, 40]),
        1 => (20, 0, vec![1]),
        2 => {
            let mut body = vec![CLIENT_HELLO, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 80];
            body.extend([0xfe, 0xfd]);
            body.extend((0..78).map(|_| call.noise.bits() as u8));
            (22, 0, body)
        }
        3 => (22, 0, call.random(300)),
        // With any number, so that it may be far ahead of those that were seen.
        _ => (20 + call.noise.below(4) as u8, 1, call.random(300)),
    };
    let mut bytes = vec![kind, 0xfe, 0xfd, 0, epoch];
    bytes.extend(&call.noise.bits().to_be_bytes()[..6]);
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// Media and reports of a victim, sealed with another key.
fn sealed(call: &mut Call, victim: usize) -> Vec<u8> {
    let suite = CryptoSuite::ALL[call.noise.below(CryptoSuite::ALL.len() as u64) as usize];
    let key = MasterKey::new(suite, &vec![7; suite.master_len()]).unwrap();
    let mut outbound = Outbound::new(&key, Bounds::of(1));
    let ssrc = 0x1000_0000 | (victim as u32) << 10 | (call.noise.below(8) as u32) << 1;
    if call.noise.below(2) == 0 {
        let plain = call.rtcp(ssrc);
        let (header, body) = plain.split_first_chunk().unwrap();
        let mut sealed = vec![0; body.len() + suite.rtcp_overhead()];
        let done = outbound.seal_rtcp(header, [body, &[]], &mut sealed);
        done.unwrap();
        return [header, &sealed[..]].concat();
    }
    let plain = call.rtp(ssrc);
    let (header, body) = plain.split_at(12);
    let mut sealed = vec![0; body.len() + suite.rtp_overhead()];
    let done = outbound.seal_rtp(header, [body, &[]], &mut sealed);
    done.unwrap();
    [header, &sealed[..]].concat()
}

/// The same, and SCTP, as nobody protected them.
fn open(call: &mut Call, victim: usize) -> Vec<u8> {
    let ssrc = 0x1000_0000 | (victim as u32) << 10;
    match call.noise.below(3) {
        0 => call.rtp(ssrc),
        1 => call.rtcp(ssrc),
        // From port 5000 to port 5000: an ABORT, but for its tag.
        _ => [19, 136, 19, 136, 0, 0, 0, 1, 0, 0, 0, 0, 6, 1, 0, 4].to_vec(),
    }
}

#[test]
fn checks_that_are_not_signed_change_nothing() {
    unharmed(|call| call.spoof(check));
}

#[test]
fn records_that_are_not_protected_change_nothing() {
    unharmed(|call| call.spoof(record));
}

#[test]
fn what_is_sealed_with_another_key_changes_nothing() {
    unharmed(|call| call.spoof(sealed));
}

#[test]
fn what_is_not_sealed_changes_nothing() {
    unharmed(|call| call.spoof(open));
}
