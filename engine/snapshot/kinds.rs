//! What a snapshot keeps, in the order in which it is written, and what it does not, and why.

use std::any::{TypeId, type_name};

use bevy_ecs::component::{Component, Mutable};
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use bevy_ecs::world::World;
use flumen_components as components;
use flumen_components::snapshot::Roster;
use flumen_components::wire::state::{Malformed, Reader, State, Writer};
use flumen_components::{AppData, DtlsConnection, SctpAssociation, SctpState};
use flumen_systems::control;

/// All that is kept, in the order in which it is written.
pub(super) fn all() -> impl Iterator<Item = &'static Kind> {
    COMPONENTS.iter().chain(RESOURCES).chain(LAST)
}

/// A kind of component, or a resource.
pub(super) struct Kind {
    pub(super) type_id: fn() -> TypeId,
    pub(super) name: fn() -> &'static str,
    pub(super) save: Save,
    /// The same, or less where what is kept depends on who keeps it.
    pub(super) digest: Save,
    pub(super) load: fn(&mut World, &[Entity], &mut Reader<'_, Roster>) -> Result<(), Malformed>,
}

/// Saves what there is of the entities, by their numbers, and tells behind each whose it was: a
/// resource is number 0's.
type Save = fn(&World, &[Entity], &mut Writer<Roster>, &mut Told<'_>);
type Told<'a> = dyn FnMut(usize, &Writer<Roster>) + 'a;

/// What is called so is a resource.
pub(super) fn is_resource(name: &str) -> bool {
    RESOURCES.iter().any(|kind| (kind.name)() == name)
}

/// Components of entities.
const COMPONENTS: &[Kind] = &[
    component::<components::Created>(),
    component::<components::RouterId>(),
    component::<components::SocketId>(),
    component::<components::WebRtcServerId>(),
    component::<components::TransportId>(),
    component::<components::ProducerId>(),
    component::<components::ConsumerId>(),
    component::<components::DataProducerId>(),
    component::<components::DataConsumerId>(),
    component::<components::RtpObserverId>(),
    component::<components::TraceTypes>(),
    component::<components::Router>(),
    component::<components::OnRouter>(),
    component::<components::Socket>(),
    component::<components::Announced>(),
    component::<components::WebRtcServer>(),
    component::<components::TransportKind>(),
    component::<components::OnTransport>(),
    component::<components::Path>(),
    component::<components::LocalAddresses>(),
    component::<components::Naming>(),
    component::<components::Listener>(),
    component::<components::Following>(),
    component::<components::Traffic>(),
    component::<components::Discards>(),
    component::<components::Pacer>(),
    component::<components::IceListeners>(),
    component::<components::IceAgent>(),
    DTLS_CONNECTION,
    component::<components::SrtpSession>(),
    component::<components::SrtpOffer>(),
    component::<components::SctpParameters>(),
    component::<components::SctpStreams>(),
    component::<components::SctpSchedule>(),
    component::<components::MessageSizes>(),
    component::<components::OutgoingEstimate>(),
    component::<components::OutgoingLimit>(),
    component::<components::IncomingLimit>(),
    component::<components::BandwidthFeedback>(),
    component::<components::ReportSchedule>(),
    component::<components::Demand>(),
    component::<components::KeyFrameRequests>(),
    component::<components::Producer>(),
    component::<components::ProducerParameters>(),
    component::<components::PausedByOwner>(),
    component::<components::Score>(),
    component::<components::Orientation>(),
    component::<components::CaptureClock>(),
    component::<components::ObservedBy>(),
    component::<components::Wanted>(),
    component::<components::RtpStream>(),
    component::<components::StreamOf>(),
    component::<components::Reception>(),
    component::<components::Missing>(),
    component::<components::Reporting>(),
    component::<components::RemoteClock>(),
    component::<components::Histogram>(),
    component::<components::History>(),
    component::<components::EntryPoints>(),
    component::<components::PictureGroups>(),
    component::<components::Templates>(),
    component::<components::LayerActivity>(),
    component::<components::Inactivity>(),
    component::<components::Liveness>(),
    component::<components::Routes>(),
    component::<components::Consumer>(),
    component::<components::ConsumerParameters>(),
    component::<components::ConsumesFrom>(),
    component::<components::Emission>(),
    component::<components::Retransmission>(),
    component::<components::RemoteReception>(),
    component::<components::Layering>(),
    component::<components::Allotment>(),
    component::<components::Allowance>(),
    component::<components::Priority>(),
    component::<components::Restraint>(),
    component::<components::DataProducer>(),
    component::<components::DataParameters>(),
    component::<components::DataConsumer>(),
    component::<components::ConsumesDataFrom>(),
    component::<components::Subchannels>(),
    component::<components::BufferedAmountLowThreshold>(),
    component::<components::RtpObserver>(),
    component::<components::ObservesRouter>(),
    APP_DATA,
];

/// Resources.
const RESOURCES: &[Kind] = &[
    resource::<components::Now>(),
    resource::<components::CreationSequence>(),
    resource::<components::Directory>(),
    resource::<components::Sockets>(),
    resource::<components::Deadlines>(),
    resource::<components::Parked>(),
    resource::<components::Deliveries>(),
    resource::<components::MessageDeliveries>(),
    resource::<components::Ledger>(),
    resource::<components::DataLedger>(),
    resource::<components::Agenda>(),
];

/// What comes back last, as it looks at the rest.
const LAST: &[Kind] = &[ASSOCIATION];

/// What is not kept.
pub(super) const LEFT: &[fn() -> TypeId] = &[
    // Made by the builder, of what the header says, or of its plugins.
    TypeId::of::<components::Seed>,
    TypeId::of::<components::NtpEpoch>,
    TypeId::of::<components::Limits>,
    TypeId::of::<components::LivenessTimeout>,
    TypeId::of::<components::KeyFrameRetry>,
    TypeId::of::<components::Estimators>,
    TypeId::of::<components::DtlsSettings>,
    TypeId::of::<components::SctpLibrary>,
    TypeId::of::<components::Vetoes>,
    TypeId::of::<components::Workers>,
    // The other sides of relationships, which follow from these.
    TypeId::of::<components::Transports>,
    TypeId::of::<components::Residents>,
    TypeId::of::<components::Streams>,
    TypeId::of::<components::Consumers>,
    TypeId::of::<components::DataConsumers>,
    TypeId::of::<components::RtpObservers>,
    // Empty between ticks.
    TypeId::of::<components::Inbox>,
    TypeId::of::<components::Outbox>,
    TypeId::of::<components::DirectOut>,
    TypeId::of::<components::Messages>,
    TypeId::of::<components::RtpIn>,
    TypeId::of::<components::RtcpIn>,
    TypeId::of::<components::SctpIn>,
    TypeId::of::<components::Media>,
    TypeId::of::<components::Touched>,
    TypeId::of::<components::Exclusions>,
    TypeId::of::<components::Bids>,
    TypeId::of::<components::Moment>,
    TypeId::of::<components::event::Pending>,
    // What the application was told, or was to drain.
    TypeId::of::<components::EventLog>,
    TypeId::of::<components::Traces>,
];

/// Anything that an application remembers: nobody knows what it is.
const APP_DATA: Kind = Kind {
    type_id: TypeId::of::<AppData>,
    name: type_name::<AppData>,
    save: save_app_data,
    digest: save_app_data,
    load: |world, entities, from| {
        load_each(entities, from, |entity, _| {
            world.entity_mut(entity).insert(AppData::default());
            Ok(())
        })
    },
};

/// What a library has cannot be kept.
const ASSOCIATION: Kind = Kind {
    type_id: TypeId::of::<SctpAssociation>,
    name: type_name::<SctpAssociation>,
    save: save_association,
    digest: save_association,
    load: |world, entities, from| {
        load_each(entities, from, |entity, from| {
            let then = SctpState::load(from)?;
            control::bring_back_association(world, entity, then);
            Ok(())
        })
    },
};

/// In a replay there is no library, whose generator would be kept.
const DTLS_CONNECTION: Kind = Kind {
    digest: |world, entities, out, told| {
        save_each::<DtlsConnection>(world, entities, (out, told), |connection, out| {
            connection.state().save(out);
            connection.local_role().save(out);
        });
    },
    ..component::<DtlsConnection>()
};

fn save_app_data(
    world: &World,
    entities: &[Entity],
    out: &mut Writer<Roster>,
    told: &mut Told<'_>,
) {
    save_each::<AppData>(world, entities, (out, told), |_, _| {});
}

fn save_association(
    world: &World,
    entities: &[Entity],
    out: &mut Writer<Roster>,
    told: &mut Told<'_>,
) {
    save_each::<SctpAssociation>(world, entities, (out, told), |association, out| {
        association.state().save(out);
    });
}

fn save_components<T: Component + State<Roster>>(
    world: &World,
    entities: &[Entity],
    out: &mut Writer<Roster>,
    told: &mut Told<'_>,
) {
    save_each::<T>(world, entities, (out, told), State::save);
}

fn save_resource<R: Resource + State<Roster>>(
    world: &World,
    _: &[Entity],
    out: &mut Writer<Roster>,
    told: &mut Told<'_>,
) {
    let resource = world.get_resource::<R>();
    resource.is_some().save(out);
    if let Some(resource) = resource {
        resource.save(out);
    }
    told(0, out);
}

const fn component<T: Component + State<Roster>>() -> Kind {
    Kind {
        type_id: TypeId::of::<T>,
        name: type_name::<T>,
        save: save_components::<T>,
        digest: save_components::<T>,
        load: |world, entities, from| {
            load_each(entities, from, |entity, from| {
                let component = T::load(from)?;
                world.entity_mut(entity).insert(component);
                Ok(())
            })
        },
    }
}

const fn resource<R: Resource<Mutability = Mutable> + State<Roster>>() -> Kind {
    Kind {
        type_id: TypeId::of::<R>,
        name: type_name::<R>,
        save: save_resource::<R>,
        digest: save_resource::<R>,
        load: |world, _, from| {
            if let Some(resource) = Option::<R>::load(from)? {
                world.insert_resource(resource);
            }
            Ok(())
        },
    }
}

/// Those of the entities that have a `T`, each by its number.
fn save_each<T: Component>(
    world: &World,
    entities: &[Entity],
    (out, told): (&mut Writer<Roster>, &mut Told<'_>),
    save: impl Fn(&T, &mut Writer<Roster>),
) {
    let all = || {
        let numbered = entities.iter().enumerate();
        numbered.filter_map(|(number, &entity)| Some((number, world.get::<T>(entity)?)))
    };
    all().count().save(out);
    for (number, component) in all() {
        number.save(out);
        save(component, out);
        told(number, out);
    }
}

fn load_each(
    entities: &[Entity],
    from: &mut Reader<'_, Roster>,
    mut load: impl FnMut(Entity, &mut Reader<'_, Roster>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    for _ in 0..from.count()? {
        let number = usize::load(from)?;
        let entity = entities.get(number).ok_or(Malformed)?;
        load(*entity, from)?;
    }
    Ok(())
}
