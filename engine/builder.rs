//! How an engine is made: every limit, with its name, default and unit.

mod kept;
mod recorded;

use std::time::Duration;

use bevy_ecs::error::FallbackErrorHandler;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::ScheduleSystem;
use bevy_ecs::world::World;
use flumen_components::event::Pending;
use flumen_components::{
    BandwidthEstimator, CreationSequence, DataLedger, Deadlines, Deliveries, DirectOut, Directory,
    DtlsSettings, EstimateMethod, Estimators, EventLog, Inbox, KeyFrameRetry, Ledger, Limits,
    LivenessTimeout, MessageDeliveries, Messages, Now, NtpEpoch, Outbox, Parked, SctpLibrary, Seed,
    Sockets, Taping, Vetoes,
};
use flumen_protocol::dtls::{self, Identity};
use flumen_protocol::sctp::Stack;
use flumen_systems::{Plugin, Setup, Slot, Stage, pipeline};

use crate::backend::Backend;
use crate::build_error::BuildError;
use crate::clock;
use crate::crew;
use crate::engine::Engine;
use crate::gathering::Gathering;
use crate::limits;
use crate::poison;
use crate::recording::Record;
use crate::snapshot::Own;
use crate::udp::Udp;

/// Makes an [`Engine`]. Every setter has a sensible default.
pub struct Builder {
    seed: Option<[u8; 32]>,
    ntp_epoch: Option<NtpEpoch>,
    sctp_stack: Stack,
    dtls: dtls::Config,
    dtls_identity: Option<Identity>,
    backend: Option<Box<dyn Backend>>,
    limits: Limits,
    liveness_timeout: Duration,
    key_frame_retry: KeyFrameRetry,
    estimators: Estimators,
    own_estimator: bool,
    gathering: Gathering,
    threads: usize,
    port_range: (u16, u16),
    built_in: bool,
    plugins: Vec<(&'static str, Box<dyn FnOnce(&mut Setup)>)>,
    record: Option<Record>,
    taping: Taping,
    own: Vec<Own>,
    state_digest_ticks: u64,
}

/// Declares a setter for each limit.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)+) => {
        /// The limits: see [`Limits`] for all of them at once.
        impl Builder {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.limits.$name = $name;
                    self
                }
            )+
        }
    };
}

limits! {
    /// Datagrams that one tick takes in from all sockets. Default 1,024.
    datagrams_per_tick: usize;
    /// Datagrams that one tick takes in from one socket. Default 256.
    datagrams_per_socket: usize;
    /// Longest datagram taken whole, in bytes. Default 2,048.
    datagram_bytes: usize;
    /// Datagrams that may wait for a blocked socket on account of one transport. Default 512.
    waiting_datagrams_per_transport: u32;
    /// Packets sent on one transport that wait for the next tick. Default 4,096.
    direct_sends_per_transport: usize;
    /// Packets sent on all transports that wait for the next tick. Default 16,384.
    direct_sends_per_tick: usize;
    /// Packets delivered on one direct transport that were not collected. Default 4,096.
    deliveries_per_transport: usize;
    /// Bytes of those packets. Default 4 MiB.
    delivered_bytes_per_transport: usize;
    /// Messages sent on one direct transport that wait for the next tick. Default 4,096.
    messages_per_transport: usize;
    /// Bytes of those messages. Default 16 MiB.
    message_bytes_per_transport: usize;
    /// Messages delivered on one direct transport that were not collected. Default 65,536.
    delivered_messages_per_transport: usize;
    /// Bytes of those messages. Default 16 MiB.
    delivered_message_bytes_per_transport: usize;
    /// Bytes that may wait on one SCTP association. Default 2,000,000.
    sctp_send_buffer_bytes: u32;
    /// Bytes that may wait on one stream of an association. Default 2,000,000.
    sctp_stream_queue_bytes: u32;
    /// Bytes that the peer of an association may have under way. Default 5,242,880.
    sctp_receive_window_bytes: u32;
    /// Messages that may wait on one association. Default 16,384.
    sctp_send_queue_messages: u32;
    /// Streams that the peer of an association may send on. Default 1,024.
    sctp_inbound_streams: u16;
    /// SSRCs that a peer may send with under one SRTP key. Default 1,024.
    srtp_inbound_ssrcs: usize;
    /// SSRCs that a transport may send with under one SRTP key. Default 16,384.
    srtp_outbound_ssrcs: usize;
    /// Bytes of sealed packets that are made before they are sent. Default 256 KiB.
    sealed_bytes: usize;
    /// Datagrams of one tick for which another thread is woken. Default 32.
    datagrams_per_thread: usize;
    /// Bytes of the names of a data channel that a peer opens. Default 1,024.
    data_channel_name_bytes: usize;
    /// Bytes of messages that wait for a data producer on a channel that a peer has opened. Default
    /// 256 KiB.
    early_message_bytes: usize;
    /// Connectivity checks of one WebRTC transport that are read in one tick, and as many more by the way
    /// that leads to its peer. Default 64.
    stun_checks_per_transport: u32;
    /// Connectivity checks from unknown addresses that are read in one tick. Default 128.
    stun_checks_per_tick: u32;
    /// Ways to the peer that a WebRTC transport knows at a time. Default 8.
    ice_tuples_per_transport: usize;
    /// Bytes that are sent by a way before more than connectivity checks has come by it. Default
    /// 65,536.
    ice_unproven_bytes: u32;
    /// How often within ten seconds a WebRTC transport selects another way. Default 16.
    ice_switches: u32;
    /// Connections of one TCP socket. Default 4,096.
    tcp_connections_per_socket: usize;
    /// Connections of one TCP socket by which no check of a transport has come. Default 128.
    tcp_unproven_connections_per_socket: usize;
    /// Milliseconds after which such a connection is closed. Default 10,000.
    tcp_unproven_timeout_ms: u64;
    /// Bytes that wait for the peer of a TCP connection to read. Default 256 KiB.
    tcp_unsent_bytes_per_connection: usize;
    /// Events of one transport that were not drained. Default 8,192.
    events_per_transport: usize;
    /// Events in all that were not drained. Default 65,536.
    events: usize;
    /// Trace events that one tick records of one transport. Default 1,024.
    traces_per_transport: usize;
    /// Trace events that one tick records in all. Default 16,384.
    traces_per_tick: usize;
    /// Transport-wide sequence numbers that a transport remembers, at most 16,384. Default 8,192.
    arrivals_per_transport: usize;
    /// Packets sent to one receiver that are remembered, at most 16,384. Default 8,192.
    sent_packets_per_transport: usize;
    /// Packets in reports of one receiver that are looked at in one tick. Default 8,192.
    reported_packets_per_transport: usize;
    /// Packets of one transport that wait for their turn. Default 512.
    paced_datagrams_per_transport: usize;
    /// How fast a transport may send, in percent of what its path carries; at least 100. Default
    /// 110.
    pacing_percent: u64;
    /// Of what a path is known to carry, in percent: what is sent again at most. Default 30.
    retransmission_percent: u64;
    /// Packets that a transport may send at once, if its rate sends them within 5 ms. Default 10.
    pacing_burst_packets: usize;
    /// Milliseconds that a packet waits for its turn at most. Default 500.
    pacing_delay_ms: u64;
    /// How much more than all of it costs, in percent, a path must carry before a consumer gets more
    /// layers; of `maxOutgoingBitrate` too, so that no layer that costs nearly as much is given and
    /// taken in turn. Default 5.
    layer_hysteresis_percent: u64;
    /// Milliseconds after which a path that carried what it costs is enough. Default 5,000.
    layer_patience_ms: u64;
    /// Milliseconds for which less may be believed of a path than is sent before a consumer gets
    /// less; longer while all of it arrives without a queue. Default 500.
    layer_fall_patience_ms: u64;
    /// How much more than is sent, in percent, is tried at a time once something was too much for a
    /// path. Default 100.
    layer_step_percent: u64;
    /// The same within `layer_hold_down_max_ms` after that. Default 20.
    layer_cautious_step_percent: u64;
    /// Milliseconds between two changes of what a consumer may get, unless what is sent is more than
    /// its path carries. Default 1,000.
    layer_change_interval_ms: u64;
    /// Milliseconds for which what was too much for a path is not tried again. Default 5,000.
    layer_hold_down_ms: u64;
    /// The longest of these spans in milliseconds. Default 60,000.
    layer_hold_down_max_ms: u64;
    /// The lowest layer of a video that lives goes out however small the estimate of its path,
    /// unless the path stays over-filled with lowest layers alone. Default true.
    lowest_layer_always: bool;
    /// Milliseconds for which nobody has wanted a layer before its sender is told. Default 5,000.
    unused_layers_delay_ms: u64;
    /// Streams and consumers that report in one tick. Default 256.
    reports_per_tick: usize;
    /// Streams and consumers looked at in one tick for what there is to report. Default 4,096.
    report_checks_per_tick: usize;
    /// Requests of other threads that wait for the next tick. Default 1,024.
    requests: usize;
    /// Bytes of its latest packets that a stream keeps to have them sent again. Default 4 MiB.
    retransmission_bytes_per_stream: usize;
    /// Packets that a consumer sends again within a round trip. Default 256.
    resent_packets_per_consumer: usize;
    /// Requests for packets that are looked at for one consumer in one tick. Default 1,024.
    nacked_packets_per_tick: usize;
    /// Requests for packets that are looked at for one transport in one tick. Default 8,192.
    nacked_packets_per_transport: usize;
    /// SSRCs that may take the place of the one before, in one encoding within ten seconds.
    /// Default 16.
    ssrc_changes_per_encoding: usize;
    /// Bytes of a recording that wait for the disk; it ends when there are more. Default 16 MiB.
    recording_buffer_bytes: usize;
}

impl Engine {
    /// Begins to make an engine.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    fn new() -> Self {
        Self {
            seed: None,
            ntp_epoch: None,
            sctp_stack: Stack::default(),
            dtls: dtls::Config::default(),
            dtls_identity: None,
            backend: None,
            limits: Limits::default(),
            liveness_timeout: Duration::ZERO,
            key_frame_retry: KeyFrameRetry::default(),
            estimators: Estimators::default(),
            own_estimator: false,
            gathering: Gathering::up_to(Duration::from_micros(300)),
            threads: 1,
            port_range: (10_000, 59_999),
            built_in: true,
            plugins: Vec::new(),
            record: None,
            taping: Taping::Off,
            own: Vec::new(),
            state_digest_ticks: 0,
        }
    }

    /// The seed of all randomness. Default: from the operating system.
    #[must_use]
    pub fn seed(mut self, seed: [u8; 32]) -> Self {
        self.seed = Some(seed);
        self
    }

    /// NTP time (RFC 5905, Q32.32) of the engine's epoch. Default: the system's time now.
    #[must_use]
    pub fn ntp_epoch(mut self, ntp: u64) -> Self {
        self.ntp_epoch = Some(NtpEpoch(ntp));
        self
    }

    /// The SCTP library behind the associations of transports. Default: `rtc-sctp`, the only one
    /// without the cargo feature `webrtc-sctp`.
    #[must_use]
    pub fn sctp_stack(mut self, stack: Stack) -> Self {
        self.sctp_stack = stack;
        self
    }

    /// The certificate of WebRTC transports, and its key. Default: one that is made for the engine,
    /// valid for it alone. [`Engine::set_dtls_identity`] gives later ones another.
    #[must_use]
    pub fn dtls_identity(mut self, identity: Identity) -> Self {
        self.dtls_identity = Some(identity);
        self
    }

    /// Sizes and limits of the DTLS connections of WebRTC transports.
    #[must_use]
    pub fn dtls(mut self, config: dtls::Config) -> Self {
        self.dtls = config;
        self
    }

    /// Where datagrams come from and go to. Default: [`Udp`], real sockets.
    #[must_use]
    pub fn backend(mut self, backend: impl Backend + 'static) -> Self {
        self.backend = Some(Box::new(backend));
        self
    }

    /// After how long without a packet of a stream that stream is told not to be live, for
    /// producers made without a timeout of their own. Default zero: never.
    ///
    /// Liveness says whether packets arrive, and nothing of quality: it holds for any kind of
    /// stream and goes on while a producer is paused. Streams with DTX bring a packet every 400 ms
    /// in silence (RFC 6716 section 2.1.9), so their timeout should be longer than that.
    #[must_use]
    pub fn liveness_timeout(mut self, timeout: Duration) -> Self {
        self.liveness_timeout = timeout;
        self
    }

    /// How long a key frame that was asked for is waited for before it is asked for again. Default
    /// one second.
    ///
    /// It is asked for once more whether anybody waits or not; and then, as long as a consumer has
    /// none to begin with, at intervals of which each is twice the one before, up to
    /// [`key_frame_retry_interval_max`](Self::key_frame_retry_interval_max).
    #[must_use]
    pub fn key_frame_retry_interval(mut self, interval: Duration) -> Self {
        self.key_frame_retry.interval = interval;
        self
    }

    /// The longest interval between two requests for a key frame that a consumer waits for. Default
    /// eight seconds.
    #[must_use]
    pub fn key_frame_retry_interval_max(mut self, interval: Duration) -> Self {
        self.key_frame_retry.interval_max = interval;
        self
    }

    /// Who estimates what the paths to receivers carry. Called when the first video consumer of a
    /// transport negotiates feedback on bandwidth, with the method and the bitrate to begin with in
    /// bits a second. Default: [`TransportWideEstimator`](flumen_components::TransportWideEstimator)
    /// and [`RembEstimator`](flumen_components::RembEstimator).
    #[must_use]
    pub fn bandwidth_estimator(
        mut self,
        make: impl Fn(EstimateMethod, u64) -> Box<dyn BandwidthEstimator> + Send + Sync + 'static,
    ) -> Self {
        self.estimators = Estimators(Box::new(make));
        self.own_estimator = true;
        self
    }

    /// For how long the run loop lets packets gather at most before it handles them as one batch,
    /// which costs less a packet: the delay that batching may add, besides the system's timer slack
    /// (50 µs on Linux). While the loop sleeps for two fifths of the time or more nothing gathers, and
    /// a packet is handled as it comes; above that load the span grows within a tenth of a second.
    /// It falls as fast when the loop sleeps for two thirds of the time again, and before that by an
    /// eighth each tenth of a second. The first packet after a lull is never delayed. Default 300 µs;
    /// zero turns it off, and more than 100 ms counts as 100 ms.
    #[must_use]
    pub fn gather_up_to(mut self, span: Duration) -> Self {
        self.gathering = Gathering::up_to(span);
        self
    }

    /// Has packets gather for that long whatever the load: the shortest span between two ticks of the
    /// run loop. In place of [`gather_up_to`](Self::gather_up_to), and with the same bound.
    #[must_use]
    pub fn gather(mut self, span: Duration) -> Self {
        self.gathering = Gathering::always(span);
        self
    }

    /// How many threads seal and write what leaves: the engine's own and `threads - 1` others, which
    /// sleep in between and end with the engine. What leaves is the same for any number, and so are
    /// recordings, snapshots and their digests: none of them says how many there were. Default 1.
    ///
    /// It is for ticks with much to send: others are woken for
    /// [`datagrams_per_thread`](Self::datagrams_per_thread) datagrams and more. Everything else that
    /// a tick does is done by one thread.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The ports that transports are bound to when neither port nor range is given: both ends
    /// included. Default 10,000 to 59,999.
    #[must_use]
    pub fn port_range(mut self, first: u16, last: u16) -> Self {
        self.port_range = (first, last);
        self
    }

    /// Leaves out the engine's own systems: the stages still run, with those that plugins add.
    #[must_use]
    pub fn without_pipeline(mut self) -> Self {
        self.built_in = false;
        self
    }

    /// Adds what a plugin has. Plugins are built in the order in which they were added.
    #[must_use]
    pub fn plugin(mut self, plugin: impl Plugin + 'static) -> Self {
        let name = std::any::type_name_of_val(&plugin);
        let build = move |setup: &mut Setup| plugin.build(setup);
        self.plugins.push((name, Box::new(build)));
        self
    }

    /// Adds systems before or after the engine's own of a stage, behind those added before.
    ///
    /// A system that reads anything outside the world (a clock, a file, another thread) makes runs
    /// differ from their replay.
    #[must_use]
    pub fn add_systems<M>(
        mut self,
        stage: Stage,
        slot: Slot,
        systems: impl IntoScheduleConfigs<ScheduleSystem, M> + 'static,
    ) -> Self {
        let name = std::any::type_name_of_val(&systems);
        let add = move |setup: &mut Setup| {
            setup.add_systems(stage, slot, systems);
        };
        self.plugins.push((name, Box::new(add)));
        self
    }

    /// Makes the engine.
    ///
    /// # Errors
    ///
    /// See [`BuildError`].
    pub fn build(self) -> Result<Engine, BuildError> {
        limits::check(&self.limits)?;
        limits::check_retry(self.key_frame_retry)?;
        limits::check_threads(self.threads)?;
        let (first, last) = self.port_range;
        if first == 0 || first > last {
            return Err(BuildError::EmptyPortRange { first, last });
        }
        let settings = self.settings();
        let mut backend = match self.backend {
            Some(backend) => backend,
            None => Box::new(Udp::new()?),
        };
        let workers = crew::workers(self.threads, &self.limits).map_err(BuildError::Threads)?;
        backend.work_with(&workers);
        let seed = self.seed.map_or_else(random_seed, Ok)?;
        let epoch = self.ntp_epoch.unwrap_or_else(clock::ntp_now);
        let identity = self.dtls_identity.map_or_else(Identity::generate, Ok)?;
        let requests = self.limits.requests;
        let mut world = world(Seed(seed), epoch, self.limits);
        world.insert_resource(workers);
        world.insert_resource(SctpLibrary {
            stack: self.sctp_stack,
            epoch: clock::epoch(),
        });
        world.insert_resource(DtlsSettings {
            config: self.dtls,
            identity,
            epoch: clock::instant(),
            taping: self.taping,
        });
        world.insert_resource(LivenessTimeout(self.liveness_timeout));
        world.insert_resource(self.key_frame_retry);
        world.insert_resource(self.estimators);
        let mut setup = Setup::new(world);
        if self.built_in {
            pipeline(&mut setup);
        }
        for (_, plugin) in self.plugins {
            plugin(&mut setup);
        }
        let (world, steps) = setup.build()?;
        world.resource::<Vetoes>().check()?;
        let mut engine = Engine::new(
            world,
            steps,
            backend,
            requests,
            self.gathering,
            settings,
            self.own,
        );
        engine.state_digest_ticks = self.state_digest_ticks;
        if let Some(record) = self.record {
            if !engine.settings.sctp_stack.repeats_itself() {
                return Err(BuildError::NotRepeatable("webrtc-sctp"));
            }
            let begun = engine.begin_recording(record, None);
            begun.map_err(BuildError::Recording)?;
        }
        Ok(engine)
    }
}

/// A world with the resources that the engine itself works on.
fn world(seed: Seed, epoch: NtpEpoch, limits: Limits) -> World {
    let mut world = World::new();
    world.insert_resource(FallbackErrorHandler(poison::raise));
    world.insert_resource(seed);
    world.insert_resource(epoch);
    world.insert_resource(limits);
    world.init_resource::<Now>();
    world.init_resource::<CreationSequence>();
    world.init_resource::<Directory>();
    world.init_resource::<Sockets>();
    world.init_resource::<Deadlines>();
    world.init_resource::<Inbox>();
    world.insert_resource(Outbox::with_some_capacity());
    world.init_resource::<DirectOut>();
    world.init_resource::<Parked>();
    world.init_resource::<Deliveries>();
    world.init_resource::<Messages>();
    world.init_resource::<MessageDeliveries>();
    world.init_resource::<Ledger>();
    world.init_resource::<DataLedger>();
    world.init_resource::<Pending>();
    world.init_resource::<EventLog>();
    world
}

fn random_seed() -> Result<[u8; 32], BuildError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| BuildError::Seed(error.to_string()))?;
    Ok(seed)
}
