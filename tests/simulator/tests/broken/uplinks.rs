//! What is lost on its way to the engine excuses nothing else.

use std::time::Duration;

use flumen::components::wire::rtp::RtpHeader;
use flumen::components::{Now, Outbox, OutgoingKind, Packets, Time};
use flumen::ecs as bevy_ecs;
use flumen::ecs::prelude::{BevyError, Local, Res, ResMut, Resource};
use flumen::{Builder, Setup, Slot, Stage, Veto};
use flumen_sim::{Broken, Link, Loss, Peer, Repair, Room, Video};

use super::{add, headers};

/// When a system begins to spoil what there is: much was lost by then.
const BEGIN: Time = Time::from_secs(20);

/// A call whose sender loses one packet of a hundred; the rule that breaks behind [`BEGIN`].
fn spoilt(configure: impl FnOnce(Builder) -> Builder) -> Broken {
    let lossy = Link::new().latency(Duration::from_millis(10));
    let lossy = lossy.loss(Loss::percent(1));
    let mut room = Room::with(1, configure);
    let alice = room.join(Peer::new().video(Video::vp8()).up(lossy));
    room.join(Peer::new().repair(Repair::None));
    room.run_for(BEGIN - Time::ZERO);
    assert!(room.crossing(alice)[0].lost > 10);
    room.try_run_for(Duration::from_secs(5)).unwrap_err()
}

#[test]
fn a_number_skipped_now_and_then_breaks_the_numbering_behind_a_link_that_loses() {
    fn skip(mut outbox: ResMut<'_, Outbox>, now: Res<'_, Now>, mut count: Local<'_, u32>) {
        if now.time >= BEGIN {
            let skipped = *count / 50;
            headers(&mut outbox, &mut count, OutgoingKind::Media, |header| {
                add(&mut header[..4], skipped);
            });
        }
    }
    let broken = spoilt(|builder| builder.add_systems(Stage::Feedback, Slot::After, skip));
    assert_eq!(broken.check, "numbering", "{broken}");
}

#[test]
fn a_frame_without_what_it_refers_to_breaks_the_rule_of_frames_behind_a_link_that_loses() {
    #[derive(Resource)]
    struct Unwanted(Veto);
    /// Lets the first frame behind [`BEGIN`] go no further.
    fn withhold(
        mut packets: Packets<'_, '_>,
        reason: Res<'_, Unwanted>,
        now: Res<'_, Now>,
        mut frame: Local<'_, Option<u32>>,
    ) -> Result<(), BevyError> {
        if now.time < BEGIN {
            return Ok(());
        }
        for index in 0..packets.len() {
            let header = packets.get(index).map(|it| RtpHeader::parse(it.bytes()));
            let Some(Ok(header)) = header else { continue };
            if *frame.get_or_insert(header.timestamp) == header.timestamp {
                packets.veto(index, reason.0)?;
            }
        }
        Ok(())
    }
    let broken = spoilt(|builder| {
        builder.plugin(|setup: &mut Setup| {
            let reason = setup.veto("unwanted");
            setup.world_mut().insert_resource(Unwanted(reason));
            setup.add_systems(Stage::Receive, Slot::After, withhold);
        })
    });
    assert_eq!(broken.check, "frames", "{broken}");
}
