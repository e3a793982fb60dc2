//! Rules about what leaves sealed.

use flumen::components::{Ledger, Now, Outbox, SrtpSession, Time};
use flumen::ecs::prelude::{IntoScheduleConfigs, Local, Query, Res, ResMut};
use flumen::ecs::system::ScheduleSystem;
use flumen::{Slot, Stage};
use flumen_sim::{Audio, Broken, Peer, Room};

use super::added::add;
use super::broken;

/// A call of browsers in which a system spoils what leaves; the rule that it breaks.
fn spoilt<M>(system: impl IntoScheduleConfigs<ScheduleSystem, M> + 'static) -> Broken {
    let configure =
        |builder: flumen::Builder| builder.add_systems(Stage::Feedback, Slot::After, system);
    let mut room = Room::with(1, configure);
    for _ in 0..2 {
        room.join(Peer::new().audio(Audio::opus()).webrtc());
    }
    broken(&mut room)
}

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
    let broken = spoilt(exchange);
    assert_eq!(broken.check, "sealing", "{broken}");
    assert!(broken.what.ends_with("not authentic"), "{broken}");
}

#[test]
fn dtls_that_is_no_record_breaks_the_rule_of_sealing() {
    /// Says half of what a record of a handshake begins with, now that they are over.
    fn babble(mut outbox: ResMut<'_, Outbox>, mut ledger: ResMut<'_, Ledger>, now: Res<'_, Now>) {
        let to = outbox.destinations.last().copied();
        if let Some(to) = to.filter(|_| now.time >= Time::from_secs(2)) {
            add(&mut outbox, &mut ledger, to, &[22, 0xfe, 0xfd, 0, 0]);
        }
    }
    let broken = spoilt(babble);
    assert_eq!(broken.check, "sealing", "{broken}");
    assert!(broken.what.contains("DTLS that is"), "{broken}");
}
