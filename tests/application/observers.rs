//! Who is loud, and who speaks, by what senders say of it in their packets.

use std::time::Duration;

use flumen::event::VolumesChanged;
use flumen::rtp_parameters::MediaKind;
use flumen::{
    ActiveSpeakerObserverOptions, AudioLevelObserverOptions, CreateObserverError, Engine,
    ObserveError, ProducerId, RtpObserverId,
};
use flumen_sim::{Audio, Link, Peer, PeerId, Room, Video};
use serde_json::{Value, json};

/// How often people's packets come.
const PACE: Duration = Duration::from_millis(20);

/// People who do not hear each other, and are as quiet as they can be at first.
struct Meeting {
    room: Room,
    people: Vec<PeerId>,
}

impl Meeting {
    fn of(people: u32) -> Self {
        let mut room = Room::new(1);
        let quiet = Audio::opus().level(100);
        let person = Peer::new().audio(quiet).deaf().link(Link::new());
        let people = (0..people).map(|_| room.join(person.clone())).collect();
        Self { room, people }
    }

    fn engine(&mut self) -> &mut Engine {
        self.room.engine_mut()
    }

    fn producer(&self, person: usize) -> ProducerId {
        let producer = self.room.producer(self.people[person], MediaKind::Audio);
        producer.unwrap()
    }

    fn set_level(&mut self, person: usize, level: u8) {
        self.room.set_level(self.people[person], level);
    }

    fn audio_levels(&mut self, options: AudioLevelObserverOptions) -> RtpObserverId {
        let router = self.room.router();
        let observer = self.engine().create_audio_level_observer(router, options);
        self.observed(observer.unwrap())
    }

    fn active_speaker(&mut self) -> RtpObserverId {
        let (router, options) = (self.room.router(), ActiveSpeakerObserverOptions::default());
        let observer = self
            .engine()
            .create_active_speaker_observer(router, options);
        self.observed(observer.unwrap())
    }

    fn observed(&mut self, observer: RtpObserverId) -> RtpObserverId {
        for person in 0..self.people.len() {
            let producer = self.producer(person);
            self.engine().add_producer(observer, producer).unwrap();
        }
        observer
    }

    /// Everybody sends for `span`; what was told of observers, but for whom they listen to.
    fn talk(&mut self, span: Duration) -> Vec<Value> {
        self.room.run_for(span);
        let mut told = self.told();
        told.retain(|event| event[0] != "addproducer");
        told
    }

    /// Nobody is heard for `span`.
    fn rest(&mut self, span: Duration) -> Vec<Value> {
        self.people.iter().for_each(|&person| self.room.cut(person));
        self.talk(span)
    }

    fn told(&mut self) -> Vec<Value> {
        let events = self.room.take_events().into_iter();
        let events = events.map(|(_, event)| serde_json::to_value(event).unwrap());
        let of_observers = events.filter(|event| event.get("rtpObserverId").is_some());
        of_observers
            .map(|event| match event.get("data") {
                Some(data) => json!([event["event"], data]),
                None => json!([event["event"]]),
            })
            .collect()
    }

    fn id(&self, person: usize) -> String {
        self.producer(person).to_string()
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
    for (person, level) in [40, 20, 30].into_iter().enumerate() {
        meeting.set_level(person, level);
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
    meeting.set_level(0, 80);
    let told = meeting.talk(SECOND);
    assert_eq!(told, [meeting.volumes(&[(0, -80)])]);
    assert_eq!(meeting.rest(5 * SECOND), [json!(["silence"])]);
}

#[test]
fn who_is_paused_is_not_heard() {
    let mut meeting = Meeting::of(2);
    meeting.audio_levels(AudioLevelObserverOptions::default());
    meeting.set_level(0, 10);
    meeting.set_level(1, 50);
    meeting.talk(Duration::from_millis(500));
    let producer = meeting.producer(0);
    meeting.engine().pause_producer(producer).unwrap();
    let told = meeting.talk(Duration::from_millis(520));
    assert_eq!(told, [meeting.volumes(&[(1, -50)])]);
    let producer = meeting.producer(0);
    meeting.engine().resume_producer(producer).unwrap();
    let told = meeting.talk(SECOND);
    assert_eq!(told, [meeting.volumes(&[(0, -10)])]);
}

#[test]
fn what_was_heard_before_a_short_pause_does_not_count() {
    let mut meeting = Meeting::of(2);
    meeting.audio_levels(AudioLevelObserverOptions::default());
    meeting.set_level(0, 10);
    meeting.set_level(1, 50);
    meeting.talk(Duration::from_millis(400));
    let producer = meeting.producer(0);
    meeting.engine().pause_producer(producer).unwrap();
    meeting.talk(Duration::from_millis(100));
    meeting.engine().resume_producer(producer).unwrap();
    meeting.set_level(0, 60);
    let told = meeting.talk(Duration::from_millis(520));
    assert_eq!(told, [meeting.volumes(&[(1, -50)])]);
}

#[test]
fn a_paused_observer_hears_nothing_and_falls_silent() {
    let mut meeting = Meeting::of(1);
    let observer = meeting.audio_levels(AudioLevelObserverOptions::default());
    meeting.set_level(0, 10);
    meeting.talk(SECOND + PACE);
    meeting.engine().pause_observer(observer).unwrap();
    meeting.engine().pause_observer(observer).unwrap();
    let told = meeting.talk(3 * SECOND);
    assert_eq!(told, [json!(["pause"]), json!(["silence"])]);
    meeting.engine().resume_observer(observer).unwrap();
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
    meeting.set_level(2, 30);
    assert_eq!(meeting.talk(2 * SECOND), [meeting.dominant(2)]);
    meeting.set_level(2, 100);
    assert_eq!(
        meeting.talk(2 * SECOND),
        [] as [Value; 0],
        "nobody else speaks"
    );
    meeting.set_level(1, 30);
    assert_eq!(meeting.talk(2 * SECOND), [meeting.dominant(1)]);
}

#[test]
fn another_is_dominant_when_the_speaker_leaves_or_is_outspoken_while_paused() {
    let mut meeting = Meeting::of(3);
    meeting.active_speaker();
    meeting.talk(2 * SECOND);
    meeting.set_level(1, 30);
    assert_eq!(meeting.talk(2 * SECOND), [meeting.dominant(1)]);
    let producer = meeting.producer(1);
    meeting.engine().pause_producer(producer).unwrap();
    assert!(meeting.talk(2 * SECOND).is_empty(), "others only breathe");
    meeting.set_level(2, 30);
    assert_eq!(meeting.talk(2 * SECOND), [meeting.dominant(2)]);
    let producer = meeting.producer(2);
    meeting.room.leave(meeting.people[2]);
    assert_eq!(meeting.rest(SECOND), [meeting.dominant(0)]);
    assert!(meeting.engine().closed(producer));
}

#[test]
fn producers_are_added_once_and_removed_once() {
    let mut meeting = Meeting::of(1);
    let observer = meeting.audio_levels(AudioLevelObserverOptions::default());
    let producer = meeting.producer(0);
    meeting.set_level(0, 10);
    let engine = meeting.engine();
    assert_eq!(engine.add_producer(observer, producer), Ok(()));
    assert_eq!(engine.remove_producer(observer, producer), Ok(()));
    assert_eq!(engine.remove_producer(observer, producer), Ok(()));
    assert_eq!(engine.add_producer(observer, producer), Ok(()));
    let id = meeting.id(0);
    let [added, removed] = ["addproducer", "removeproducer"].map(|name| json!([name, id]));
    meeting.room.run_for(SECOND + PACE);
    let told = meeting.told();
    assert_eq!(told[..3], [added.clone(), removed.clone(), added]);
    assert_eq!(told.len(), 4, "{told:?}");
    let engine = meeting.engine();
    engine.remove_producer(observer, producer).unwrap();
    let told = meeting.talk(3 * SECOND);
    assert_eq!(told, [removed, json!(["silence"])]);
}

#[test]
fn observers_listen_to_audio_of_their_router_alone() {
    let mut meeting = Meeting::of(1);
    let observer = meeting.audio_levels(AudioLevelObserverOptions::default());
    let camera = meeting.room.join(Peer::new().video(Video::vp8()));
    let camera = meeting.room.producer(camera, MediaKind::Video).unwrap();
    let stranger = Meeting::of(2).producer(1);
    let voice = meeting.producer(0);
    let engine = meeting.engine();
    assert_eq!(
        engine.add_producer(observer, camera),
        Err(ObserveError::NotAudio)
    );
    assert_eq!(
        engine.add_producer(observer, stranger),
        Err(ObserveError::NotFound(stranger))
    );
    engine.close_observer(observer).unwrap();
    let closed = engine.add_producer(observer, voice);
    assert!(matches!(closed, Err(ObserveError::Closed(_))));
}

#[test]
fn an_observer_that_would_tell_nothing_is_refused() {
    let mut room = Room::new(1);
    let router = room.router();
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
        let engine = room.engine_mut();
        let refused = engine.create_audio_level_observer(router, options);
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
    meeting.set_level(0, 10);
    assert_eq!(meeting.talk(SECOND + PACE).len(), 4);
}

#[test]
fn observers_close_with_their_router() {
    let mut meeting = Meeting::of(1);
    let observer = meeting.audio_levels(AudioLevelObserverOptions::default());
    let router = meeting.room.router();
    meeting.engine().close_router(router).unwrap();
    let told = meeting.talk(SECOND);
    assert_eq!(told, [json!(["routerclose"]), json!(["close"])]);
    assert!(meeting.engine().closed(observer));
}

#[test]
fn one_observer_can_be_listened_to() {
    let mut meeting = Meeting::of(1);
    let observer = meeting.audio_levels(AudioLevelObserverOptions::default());
    let (tell, told) = std::sync::mpsc::channel();
    let note = move |event: &VolumesChanged| tell.send(event.volumes.clone()).unwrap();
    let _ = meeting.engine().observe(observer, note).unwrap();
    meeting.set_level(0, 10);
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
        meeting.set_level(0, 10);
        meeting.talk(2 * SECOND);
        meeting.rest(10 * SECOND);
        meeting.engine().next_deadline()
    };
    assert_eq!(next(true), next(false));
}
