//! The world, printed as JSON.

use std::error::Error;
use std::io::{self, Write};

use flumen::components::Created;
use flumen::{Engine, RouterId};
use serde::Serialize;

/// Prints what `about` names, or all routers with what is in them.
pub(crate) fn print(engine: &Engine, about: Option<&str>) -> Result<(), Box<dyn Error>> {
    let text = match about {
        Some(id) => {
            one(engine, id).ok_or(format!("nothing that is open has the identifier {id}"))?
        }
        None => everything(engine)?,
    };
    writeln!(io::stdout(), "{text}")?;
    Ok(())
}

/// Tries each kind of identifier, with a dump and, where there are any, statistics.
fn one(engine: &Engine, id: &str) -> Option<String> {
    macro_rules! either {
        ($($dump:ident $($stats:ident)?),+) => {
            $(if let Ok(id) = id.parse()
                && let Ok(dump) = engine.$dump(id)
            {
                return json(&(dump, $(engine.$stats(id).ok())?)).ok();
            })+
        };
    }
    either!(
        dump_router,
        dump_transport transport_stats,
        dump_producer producer_stats,
        dump_consumer consumer_stats,
        dump_data_producer data_producer_stats,
        dump_data_consumer data_consumer_stats
    );
    None
}

/// The ledgers, then the routers in the order of their creation.
fn everything(engine: &Engine) -> Result<String, Box<dyn Error>> {
    let world = engine.world();
    let entities = world.iter_entities();
    let routers =
        entities.filter_map(|entity| Some((*entity.get::<Created>()?, *entity.get::<RouterId>()?)));
    let mut routers: Vec<_> = routers.collect();
    routers.sort_unstable();
    let dumps: Result<Vec<_>, _> = routers
        .iter()
        .map(|&(_, id)| engine.dump_router(id))
        .collect();
    json(&(engine.ledger(), engine.data_ledger(), dumps?))
}

fn json(value: &impl Serialize) -> Result<String, Box<dyn Error>> {
    Ok(serde_json::to_string_pretty(value)?)
}
