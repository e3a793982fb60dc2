//! What receivers get has no gap that the network did not make, whatever the network does.

use std::collections::BTreeMap;

use flumen_tests::{Call, Packet, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME};
use proptest::collection::vec;
use proptest::prelude::*;

/// What the network and the sender do to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Media,
    KeyFrame,
    Padding,
    Lost,
    Duplicated,
}

/// Somebody pauses or resumes.
#[derive(Clone, Copy, Debug)]
enum Toggle {
    Producer,
    Consumer,
}

#[derive(Clone, Debug)]
struct Script {
    start: u16,
    /// The fate of each packet, and by how many others it is overtaken.
    packets: Vec<(Fate, usize)>,
    /// Before which arrivals somebody pauses or resumes.
    toggles: Vec<(usize, Toggle)>,
    /// How many arrivals a tick takes.
    batch: usize,
}

fn scripts(most_toggles: usize) -> impl Strategy<Value = Script> {
    let fate = prop_oneof![
        12 => Just(Fate::Media),
        2 => Just(Fate::KeyFrame),
        3 => Just(Fate::Padding),
        2 => Just(Fate::Lost),
        2 => Just(Fate::Duplicated),
    ];
    let delay = prop_oneof![5 => Just(0_usize), 1 => 1..9_usize];
    let toggle = prop_oneof![Just(Toggle::Producer), Just(Toggle::Consumer)];
    let start = prop_oneof![Just(65_400_u16), any::<u16>()];
    let packets = vec((fate, delay), 1..250);
    (
        start,
        packets,
        vec((0..250_usize, toggle), 0..=most_toggles),
        1..6_usize,
    )
        .prop_map(|(start, packets, toggles, batch)| Script {
            start,
            packets,
            toggles,
            batch,
        })
}

impl Script {
    /// The numbers of the packets in the order in which they arrive.
    fn arrivals(&self) -> Vec<usize> {
        let mut order = Vec::new();
        for (number, &(fate, delay)) in self.packets.iter().enumerate() {
            let copies = match fate {
                Fate::Lost => 0,
                Fate::Duplicated => 2,
                _ => 1,
            };
            order.extend((0..copies).map(|copy| (number + delay + 3 * copy, number)));
        }
        order.sort_by_key(|&(at, _)| at);
        order.into_iter().map(|(_, number)| number).collect()
    }

    fn packet(&self, number: usize, payload_type: u8) -> Packet {
        let fate = self.packets[number].0;
        let frame = if fate == Fate::KeyFrame {
            VP8_KEY_FRAME
        } else {
            VP8_DELTA_FRAME
        };
        let mut payload = frame.to_vec();
        payload.extend((number as u32).to_be_bytes());
        let sequence = self.start.wrapping_add(number as u16);
        let mut packet = Packet::new(payload_type, sequence, SSRC, &payload);
        if fate == Fate::Padding {
            packet.payload.clear();
            packet.padding = 20;
        }
        packet
    }
}

/// Follows what a receiver sees.
struct Receiver<'a> {
    script: &'a Script,
    video: bool,
    producer_paused: bool,
    consumer_paused: bool,
    /// The run of numbers begins anew with the next packet.
    fresh: bool,
    awaiting: bool,
    newest: Option<usize>,
    /// The newest packet when somebody last paused or resumed.
    before: Option<usize>,
    /// Packets whose number a receiver may miss.
    missing: Vec<bool>,
    /// The outgoing number of each packet received, counted on from the first beyond 16 bits.
    numbers: BTreeMap<usize, i64>,
    last: Option<(u16, i64)>,
    highest: Option<i64>,
}

impl<'a> Receiver<'a> {
    fn new(script: &'a Script, video: bool) -> Self {
        let lost = script.packets.iter().map(|&(fate, _)| fate == Fate::Lost);
        Self {
            script,
            video,
            producer_paused: false,
            consumer_paused: false,
            fresh: false,
            awaiting: video,
            newest: None,
            before: None,
            missing: lost.collect(),
            numbers: BTreeMap::new(),
            last: None,
            highest: None,
        }
    }

    fn toggle(&mut self, call: &mut Call, toggle: Toggle) {
        let engine = &mut call.room.engine;
        let done = match (toggle, self.producer_paused, self.consumer_paused) {
            (Toggle::Producer, false, _) => engine.pause_producer(call.producer),
            (Toggle::Producer, true, _) => engine.resume_producer(call.producer),
            (Toggle::Consumer, _, false) => engine.pause_consumer(call.consumer),
            (Toggle::Consumer, _, true) => engine.resume_consumer(call.consumer),
        };
        done.unwrap();
        match toggle {
            Toggle::Producer => self.producer_paused ^= true,
            Toggle::Consumer => self.consumer_paused ^= true,
        }
        self.fresh = self.highest.is_some();
        self.awaiting = self.video;
        self.before = self.newest;
    }

    /// A packet arrives at the engine.
    fn arrives(&mut self, number: usize) {
        let fate = self.script.packets[number].0;
        let late = self.newest.is_some_and(|newest| number < newest);
        self.newest = self.newest.max(Some(number));
        let active = !self.producer_paused && !self.consumer_paused;
        if active && self.awaiting && fate == Fate::KeyFrame {
            self.awaiting = false;
        }
        let padding = fate == Fate::Padding;
        let before_run = self.fresh || self.highest.is_none();
        // These have left their gap already, or nobody can know yet that they leave one: what
        // overtook the first packet of a run, padding that was overtaken, and what a pause
        // overtook. That a pause as such leaves no gap is seen where a run follows on.
        self.missing[number] |= !active
            || self.awaiting
            || padding && (late || before_run)
            || late && Some(number) <= self.before;
    }

    /// A packet comes out.
    fn receives(&mut self, packet: &Packet) {
        let tail = packet.payload.len() - 4;
        let number = u32::from_be_bytes(packet.payload[tail..].try_into().unwrap()) as usize;
        let key_frame = self.script.packets[number].0 == Fate::KeyFrame;
        let first = self.last.is_none() || self.fresh;
        assert!(
            !self.video || !first || key_frame,
            "a run of video begins with a key frame"
        );
        let extended = match self.last {
            None => 0,
            Some((short, long)) => {
                long + i64::from(packet.sequence.wrapping_sub(short).cast_signed())
            }
        };
        self.last = Some((packet.sequence, extended));
        if std::mem::take(&mut self.fresh) {
            assert_eq!(
                Some(extended),
                self.highest.map(|highest| highest + 1),
                "a run follows on"
            );
        }
        self.highest = self.highest.max(Some(extended));
        let known = *self.numbers.entry(number).or_insert(extended);
        assert_eq!(
            known, extended,
            "a duplicate has the number of the original"
        );
    }

    /// The numbers rise as those of the sender did, and only what was missing is.
    fn check(&self) {
        let received: Vec<_> = self
            .numbers
            .iter()
            .map(|(&number, &out)| (number, out))
            .collect();
        for pair in received.windows(2) {
            let [(before, out_before), (after, out_after)] = [pair[0], pair[1]];
            assert!(
                out_after > out_before,
                "order is preserved, and no number is given twice"
            );
            let gap = out_after - out_before - 1;
            let missing = (before + 1..after)
                .filter(|&number| self.missing[number])
                .count();
            assert!(
                gap <= missing as i64,
                "{gap} numbers between {before} and {after} are nobody's"
            );
            let lost = |&number: &usize| self.script.packets[number].0 == Fate::Lost;
            let lost = (before + 1..after).filter(lost).count();
            let runs_on = self.script.toggles.is_empty();
            assert!(!runs_on || gap >= lost as i64, "a loss is seen as a loss");
        }
    }
}

fn play(script: &Script, video: bool) {
    let mut call = if video { Call::video() } else { Call::audio() };
    let payload_type = if video { 96 } else { 111 };
    let mut receiver = Receiver::new(script, video);
    for (turn, batch) in script.arrivals().chunks(script.batch).enumerate() {
        let arrivals = turn * script.batch..(turn + 1) * script.batch;
        for &(at, toggle) in &script.toggles {
            if arrivals.contains(&at) {
                receiver.toggle(&mut call, toggle);
            }
        }
        let packets: Vec<_> = batch
            .iter()
            .map(|&number| script.packet(number, payload_type))
            .collect();
        batch.iter().for_each(|&number| receiver.arrives(number));
        let left = call.send(&packets);
        left.packets
            .iter()
            .for_each(|packet| receiver.receives(packet));
    }
    receiver.check();
}

proptest! {
    #[test]
    fn audio_survives_any_network(script in scripts(0)) {
        play(&script, false);
    }

    #[test]
    fn video_survives_any_network(script in scripts(0)) {
        play(&script, true);
    }

    #[test]
    fn audio_survives_any_network_and_any_pause(script in scripts(8)) {
        play(&script, false);
    }

    #[test]
    fn video_survives_any_network_and_any_pause(script in scripts(8)) {
        play(&script, true);
    }
}

#[test]
fn numbers_run_on_across_every_wrap() {
    let mut call = Call::audio();
    let mut expected = None;
    for turn in 0..1_000_u32 {
        let packets: Vec<_> = (0..200_u32)
            .map(|index| {
                let mut packet = Packet::new(111, (turn * 200 + index) as u16, SSRC, b"a");
                if index % 7 == 0 {
                    packet.payload.clear();
                    packet.padding = 4;
                }
                packet
            })
            .collect();
        if turn % 100 == 99 {
            call.room.engine.pause_producer(call.producer).unwrap();
            assert!(call.send(&packets).packets.is_empty());
            call.room.engine.resume_producer(call.producer).unwrap();
            continue;
        }
        for packet in call.send(&packets).packets {
            assert_eq!(packet.sequence, expected.unwrap_or(packet.sequence));
            expected = Some(packet.sequence.wrapping_add(1));
        }
    }
    assert!(call.outbound().stream.packet_count > 2 * 65_536);
}

#[test]
fn a_sender_that_begins_anew_is_followed_without_a_gap() {
    for restart in [20_000, 45_000, 100] {
        let mut call = Call::audio();
        let before = call.send_payload(30_000, b"a").packets.remove(0);
        // Two that follow on each other prove that the jump is meant (RFC 3550 appendix A.1).
        assert!(call.send_payload(restart, b"b").packets.is_empty());
        let after = [1, 2].map(|step| call.send_payload(restart + step, b"c").packets.remove(0));
        assert_eq!(after[0].sequence, before.sequence + 1);
        assert_eq!(after[1].sequence, before.sequence + 2);
    }
}

#[test]
fn a_duplicate_of_the_last_packet_before_a_pause_begins_nothing() {
    let mut call = Call::audio();
    let before = call.send_payload(10, b"a").packets.remove(0);
    call.room.engine.pause_consumer(call.consumer).unwrap();
    call.room.engine.resume_consumer(call.consumer).unwrap();
    assert!(call.send_payload(10, b"a").packets.is_empty());
    let after = call.send_payload(11, b"b").packets.remove(0);
    assert_eq!(after.sequence, before.sequence + 1);
}

#[test]
fn a_sender_that_begins_anew_after_a_pause_is_followed() {
    let mut call = Call::audio();
    call.send_payload(30_000, b"a");
    call.room.engine.pause_consumer(call.consumer).unwrap();
    call.room.engine.resume_consumer(call.consumer).unwrap();
    let before = call.send_payload(30_001, b"a").packets.remove(0);
    call.send_payload(20_000, b"b");
    let after = call.send_payload(20_001, b"c").packets.remove(0);
    assert_eq!(after.sequence, before.sequence + 1);
}
