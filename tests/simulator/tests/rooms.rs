//! Rooms: who joins, what they get, what links do.

use std::time::Duration;

use flumen::PreferredLayers;
use flumen::rtp_parameters::MediaKind;
use flumen_sim::{Audio, Feedback, Link, Loss, Messages, Peer, Queue, Repair, Room, Video};

const SECOND: Duration = Duration::from_secs(1);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn speaker() -> Peer {
    Peer::new().audio(Audio::opus()).video(Video::vp8())
}

#[test]
fn everybody_gets_what_everybody_else_sends() {
    let mut room = Room::new(1);
    let peers: Vec<_> = (0..4).map(|_| room.join(speaker())).collect();
    room.run_for(10 * SECOND);
    for &to in &peers {
        for &from in peers.iter().filter(|from| **from != to) {
            let video = room.video(to, from);
            assert!(video.frames > 290, "{video:?}");
            assert_eq!((video.missing, video.freezes, video.plis), (0, 0, 0));
            let audio = room.audio(to, from);
            assert!(audio.packets > 490 && audio.missing == 0, "{audio:?}");
        }
    }
    room.close();
}

#[test]
fn losses_on_either_side_are_repaired() {
    for lossy_up in [true, false] {
        let lossy = Link::new().latency(ms(20)).loss(Loss::bursts(5, 2));
        let mut room = Room::new(2);
        let (mut alice, mut bob) = (speaker(), Peer::new());
        match lossy_up {
            true => alice = alice.up(lossy),
            false => bob = bob.down(lossy),
        }
        let (alice, bob) = (room.join(alice), room.join(bob));
        room.run_for(20 * SECOND);
        let video = room.video(bob, alice);
        assert!(video.frames > 560, "{video:?}");
        let crossing = room.crossing(if lossy_up { alice } else { bob });
        assert!(crossing[usize::from(!lossy_up)].lost > 50);
        if !lossy_up {
            assert!(
                video.missing > 50 && video.repaired_percent() > 90,
                "{video:?}"
            );
        }
        room.close();
    }
}

#[test]
fn what_is_lost_comes_again_in_its_own_stream_where_there_is_no_other() {
    let lossy = Link::new().latency(ms(15)).loss(Loss::percent(5));
    let mut room = Room::new(3);
    let alice = room.join(speaker());
    let bob = room.join(Peer::new().down(lossy).repair(Repair::SameStream));
    room.run_for(10 * SECOND);
    let video = room.video(bob, alice);
    assert!(video.missing > 20 && video.frames > 280, "{video:?}");
    assert!(video.repaired_percent() > 95, "{video:?}");
    let audio = room.audio(bob, alice);
    assert!(audio.repaired > 10 && audio.missing < 3, "{audio:?}");
    room.close();
}

#[test]
fn without_repair_a_loss_freezes_the_picture_until_a_key_frame() {
    let lossy = Link::new().latency(ms(20)).loss(Loss::percent(2));
    let mut room = Room::new(3);
    let alice = room.join(Peer::new().video(Video::vp8().without_rtx()));
    let bob = room.join(Peer::new().down(lossy).repair(Repair::None));
    room.run_for(20 * SECOND);
    let video = room.video(bob, alice);
    assert_eq!((video.nacks, video.repaired), (0, 0));
    assert!(video.plis > 3 && video.frozen > SECOND, "{video:?}");
    assert!(room.video_sent(alice).unwrap().key_frames > 3);
}

#[test]
fn a_consumer_of_simulcast_gets_the_layers_that_it_prefers() {
    let mut room = Room::new(4);
    let video = Video::vp8().simulcast(3).temporal_layers(3);
    let alice = room.join(Peer::new().video(video));
    let bob = room.join(Peer::new().feedback(Feedback::None));
    room.run_for(5 * SECOND);
    let high = room.video(bob, alice).last.unwrap();
    assert_eq!(high.encoding, 2, "{high:?}");
    let consumer = room.consumer(bob, alice, MediaKind::Video).unwrap();
    let lowest = PreferredLayers {
        spatial_layer: 0,
        temporal_layer: Some(0),
    };
    room.engine_mut()
        .set_preferred_layers(consumer, lowest)
        .unwrap();
    room.run_for(2 * SECOND);
    let before = room.video(bob, alice).frames;
    room.run_for(4 * SECOND);
    let video = room.video(bob, alice);
    let low = video.last.unwrap();
    assert_eq!((low.encoding, low.temporal), (0, 0));
    assert!((28..=32).contains(&(video.frames - before)), "{video:?}");
    room.close();
}

#[test]
fn a_narrow_path_gets_fewer_layers_and_a_narrow_sender_sends_less() {
    let mut room = Room::new(5);
    let narrow = Link::new()
        .latency(ms(20))
        .rate(400_000)
        .queue(Queue::Delay(ms(200)));
    let video = Video::vp8().simulcast(3).bitrate(1_500_000);
    let alice = room.join(Peer::new().video(video));
    let bob = room.join(Peer::new().down(narrow));
    let carol = room.join(
        Peer::new()
            .video(Video::vp8().bitrate(1_500_000))
            .up(narrow),
    );
    room.run_for(20 * SECOND);
    let seen = room.video(bob, alice);
    assert!(seen.last.unwrap().encoding < 2, "{seen:?}");
    let sent = room.video_sent(carol).unwrap();
    assert!(sent.told_bitrate.unwrap() < 1_000_000, "{sent:?}");
}

#[test]
fn a_cut_link_heals() {
    let mut room = Room::new(6);
    let (alice, bob) = (room.join(speaker()), room.join(speaker()));
    room.run_for(3 * SECOND);
    room.cut(alice);
    room.run_for(SECOND);
    let [before, audio] = [
        room.video(bob, alice).frames,
        room.audio(bob, alice).packets,
    ];
    room.run_for(2 * SECOND);
    assert_eq!(room.video(bob, alice).frames, before);
    assert_eq!(room.audio(bob, alice).packets, audio);
    room.heal(alice);
    room.run_for(3 * SECOND);
    let video = room.video(bob, alice);
    assert!(video.frames > before + 60, "{video:?}");
    assert!(video.longest_freeze > 2 * SECOND);
    assert!(room.crossing(alice)[0].cut > 100);
    room.close();
}

#[test]
fn what_is_reordered_and_doubled_arrives_once_and_in_order() {
    let wild = Link::new()
        .latency(ms(15))
        .jitter(ms(10))
        .reordering(30_000, ms(25))
        .duplication(30_000);
    let mut room = Room::new(7);
    let alice = room.join(speaker().link(wild));
    let bob = room.join(speaker().link(wild));
    room.run_for(10 * SECOND);
    for (to, from) in [(alice, bob), (bob, alice)] {
        let video = room.video(to, from);
        assert!(video.frames > 280, "{video:?}");
        assert!(video.needless > 10, "{video:?}");
    }
    room.close();
}

#[test]
fn clocks_that_drift_are_followed() {
    let mut room = Room::new(8);
    let fast = room.join(speaker().drift_ppm(20_000));
    let slow = room.join(speaker().drift_ppm(-20_000));
    room.run_for(60 * SECOND);
    let [fast_sent, slow_sent] = [fast, slow].map(|peer| room.audio_sent(peer));
    assert!((3_055..3_065).contains(&fast_sent), "{fast_sent}");
    assert!((2_935..2_945).contains(&slow_sent), "{slow_sent}");
    assert!(room.video(slow, fast).freezes == 0);
}

#[test]
fn messages_arrive_over_lossy_links() {
    let lossy = Link::new().latency(ms(20)).loss(Loss::percent(3));
    let mut room = Room::new(9);
    let talks = Peer::new()
        .messages(Messages::every(ms(50), 300))
        .link(lossy);
    let flings = talks
        .clone()
        .messages(Messages::every(ms(20), 200).unreliable());
    let (alice, bob) = (room.join(talks), room.join(flings));
    let carol = room.join(Peer::new().messages(Messages::none()));
    room.run_for(20 * SECOND);
    for to in [bob, carol] {
        let got = room.messages(to, alice);
        assert!(got.messages > 350, "{got:?}");
        assert_eq!((got.wrong, got.late, got.missing), (0, 0, 0));
    }
    let got = room.messages(carol, bob);
    assert!(got.missing > 0 && got.messages > 850, "{got:?}");
    assert_eq!(got.wrong, 0);
    room.close();
}

#[test]
fn who_leaves_is_not_heard_any_more_and_leaves_nothing_behind() {
    let mut room = Room::new(10);
    let (alice, bob) = (room.join(speaker()), room.join(speaker()));
    for _ in 0..20 {
        let guest = room.join(speaker().messages(Messages::none()));
        room.run_for(ms(300));
        assert!(room.audio(guest, alice).packets > 10);
        room.leave(guest);
        room.run_for(ms(20));
    }
    let guest = room.join(speaker());
    room.run_for(SECOND);
    room.leave(guest);
    room.run_for(ms(100));
    let before = room.audio(bob, guest).packets;
    room.run_for(SECOND);
    assert_eq!(room.audio(bob, guest).packets, before);
    assert!(room.audio(bob, alice).packets > 300);
    room.close();
}

#[test]
fn pauses_and_resumptions_keep_the_rules() {
    let mut room = Room::new(11);
    let (alice, bob) = (room.join(speaker()), room.join(speaker()));
    let consumer = room.consumer(bob, alice, MediaKind::Video).unwrap();
    let producer = room.producer(alice, MediaKind::Video).unwrap();
    for round in 0..6 {
        room.run_for(ms(700));
        let before = room.video(bob, alice).frames;
        if round % 2 == 0 {
            room.engine_mut().pause_consumer(consumer).unwrap();
        } else {
            room.engine_mut().pause_producer(producer).unwrap();
        }
        // What is on its way still arrives.
        room.run_for(ms(100));
        let during = room.video(bob, alice).frames;
        room.run_for(ms(500));
        assert_eq!(room.video(bob, alice).frames, during);
        assert!(during - before < 8);
        if round % 2 == 0 {
            room.engine_mut().resume_consumer(consumer).unwrap();
        } else {
            room.engine_mut().resume_producer(producer).unwrap();
        }
    }
    room.run_for(SECOND);
    assert!(room.video(bob, alice).key_frames >= 6);
    room.close();
}

#[test]
fn a_picture_that_does_not_go_on_is_frozen_unless_it_is_paused_or_over() {
    let mut room = Room::new(12);
    let (alice, bob) = (room.join(speaker()), room.join(speaker()));
    let consumer = room.consumer(bob, alice, MediaKind::Video).unwrap();
    let producer = room.producer(alice, MediaKind::Video).unwrap();
    room.run_for(SECOND);
    room.engine_mut().pause_consumer(consumer).unwrap();
    room.run_for(2 * SECOND);
    room.engine_mut().pause_producer(producer).unwrap();
    room.engine_mut().resume_consumer(consumer).unwrap();
    room.run_for(2 * SECOND);
    assert_eq!(room.video(bob, alice).freezes, 0);
    room.engine_mut().resume_producer(producer).unwrap();
    room.run_for(SECOND);
    let before = room.video(bob, alice);
    assert!(before.frozen < SECOND, "{before:?}");
    room.cut(alice);
    room.run_for(2 * SECOND);
    let frozen = room.video(bob, alice).frozen - before.frozen;
    assert!((ms(1_900)..ms(2_001)).contains(&frozen), "{frozen:?}");
    room.leave(alice);
    room.run_for(2 * SECOND);
    assert_eq!(room.video(bob, alice).frozen - before.frozen, frozen);
    let deaf = room.join(Peer::new().down(Link::new().loss(Loss::percent(100))));
    room.run_for(2 * SECOND);
    assert_eq!(room.video(deaf, bob).waited, 2 * SECOND);
    room.close();
}

/// Sees, hears and talks as a browser does.
fn browser() -> Peer {
    speaker().messages(Messages::every(ms(50), 300)).webrtc()
}

#[test]
fn browsers_and_plain_peers_get_the_same_of_each_other() {
    let mut room = Room::new(10);
    let talks = speaker().messages(Messages::every(ms(50), 300));
    let peers = [room.join(browser()), room.join(browser()), room.join(talks)];
    room.run_for(10 * SECOND);
    for to in peers {
        for from in peers.into_iter().filter(|from| *from != to) {
            let video = room.video(to, from);
            assert!(video.frames > 290 && video.freezes == 0, "{video:?}");
            assert!(room.audio(to, from).packets > 480);
            let got = room.messages(to, from);
            assert!(got.messages > 180, "{got:?}");
            assert_eq!((got.wrong, got.late, got.missing), (0, 0, 0));
        }
    }
    room.close();
}

#[test]
fn a_browser_finds_its_way_in_over_a_bad_link() {
    let bad = Link::new().latency(ms(80)).loss(Loss::percent(15));
    for seed in 0..10 {
        let mut room = Room::new(seed);
        let (alice, bob) = (room.join(speaker()), room.join(browser().link(bad)));
        let hears = |room: &Room| room.audio(bob, alice).packets > 0;
        assert!(room.run_until(15 * SECOND, hears), "seed {seed}");
        room.close();
    }
}

#[test]
fn a_browser_that_is_cut_off_for_longer_than_consent_lasts_is_let_go() {
    let mut room = Room::new(11);
    let (alice, bob) = (room.join(speaker()), room.join(browser()));
    room.run_for(3 * SECOND);
    room.cut(bob);
    room.take_events();
    room.run_for(40 * SECOND);
    let told = room.take_events();
    let is_over = |event: &flumen::Event| event.name() == "icestatechange";
    assert!(told.iter().any(|(_, event)| is_over(event)));
    let before = room.crossing(bob)[1].sent;
    room.run_for(SECOND);
    assert_eq!(
        room.crossing(bob)[1].sent,
        before,
        "nothing is sent any more"
    );
    assert_eq!(room.audio(alice, bob).packets / 50, 2);
    room.close();
}
