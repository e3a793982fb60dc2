//! What estimating the path to a receiver asks of the heap.

use std::cell::Cell;
use std::time::Duration;

use flumen::components::{
    Allotment, Demand, Emission, Histogram, Layering, OutgoingEstimate, Pacer, RemoteReception,
    Restraint, Retransmission, find,
};
use flumen::ecs::component::Component;
use flumen::ecs::entity::Entity;
use flumen::ecs::world::World;
use flumen_tests::meeting::{Encoding, Meeting};
use flumen_tests::{Downlink, Room, bottleneck};

use crate::counting::{allocations, bytes_kept};

const THREE: [Encoding; 3] = [of(120_000), of(400_000), of(1_200_000)];

const fn of(bitrate: u64) -> Encoding {
    Encoding {
        bitrate,
        temporal: 3,
    }
}

thread_local! {
    static MADE: Cell<u64> = const { Cell::new(0) };
}

/// Ticks a millisecond later and notes the calls to the heap.
fn tick(room: &mut Room) {
    room.now += Duration::from_millis(1);
    let now = room.now;
    let made = allocations(|| room.engine.tick(now).unwrap());
    MADE.set(MADE.get() + made);
    room.engine.check_ledger().unwrap();
}

#[test]
fn a_tick_in_which_a_path_is_estimated_and_probed_allocates_nothing() {
    let mut downlink = Downlink::new(bottleneck(1_000_000));
    downlink.tick = tick;
    // More than the path carries: it is probed again and again.
    downlink.want(3_000_000);
    let elastic = |available: u64| available.min(3_000_000);
    downlink.run(Duration::from_secs(20), elastic);
    let (before, padding) = (MADE.get(), downlink.padding_bytes);
    downlink.run(Duration::from_secs(20), elastic);
    assert!(downlink.padding_bytes > padding, "it was probed");
    assert_eq!(MADE.get() - before, 0);
}

/// Bytes that a component takes, with what it has on the heap. It is gone then.
fn weight<T: Component>(world: &mut World, entity: Entity) -> i64 {
    let taken = world.entity_mut(entity).take::<T>();
    let taken = taken.expect("it is there");
    let before = bytes_kept();
    drop(taken);
    before - bytes_kept() + size_of::<T>() as i64
}

#[test]
fn a_layered_consumer_takes_at_most_six_kibibytes_and_its_path_sixteen() {
    let mut meeting = Meeting::of(1, &THREE, bottleneck(2_000_000));
    meeting.run(Duration::from_secs(20));
    let viewer = &meeting.viewers[0];
    let (consumer, transport) = (viewer.videos[0].consumer, viewer.transport);
    let world = meeting.room.engine.world_mut();
    let consumer = find(world, consumer).unwrap();
    let transport = find(world, transport).unwrap();
    let of_consumer = weight::<Layering>(world, consumer)
        + weight::<Allotment>(world, consumer)
        + weight::<Emission>(world, consumer)
        + weight::<Retransmission>(world, consumer)
        + weight::<RemoteReception>(world, consumer)
        + weight::<Histogram>(world, consumer);
    let of_path = weight::<OutgoingEstimate>(world, transport)
        + weight::<Pacer>(world, transport)
        + weight::<Restraint>(world, transport)
        + weight::<Demand>(world, transport);
    assert!(of_consumer <= 6 * 1_024, "{of_consumer} bytes");
    assert!(of_path <= 16 * 1_024, "{of_path} bytes");
}
