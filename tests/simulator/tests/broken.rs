//! Each rule is broken by a system, and says so.

mod added;
mod limits;
mod sealing;
mod uplinks;

use std::time::Duration;

use flumen::components::wire::rtcp::write_pli;
use flumen::components::wire::rtp::RtpHeader;
use flumen::components::{
    Consumer, EventLog, Ledger, Media, Outbox, Outgoing, OutgoingKind, PausedByOwner, Time, find,
};
use flumen::ecs::prelude::{Commands, IntoScheduleConfigs, Local, Query, Res, ResMut, With};
use flumen::ecs::system::ScheduleSystem;
use flumen::event::{Ended, Pending};
use flumen::{Builder, Event, Slot, Stage, Subject, View};
use flumen_sim::{Audio, Broken, Link, Loss, Peer, PeerId, Repair, Room, Video};

/// A call in which a system spoils what leaves; the rule that it breaks.
fn spoilt<M>(systems: impl IntoScheduleConfigs<ScheduleSystem, M> + 'static) -> Broken {
    spoilt_at(Stage::Feedback, systems)
}

/// The same in a stage.
fn spoilt_at<M>(
    stage: Stage,
    systems: impl IntoScheduleConfigs<ScheduleSystem, M> + 'static,
) -> Broken {
    let (mut room, ..) = call(|builder| builder.add_systems(stage, Slot::After, systems));
    broken(&mut room)
}

fn call(configure: impl FnOnce(Builder) -> Builder) -> (Room, PeerId, PeerId) {
    let mut room = Room::with(1, configure);
    let alice = room.join(Peer::new().audio(Audio::opus()).video(Video::vp8()));
    let lossy = Link::new()
        .latency(Duration::from_millis(10))
        .loss(Loss::percent(2));
    let bob = room.join(Peer::new().down(lossy));
    (room, alice, bob)
}

fn broken(room: &mut Room) -> Broken {
    let broken = room.try_run_for(Duration::from_secs(5)).unwrap_err();
    assert_eq!(
        room.try_run_for(Duration::from_secs(1)),
        Err(broken.clone())
    );
    assert!(
        broken
            .to_string()
            .starts_with(&format!("seed 1 at {}", broken.at))
    );
    broken
}

/// Calls `spoil` for the header of every packet of a kind, from the hundredth on.
fn headers(
    outbox: &mut Outbox,
    count: &mut u32,
    kind: OutgoingKind,
    mut spoil: impl FnMut(&mut [u8]),
) {
    let Outbox { headers, rows, .. } = outbox;
    for row in rows.iter().filter(|row| row.kind == kind) {
        *count += 1;
        if *count > 100 || kind == OutgoingKind::Retransmission {
            let start = row.header_start as usize;
            spoil(&mut headers[start..start + usize::from(row.header_len)]);
        }
    }
}

fn add(word: &mut [u8], amount: u32) {
    let number = u32::from_be_bytes(word.try_into().unwrap()).wrapping_add(amount);
    word.copy_from_slice(&number.to_be_bytes());
}

#[test]
fn an_unspoilt_call_breaks_nothing() {
    let (mut room, ..) = call(|builder| builder);
    assert_eq!(room.try_run_for(Duration::from_secs(5)), Ok(()));
}

#[test]
fn a_packet_that_nobody_sent_breaks_the_ledgers() {
    fn miscount(mut ledger: ResMut<'_, Ledger>, now: Res<'_, flumen::components::Now>) {
        if now.time > Time::from_secs(1) {
            ledger.enqueued += 1;
        }
    }
    // What is left behind among its own systems the engine itself does not look after.
    let (mut room, ..) = call(|builder| builder.add_systems(Stage::Emit, Slot::BuiltIn, miscount));
    assert_eq!(broken(&mut room).check, "ledgers");
    let (mut room, ..) = call(|builder| builder.add_systems(Stage::Emit, Slot::After, miscount));
    assert_eq!(broken(&mut room).check, "the engine itself");
}

#[test]
fn a_skipped_number_and_a_repeated_one_break_the_numbering() {
    fn skip(mut outbox: ResMut<'_, Outbox>, mut count: Local<'_, u32>) {
        headers(&mut outbox, &mut count, OutgoingKind::Audio, |header| {
            add(&mut header[..4], 1);
        });
    }
    fn repeat(mut outbox: ResMut<'_, Outbox>, mut count: Local<'_, u32>) {
        headers(&mut outbox, &mut count, OutgoingKind::Audio, |header| {
            add(&mut header[..4], u32::MAX);
        });
    }
    assert_eq!(spoilt(skip).check, "numbering");
    let broken = spoilt(repeat);
    assert_eq!(broken.check, "numbering");
    assert!(broken.what.ends_with("twice"), "{broken}");
}

#[test]
fn a_timestamp_that_goes_back_and_one_that_leaps_break_the_time() {
    fn back(mut outbox: ResMut<'_, Outbox>, mut count: Local<'_, u32>) {
        headers(&mut outbox, &mut count, OutgoingKind::Audio, |header| {
            add(&mut header[4..8], 48_000_u32.wrapping_neg());
        });
    }
    fn leap(mut outbox: ResMut<'_, Outbox>, mut count: Local<'_, u32>) {
        headers(&mut outbox, &mut count, OutgoingKind::Media, |header| {
            add(&mut header[4..8], 90_000 * 5);
        });
    }
    assert_eq!(spoilt(back).check, "time");
    assert_eq!(spoilt(leap).check, "time");
}

#[test]
fn an_ssrc_of_another_and_a_report_about_another_break_the_rule_of_strangers() {
    fn foreign(mut outbox: ResMut<'_, Outbox>, mut count: Local<'_, u32>) {
        headers(&mut outbox, &mut count, OutgoingKind::Media, |header| {
            add(&mut header[8..12], 77);
        });
    }
    fn gossip(mut outbox: ResMut<'_, Outbox>, mut ledger: ResMut<'_, Ledger>) {
        let Some(&destination) = outbox.destinations.last() else {
            return;
        };
        let (start, mut bytes) = (outbox.headers.len() as u32, Vec::new());
        // Nobody is the peer number 700.
        write_pli(&mut bytes, 1, 0x1000_0000 | 700 << 10);
        outbox.headers.extend(&bytes);
        outbox.push_to(destination, Outgoing::generated(start, bytes.len() as u16));
        ledger.generated += 1;
    }
    assert_eq!(spoilt(foreign).check, "strangers");
    assert_eq!(spoilt(gossip).check, "strangers");
}

#[test]
fn a_consumer_that_goes_on_though_it_is_paused_breaks_the_rule_of_pauses() {
    fn set(all: &mut Query<'_, '_, &mut PausedByOwner, With<Consumer>>, is_paused: bool) {
        all.iter_mut().for_each(|mut paused| paused.0 = is_paused);
    }
    fn wake(mut all: Query<'_, '_, &mut PausedByOwner, With<Consumer>>) {
        set(&mut all, false);
    }
    fn doze(mut all: Query<'_, '_, &mut PausedByOwner, With<Consumer>>) {
        set(&mut all, true);
    }
    let (mut room, ..) = call(|builder| {
        let builder = builder.add_systems(Stage::Ingest, Slot::Before, wake);
        builder.add_systems(Stage::Emit, Slot::After, doze)
    });
    assert_eq!(broken(&mut room).check, "pauses");
}

#[test]
fn another_packet_than_was_sent_breaks_the_rule_of_repairs() {
    fn another(mut outbox: ResMut<'_, Outbox>, mut count: Local<'_, u32>) {
        headers(
            &mut outbox,
            &mut count,
            OutgoingKind::Retransmission,
            |header| {
                // The number of what it repeats is behind the header of RTP.
                let rtp = RtpHeader::parse(header).unwrap();
                header[usize::from(rtp.payload_start)] ^= 0x10;
            },
        );
    }
    assert_eq!(spoilt(another).check, "repairs");
}

#[test]
fn another_packet_under_its_own_number_breaks_the_rule_of_repairs() {
    fn another(mut outbox: ResMut<'_, Outbox>, mut count: Local<'_, u32>) {
        headers(
            &mut outbox,
            &mut count,
            OutgoingKind::Retransmission,
            |packet| {
                let rtp = RtpHeader::parse(packet).unwrap();
                packet[usize::from(rtp.payload_start)] ^= 0x10;
            },
        );
    }
    let spoil = |builder: Builder| builder.add_systems(Stage::Feedback, Slot::After, another);
    for sender in [
        Peer::new().video(Video::vp8()),
        Peer::new().audio(Audio::opus()),
    ] {
        let mut room = Room::with(1, spoil);
        room.join(sender);
        let lossy = Peer::new().down(Link::new().loss(Loss::percent(2)));
        room.join(lossy.repair(Repair::SameStream));
        assert_eq!(broken(&mut room).check, "repairs");
    }
}

/// Whoever joins later has missed the key frame, and one that is none is taken for the next.
#[test]
fn a_video_that_begins_without_a_key_frame_breaks_the_rule_of_frames() {
    fn promote(mut media: ResMut<'_, Media>) {
        media
            .0
            .iter_mut()
            .for_each(|packet| packet.key_frame = true);
    }
    let promoting = |builder: Builder| builder.add_systems(Stage::Receive, Slot::After, promote);
    let mut room = Room::with(1, promoting);
    room.join(Peer::new().video(Video::vp8()));
    room.run_for(Duration::from_secs(2));
    room.join(Peer::new());
    let broken = broken(&mut room);
    assert_eq!(broken.check, "frames");
    assert!(broken.what.contains("comes before a key frame"), "{broken}");
}

#[test]
fn who_watches_the_engine_of_a_room_hides_nothing_from_the_rules() {
    fn foreign(mut outbox: ResMut<'_, Outbox>, mut count: Local<'_, u32>) {
        headers(&mut outbox, &mut count, OutgoingKind::Media, |header| {
            add(&mut header[8..12], 77);
        });
    }
    let spoil = |builder: Builder| builder.add_systems(Stage::Feedback, Slot::After, foreign);
    let (mut room, ..) = call(spoil);
    room.engine_mut().watch(View::AsSent, |_| {});
    assert_eq!(broken(&mut room).check, "strangers");
}

#[test]
fn a_descriptor_that_says_what_is_not_so_breaks_the_rule_of_descriptors() {
    /// The identifier under which routers forward dependency descriptors.
    const FORWARDED: u8 = 7;
    fn renumber(mut outbox: ResMut<'_, Outbox>, mut count: Local<'_, u32>) {
        headers(&mut outbox, &mut count, OutgoingKind::Media, |header| {
            let rtp = RtpHeader::parse(header).unwrap();
            let value = rtp.extension(header, FORWARDED).unwrap().to_vec();
            let mut places = header.windows(value.len());
            let place = places.position(|place| place == value).unwrap();
            // The lower byte of the frame number.
            header[place + 2] ^= 1;
        });
    }
    let spoil = |builder: Builder| builder.add_systems(Stage::Feedback, Slot::After, renumber);
    let mut room = Room::with(1, spoil);
    room.join(Peer::new().video(Video::av1().spatial_layers(3).temporal_layers(3)));
    room.join(Peer::new());
    assert_eq!(broken(&mut room).check, "descriptors");
}

#[test]
fn an_event_of_what_was_closed_breaks_the_afterlife() {
    let (mut room, _, bob) = call(|builder| builder);
    room.run_for(Duration::from_secs(1));
    let transport = room.transport(bob);
    let about = find(room.engine().world(), transport).unwrap();
    room.leave(bob);
    room.run_for(Duration::from_millis(10));
    let subject = Subject::Transport(transport);
    let event = Event::Ended(Ended { about, subject });
    let world = room.engine_mut().world_mut();
    world.resource_mut::<Pending>().0.push(event);
    assert_eq!(broken(&mut room).check, "afterlife");
}

#[test]
fn a_dropped_event_breaks_the_bounds() {
    let (mut room, ..) = call(|builder| builder);
    room.run_for(Duration::from_secs(1));
    let world = room.engine_mut().world_mut();
    world.resource_mut::<EventLog>().dropped = 1;
    assert_eq!(broken(&mut room).check, "bounds");
}

#[test]
fn an_entity_that_stays_behind_breaks_the_baseline() {
    fn litter(mut commands: Commands<'_, '_>, mut count: Local<'_, u32>) {
        *count += 1;
        if *count == 50 {
            commands.spawn_empty();
        }
    }
    let (mut room, ..) = call(|builder| builder.add_systems(Stage::Emit, Slot::After, litter));
    room.run_for(Duration::from_secs(1));
    assert_eq!(room.try_close().unwrap_err().check, "baseline");
    let (mut room, ..) = call(|builder| builder);
    room.run_for(Duration::from_secs(1));
    assert_eq!(room.try_close(), Ok(()));
}
