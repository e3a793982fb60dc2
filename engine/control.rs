//! What an application asks for between ticks.

use bevy_ecs::entity::Entity;
use bevy_ecs::event::EntityEvent;
use bevy_ecs::observer::On;
use bevy_ecs::query::With;
use flumen_components::rtp_parameters::{
    CapabilitiesError, ProducerType, RtpCapabilities, RtpCodecCapability, RtpParameters,
};
use flumen_components::stats::{RtpStats, TransportStats};
use flumen_components::trace::TraceType;
use flumen_components::{
    AppData, Closed, ConsumerId, ConsumerParameters, Created, Directory, Id, LocalAddresses,
    Orientation, Path, Paused, ProducerId, ProducerParameters, ProducerScore, Role, Router,
    RouterId, SocketId, SocketKey, TransportId, Tuple, VideoOrientation, find,
};
use flumen_systems::control::{
    self, ConnectError, ConnectOptions, ConsumeError, ConsumerOptions, Endpoint,
    OpenTransportError, PlainTransportRecord, ProduceError, ProducerOptions, SendError,
};
use thiserror::Error;

use crate::engine::Engine;
use crate::listen::{BindError, Listen, ListenInfo};

/// What a plain transport is made with.
#[derive(Clone, Debug)]
pub struct PlainTransportOptions {
    /// Where RTP, and RTCP when multiplexed, is received.
    pub listen: Listen,
    /// Where RTCP is received when not multiplexed; like `listen`, at another port, when not given.
    pub rtcp_listen: Option<Listen>,
    /// RTP and RTCP share a port (RFC 5761). Default true.
    pub rtcp_mux: bool,
    /// Remote addresses are learnt from the first valid packet. Default false.
    pub comedia: bool,
    /// What the application remembers with it.
    pub app_data: AppData,
}

impl PlainTransportOptions {
    /// A transport that listens on `listen`, RTCP multiplexed, to be connected.
    pub fn new(listen: Listen) -> Self {
        Self {
            listen,
            rtcp_listen: None,
            rtcp_mux: true,
            comedia: false,
            app_data: AppData::default(),
        }
    }
}

/// A transport cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateTransportError {
    /// The router or the shared socket is closed, or they do not go with the options.
    #[error(transparent)]
    Open(#[from] OpenTransportError),
    /// A socket cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// Routers, sockets and transports.
impl Engine {
    /// Creates a router for `media_codecs`.
    ///
    /// # Errors
    ///
    /// When capabilities cannot be generated from the codecs.
    pub fn create_router(
        &mut self,
        media_codecs: &[RtpCodecCapability],
    ) -> Result<RouterId, CapabilitiesError> {
        self.asked = true;
        control::create_router(&mut self.world, media_codecs, AppData::default())
    }

    /// What a router can route: its clients negotiate with it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the router is.
    pub fn rtp_capabilities(&self, router: RouterId) -> Result<&RtpCapabilities, Closed> {
        Ok(&self.get::<Router, _>(router)?.capabilities)
    }

    /// Whether a client with `remote` capabilities can consume `producer` in `router`. False, and
    /// never an error, when anything about the question is wrong.
    pub fn can_consume(
        &self,
        router: RouterId,
        producer: ProducerId,
        remote: &RtpCapabilities,
    ) -> bool {
        control::can_consume(&self.world, router, producer, remote)
    }

    /// Binds a socket that any number of plain transports can share, in any router.
    ///
    /// # Errors
    ///
    /// [`BindError`].
    pub fn open_socket(&mut self, info: &ListenInfo) -> Result<SocketId, BindError> {
        let record = self.bind(info)?;
        self.asked = true;
        Ok(control::open_socket(
            &mut self.world,
            record,
            AppData::default(),
        ))
    }

    /// Creates a plain transport.
    ///
    /// # Errors
    ///
    /// [`CreateTransportError`]; no socket is left bound then.
    pub fn create_plain_transport(
        &mut self,
        router: RouterId,
        options: PlainTransportOptions,
    ) -> Result<TransportId, CreateTransportError> {
        find(&self.world, router).map_err(OpenTransportError::from)?;
        let mut bound = Vec::new();
        let result = self.open_plain(router, options, &mut bound);
        if result.is_err() {
            for record in &bound {
                self.release(record);
            }
        }
        self.asked = true;
        result
    }

    fn open_plain(
        &mut self,
        router: RouterId,
        options: PlainTransportOptions,
        bound: &mut Vec<control::SocketRecord>,
    ) -> Result<TransportId, CreateTransportError> {
        let rtcp = match (options.rtcp_mux, options.rtcp_listen) {
            (true, _) => None,
            (false, Some(listen)) => Some(listen),
            (false, None) => Some(at_any_port(options.listen.clone())),
        };
        let rtp = self.endpoint(options.listen, bound)?;
        let rtcp = rtcp
            .map(|listen| self.endpoint(listen, bound))
            .transpose()?;
        let record = PlainTransportRecord {
            rtp,
            rtcp,
            comedia: options.comedia,
        };
        let world = &mut self.world;
        Ok(control::open_plain_transport(
            world,
            router,
            &record,
            options.app_data,
        )?)
    }

    fn endpoint(
        &mut self,
        listen: Listen,
        bound: &mut Vec<control::SocketRecord>,
    ) -> Result<Endpoint, BindError> {
        match listen {
            Listen::Shared(id) => Ok(Endpoint::Shared(id)),
            Listen::Own(info) => {
                let record = self.bind(&info)?;
                bound.push(record.clone());
                Ok(Endpoint::Own(record))
            }
        }
    }

    /// Creates a direct transport: the application sends and receives packets itself.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the router is.
    pub fn create_direct_transport(&mut self, router: RouterId) -> Result<TransportId, Closed> {
        self.asked = true;
        control::open_direct_transport(&mut self.world, router, AppData::default())
    }

    /// Tells a plain transport where the other side is.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; it can be tried again then.
    pub fn connect(
        &mut self,
        transport: TransportId,
        options: &ConnectOptions,
    ) -> Result<(), ConnectError> {
        self.asked = true;
        control::connect(&mut self.world, transport, options)
    }

    /// The addresses of a plain transport's RTP; none for a direct one.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn tuple(&self, transport: TransportId) -> Result<Option<Tuple>, Closed> {
        let entity = find(&self.world, transport)?;
        Ok(self.tuple_of(entity, Role::Rtp))
    }

    /// The addresses of a plain transport's RTCP; none for a direct one, or when it is multiplexed
    /// with RTP.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn rtcp_tuple(&self, transport: TransportId) -> Result<Option<Tuple>, Closed> {
        let entity = find(&self.world, transport)?;
        let muxed = self
            .world
            .get::<Path>(entity)
            .is_none_or(|path| path.rtcp_mux);
        Ok(if muxed {
            None
        } else {
            self.tuple_of(entity, Role::Rtcp)
        })
    }

    fn tuple_of(&self, transport: Entity, role: Role) -> Option<Tuple> {
        let addresses = self.world.get::<LocalAddresses>(transport)?;
        let remote = self.world.get::<Path>(transport)?.link(role).remote();
        Some(match role {
            Role::Rtp => addresses.rtp.tuple(remote),
            Role::Rtcp => addresses.rtcp.tuple(remote),
        })
    }

    /// What passed through a transport.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn transport_stats(&self, transport: TransportId) -> Result<TransportStats, Closed> {
        control::transport_stats(&self.world, transport)
    }

    /// Closes a router, its transports and all that is on them.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_router(&mut self, router: RouterId) -> Result<(), Closed> {
        let sockets = control::close_router(&mut self.world, router)?;
        self.close_sockets(sockets);
        Ok(())
    }

    /// Closes a transport and all that is on it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_transport(&mut self, transport: TransportId) -> Result<(), Closed> {
        let sockets = control::close_transport(&mut self.world, transport)?;
        self.close_sockets(sockets);
        Ok(())
    }

    /// Closes a shared socket and the transports on it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_socket(&mut self, socket: SocketId) -> Result<(), Closed> {
        let sockets = control::close_socket(&mut self.world, socket)?;
        self.close_sockets(sockets);
        Ok(())
    }

    fn close_sockets(&mut self, keys: Vec<SocketKey>) {
        self.asked = true;
        for key in keys {
            self.backend.close(key);
        }
    }
}

/// Producers.
impl Engine {
    /// Makes a producer on a transport.
    ///
    /// # Errors
    ///
    /// [`ProduceError`]; nothing has changed then.
    pub fn produce(
        &mut self,
        transport: TransportId,
        options: ProducerOptions,
    ) -> Result<ProducerId, ProduceError> {
        self.asked = true;
        control::produce(&mut self.world, transport, options)
    }

    /// Pauses a producer: nothing of it is forwarded, everything else goes on.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn pause_producer(&mut self, producer: ProducerId) -> Result<(), Closed> {
        self.asked = true;
        control::pause_producer(&mut self.world, producer)
    }

    /// Resumes a producer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn resume_producer(&mut self, producer: ProducerId) -> Result<(), Closed> {
        self.asked = true;
        control::resume_producer(&mut self.world, producer)
    }

    /// Closes a producer, and its consumers with it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_producer(&mut self, producer: ProducerId) -> Result<(), Closed> {
        self.asked = true;
        control::close_producer(&mut self.world, producer)
    }

    /// Sends an RTP packet on a direct transport, as if the network had brought it.
    ///
    /// # Errors
    ///
    /// [`SendError`]. What is wrong with the packet itself is counted as for the network.
    pub fn send(&mut self, producer: ProducerId, packet: &[u8]) -> Result<(), SendError> {
        self.asked = true;
        control::send_rtp(&mut self.world, producer, packet)
    }

    /// Sends RTCP on a direct transport, as if the network had brought it.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub fn send_rtcp(&mut self, transport: TransportId, packet: &[u8]) -> Result<(), SendError> {
        self.asked = true;
        control::send_rtcp(&mut self.world, transport, packet)
    }

    /// An entry for each stream of a producer that has begun.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn producer_stats(&self, producer: ProducerId) -> Result<Vec<RtpStats>, Closed> {
        control::producer_stats(&self.world, producer)
    }

    /// The scores of a producer's streams.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn score(&self, producer: ProducerId) -> Result<Vec<ProducerScore>, Closed> {
        control::producer_score(&self.world, producer)
    }

    /// The parameters of a producer, validated and normalised.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn producer_parameters(&self, producer: ProducerId) -> Result<&RtpParameters, Closed> {
        Ok(&self.get::<ProducerParameters, _>(producer)?.rtp)
    }

    /// What consumers of a producer can get.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn consumable_parameters(&self, producer: ProducerId) -> Result<&RtpParameters, Closed> {
        Ok(&self.get::<ProducerParameters, _>(producer)?.consumable)
    }

    /// Simple, simulcast or SVC.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn producer_type(&self, producer: ProducerId) -> Result<ProducerType, Closed> {
        Ok(self.get::<ProducerParameters, _>(producer)?.producer_type)
    }

    /// How the camera of a producer is held, once it told.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn orientation(&self, producer: ProducerId) -> Result<Option<VideoOrientation>, Closed> {
        let entity = find(&self.world, producer)?;
        Ok(self
            .world
            .get::<Orientation>(entity)
            .and_then(|orientation| orientation.0))
    }

    /// Chooses what is traced on a producer; each call replaces the choice.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn trace_producer(
        &mut self,
        producer: ProducerId,
        types: &[TraceType],
    ) -> Result<(), Closed> {
        control::trace_producer(&mut self.world, producer, types)
    }
}

/// Consumers.
impl Engine {
    /// Makes a consumer on a transport.
    ///
    /// # Errors
    ///
    /// [`ConsumeError`]; nothing has changed then.
    pub fn consume(
        &mut self,
        transport: TransportId,
        options: ConsumerOptions,
    ) -> Result<ConsumerId, ConsumeError> {
        self.asked = true;
        control::consume(&mut self.world, transport, options)
    }

    /// Pauses a consumer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn pause_consumer(&mut self, consumer: ConsumerId) -> Result<(), Closed> {
        self.asked = true;
        control::pause_consumer(&mut self.world, consumer)
    }

    /// Resumes a consumer: it begins with a key frame, which is asked for.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn resume_consumer(&mut self, consumer: ConsumerId) -> Result<(), Closed> {
        self.asked = true;
        control::resume_consumer(&mut self.world, consumer)
    }

    /// Asks the producer of a consumer for a key frame.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn request_key_frame(&mut self, consumer: ConsumerId) -> Result<(), Closed> {
        self.asked = true;
        control::request_key_frame(&mut self.world, consumer)
    }

    /// Closes a consumer.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_consumer(&mut self, consumer: ConsumerId) -> Result<(), Closed> {
        self.asked = true;
        control::close_consumer(&mut self.world, consumer)
    }

    /// What a consumer sends, then what its producer's stream receives.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn consumer_stats(&self, consumer: ConsumerId) -> Result<Vec<RtpStats>, Closed> {
        control::consumer_stats(&self.world, consumer)
    }

    /// What a consumer sends: to be told to its receiver.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn consumer_parameters(&self, consumer: ConsumerId) -> Result<&RtpParameters, Closed> {
        Ok(&self.get::<ConsumerParameters, _>(consumer)?.rtp)
    }

    /// Chooses what is traced on a consumer; each call replaces the choice.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn trace_consumer(
        &mut self,
        consumer: ConsumerId,
        types: &[TraceType],
    ) -> Result<(), Closed> {
        control::trace_consumer(&mut self.world, consumer, types)
    }
}

/// Everything that has an identifier.
impl Engine {
    /// What `id` names is closed, or never was part of this engine.
    pub fn closed<I: Id>(&self, id: I) -> bool {
        find(&self.world, id).is_err()
    }

    /// The entity that `id` names, for queries and observers.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone.
    pub fn entity<I: Id>(&self, id: I) -> Result<Entity, Closed> {
        find(&self.world, id)
    }

    /// Whether a producer or consumer was paused by its owner.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone.
    pub fn paused<I: Id>(&self, id: I) -> Result<bool, Closed> {
        Ok(self.get::<Paused, _>(id)?.0)
    }

    /// What the application remembers with `id`.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone.
    pub fn app_data<I: Id>(&self, id: I) -> Result<&AppData, Closed> {
        self.get::<AppData, _>(id)
    }

    /// Changes what the application remembers with `id`.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone.
    pub fn set_app_data<I: Id>(&mut self, id: I, app_data: AppData) -> Result<(), Closed> {
        let entity = find(&self.world, id)?;
        self.world.entity_mut(entity).insert(app_data);
        Ok(())
    }

    /// Calls `observer` whenever event `E` happens to what `id` names: `producer.on("score")`.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone.
    pub fn observe<I: Id, E: EntityEvent>(
        &mut self,
        id: I,
        mut observer: impl FnMut(&E) + Send + Sync + 'static,
    ) -> Result<(), Closed> {
        let entity = find(&self.world, id)?;
        self.world
            .entity_mut(entity)
            .observe(move |event: On<'_, '_, E>| observer(&event));
        Ok(())
    }

    fn get<C: bevy_ecs::component::Component, I: Id>(&self, id: I) -> Result<&C, Closed> {
        let entity = find(&self.world, id)?;
        self.world.get::<C>(entity).ok_or_else(|| Closed::new(id))
    }

    /// Closes every router and every shared socket, in the order of their creation.
    pub(crate) fn close_all(&mut self) {
        for router in self.all::<RouterId>() {
            // It is in the list, so it is open.
            let _ = self.close_router(router);
        }
        for socket in self.all::<SocketId>() {
            let _ = self.close_socket(socket);
        }
    }

    fn all<I: Id>(&mut self) -> Vec<I> {
        debug_assert!(
            self.world.contains_resource::<Directory>(),
            "the engine has a directory"
        );
        let mut query = self.world.query_filtered::<(&Created, &I), With<AppData>>();
        let mut found: Vec<_> = query
            .iter(&self.world)
            .map(|(&created, &id)| (created, id))
            .collect();
        found.sort_unstable_by_key(|&(created, _)| created);
        found.into_iter().map(|(_, id)| id).collect()
    }
}

/// The same place, at a port that the range gives.
fn at_any_port(listen: Listen) -> Listen {
    match listen {
        Listen::Own(info) => Listen::Own(ListenInfo { port: 0, ..info }),
        shared => shared,
    }
}
