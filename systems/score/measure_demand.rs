//! How much the consumers of a transport want is measured.

use bevy_ecs::system::{Query, Res, ResMut};
use flumen_components::{
    Deadlines, Demand, Due, Emission, Listener, Now, OutgoingEstimate, PathsToEstimate,
};

/// Lists the paths that are to be looked at again, and measures what is wanted of all that are
/// listed.
pub(crate) fn measure_demand(
    mut transports: Query<'_, '_, (&Listener, &mut OutgoingEstimate, &mut Demand)>,
    mut consumers: Query<'_, '_, &mut Emission>,
    mut paths: ResMut<'_, PathsToEstimate>,
    mut deadlines: ResMut<'_, Deadlines>,
    now: Res<'_, Now>,
) {
    for index in 0..deadlines.fired().len() {
        let (transport, Due::PathEstimate) = deadlines.fired()[index] else {
            continue;
        };
        let Ok((_, mut estimate, _)) = transports.get_mut(transport) else {
            continue;
        };
        if estimate.disarm(now.time) {
            estimate.arm(transport, now.time, &mut deadlines);
        }
        estimate.list(transport, &mut paths);
    }
    for &transport in &paths.0 {
        let Ok((listener, _, mut demand)) = transports.get_mut(transport) else {
            continue;
        };
        let mut forwarded = 0;
        for &consumer in listener.consumers.values() {
            if let Ok(mut emission) = consumers.get_mut(consumer) {
                forwarded += emission.rate.bits_per_second(now.time);
            }
        }
        demand.update(forwarded, now.time);
    }
}
