//! What a browser really sent, played through an engine on virtual time.

#[path = "../../examples/relay/capture.rs"]
mod capture;

use std::time::Duration;

use flumen::components::{Media, RtpStream, Touched, chain};
// Derives of the ECS name its crate.
use flumen::components::wire::classify::{PacketKind, classify};
use flumen::ecs as bevy_ecs;
use flumen::ecs::prelude::{Query, Res, ResMut, Resource};
use flumen::rtp_parameters::{HeaderExtension, MediaKind, RtpParameters};
use flumen::{ConsumerOptions, Event, PreferredLayers, ProducerId, Slot, Stage};

use crate::packet::Packet;
use crate::room::{Room, address};

/// A recording of what one browser sent for one track.
pub struct Recording {
    kind: MediaKind,
    /// As the browser's application would tell them to a server.
    parameters: RtpParameters,
    file: Vec<u8>,
}

/// A media packet as the engine saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its SSRC.
    pub ssrc: u32,
    /// The RID of its stream.
    pub rid: Option<String>,
    /// Its sequence number.
    pub sequence: u16,
    /// It begins a key frame.
    pub key_frame: bool,
    /// Its spatial layer.
    pub spatial_layer: u8,
    /// Its temporal layer.
    pub temporal_layer: u8,
}

/// A recording that has been played.
pub struct Played {
    /// The engine that heard it.
    pub room: Room,
    /// The producer.
    pub producer: ProducerId,
    /// Every media packet that the engine accepted, in order.
    pub seen: Vec<Seen>,
    /// Everything that happened.
    pub events: Vec<Event>,
    /// How many datagrams there were.
    pub datagrams: u64,
}

#[derive(Resource, Default)]
struct Log(Vec<Seen>);

fn look(
    touched: Res<'_, Touched>,
    media: Res<'_, Media>,
    streams: Query<'_, '_, &RtpStream>,
    mut log: ResMut<'_, Log>,
) {
    for &stream in &touched.streams {
        let of = streams.get(stream.stream).ok();
        log.0.extend(chain(&media, stream).map(|packet| Seen {
            ssrc: packet.header.ssrc,
            rid: of.and_then(|of| of.rid.as_deref()).map(Into::into),
            sequence: packet.header.sequence_number,
            key_frame: packet.key_frame,
            spatial_layer: packet.descriptor.spatial_layer,
            temporal_layer: packet.descriptor.temporal_layer,
        }));
    }
}

/// The datagrams of a pcapng file, in order.
///
/// # Panics
///
/// When the file is none.
pub(crate) fn datagrams(file: &[u8]) -> Vec<Vec<u8>> {
    let recorded = capture::read(file).expect("the file is a recording");
    recorded
        .iter()
        .map(|packet| packet.datagram.to_vec())
        .collect()
}

/// A recording that went through the engine.
pub struct Forwarded {
    /// The packets of media that came.
    pub arrived: Vec<Packet>,
    /// Those that left.
    pub sent: Vec<Packet>,
}

impl Recording {
    /// A pcapng file, and the `rtpParameters` that go with it as JSON.
    ///
    /// # Errors
    ///
    /// What is wrong with the parameters.
    pub fn new(file: &[u8], parameters: &str) -> Result<Self, serde_json::Error> {
        let parameters: RtpParameters = serde_json::from_str(parameters)?;
        let mut codecs = parameters.codecs.iter();
        let kind = match codecs.any(|codec| codec.mime_type.starts_with("audio/")) {
            true => MediaKind::Audio,
            false => MediaKind::Video,
        };
        Ok(Self {
            kind,
            parameters,
            file: file.to_vec(),
        })
    }

    /// Plays it to a producer with a consumer that wishes for these layers.
    ///
    /// # Panics
    ///
    /// When the file is none, the parameters are refused, or a ledger does not close.
    pub fn play_to(&self, layers: PreferredLayers) -> Forwarded {
        let mut room = Room::new();
        let sender = room.plain(address(5_000));
        let producer = room.produce(sender, self.kind, self.parameters.clone());
        let receiver = room.plain(address(6_000));
        let mut capabilities = room.capabilities();
        // Nobody there tells what the path carries, so nothing is to be estimated.
        let descriptor = HeaderExtension::DependencyDescriptor.uri();
        let extensions = &mut capabilities.header_extensions;
        extensions.retain(|extension| extension.uri == descriptor);
        let mut options = ConsumerOptions::new(producer, capabilities);
        options.preferred_layers = Some(layers);
        let consumer = room.engine.consume(receiver, options);
        consumer.expect("it can be consumed");
        let mut forwarded = Forwarded {
            arrived: Vec::new(),
            sent: Vec::new(),
        };
        let media = self.parameters.codecs[0].payload_type;
        let recorded = capture::read(&self.file).expect("the file is a recording");
        for recorded in &recorded {
            room.arrive_bytes(sender, recorded.datagram);
            let at = flumen::Time::from_millis(1) + recorded.at;
            room.tick_after(at - room.now);
            forwarded.sent.extend(room.rtp_to(address(6_000)));
            if classify(recorded.datagram) == Some(PacketKind::Rtp) {
                let packet = Packet::parse(recorded.datagram);
                let is_media = packet.payload_type == media && !packet.payload.is_empty();
                forwarded.arrived.extend(is_media.then_some(packet));
            }
        }
        forwarded
    }

    /// Plays it to a producer, each datagram in a tick of its own at the time it was recorded.
    ///
    /// # Panics
    ///
    /// When the file is none, the parameters are refused, or a ledger does not close.
    pub fn play(&self) -> Played {
        let watched = |setup: &mut flumen::Setup| {
            setup.world_mut().init_resource::<Log>();
            setup.add_systems(Stage::Receive, Slot::After, look);
        };
        let mut room = Room::with(|builder| builder.plugin(watched));
        let sender = room.plain(address(5_000));
        let producer = room.produce(sender, self.kind, self.parameters.clone());
        let recorded = capture::read(&self.file).expect("the file is a recording");
        let begun = Duration::from_millis(1);
        for packet in &recorded {
            room.arrive_bytes(sender, packet.datagram);
            let at = flumen::Time::ZERO + begun + packet.at;
            room.tick_after(at - room.now);
        }
        let events = room.engine.drain_events();
        let log = &mut *room.engine.world_mut().resource_mut::<Log>();
        Played {
            seen: std::mem::take(&mut log.0),
            datagrams: recorded.len() as u64,
            events,
            room,
            producer,
        }
    }
}
