//! More waits than may.

use std::time::Duration;

use flumen::components::{
    Destination, Ledger, Limits, Outgoing, OutgoingKind, Pacer, Parked, Path, find,
};
use flumen::ecs::entity::Entity;
use flumen::ecs::prelude::{Query, Res, ResMut};
use flumen::{Slot, Stage};

use super::{broken, call};

#[test]
fn a_transport_for_whose_socket_too_many_wait_breaks_the_bounds() {
    /// Lets one more than may wait for the socket of a transport.
    fn park(
        mut paths: Query<'_, '_, (Entity, &mut Path)>,
        mut parked: ResMut<'_, Parked>,
        mut ledger: ResMut<'_, Ledger>,
        limits: Res<'_, Limits>,
    ) {
        let many = limits.waiting_datagrams_per_transport + 1;
        let Some((transport, mut path)) = paths.iter_mut().next() else {
            return;
        };
        let to = Destination::of(transport, &path).unwrap();
        (0..many).for_each(|_| parked.push(to, (OutgoingKind::Control, 0), &[0; 8], &[]));
        path.waiting += many;
        ledger.generated += u64::from(many);
        ledger.waiting += u64::from(many);
    }
    let (mut room, ..) = call(|builder| builder.add_systems(Stage::Emit, Slot::BuiltIn, park));
    let broken = broken(&mut room);
    assert_eq!(broken.check, "bounds", "{broken}");
    assert!(broken.what.ends_with("wait for its socket"), "{broken}");
}

#[test]
fn a_transport_of_which_too_many_wait_for_their_turn_breaks_the_bounds() {
    let (mut room, _, bob) = call(|builder| builder);
    room.run_for(Duration::from_secs(2));
    let transport = find(room.engine().world(), room.transport(bob)).unwrap();
    let now = room.now();
    let world = room.engine_mut().world_mut();
    let many = world.resource::<Limits>().paced_datagrams_per_transport + 100;
    let mut pacer = world.get_mut::<Pacer>(transport).unwrap();
    let row = Outgoing {
        kind: OutgoingKind::Media,
        ..Outgoing::generated(0, 1_200)
    };
    for _ in 0..many {
        pacer.push(&row, (&[0; 1_200], &[]), now, usize::MAX);
    }
    let mut ledger = world.resource_mut::<Ledger>();
    ledger.generated += many as u64;
    ledger.paced += many as u64;
    let broken = broken(&mut room);
    assert_eq!(broken.check, "bounds", "{broken}");
    assert!(broken.what.ends_with("wait for their turn"), "{broken}");
}
