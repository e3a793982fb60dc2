//! An attacker in the midst of a call: it sends and gets sound, pictures and messages as the others
//! do, and lies about what it gets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use flumen::ConsumerId;
use flumen::components::wire::rtcp::{
    Arrival, ReportBlock, write_fir, write_nack, write_pli, write_receiver_report, write_remb,
    write_transport_feedback,
};
use flumen::rtp_parameters::MediaKind;
use flumen_sim::checks::{Check, Sent};
use flumen_sim::{Audio, Feedback, Messages, Peer, PeerId, Video};

use super::heard::{assert_same, without_requests};
use super::{Call, Manner, Outcome, camera, is_little_work, victim};

/// What an attacker knows of what it gets.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The newest number of each stream.
    newest: BTreeMap<u32, u16>,
    /// The newest one on the whole transport.
    wide: u16,
    packets: u64,
}

struct Ear {
    attacker: PeerId,
    /// The identifier of the extension with the numbers of the whole transport.
    wide: Option<u8>,
    known: Rc<RefCell<Known>>,
}

impl Check for Ear {
    fn name(&self) -> &'static str {
        "nothing, but it hears"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        let Some(rtp) = sent.rtp.filter(|_| sent.to == self.attacker) else {
            return Ok(());
        };
        let mut known = self.known.borrow_mut();
        known.packets += 1;
        known.newest.insert(rtp.ssrc, rtp.sequence_number);
        let wide = self.wide.and_then(|id| rtp.extension(sent.bytes, id));
        if let Some(wide) = wide.and_then(<[u8]>::first_chunk) {
            known.wide = u16::from_be_bytes(*wide);
        }
        Ok(())
    }
}

/// What came of a call, how many packets the attacker got, and what is known of the video that it gets.
struct Played {
    outcome: Outcome,
    packets: u64,
    stats: String,
}

/// What a call is like.
#[derive(Clone, Copy)]
struct Party {
    /// How the attacker tells what arrives.
    attacker: Feedback,
    /// How victims do: nothing is paced on its way to those who do not. Of what is, the next tick after
    /// its turn sends more, and when there are ticks depends on what others get.
    victims: Feedback,
    /// Cameras of victims make key frames when they are asked to.
    reacts: bool,
}

/// With cameras that make no key frame but the first: what an attacker gets of them may change, and that
/// is for it alone.
const STUBBORN: Party = Party {
    attacker: Feedback::TransportCc,
    victims: Feedback::None,
    reacts: false,
};

impl Party {
    fn victim(self) -> Peer {
        let mut camera = camera();
        if !self.reacts {
            camera.reaction = Duration::from_secs(3_600);
        }
        victim(camera).feedback(self.victims)
    }

    fn play(self, manner: Manner, mut act: impl FnMut(&mut Call, &Known)) -> Played {
        let attacker = Peer::new()
            .audio(Audio::opus())
            .video(Video::vp8())
            .messages(Messages::every(Duration::from_millis(100), 200))
            .feedback(self.attacker);
        let mut call = Call::of(manner, self.victim(), attacker);
        let known = Rc::new(RefCell::new(Known::default()));
        call.room.check(Ear {
            attacker: call.attacker,
            wide: wide(&call),
            known: known.clone(),
        });
        let mut stats = String::new();
        let outcome = call.play(|call| {
            let told = known.borrow().clone();
            act(call, &told);
            let consumer = call.gets();
            stats = format!("{:?}", call.room.engine().consumer_stats(consumer));
        });
        let packets = known.borrow().packets;
        Played {
            outcome,
            packets,
            stats,
        }
    }
}

impl Call {
    /// The consumer of a victim's video that the attacker has.
    fn gets(&self) -> ConsumerId {
        let consumer = self
            .room
            .consumer(self.attacker, self.victims[1], MediaKind::Video);
        consumer.expect("it watches")
    }
}

/// The identifier that packets to the attacker have their numbers on the whole transport under.
fn wide(call: &Call) -> Option<u8> {
    let parameters = call.room.engine().consumer_parameters(call.gets());
    let extensions = parameters.unwrap().header_extensions;
    let mut extensions = extensions.into_iter();
    let wide = extensions.find(|it| it.uri.contains("transport-wide"));
    wide.map(|wide| wide.id)
}

/// Requests for key frames that reach a camera in a call, at most: those for what the attacker is to get
/// instead, of each of two encodings of three cameras once a second.
const REQUESTS: usize = 6 * 6;

/// Plays a call in peace and one with an attacker who lies, and asserts that victims get the same of
/// each other, and that the attacker is heard; returns the first and the second.
fn unharmed(party: Party, lie: impl Fn(&mut Call, &Known)) -> [Played; 2] {
    let mut played = [Manner::Calm, Manner::Attacks].map(|manner| party.play(manner, &lie));
    assert_ne!(played[1].stats, played[0].stats, "the attacker is heard");
    let got = played
        .each_mut()
        .map(|played| std::mem::take(&mut played.outcome.got));
    let [calm, attacked] = got.map(without_requests);
    assert_same(&calm.0, &attacked.0, Duration::ZERO);
    assert!(attacked.1 <= calm.1 + REQUESTS, "{} requests", attacked.1);
    is_little_work(&played[0].outcome, &played[1].outcome);
    played
}

/// Complaints about what was sent, again and again, and about what was not.
fn complain(call: &mut Call, known: &Known) {
    let ssrc = call.consumer_ssrc(call.attacker);
    let newest = known.newest.get(&ssrc).copied().unwrap_or_default();
    for round in 0..20 {
        let mut bytes = Vec::new();
        let backwards = (0..200).map(|back| newest.wrapping_sub(back));
        let ahead = (1_000..1_200).map(|ahead| newest.wrapping_add(ahead));
        match round % 4 {
            0 => write_nack(&mut bytes, 1, ssrc, ahead),
            _ => write_nack(&mut bytes, 1, ssrc, backwards),
        }
        call.say(&bytes);
    }
}

/// So many requests for a key frame.
fn ask(call: &mut Call, times: u64) {
    let ssrc = call.consumer_ssrc(call.attacker);
    for time in 0..times {
        let mut bytes = Vec::new();
        match time % 2 {
            0 => write_pli(&mut bytes, 1, ssrc),
            _ => write_fir(&mut bytes, 1, ssrc, call.noise.bits() as u8),
        }
        call.say(&bytes);
    }
}

/// Nothing, next to nothing, and about as much as can be written.
fn tell_bitrates(call: &mut Call) {
    let ssrc = call.consumer_ssrc(call.attacker);
    let bitrate = match call.noise.below(4) {
        0 => 0,
        1 => call.noise.below(1_000),
        2 => u64::MAX >> call.noise.below(8),
        _ => 1 << call.noise.below(64),
    };
    let mut bytes = Vec::new();
    write_remb(&mut bytes, 1, bitrate, &[ssrc, 7, ssrc]);
    call.say(&bytes);
}

/// Arrivals of what was sent, of what was not yet, and of anything, in no order of time.
fn tell_arrivals(call: &mut Call, known: &Known) {
    let first = match call.noise.below(3) {
        0 => known.wide.wrapping_sub(call.noise.below(200) as u16),
        1 => known.wide.wrapping_add(call.noise.below(200) as u16),
        _ => call.noise.bits() as u16,
    };
    let mut time = call.noise.bits() as i64 >> 30;
    let arrivals = (0..100).map(|index| {
        // Up to eight seconds to and fro.
        time += call.noise.below(65_000) as i64 - 32_500;
        Arrival {
            sequence_number: first.wrapping_add(index),
            time: (call.noise.below(8) > 0).then_some(time),
        }
    });
    let arrivals: Vec<Arrival> = arrivals.collect();
    let mut bytes = Vec::new();
    write_transport_feedback(&mut bytes, 1, 2, call.noise.bits() as u8, &arrivals);
    // Steps and statuses that nobody would write.
    if call.noise.below(4) == 0 && bytes.len() > 8 {
        let at = 8 + call.noise.below(bytes.len() as u64 - 8) as usize;
        bytes[at] = call.noise.bits() as u8;
    }
    call.say(&bytes);
}

fn report(call: &mut Call) {
    let ssrc = call.consumer_ssrc(call.attacker);
    let blocks = [(); 31].map(|()| ReportBlock {
        ssrc,
        fraction_lost: call.noise.bits() as u8,
        total_lost: call.noise.bits() as i32 >> 8,
        highest_sequence: call.noise.bits() as u32,
        jitter: call.noise.bits() as u32,
        last_sender_report: call.noise.bits() as u32,
        delay: call.noise.bits() as u32,
    });
    let mut bytes = Vec::new();
    write_receiver_report(&mut bytes, 1, &blocks);
    call.say(&bytes);
}

#[test]
fn a_storm_of_complaints_costs_who_makes_it_alone() {
    let [calm, attacked] = unharmed(STUBBORN, complain);
    assert!(
        attacked.packets > calm.packets,
        "it is sent something again"
    );
}

#[test]
fn a_storm_of_requests_brings_no_more_key_frames_than_one_at_a_time() {
    let party = Party {
        reacts: true,
        ..STUBBORN
    };
    let [once, stormy] = [1, 60].map(|times| {
        party
            .play(Manner::Attacks, |call, _| ask(call, times))
            .outcome
    });
    assert_same(&once.got, &stormy.got, Duration::ZERO);
    is_little_work(&once, &stormy);
}

#[test]
fn bitrates_that_nobody_measured_change_what_one_gets_alone() {
    let party = Party {
        attacker: Feedback::Remb,
        ..STUBBORN
    };
    unharmed(party, |call, _| tell_bitrates(call));
}

#[test]
fn arrivals_that_never_were_change_what_one_gets_alone() {
    unharmed(STUBBORN, tell_arrivals);
}

#[test]
fn reports_that_lie_change_what_one_gets_alone() {
    unharmed(STUBBORN, |call, _| report(call));
}

#[test]
fn those_whose_paths_are_estimated_see_as_much() {
    let party = Party {
        victims: Feedback::TransportCc,
        ..STUBBORN
    };
    let [calm, attacked] = [Manner::Calm, Manner::Attacks].map(|manner| {
        let played = party.play(manner, |call, known| {
            complain(call, known);
            ask(call, 10);
            tell_arrivals(call, known);
            report(call);
        });
        played.outcome.pictures
    });
    for (calm, attacked) in calm.into_iter().zip(attacked) {
        assert!(calm.abs_diff(attacked) <= 1, "{attacked} instead of {calm}");
    }
}
