//! Systems of the application take part in the tick.

use std::time::Duration;

use flumen::components::wire::rtcp::write_receiver_report;
use flumen::components::{
    Agenda, Deadlines, Due, KeyFrameWish, Media, Outbox, RtcpIn, RtpIn, RtpStream, Touched,
};
// Derives of the ECS name its crate.
use flumen::ecs as bevy_ecs;
use flumen::ecs::entity::Entity;
use flumen::ecs::query::With;
use flumen::ecs::resource::Resource;
use flumen::ecs::system::{Query, Res, ResMut};
use flumen::{Ledger, Refusal, Slot, Stage, TransportId, event};
use flumen_tests::{Packet, Room, VP8_KEY_FRAME};

#[derive(Resource, Default)]
struct Seen(Vec<u64>);

fn forwarding(room: &mut Room) -> TransportId {
    let sender = room.plain(([127, 0, 0, 1], 5_000).into());
    let producer = room.produce_video(sender, 2_222);
    let receiver = room.plain(([127, 0, 0, 1], 6_000).into());
    room.consume(receiver, producer);
    sender
}

fn key_frame(sequence: u16) -> Packet {
    Packet::new(96, sequence, 2_222, VP8_KEY_FRAME)
}

#[test]
fn a_system_sees_the_packets_of_its_tick() {
    fn count(media: Res<'_, Media>, mut seen: ResMut<'_, Seen>) {
        seen.0.push(media.0.len() as u64);
    }
    let mut room = Room::with(|builder| builder.add_systems(Stage::Receive, Slot::After, count));
    room.engine.world_mut().init_resource::<Seen>();
    let sender = forwarding(&mut room);
    for packets in [2, 0, 3] {
        for sequence in 0..packets {
            room.arrive(sender, &key_frame(10 + sequence));
        }
        room.tick();
    }
    assert_eq!(room.engine.world().resource::<Seen>().0, [2, 0, 3]);
}

#[test]
fn a_system_finds_nothing_of_a_tick_in_the_next() {
    fn count(
        (rtp, rtcp): (Res<'_, RtpIn>, Res<'_, RtcpIn>),
        (media, touched): (Res<'_, Media>, Res<'_, Touched>),
        mut seen: ResMut<'_, Seen>,
    ) {
        let rows = rtp.0.len() + rtcp.0.len() + media.0.len() + touched.streams.len();
        seen.0.push(rows as u64);
    }
    let mut room = Room::with(|builder| builder.add_systems(Stage::Emit, Slot::After, count));
    room.engine.world_mut().init_resource::<Seen>();
    let sender = forwarding(&mut room);
    let mut report = Vec::new();
    write_receiver_report(&mut report, 1, &[]);
    for _ in 0..2 {
        room.arrive(sender, &key_frame(10));
        room.arrive_bytes(sender, &report);
        room.tick();
        room.tick();
        room.arrive_bytes(sender, &report);
        room.tick();
        room.tick();
    }
    let seen = &room.engine.world().resource::<Seen>().0;
    assert_eq!(*seen, [4, 0, 1, 0, 4, 0, 1, 0]);
}

#[test]
fn what_a_system_makes_of_its_own_is_taken_up_in_the_same_tick() {
    fn wish(streams: Query<'_, '_, Entity, With<RtpStream>>, mut agenda: ResMut<'_, Agenda>) {
        for stream in streams {
            let force = true;
            agenda.key_frames.add(KeyFrameWish { stream, force });
        }
    }
    let mut room = Room::with(|builder| builder.add_systems(Stage::Feedback, Slot::Before, wish));
    let sender = forwarding(&mut room);
    room.arrive(sender, &key_frame(10));
    room.tick();
    room.received();
    for _ in 0..3 {
        room.tick();
        assert_eq!(
            room.received().len(),
            1,
            "a request in a tick without datagrams"
        );
    }
}

#[test]
fn a_system_sees_events_of_its_tick_after_emit_and_in_the_tick_after() {
    fn count(events: Query<'_, '_, &event::ScoreChanged>, mut seen: ResMut<'_, Seen>) {
        seen.0.push(events.iter().len() as u64);
    }
    let mut room = Room::with(|builder| builder.add_systems(Stage::Emit, Slot::After, count));
    room.engine.world_mut().init_resource::<Seen>();
    let sender = forwarding(&mut room);
    room.tick();
    room.arrive(sender, &key_frame(10));
    room.tick();
    room.tick();
    assert_eq!(room.engine.world().resource::<Seen>().0, [0, 1, 0]);
}

#[test]
fn a_system_that_takes_datagrams_out_and_says_why_keeps_it_balanced() {
    fn refuse(mut outbox: ResMut<'_, Outbox>, mut ledger: ResMut<'_, Ledger>) {
        ledger.refused[Refusal::NotPermitted] += outbox.rows.len() as u64;
        outbox.rows.clear();
    }
    let mut room = Room::with(|builder| builder.add_systems(Stage::Forward, Slot::After, refuse));
    let sender = forwarding(&mut room);
    room.arrive(sender, &key_frame(10));
    room.tick();
    assert!(room.received().is_empty());
    let refused = room.engine.ledger().refused[Refusal::NotPermitted];
    assert_eq!(refused, 1);
}

#[test]
fn a_deadline_of_a_system_is_told_and_fires_once() {
    fn note(deadlines: Res<'_, Deadlines>, mut seen: ResMut<'_, Seen>) {
        let fired = deadlines.fired().iter();
        seen.0.extend(fired.filter_map(|(_, due)| match due {
            Due::User(number) => Some(*number),
            _ => None,
        }));
    }
    let mut room = Room::with(|builder| builder.add_systems(Stage::Score, Slot::After, note));
    room.engine.world_mut().init_resource::<Seen>();
    let at = room.now + Duration::from_millis(500);
    let mut deadlines = room.engine.world_mut().resource_mut::<Deadlines>();
    deadlines.set(at, Entity::PLACEHOLDER, Due::User(7));
    assert_eq!(room.engine.next_deadline(), Some(at));
    room.tick_after(Duration::from_millis(499));
    assert!(room.engine.world().resource::<Seen>().0.is_empty());
    room.tick();
    room.tick();
    assert_eq!(room.engine.world().resource::<Seen>().0, [7]);
    assert_eq!(room.engine.next_deadline(), None);
}
