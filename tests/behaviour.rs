//! What the engine does, as claims: one room a kind of behaviour, one file a behaviour.

/// What an application asks for and is told.
mod application {
    mod closed;
    mod closing;
    mod dumps;
    mod errors;
    mod event_life;
    mod events;
    mod goldens;
    mod handle;
    mod in_order;
    mod media_codecs;
    mod observers;
    mod running;
    mod shutdown;
    mod stats;
    mod traces;
}

/// Consumers: what they get, and when.
mod consume {
    mod consumer_scores;
    mod forwarding;
    mod h264;
    mod header_extensions;
    mod key_frames;
    mod pausing;
    mod relay;
    mod resending;
    mod simulcast;
    mod switches;
    mod timestamps;
}

/// What senders are told of what arrives, and receivers tell.
mod feedback {
    mod available_bitrate;
    mod bandwidth;
    mod compounds;
    mod estimate;
    mod hostile_rtcp;
    mod links;
    mod reports;
}

/// How producers and their streams arrive.
mod media {
    mod another_ssrc;
    mod capture_time;
    mod captures;
    mod discovery;
    mod inactivity;
    mod layers;
    mod liveness;
    mod recovery;
    mod restarts;
    mod scoring;
    mod sequence;
}

/// Data producers, data consumers and their messages.
mod messages {
    mod backpressure;
    mod errors;
    mod events;
    mod hostile;
    mod idle;
    mod ledger;
    mod routing;
    mod sctp;
    mod verdicts;
}

/// SCTP associations behind the seam: every implementation against itself and every other.
mod sctp {
    mod crossing;
    mod ending;
    mod flow;
    mod hostile;
    mod limits;
    mod recorded;
    mod reliability;
    mod resets;
    mod restart;
    mod simulation;
    #[cfg(feature = "webrtc-sctp")]
    mod webrtc_sctp;
    mod wrap;
}

/// What holds for every tick.
mod tick {
    mod determinism;
    mod fuzzed;
    mod hostile;
    mod idle;
    mod ledgers;
    mod limits;
    mod mutations;
    mod order;
    mod own_rules;
    mod poison;
    #[path = "../../examples/house_rules/rules.rs"]
    mod rules;
    mod user_systems;
    mod verdicts;
}

/// Transports, on virtual and on real sockets.
mod transport {
    mod blocked;
    mod comedia;
    mod direct;
    mod pacing;
    mod sockets;
    mod transport_errors;
}
