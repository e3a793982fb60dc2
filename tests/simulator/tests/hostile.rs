//! What an attacker does changes nothing of what the others get: not a byte, not a moment; and it makes
//! no more work than what is sent.

mod windows;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use flumen::Stage;
use flumen::components::wire::rtcp::{
    ReportBlock, write_bye, write_fir, write_nack, write_pli, write_receiver_report, write_remb,
};
use flumen_sim::{Audio, Messages, Noise, Peer, PeerId, Room, Video};

/// A call, and somebody with a transport of its own who sends and gets nothing.
struct Call {
    room: Room,
    victims: [PeerId; 3],
    attacker: PeerId,
    noise: Noise,
    /// The attacker says nothing that means anything, when and where it would.
    is_calm: bool,
    /// Datagrams that it sent.
    said: u64,
}

/// What came of a call.
struct Outcome {
    /// Of what each victim got.
    digests: [u64; 3],
    /// Of what the attacker got.
    answers: u64,
    /// Rows that the stages handled.
    rows: u64,
    said: u64,
}

/// Somebody without a transport.
const STRANGER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9)), 5_000);

const STEP: Duration = Duration::from_millis(5);
const STEPS: u32 = 1_000;

/// Rows of all stages that a datagram of an attacker may cost beyond those of one that means nothing:
/// as many as coming, going on, and leaving. A packet that two others get costs nine.
const ROWS_A_DATAGRAM: u64 = 4;

impl Call {
    fn new(is_calm: bool) -> Self {
        Self::with(is_calm, Peer::new().deaf())
    }

    fn with(is_calm: bool, attacker: Peer) -> Self {
        let mut room = Room::new(30);
        // A tick for each arrival, so that those of the attacker delay nobody's.
        room.set_gather(Duration::ZERO);
        let victim = Peer::new()
            .audio(Audio::opus())
            .video(Video::vp8().simulcast(2).temporal_layers(3))
            .messages(Messages::every(Duration::from_millis(30), 500));
        let victims = [0; 3].map(|_| room.join(victim.clone()));
        let attacker = room.join(attacker);
        Self {
            room,
            victims,
            attacker,
            noise: Noise::new(5),
            is_calm,
            said: 0,
        }
    }

    /// What comes of it when the attacker does `act` again and again.
    fn play(mut self, mut act: impl FnMut(&mut Self)) -> Outcome {
        for _ in 0..STEPS {
            self.room.run_for(STEP);
            act(&mut self);
        }
        let received = self.room.video(self.victims[0], self.victims[1]);
        assert!(received.frames > 100, "{received:?}");
        let work = self.room.engine().work();
        let rows = Stage::IN_ORDER.iter().map(|&stage| work.total(stage).rows);
        Outcome {
            digests: self.victims.map(|victim| self.room.digest_of(victim)),
            answers: self.room.digest_of(self.attacker),
            rows: rows.sum(),
            said: self.said,
        }
    }

    /// Sends from the attacker's own transport.
    fn say(&mut self, datagram: &[u8]) {
        self.send(self.attacker.address(), self.attacker, datagram);
    }

    /// Sends from nowhere to the port of a victim.
    fn whisper(&mut self, datagram: &[u8]) {
        let victim = self.victim();
        self.send(STRANGER, victim, datagram);
    }

    fn send(&mut self, source: SocketAddr, toward: PeerId, datagram: &[u8]) {
        let datagram = if self.is_calm { &[0xff] } else { datagram };
        self.said += 1;
        self.room.forge(source, toward, datagram);
    }

    fn victim(&mut self) -> PeerId {
        self.victims[self.noise.below(3) as usize]
    }

    /// An SSRC that a victim sends with: see [`PeerId`].
    fn foreign_ssrc(&mut self) -> u32 {
        let (victim, low) = (self.victim().index() as u32, self.noise.below(32) as u32);
        0x1000_0000 | victim << 10 | low
    }

    /// An SSRC that a victim gets.
    fn consumer_ssrc(&mut self) -> u32 {
        let [first, second, _] = self.victims;
        let kind = flumen::rtp_parameters::MediaKind::Video;
        let consumer = self.room.consumer(first, second, kind).unwrap();
        let parameters = self.room.engine().consumer_parameters(consumer).unwrap();
        parameters.encodings[0].ssrc.unwrap()
    }

    fn rtp(&mut self, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, [96, 97, 111][self.noise.below(3) as usize]];
        packet.extend((self.noise.bits() as u16).to_be_bytes());
        packet.extend((self.noise.bits() as u32).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        let len = self.noise.below(1_400);
        packet.extend((0..len).map(|_| self.noise.bits() as u8));
        packet
    }

    fn rtcp(&mut self, ssrc: u32) -> Vec<u8> {
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
    let calm = Call::new(true).play(act.clone());
    compare(&calm, &Call::new(false).play(act));
}

fn compare(calm: &Outcome, attacked: &Outcome) {
    assert_eq!(attacked.digests, calm.digests);
    let most = calm.rows + ROWS_A_DATAGRAM * attacked.said;
    assert!(
        attacked.rows <= most,
        "{} rows, {} in peace, for {} datagrams",
        attacked.rows,
        calm.rows,
        attacked.said
    );
}

#[test]
fn another_call_has_other_digests() {
    let calm = Call::new(true).play(|_| {}).digests;
    let mut steps = 0;
    let paused = Call::new(true).play(|call| {
        steps += 1;
        if steps == 500 {
            let kind = flumen::rtp_parameters::MediaKind::Audio;
            let producer = call.room.producer(call.victims[0], kind).unwrap();
            call.room.engine_mut().pause_producer(producer).unwrap();
        }
    });
    let paused = paused.digests;
    assert!(calm[1] != paused[1] && calm[2] != paused[2]);
}

#[test]
fn media_in_the_name_of_others_reaches_nobody() {
    unharmed(|call| {
        let ssrc = call.foreign_ssrc();
        let packet = call.rtp(ssrc);
        call.say(&packet);
        // And from no transport at all, to the ports of the others.
        let packet = call.rtp(ssrc);
        call.whisper(&packet);
    });
}

#[test]
fn reports_and_requests_about_others_change_nothing() {
    unharmed(|call| {
        let ssrc = match call.noise.below(2) {
            0 => call.foreign_ssrc(),
            _ => call.consumer_ssrc(),
        };
        for _ in 0..3 {
            let bytes = call.rtcp(ssrc);
            call.say(&bytes);
            let bytes = call.rtcp(ssrc);
            call.whisper(&bytes);
        }
    });
}

#[test]
fn a_flood_of_anything_changes_nothing() {
    unharmed(|call| {
        for _ in 0..40 {
            let len = call.noise.below(2_500) as usize;
            let mut bytes: Vec<u8> = (0..len).map(|_| call.noise.bits() as u8).collect();
            // STUN, DTLS, RTP, SCTP.
            if let Some(first) = bytes.first_mut() {
                *first = [0, 22, 0x80, 0x13, *first][call.noise.below(5) as usize];
            }
            call.say(&bytes);
        }
    });
}

#[test]
fn coming_and_going_changes_nothing_for_those_who_stay() {
    let mut guests = Vec::new();
    unharmed(move |call| {
        call.say(&[0xff]);
        if guests.len() < 5 {
            let peer = Peer::new().deaf();
            guests.extend((!call.is_calm).then(|| call.room.join(peer)));
        } else {
            guests.drain(..).for_each(|guest| call.room.leave(guest));
        }
    });
}
