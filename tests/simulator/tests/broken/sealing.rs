//! Rules about what leaves sealed.

use flumen::components::{Now, SrtpSession, Time};
use flumen::ecs::prelude::{Local, Query, Res};
use flumen::{Slot, Stage};
use flumen_sim::{Audio, Peer, Room};

use super::broken;

#[test]
fn what_is_sealed_with_the_key_of_another_breaks_the_rule_of_sealing() {
    /// Exchanges what two transports seal with, once.
    fn exchange(
        mut sessions: Query<'_, '_, &mut SrtpSession>,
        now: Res<'_, Now>,
        mut is_done: Local<'_, bool>,
    ) {
        if now.time >= Time::from_secs(2) && !std::mem::replace(&mut is_done, true) {
            let mut sessions = sessions.iter_mut();
            let (mut one, mut other) = (sessions.next().unwrap(), sessions.next().unwrap());
            std::mem::swap(&mut *one, &mut *other);
        }
    }
    let exchange =
        |builder: flumen::Builder| builder.add_systems(Stage::Feedback, Slot::After, exchange);
    let mut room = Room::with(1, exchange);
    for _ in 0..2 {
        room.join(Peer::new().audio(Audio::opus()).webrtc());
    }
    let broken = broken(&mut room);
    assert_eq!(broken.check, "sealing", "{broken}");
    assert!(broken.what.ends_with("not authentic"), "{broken}");
}
