//! Whether packets arrive at all, apart from how good they are.

use std::time::Duration;

use flumen::components::Liveness;
use flumen::event::LivenessChanged;
use flumen::rtp_parameters::{MediaKind, RtpParameters};
use flumen::{Event, ProducerId, ProducerOptions, TransportId};
use flumen_tests::{Packet, Room, address, opus, vp8};
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(2);
const VOICE: u32 = 1_111;

struct Voice {
    room: Room,
    sender: TransportId,
    producer: ProducerId,
    sequence: u16,
}

impl Voice {
    /// An audio producer with this liveness timeout, whose stream begins at the first millisecond.
    fn of(mut room: Room, timeout: Option<Duration>, parameters: RtpParameters) -> Self {
        let sender = room.plain(address(5_000));
        let mut options = ProducerOptions::new(MediaKind::Audio, parameters);
        options.liveness_timeout = timeout;
        let producer = room.engine.produce(sender, options).unwrap();
        let mut voice = Self {
            room,
            sender,
            producer,
            sequence: 0,
        };
        voice.speak();
        voice.told();
        voice
    }

    fn watched() -> Self {
        Self::of(Room::new(), Some(TIMEOUT), opus(VOICE))
    }

    fn speak(&mut self) {
        self.sequence += 1;
        let packet = Packet::new(111, self.sequence, VOICE, b"voice");
        self.room.arrive(self.sender, &packet);
        self.room.tick();
    }

    /// What was told of liveness since the last call.
    fn told(&mut self) -> Vec<bool> {
        let events = self.room.engine.drain_events().into_iter();
        let live = |event| match event {
            Event::LivenessChanged(event) => Some(event.liveness.live),
            _ => None,
        };
        events.filter_map(live).collect()
    }

    fn is_live(&self) -> bool {
        let liveness = self.room.engine.liveness(self.producer).unwrap();
        let [stream] = liveness.as_slice() else {
            panic!("{liveness:?} is not of one stream");
        };
        stream.live
    }
}

#[test]
fn a_stream_that_stops_is_told_and_so_is_its_return() {
    let mut voice = Voice::watched();
    voice.room.tick_after(TIMEOUT - Duration::from_millis(1));
    assert!(voice.told().is_empty() && voice.is_live());
    voice.room.tick();
    assert_eq!((voice.told(), voice.is_live()), (vec![false], false));
    voice.room.tick_after(Duration::from_secs(60));
    assert!(voice.told().is_empty(), "once is enough");
    voice.speak();
    assert_eq!((voice.told(), voice.is_live()), (vec![true], true));
    voice.room.tick_after(TIMEOUT);
    assert_eq!(voice.told(), [false], "and again");
    let score = &voice.room.engine.score(voice.producer).unwrap()[0];
    assert_eq!(score.score, 10, "which says nothing of its quality");
}

#[test]
fn the_event_names_the_stream() {
    let mut voice = Voice::watched();
    voice.room.tick_after(TIMEOUT);
    let events = voice.room.engine.drain_events();
    let event = events.iter().find(|event| event.name() == "liveness");
    let data = json!({"encodingIdx": 0, "ssrc": VOICE, "live": false});
    let expected = json!({"event": "liveness", "producerId": voice.producer, "data": data});
    assert_eq!(serde_json::to_value(event.unwrap()).unwrap(), expected);
    // It is in the world for systems, until the next tick.
    let world = voice.room.engine.world_mut();
    let alive = world.query::<&LivenessChanged>().iter(world).count();
    assert_eq!(alive, 1);
}

#[test]
fn packets_in_time_move_no_deadline() {
    let mut voice = Voice::watched();
    for _ in 0..100 {
        voice.room.tick_after(TIMEOUT / 2);
        voice.speak();
    }
    assert!(voice.told().is_empty() && voice.is_live());
}

#[test]
fn a_paused_producer_is_as_live_as_its_sender() {
    let mut voice = Voice::watched();
    voice.room.engine.pause_producer(voice.producer).unwrap();
    voice.room.tick_after(TIMEOUT);
    assert_eq!(voice.told(), [false]);
    voice.speak();
    assert_eq!(voice.told(), [true]);
}

#[test]
fn silence_that_is_transmitted_is_life() {
    let mut parameters = opus(VOICE);
    parameters.codecs[0].parameters.insert("usedtx", 1);
    let timeout = Some(Duration::from_millis(500));
    let mut voice = Voice::of(Room::new(), timeout, parameters);
    // One frame of a byte every 400 ms (RFC 6716 section 2.1.9).
    for sequence in 10..30 {
        voice.room.tick_after(Duration::from_millis(399));
        voice
            .room
            .arrive(voice.sender, &Packet::new(111, sequence, VOICE, &[0x78]));
        voice.room.tick();
    }
    assert!(voice.told().is_empty());
}

#[test]
fn nobody_is_watched_unless_asked_for() {
    let mut voice = Voice::of(Room::new(), None, opus(VOICE));
    voice.room.tick_after(Duration::from_secs(3_600));
    assert!(voice.told().is_empty());
    assert_eq!(voice.room.engine.liveness(voice.producer).unwrap(), []);
    let world = voice.room.engine.world_mut();
    assert_eq!(world.query::<&Liveness>().iter(world).count(), 0);
}

#[test]
fn the_builder_says_what_holds_for_producers_that_do_not() {
    let room = || Room::with(|builder| builder.liveness_timeout(TIMEOUT));
    let mut voice = Voice::of(room(), None, opus(VOICE));
    voice.room.tick_after(TIMEOUT);
    assert_eq!(voice.told(), [false]);
    let mut patient = Voice::of(room(), Some(TIMEOUT * 2), opus(VOICE));
    patient.room.tick_after(TIMEOUT);
    assert!(patient.told().is_empty());
    patient.room.tick_after(TIMEOUT);
    assert_eq!(patient.told(), [false]);
    let mut never = Voice::of(room(), Some(Duration::ZERO), opus(VOICE));
    never.room.tick_after(TIMEOUT * 9);
    assert!(never.told().is_empty());
}

#[test]
fn a_timeout_as_long_as_there_can_be_is_never() {
    let mut voice = Voice::of(Room::new(), Some(Duration::MAX), opus(VOICE));
    voice.room.tick_after(Duration::from_secs(1 << 32));
    assert!(voice.told().is_empty() && voice.is_live());
}

#[test]
fn a_closed_producer_is_not_told_of() {
    let mut voice = Voice::watched();
    voice.room.engine.close_producer(voice.producer).unwrap();
    voice.room.tick_after(TIMEOUT);
    assert!(voice.told().is_empty());
    let video = voice.room.produce(voice.sender, MediaKind::Video, vp8(1));
    assert_eq!(voice.room.engine.liveness(video).unwrap(), []);
    assert!(voice.room.engine.liveness(voice.producer).is_err());
}
