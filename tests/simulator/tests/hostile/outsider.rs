//! An attacker who has a transport and takes no part, or not even that.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use flumen::components::wire::rtcp::{
    ReportBlock, write_bye, write_fir, write_nack, write_pli, write_receiver_report, write_remb,
};
use flumen::rtp_parameters::MediaKind;
use flumen_sim::{Feedback, Peer, Video};

use super::heard::{assert_same, by_stream, without_reports};
use super::{Call, Manner, Outcome, camera, compare, victim};

/// Somebody without a transport.
const STRANGER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9)), 5_000);

impl Call {
    /// Sends from nowhere to the port of a victim.
    fn whisper(&mut self, datagram: &[u8]) {
        let victim = self.victim();
        self.send(STRANGER, victim, datagram);
    }

    /// An SSRC that a victim sends with: see [`PeerId`].
    fn foreign_ssrc(&mut self) -> u32 {
        let (victim, low) = (self.victim().index() as u32, self.noise.below(32) as u32);
        0x1000_0000 | victim << 10 | low
    }

    pub(super) fn rtp(&mut self, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, [96, 97, 111][self.noise.below(3) as usize]];
        packet.extend((self.noise.bits() as u16).to_be_bytes());
        packet.extend((self.noise.bits() as u32).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        let len = self.noise.below(1_400);
        packet.extend((0..len).map(|_| self.noise.bits() as u8));
        packet
    }

    pub(super) fn rtcp(&mut self, ssrc: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let number = self.noise.bits() as u16;
        match self.noise.below(6) {
            0 => write_pli(&mut bytes, 1, ssrc),
            1 => write_fir(&mut bytes, 1, ssrc, number as u8),
            2 => write_nack(
                &mut bytes,
                1,
                ssrc,
                (0..200).map(|it| number.wrapping_add(it)),
            ),
            3 => write_remb(&mut bytes, 1, 10_000, &[ssrc]),
            4 => write_bye(&mut bytes, &[ssrc]),
            _ => write_receiver_report(
                &mut bytes,
                1,
                &[ReportBlock {
                    ssrc,
                    fraction_lost: 255,
                    total_lost: 100_000,
                    ..ReportBlock::default()
                }],
            ),
        }
        bytes
    }
}

/// Asserts that victims get the same whether what the attacker says means anything or not, and that it
/// makes little work.
///
/// It is said at the same times in both runs: what waits for its turn leaves with the first tick that
/// may send it, and sockets are read in turns.
fn unharmed(act: impl FnMut(&mut Call) + Clone) {
    let calm = Call::new(Manner::Calm).play(act.clone());
    compare(&calm, &Call::new(Manner::Attacks).play(act));
}

#[test]
fn another_call_has_other_digests() {
    let calm = Call::new(Manner::Calm).play(|_| {}).digests;
    let mut steps = 0;
    let paused = Call::new(Manner::Calm).play(|call| {
        steps += 1;
        if steps == 500 {
            let producer = call.room.producer(call.victims[0], MediaKind::Audio);
            let producer = producer.unwrap();
            call.room.engine_mut().pause_producer(producer).unwrap();
        }
    });
    let paused = paused.digests;
    assert!(calm[1] != paused[1] && calm[2] != paused[2]);
}

/// Media in the name of others, and the same from no transport at all, to the ports of the others.
fn forge_media(call: &mut Call) {
    let ssrc = call.foreign_ssrc();
    let packet = call.rtp(ssrc);
    call.say(&packet);
    let packet = call.rtp(ssrc);
    call.whisper(&packet);
}

/// Reports and requests about what others send and get.
fn forge_reports(call: &mut Call) {
    let ssrc = match call.noise.below(2) {
        0 => call.foreign_ssrc(),
        _ => call.consumer_ssrc(call.victims[0]),
    };
    for _ in 0..3 {
        let bytes = call.rtcp(ssrc);
        call.say(&bytes);
        let bytes = call.rtcp(ssrc);
        call.whisper(&bytes);
    }
}

fn flood(call: &mut Call) {
    for _ in 0..40 {
        let len = call.noise.below(2_500) as usize;
        let mut bytes: Vec<u8> = (0..len).map(|_| call.noise.bits() as u8).collect();
        // STUN, DTLS, RTP, SCTP.
        if let Some(first) = bytes.first_mut() {
            *first = [0, 22, 0x80, 0x13, *first][call.noise.below(5) as usize];
        }
        call.say(&bytes);
    }
}

#[test]
fn media_in_the_name_of_others_reaches_nobody() {
    unharmed(forge_media);
}

#[test]
fn reports_and_requests_about_others_change_nothing() {
    unharmed(forge_reports);
}

#[test]
fn a_flood_of_anything_changes_nothing() {
    unharmed(flood);
}

/// What comes of a call of whom nothing is paced, in which ticks are so far from each other.
fn unpaced(manner: Manner, gather: Duration, act: fn(&mut Call)) -> Outcome {
    // Packets arrive with their tick: what their sender is told that its path carries depends on those.
    let camera = Video {
        adapts: false,
        ..camera()
    };
    let victim = victim(camera).feedback(Feedback::None);
    let mut call = Call::of(manner, victim, Peer::new().deaf());
    call.room.set_gather(gather);
    call.play(act)
}

#[test]
fn who_attacks_might_as_well_not_be_there() {
    for act in [forge_media, forge_reports, flood] {
        let got = [Manner::Silent, Manner::Attacks]
            .map(|manner| by_stream(unpaced(manner, Duration::ZERO, act).got));
        assert_same(&got[0], &got[1], Duration::ZERO);
    }
}

/// Media that is forged all the time: a tick is due for one of it when most of what is true arrives.
fn forge_densely(call: &mut Call) {
    for _ in 0..10 {
        forge_media(call);
        call.room.run_for(Duration::from_micros(190));
    }
}

/// What arrives waits for the next tick, a gather behind the last one at most, whoever that one was for:
/// so what leaves in two calls is no further apart.
#[test]
fn an_attacker_delays_others_by_no_more_than_a_gather() {
    let gather = Duration::from_micros(250);
    let got = [Manner::Silent, Manner::Attacks]
        .map(|manner| without_reports(by_stream(unpaced(manner, gather, forge_densely).got)));
    assert_same(&got[0], &got[1], gather);
    assert!(got[0] != got[1], "something waits");
}

#[test]
fn coming_and_going_changes_nothing_for_those_who_stay() {
    let mut guests = Vec::new();
    unharmed(move |call| {
        call.say(&[0xff]);
        if guests.len() < 5 {
            let peer = Peer::new().deaf();
            guests.extend((call.manner == Manner::Attacks).then(|| call.room.join(peer)));
        } else {
            guests.drain(..).for_each(|guest| call.room.leave(guest));
        }
    });
}
