//! A snapshot is taken.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::Pending;
use flumen_components::snapshot::Roster;
use flumen_components::wire::state::{State, Writer};
use flumen_components::{Agenda, DtlsSettings, Inbox, Messages, SocketKey, Sockets, Taping};
use zeroize::Zeroize;

use super::head::Head;
use super::survey::Survey;
use super::{Snapshot, SnapshotError, kinds};
use crate::backend::BindRequest;
use crate::clock;
use crate::engine::Engine;

/// Passes after which it is given up that a tick leaves nothing behind.
const PASSES: usize = 8;

pub(super) fn take(engine: &mut Engine) -> Result<Snapshot, SnapshotError> {
    engine.check_poison()?;
    if let Taping::Playing(_) = engine.world.resource::<DtlsSettings>().taping {
        return Err(SnapshotError::Replaying);
    }
    quieten(engine)?;
    let survey = Survey::of(&mut engine.world, &engine.own)?;
    let mut roster = Roster::default();
    roster.dtls = Some(engine.world.resource::<DtlsSettings>().clone());
    for &entity in &survey.kept {
        roster.enter(entity);
    }
    let mut world = Writer::new(roster);
    for kind in kinds::all() {
        (kind.save)(&engine.world, &survey.kept, &mut world, &mut |_, _| {});
    }
    save_own(engine, &survey.kept, &mut world)?;
    let (world, roster) = world.into_parts();
    let mut out = Writer::new(Roster::default());
    let at = engine.now();
    at.save(&mut out);
    survey.left_out.save(&mut out);
    let mut head = head(engine, survey.kept.len(), &roster);
    head.save(&mut out);
    head.made_with.zeroize();
    out.raw(&world);
    let (body, _) = out.into_parts();
    Ok(Snapshot {
        body,
        at,
        left_out: survey.left_out,
    })
}

/// What was sent or happened since the last tick is handled. Who goes on does so from the time of the
/// last tick: on the machine's clock that one is to be now.
fn quieten(engine: &mut Engine) -> Result<(), SnapshotError> {
    for pass in 0..PASSES {
        let is_current = pass > 0 || !engine.on_the_clock;
        if is_current && is_quiet(&engine.world) {
            return Ok(());
        }
        if engine.on_the_clock {
            engine.advance(engine.clock());
        }
        engine.pass(false)?;
    }
    Err(SnapshotError::Busy)
}

fn is_quiet(world: &World) -> bool {
    world.resource::<Inbox>().datagrams().is_empty()
        && world.resource::<Messages>().rows().is_empty()
        && world.resource::<Pending>().0.is_empty()
        // What connections told, their keys among it, is not of their state.
        && world.resource::<Agenda>().moved_sessions.0.is_empty()
}

/// Each kind by its name: how many there are, and each as its serialisation has it.
fn save_own(
    engine: &Engine,
    kept: &[Entity],
    out: &mut Writer<Roster>,
) -> Result<(), SnapshotError> {
    engine.own.len().save(out);
    for own in &engine.own {
        let mut rows: Vec<(usize, Vec<u8>)> = Vec::new();
        for (number, &entity) in kept.iter().enumerate() {
            match (own.save)(&engine.world, entity) {
                None => {}
                Some(Ok(bytes)) => rows.push((number, bytes)),
                Some(Err(source)) => {
                    let component = own.name;
                    return Err(SnapshotError::Component { component, source });
                }
            }
        }
        own.name.to_owned().save(out);
        rows.save(out);
    }
    Ok(())
}

fn head(engine: &Engine, kept: usize, roster: &Roster) -> Head {
    let sockets = engine.world.resource::<Sockets>();
    let is_bound = |(key, _): &(SocketKey, BindRequest)| sockets.get(*key).is_some();
    Head {
        // It has names and values that JSON has words for.
        made_with: serde_json::to_string(&engine.header()).unwrap_or_default(),
        taken: clock::ntp_now().0,
        ticks: engine.ticks,
        last_tick: engine.last_tick,
        on_the_clock: engine.on_the_clock,
        sockets: engine.network.sockets().filter(is_bound).collect(),
        kept,
        entities: roster
            .entities()
            .iter()
            .map(|entity| entity.to_bits())
            .collect(),
    }
}
