//! What the paths to receivers carry is estimated.

use bevy_ecs::system::{Query, Res, ResMut};
use flumen_components::event::Traced;
use flumen_components::trace::{BandwidthTrace, Direction, TraceInfo, TraceType};
use flumen_components::{
    Agenda, Demand, Limits, Now, OutgoingEstimate, OutgoingLimit, Path, Subject, Trace, TraceTypes,
    Traces, TransportId,
};

/// Estimates every path that is listed, and traces what changed.
pub(crate) fn estimate_paths(
    mut transports: Query<
        '_,
        '_,
        (
            &TransportId,
            &OutgoingLimit,
            &Demand,
            &Path,
            &TraceTypes,
            &mut OutgoingEstimate,
        ),
    >,
    mut agenda: ResMut<'_, Agenda>,
    mut traces: ResMut<'_, Traces>,
    limits: Res<'_, Limits>,
    now: Res<'_, Now>,
) {
    let Agenda {
        paths,
        probes,
        unproven,
        ..
    } = &mut *agenda;
    for transport in paths.0.drain(..) {
        let Ok((&id, limit, demand, way, traced, mut path)) = transports.get_mut(transport) else {
            continue;
        };
        // Before there is a way that is its peer's nothing can be tried.
        let tried = if way.is_connected() && !unproven.0.contains(&transport) {
            demand
        } else {
            &Demand::default()
        };
        path.locate(way.rtp.remote(), now.time);
        let is_news = path.update(tried, limit, limits.layer_hysteresis_percent, now.time);
        if path.takes_place_on_probe() {
            probes.0.push(transport);
        }
        if is_news && traced.contains(TraceType::Bwe) {
            let trace = Trace {
                type_: TraceType::Bwe,
                timestamp: now.time.as_millis(),
                direction: Direction::Out,
                info: TraceInfo::Bandwidth(explain(&path, limit, demand)),
            };
            let traced = Traced {
                about: transport,
                subject: Subject::Transport(id),
                trace,
            };
            traces.push(transport, traced, &limits);
        }
    }
}

fn explain(path: &OutgoingEstimate, limit: &OutgoingLimit, demand: &Demand) -> BandwidthTrace {
    let estimate = path.estimate();
    BandwidthTrace {
        bwe_type: path.method,
        desired_bitrate: demand.bitrate(),
        effective_desired_bitrate: demand.lasting(),
        min_bitrate: limit.least(),
        max_bitrate: limit.most(),
        start_bitrate: limit.initial,
        max_padding_bitrate: limit.most().min(2 * estimate.bitrate),
        available_bitrate: estimate.bitrate,
        cause: estimate.cause,
        figures: estimate.figures,
    }
}
