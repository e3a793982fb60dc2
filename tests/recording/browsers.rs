//! Runs with WebRTC transports: what their libraries drew from the operating system is played back.

use flumen::components::wire::ppid;
use flumen::components::{DataMessages, DtlsSettings, Taping};
use flumen::{DtlsRole, Message, ReplayError, SctpStreamParameters, Setup, Slot, Stage};
use flumen_tests::disk::{Disk, replay, replay_with};
use flumen_tests::{Channels, Packet, Peer, Room, VP8_KEY_FRAME, address, message, turn_all};

#[test]
fn a_call_of_browsers_replays_with_the_keys_that_they_agreed_on() {
    let disk = Disk::default();
    let mut room = Room::with(|builder| builder.record_to(disk.clone()));
    let (mut peers, ..) = room.browsers();
    let transports = [0, 1].map(|peer: usize| peers[peer].transport);
    for number in 0..100 {
        let packet = Packet::new(96, number, 2_222, VP8_KEY_FRAME);
        peers[0].send(&room, &packet);
        room.tick();
        turn_all(&mut room, &mut peers);
    }
    assert!(peers[1].rtp.len() > 90, "{}", peers[1].rtp.len());
    // It is told once to whom it concerns: what fails is no part of the run.
    let told = peers[0].dtls_parameters(DtlsRole::Client);
    room.engine
        .connect_webrtc(transports[0], &told)
        .unwrap_err();
    room.engine.restart_ice(transports[0]).unwrap();
    room.tick();
    let sent = room.wire.totals();
    let file = disk.finish(&mut room.engine);
    let ticks = replay(&file).unwrap();
    let datagrams: u64 = ticks.iter().map(|tick| tick.outputs.datagrams).sum();
    assert_eq!(datagrams, sent.datagrams);
}

#[test]
fn data_channels_inside_dtls_replay() {
    let disk = Disk::default();
    let room = Room::with(|builder| builder.record_to(disk.clone()));
    let mut channels = Channels::inside(room);
    channels.open(4, "chat");
    assert_eq!(channels.opened().len(), 1);
    let transport = channels.transport;
    let receives = SctpStreamParameters::new(4);
    let producer = channels.room.receive_stream(transport, receives);
    let direct = channels.room.direct();
    channels.room.consume_data(direct, producer, &[]);
    channels.send(&message(4, vec![7; 10_000]));
    assert_eq!(channels.room.messages().len(), 1);
    let file = disk.finish(&mut channels.room.engine);
    replay(&file).unwrap();
}

/// Says something else than what was sent.
fn saying(text: &'static str) -> impl Fn(&mut Setup) {
    move |setup| {
        let say = move |mut messages: DataMessages<'_, '_>| {
            for index in 0..messages.len() {
                messages
                    .rewrite(index, ppid::STRING, text.as_bytes())
                    .expect("it is there");
            }
        };
        setup.add_systems(Stage::Receive, Slot::After, say);
    }
}

#[test]
fn other_words_inside_dtls_are_a_difference() {
    let disk = Disk::default();
    let room = Room::with(|builder| builder.record_to(disk.clone()).plugin(saying("yes")));
    let mut channels = Channels::inside(room);
    let direct = channels.room.direct();
    let producer = channels.room.produce_data(direct);
    channels
        .room
        .consume_data(channels.transport, producer, &[]);
    channels.settle();
    let message = Message::text("?");
    channels
        .room
        .engine
        .send_message(producer, &message)
        .unwrap();
    channels.settle();
    assert_eq!(channels.got.len(), 1);
    let file = disk.finish(&mut channels.room.engine);
    replay_with(&file, |builder| builder.plugin(saying("yes"))).unwrap();
    let error = replay_with(&file, |builder| builder.plugin(saying("no!"))).unwrap_err();
    assert!(matches!(error, ReplayError::Differs(_)), "{error}");
}

#[test]
fn nothing_is_kept_for_a_recording_that_has_ended() {
    let disk = Disk::default();
    let mut room = Room::with(|builder| builder.record_to(disk.clone()));
    let transport = room.webrtc();
    let file = disk.finish(&mut room.engine);
    let mut peer = Peer::join(&mut room, transport, address(5_000));
    for _ in 0..100 {
        room.tick();
        turn_all(&mut room, std::slice::from_mut(&mut peer));
    }
    let settings = room.engine.world().resource::<DtlsSettings>();
    let Taping::Recording(tapes) = &settings.taping else {
        panic!("{:?}", settings.taping);
    };
    assert!(tapes.take().is_empty());
    assert_eq!(replay(&file).unwrap().len(), 0);
}
