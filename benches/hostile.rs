//! What a datagram of an attacker costs the ticks that read it: what `valgrind --tool=callgrind` counts,
//! which a busy machine does not change.
//!
//! `hostile KIND DATAGRAMS STEPS`: so many datagrams of a kind every 5 ms, from somebody who takes part in
//! a call of four. The difference of two runs, one of them with the kind `nothing`, is what they cost
//! beyond as many that mean nothing.

use std::time::Duration;

use flumen::components::wire::rtcp::{
    Arrival, ReportBlock, write_nack, write_pli, write_receiver_report, write_remb,
    write_transport_feedback,
};
use flumen::rtp_parameters::MediaKind;
use flumen_sim::{Audio, Noise, Peer, PeerId, Room, Video};

const STEP: Duration = Duration::from_millis(5);
/// Until everybody sees everybody.
const BEGIN: Duration = Duration::from_secs(1);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, datagrams, steps] = &words[..] else {
        panic!("hostile KIND DATAGRAMS STEPS");
    };
    let number = |word: &String| word.parse::<u32>().expect("it is a number");
    let write = writer(kind);
    let (mut room, [victim, .., attacker]) = call();
    let mut lies = Lies {
        consumer: consumer_ssrc(&room, attacker, victim),
        noise: Noise::new(1),
    };
    for _ in 0..number(steps) {
        for _ in 0..number(datagrams) {
            let datagram = write(&mut lies);
            room.forge(attacker.address(), attacker, &datagram);
        }
        room.run_for(STEP);
    }
    room.close();
}

/// A call, in which the last one is to lie.
fn call() -> (Room, [PeerId; 4]) {
    let mut room = Room::new(1);
    let camera = Video::vp8().simulcast(2).temporal_layers(3);
    let peer = Peer::new().audio(Audio::opus()).video(camera);
    let peers = [(); 4].map(|()| room.join(peer.clone()));
    room.run_for(BEGIN);
    (room, peers)
}

/// The SSRC that one gets the video of another with.
fn consumer_ssrc(room: &Room, to: PeerId, from: PeerId) -> u32 {
    let consumer = room.consumer(to, from, MediaKind::Video);
    let consumer = consumer.expect("it watches");
    let parameters = room.engine().consumer_parameters(consumer);
    let encodings = parameters.expect("it is open").encodings;
    encodings[0].ssrc.expect("a consumer has one")
}

/// What an attacker knows, and draws from.
struct Lies {
    consumer: u32,
    noise: Noise,
}

fn writer(kind: &str) -> fn(&mut Lies) -> Vec<u8> {
    match kind {
        "nothing" => |_| vec![0xff],
        "noise" => Lies::noise,
        "media" => Lies::media,
        "nacks" => Lies::nacks,
        "requests" => Lies::requests,
        "reports" => Lies::reports,
        "feedback" => Lies::feedback,
        "bitrates" => Lies::bitrates,
        _ => panic!("no kind of datagrams: {kind}"),
    }
}

impl Lies {
    fn noise(&mut self) -> Vec<u8> {
        (0..1_200).map(|_| self.noise.bits() as u8).collect()
    }

    /// A packet in the name of nobody.
    fn media(&mut self) -> Vec<u8> {
        let mut packet = self.noise();
        packet[..2].copy_from_slice(&[0x80, 96]);
        packet
    }

    /// 200 numbers.
    fn nacks(&mut self) -> Vec<u8> {
        let (mut bytes, first) = (Vec::new(), self.noise.bits() as u16);
        let numbers = (0..200).map(|number| first.wrapping_add(number));
        write_nack(&mut bytes, 1, self.consumer, numbers);
        bytes
    }

    fn requests(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_pli(&mut bytes, 1, self.consumer);
        bytes
    }

    /// 31 blocks, as many as there can be.
    fn reports(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let blocks = [(); 31].map(|()| ReportBlock {
            ssrc: self.consumer,
            fraction_lost: self.noise.bits() as u8,
            highest_sequence: self.noise.bits() as u32,
            ..ReportBlock::default()
        });
        write_receiver_report(&mut bytes, 1, &blocks);
        bytes
    }

    /// 100 arrivals of anything.
    fn feedback(&mut self) -> Vec<u8> {
        let (mut bytes, first) = (Vec::new(), self.noise.bits() as u16);
        let arrivals = [(); 100].map(|()| Some(self.noise.below(30_000) as i64));
        let arrivals = (0..).zip(arrivals).map(|(number, time)| Arrival {
            sequence_number: first.wrapping_add(number),
            time,
        });
        let arrivals: Vec<Arrival> = arrivals.collect();
        write_transport_feedback(&mut bytes, 1, self.consumer, 0, &arrivals);
        bytes
    }

    fn bitrates(&mut self) -> Vec<u8> {
        let (mut bytes, bitrate) = (Vec::new(), self.noise.bits());
        write_remb(&mut bytes, 1, bitrate, &[self.consumer]);
        bytes
    }
}
