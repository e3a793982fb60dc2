//! Who is loud, and who speaks, by what senders say of it in their packets.

use std::time::Duration;

use flumen::event::VolumesChanged;
use flumen::rtp_parameters::{MediaKind, RtpHeaderExtensionParameters, RtpParameters};
use flumen::{
    ActiveSpeakerObserverOptions, AudioLevelObserverOptions, CreateObserverError, ObserveError,
    ProducerId, RtpObserverId, TransportId,
};
use flumen_tests::{Packet, Room, address, opus, vp8};
use serde_json::{Value, json};

const LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const LEVEL: u8 = 12;
/// How often people's packets come.
const PACE: Duration = Duration::from_millis(20);

fn voice(ssrc: u32) -> RtpParameters {
    let mut parameters = opus(ssrc);
    let level = RtpHeaderExtensionParameters::new(LEVEL_URI, LEVEL);
    parameters.header_extensions.push(level);
    parameters
}

struct Person {
    transport: TransportId,
    producer: ProducerId,
    ssrc: u32,
    sequence: u16,
    /// Decibels below overload.
    level: u8,
}

struct Meeting {
    room: Room,
    people: Vec<Person>,
}

impl Meeting {
    fn of(people: u32) -> Self {
        let mut room = Room::new();
        let people = (0..people).map(|number| {
            let transport = room.plain(address(5_000 + number as u16));
            let ssrc = 1_000 + number;
            Person {
                transport,
                producer: room.produce(transport, MediaKind::Audio, voice(ssrc)),
                ssrc,
                sequence: 0,
                level: 100,
            }
        });
        let people = people.collect();
        Self { room, people }
    }

    fn audio_levels(&mut self, options: AudioLevelObserverOptions) -> RtpObserverId {
        let router = self.room.router;
        let observer = self
            .room
            .engine
            .create_audio_level_observer(router, options);
        self.observed(observer.unwrap())
    }

    fn active_speaker(&mut self) -> RtpObserverId {
        let (router, options) = (self.room.router, ActiveSpeakerObserverOptions::default());
        let observer = self
            .room
            .engine
            .create_active_speaker_observer(router, options);
        self.observed(observer.unwrap())
    }

    fn observed(&mut self, observer: RtpObserverId) -> RtpObserverId {
        for person in &self.people {
            self.room
                .engine
                .add_producer(observer, person.producer)
                .unwrap();
        }
        self.told();
        observer
    }

    /// Everybody sends for `span`; what was told of observers.
    fn talk(&mut self, span: Duration) -> Vec<Value> {
        for _ in 0..span.as_millis() / PACE.as_millis() {
            for person in &mut self.people {
                person.sequence += 1;
                let packet = Packet::new(111, person.sequence, person.ssrc, b"voice")
                    .with_extension(LEVEL, &[person.level]);
                self.room.arrive(person.transport, &packet);
            }
            self.room.tick_after(PACE);
        }
        self.told()
    }

    /// Nobody sends for `span`.
    fn rest(&mut self, span: Duration) -> Vec<Value> {
        for _ in 0..span.as_millis() / PACE.as_millis() {
            self.room.tick_after(PACE);
        }
        self.told()
    }

    fn told(&mut self) -> Vec<Value> {
        let events = self.room.engine.drain_events();
        let events = events
            .iter()
            .map(|event| serde_json::to_value(event).unwrap());
        let of_observers = events.filter(|event| event.get("rtpObserverId").is_some());
        of_observers
            .map(|event| match event.get("data") {
                Some(data) => json!([event["event"], data]),
                None => json!([event["event"]]),
            })
            .collect()
    }

    fn id(&self, person: usize) -> String {
        self.people[person].producer.to_string()
    }

    fn volumes(&self, entries: &[(usize, i8)]) -> Value {
        let entry = |&(person, volume): &(usize, i8)| json!({ "producerId": self.id(person), "volume": volume });
        json!(["volumes", entries.iter().map(entry).collect::<Vec<_>>()])
    }

    fn dominant(&self, person: usize) -> Value {
        json!(["dominantspeaker", { "producerId": self.id(person) }])
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_loudest_are_told_once_an_interval() {
    let mut meeting = Meeting::of(3);
    let options = AudioLevelObserverOptions {
        max_entries: 2,
        ..Default::default()
    };
    meeting.audio_levels(options);
    for (person, level) in meeting.people.iter_mut().zip([40, 20, 30]) {
        person.level = level;
    }
    let told = meeting.talk(2 * SECOND + PACE);
    let expected = meeting.volumes(&[(1, -20), (2, -30)]);
    assert_eq!(told, [expected.clone(), expected]);
}

#[test]
fn silence_is_told_when_nobody_is_loud_any_more_and_once() {
    let mut meeting = Meeting::of(1);
    meeting.audio_levels(AudioLevelObserverOptions::default());
    assert_eq!(
        meeting.talk(3 * SECOND),
        [] as [Value; 0],
        "it is silent at first"
    );
    meeting.people[0].level = 80;
    let told = meeting.talk(SECOND);
    assert_eq!(told, [meeting.volumes(&[(0, -80)])]);
    assert_eq!(meeting.rest(5 * SECOND), [json!(["silence"])]);
}

#[test]
fn who_is_paused_is_not_heard() {
    let mut meeting = Meeting::of(2);
    meeting.audio_levels(AudioLevelObserverOptions::default());
    meeting.people[0].level = 10;
    meeting.people[1].level = 50;
    meeting.talk(Duration::from_millis(500));
    meeting
        .room
        .engine
        .pause_producer(meeting.people[0].producer)
        .unwrap();
    let told = meeting.talk(Duration::from_millis(520));
    assert_eq!(told, [meeting.volumes(&[(1, -50)])]);
    meeting
        .room
        .engine
        .resume_producer(meeting.people[0].producer)
        .unwrap();
    let told = meeting.talk(SECOND);
    assert_eq!(told, [meeting.volumes(&[(0, -10)])]);
}

#[test]
fn a_paused_observer_hears_nothing_and_falls_silent() {
    let mut meeting = Meeting::of(1);
    let observer = meeting.audio_levels(AudioLevelObserverOptions::default());
    meeting.people[0].level = 10;
    meeting.talk(SECOND + PACE);
    meeting.room.engine.pause_observer(observer).unwrap();
    meeting.room.engine.pause_observer(observer).unwrap();
    assert_eq!(meeting.told(), [json!(["pause"]), json!(["silence"])]);
    assert_eq!(meeting.talk(3 * SECOND), [] as [Value; 0]);
    meeting.room.engine.resume_observer(observer).unwrap();
    let told = meeting.talk(SECOND + PACE);
    assert_eq!(told, [json!(["resume"]), meeting.volumes(&[(0, -10)])]);
}

#[test]
fn who_speaks_becomes_the_dominant_speaker() {
    let mut meeting = Meeting::of(3);
    meeting.active_speaker();
    assert_eq!(
        meeting.talk(2 * SECOND),
        [meeting.dominant(0)],
        "somebody must be"
    );
    meeting.people[2].level = 30;
    assert_eq!(meeting.talk(2 * SECOND), [meeting.dominant(2)]);
    meeting.people[2].level = 100;
    assert_eq!(
        meeting.talk(2 * SECOND),
        [] as [Value; 0],
        "nobody else speaks"
    );
    meeting.people[1].level = 30;
    assert_eq!(meeting.talk(2 * SECOND), [meeting.dominant(1)]);
}

#[test]
fn another_is_dominant_when_the_speaker_pauses_or_leaves() {
    let mut meeting = Meeting::of(3);
    meeting.active_speaker();
    meeting.talk(2 * SECOND);
    meeting.people[1].level = 30;
    assert_eq!(meeting.talk(2 * SECOND), [meeting.dominant(1)]);
    meeting
        .room
        .engine
        .pause_producer(meeting.people[1].producer)
        .unwrap();
    assert_eq!(meeting.talk(SECOND), [meeting.dominant(0)]);
    meeting
        .room
        .engine
        .close_producer(meeting.people[0].producer)
        .unwrap();
    let gone = meeting.people.remove(0);
    assert_eq!(meeting.rest(SECOND), [meeting.dominant(1)]);
    assert!(meeting.room.engine.closed(gone.producer));
}

#[test]
fn producers_are_added_once_and_removed_once() {
    let mut meeting = Meeting::of(1);
    let observer = meeting.audio_levels(AudioLevelObserverOptions::default());
    let producer = meeting.people[0].producer;
    meeting.people[0].level = 10;
    let engine = &mut meeting.room.engine;
    assert_eq!(engine.add_producer(observer, producer), Ok(()));
    assert_eq!(engine.remove_producer(observer, producer), Ok(()));
    assert_eq!(engine.remove_producer(observer, producer), Ok(()));
    assert_eq!(engine.add_producer(observer, producer), Ok(()));
    let id = meeting.id(0);
    assert_eq!(
        meeting.told(),
        [json!(["removeproducer", id]), json!(["addproducer", id])]
    );
    assert_eq!(meeting.talk(SECOND + PACE).len(), 1);
    meeting
        .room
        .engine
        .remove_producer(observer, producer)
        .unwrap();
    let told = meeting.talk(3 * SECOND);
    assert_eq!(told, [json!(["removeproducer", id]), json!(["silence"])]);
}

#[test]
fn observers_listen_to_audio_of_their_router_alone() {
    let mut meeting = Meeting::of(1);
    let observer = meeting.audio_levels(AudioLevelObserverOptions::default());
    let transport = meeting.room.plain(address(6_000));
    let camera = meeting
        .room
        .produce(transport, MediaKind::Video, vp8(9_000));
    let stranger = Meeting::of(2).people[1].producer;
    let engine = &mut meeting.room.engine;
    assert_eq!(
        engine.add_producer(observer, camera),
        Err(ObserveError::NotAudio)
    );
    assert_eq!(
        engine.add_producer(observer, stranger),
        Err(ObserveError::NotFound(stranger))
    );
    engine.close_observer(observer).unwrap();
    let closed = engine.add_producer(observer, meeting.people[0].producer);
    assert!(matches!(closed, Err(ObserveError::Closed(_))));
}

#[test]
fn an_observer_that_would_tell_nothing_is_refused() {
    let mut room = Room::new();
    let router = room.router;
    let with = |max_entries, threshold| AudioLevelObserverOptions {
        max_entries,
        threshold,
        ..Default::default()
    };
    for (options, error) in [
        (with(0, -80), CreateObserverError::NoEntries),
        (with(1, 1), CreateObserverError::Threshold(1)),
        (with(1, -128), CreateObserverError::Threshold(-128)),
    ] {
        let refused = room.engine.create_audio_level_observer(router, options);
        assert_eq!(refused, Err(error));
    }
}

#[test]
fn an_interval_has_bounds() {
    let mut meeting = Meeting::of(1);
    let options = AudioLevelObserverOptions {
        interval: Duration::ZERO,
        ..Default::default()
    };
    meeting.audio_levels(options);
    meeting.people[0].level = 10;
    assert_eq!(meeting.talk(SECOND + PACE).len(), 4);
}

#[test]
fn observers_close_with_their_router() {
    let mut meeting = Meeting::of(1);
    let observer = meeting.audio_levels(AudioLevelObserverOptions::default());
    meeting
        .room
        .engine
        .close_router(meeting.room.router)
        .unwrap();
    assert_eq!(meeting.told(), [json!(["routerclose"]), json!(["close"])]);
    assert!(meeting.room.engine.closed(observer));
}

#[test]
fn one_observer_can_be_listened_to() {
    let mut meeting = Meeting::of(1);
    let observer = meeting.audio_levels(AudioLevelObserverOptions::default());
    let (tell, told) = std::sync::mpsc::channel();
    let note = move |event: &VolumesChanged| tell.send(event.volumes.clone()).unwrap();
    let _ = meeting.room.engine.observe(observer, note).unwrap();
    meeting.people[0].level = 10;
    meeting.talk(SECOND + PACE);
    assert_eq!(told.recv().unwrap()[0].volume, -10);
}

#[test]
fn silent_observers_set_no_deadline() {
    let next = |observes: bool| {
        let mut meeting = Meeting::of(2);
        if observes {
            meeting.audio_levels(AudioLevelObserverOptions::default());
            meeting.active_speaker();
        }
        meeting.people[0].level = 10;
        meeting.talk(2 * SECOND);
        meeting.rest(10 * SECOND);
        meeting.room.engine.next_deadline()
    };
    assert_eq!(next(true), next(false));
}
