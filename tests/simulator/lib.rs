//! Rooms of simulated peers around a [Flumen](flumen) engine: for tests of what you build on it.
//!
//! The engine inside is the one that runs in production, with all of its systems and yours; only the
//! two ends of a tick are exchanged, for a network that exists in memory. Peers speak real RTP, RTCP
//! and SCTP, on plain transports or, as browsers do, behind ICE, DTLS and SRTP: they send sound as Opus
//! does and pictures as VP8, VP9, AV1 and H.264 do (key frames, simulcast, spatial and temporal layers),
//! answer NACKs with RTX and requests for key frames with key frames, send less when they are told to;
//! and they check what they get, decode by the references of the codec, ask for what is missing, and
//! report. Links take time, lose in bursts, reorder, double, queue and break.
//!
//! Time is virtual and jumps from event to event, and everything is drawn from one seed: a failing
//! test fails again, on every machine.
//!
//! # A room in a few lines
//!
//! ```
//! use std::time::Duration;
//! use flumen_sim::{Audio, Link, Loss, Peer, Room, Video};
//!
//! let mobile = Link::new().latency(Duration::from_millis(40)).loss(Loss::bursts(2, 3));
//! let mut room = Room::new(1);
//! let alice = room.join(Peer::new().audio(Audio::opus()).video(Video::vp8()));
//! let bob = room.join(Peer::new().link(mobile));
//! room.run_for(Duration::from_secs(10));
//!
//! let video = room.video(bob, alice);
//! assert!(video.frames > 280 && video.repaired_percent() > 90);
//! room.close();
//! ```
//!
//! # Codecs and layers
//!
//! What a camera sends is said in a line; who watches it decodes a picture when all is there that its
//! layers need:
//!
//! ```
//! use std::time::Duration;
//! use flumen::PreferredLayers;
//! use flumen::rtp_parameters::MediaKind;
//! use flumen_sim::{Peer, Room, Video};
//!
//! let mut room = Room::new(1);
//! let camera = Video::vp9().spatial_layers(3).temporal_layers(3).key_only();
//! assert_eq!(camera.mode(), "L3T3_KEY");
//! let alice = room.join(Peer::new().video(camera));
//! let bob = room.join(Peer::new());
//! room.run_for(Duration::from_secs(5));
//! assert_eq!(room.video(bob, alice).last.unwrap().spatial, 2);
//!
//! let consumer = room.consumer(bob, alice, MediaKind::Video).unwrap();
//! let lowest = PreferredLayers { spatial_layer: 0, temporal_layer: Some(0) };
//! room.engine_mut().set_preferred_layers(consumer, lowest).unwrap();
//! room.run_for(Duration::from_secs(5));
//! let last = room.video(bob, alice).last.unwrap();
//! assert_eq!((last.spatial, last.temporal), (0, 0));
//! room.close();
//! ```
//!
//! # Testing a system of your own
//!
//! A system that lets no sound through that is too quiet, and a room that proves it:
//!
//! ```
//! use std::time::Duration;
//!
//! use flumen::components::Packets;
//! use flumen::ecs as bevy_ecs;
//! use flumen::ecs::prelude::*;
//! use flumen::{Setup, Slot, Stage, Veto};
//! use flumen_sim::{Audio, Link, Loss, Peer, Room};
//!
//! #[derive(Resource)]
//! struct TooQuiet(Veto);
//!
//! fn gate(mut packets: Packets<'_, '_>, reason: Res<'_, TooQuiet>) -> Result {
//!     for index in 0..packets.len() {
//!         // The audio level extension, RFC 6464: the larger, the quieter.
//!         let level = packets.get(index).and_then(|packet| packet.extension(1)?.first().copied());
//!         if level.is_some_and(|level| level & 0x7f > 60) {
//!             packets.veto(index, reason.0)?;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! fn plugin(setup: &mut Setup) {
//!     let reason = setup.veto("tooQuiet");
//!     setup.world_mut().insert_resource(TooQuiet(reason));
//!     setup.add_systems(Stage::Receive, Slot::After, gate);
//! }
//!
//! let lossy = Link::new().latency(Duration::from_millis(20)).loss(Loss::percent(5));
//! let mut room = Room::with(7, |builder| builder.plugin(plugin));
//! let loud = room.join(Peer::new().audio(Audio::opus().level(20)).link(lossy));
//! let quiet = room.join(Peer::new().audio(Audio::opus().level(100)).link(lossy));
//! let listener = room.join(Peer::new());
//! room.run_for(Duration::from_secs(5));
//! assert!(room.audio(listener, loud).packets > 200);
//! assert_eq!(room.audio(listener, quiet).packets, 0);
//! room.close();
//! ```
//!
//! # What is checked
//!
//! After every tick, without being asked: see [`checks`], which is also where rules of your own go.
//! A broken rule panics with the seed, the time and what was seen:
//!
//! ```text
//! seed 17 at 3.210000 s: numbering: 6e24f24f-... sends number 4711 twice
//! ```
//!
//! # Two futures
//!
//! [`Room::fork`] makes another room of one, which goes on from a snapshot of its engine: what follows
//! from a change is what differs between the two.
//!
//! # Links without a room
//!
//! [`Way`] is one direction of a link for tests of what is not in a room, be it an association or a pacer.
//!
//! # What is not simulated
//!
//! Pixels: frames have the sizes and the descriptors of their codec, and say what they refer to. Senders
//! adapt to REMB and do not estimate by themselves.

#![forbid(unsafe_code)]

mod any_room;
pub mod checks;
mod clock;
#[doc(hidden)]
pub mod coding;
mod direction;
mod draw;
mod flights;
mod link;
mod messenger;
mod network;
mod noise;
mod parameters;
mod peer;
mod peer_id;
mod receiving;
mod room;
mod sending;
mod session;
mod station;
mod video;
mod way;

pub use any_room::{AnyRoom, Cell, Failed, Played};
pub use checks::Broken;
pub use direction::{Crossing, Fate};
pub use draw::Draw;
pub use link::{Link, Loss, Queue};
pub use messenger::MessageReception;
pub use noise::Noise;
pub use peer::{Audio, Feedback, Media, Messages, Peer, Repair};
pub use peer_id::PeerId;
pub use receiving::{AudioReception, Shown, VideoReception};
pub use room::Room;
pub use sending::VideoSent;
pub use video::{Video, VideoCodec};
pub use way::Way;
