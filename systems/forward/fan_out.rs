//! Packets reach the consumers of their producer.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};
use flumen_components::event::Traced;
use flumen_components::rtp_parameters::{Codec, HeaderExtensionIds};
use flumen_components::trace::{Direction, PacketTrace, TraceInfo};
use flumen_components::wire::codec::opus;
use flumen_components::wire::sequence::is_higher_u32;
use flumen_components::{
    Arrival, ConsumerId, Destination, DirectOut, DirectRow, Emission, Inbox, Ledger, Limits, Link,
    Listener, Media, MediaPacket, Newest, Now, Outbox, Outgoing, OutgoingKind, Path, Paused,
    Producer, Recipient, RemoteClock, Routes, RtpStream, Subject, Time, Touched, TouchedStream,
    Trace, TraceTypes, Traces, Withheld, chain,
};

use super::template::{Source, Template, Templates};

/// Who sends and who receives.
#[derive(SystemParam)]
pub(crate) struct Parties<'w, 's> {
    producers: Query<'w, 's, (&'static Producer, &'static Routes, &'static Paused)>,
    streams: Query<'w, 's, &'static RtpStream>,
    senders: Query<'w, 's, (&'static Listener, &'static RemoteClock)>,
    consumers: Query<
        'w,
        's,
        (
            &'static mut Emission,
            &'static Paused,
            &'static ConsumerId,
            &'static TraceTypes,
        ),
    >,
    paths: Query<'w, 's, &'static Path>,
}

/// Where forwarded packets go.
#[derive(SystemParam)]
pub(crate) struct Exits<'w> {
    outbox: ResMut<'w, Outbox>,
    direct: ResMut<'w, DirectOut>,
    traces: ResMut<'w, Traces>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Memory that is reused from tick to tick.
#[derive(Default)]
pub(crate) struct Scratch {
    packets: Vec<MediaPacket>,
    dtx: Vec<bool>,
    templates: Templates,
}

/// Offers the packets of every touched stream to every consumer of its producer.
///
/// The order is stream, then consumer, then packet: the state of a consumer is loaded once a tick,
/// and what one destination gets of a stream lies together, ready to leave as a run.
pub(crate) fn fan_out(
    touched: Res<'_, Touched>,
    media: Res<'_, Media>,
    inbox: Res<'_, Inbox>,
    mut parties: Parties<'_, '_>,
    mut exits: Exits<'_>,
    mut ledger: ResMut<'_, Ledger>,
    mut scratch: Local<'_, Scratch>,
) {
    for &stream in &touched.streams {
        let Ok((producer, routes, paused)) = parties.producers.get(stream.producer) else {
            continue;
        };
        let offered = u64::from(stream.count) * routes.0.len() as u64;
        ledger.offered += offered;
        if paused.0 {
            ledger.withheld[Withheld::ProducerPaused] += offered;
            continue;
        }
        if routes.0.is_empty() {
            continue;
        }
        let sender = parties.senders.get(producer.transport).ok();
        let ids = sender.map_or(&NO_IDS, |(listener, _)| &listener.extensions);
        let clock_offset = sender.and_then(|(_, clock)| clock.offset());
        let codec = parties
            .streams
            .get(stream.stream)
            .map(|stream| stream.codec);
        scratch.load(stream, &media, &inbox, codec.unwrap_or(Codec::Other));
        for &consumer in &routes.0 {
            let Ok((emission, paused, &id, &traced)) = parties.consumers.get_mut(consumer) else {
                continue;
            };
            let mut delivery = Delivery {
                emission: emission.into_inner(),
                consumer,
                id,
                traced,
                arena: inbox.bytes(),
                ids,
                clock_offset,
                exits: &mut exits,
                ledger: &mut ledger,
            };
            match parties.paths.get(delivery.emission.transport) {
                Ok(path) if !paused.0 => delivery.offer(&mut scratch, path.rtp),
                Ok(_) => delivery.withhold_all(Withheld::ConsumerPaused, &scratch),
                Err(_) => delivery.withhold_all(Withheld::NotConnected, &scratch),
            }
        }
    }
}

const NO_IDS: HeaderExtensionIds = HeaderExtensionIds::NONE;

impl Scratch {
    fn load(&mut self, stream: TouchedStream, media: &Media, inbox: &Inbox, codec: Codec) {
        self.templates.clear();
        self.packets.clear();
        self.packets.extend(chain(media, stream));
        self.dtx.clear();
        let silent = |packet: &MediaPacket| {
            codec == Codec::Opus
                && opus::is_dtx(packet.header.payload(&inbox.bytes()[packet.range()]))
        };
        self.dtx.extend(self.packets.iter().map(silent));
    }
}

/// The packets of one stream on their way to one consumer.
struct Delivery<'a, 'w> {
    emission: &'a mut Emission,
    consumer: Entity,
    id: ConsumerId,
    traced: TraceTypes,
    arena: &'a [u8],
    ids: &'a HeaderExtensionIds,
    clock_offset: Option<i64>,
    exits: &'a mut Exits<'w>,
    ledger: &'a mut Ledger,
}

impl Delivery<'_, '_> {
    fn offer(&mut self, scratch: &mut Scratch, link: Link) {
        let exit = match link {
            Link::Direct => Exit::Direct,
            Link::Udp {
                socket,
                remote: Some(address),
            } => {
                let transport = self.emission.transport;
                self.exits.outbox.destinations.push(Destination {
                    transport,
                    socket,
                    address,
                });
                Exit::Udp(self.exits.outbox.destinations.len() as u32 - 1)
            }
            Link::Udp { remote: None, .. } => {
                return self.withhold_all(Withheld::NotConnected, scratch);
            }
        };
        let source = Source {
            packets: &scratch.packets,
            arena: self.arena,
            ids: self.ids,
            clock_offset: self.clock_offset,
        };
        let group = scratch.templates.group(self.emission.extensions, source);
        let mut sent_bytes = 0;
        for (index, packet) in scratch.packets.iter().enumerate() {
            match choose(self.emission, packet, scratch.dtx[index]) {
                Ok(sequence) => {
                    let template = scratch.templates.get(group + index);
                    sent_bytes +=
                        self.forward(packet, sequence, &scratch.templates, template, exit);
                }
                Err(reason) => self.ledger.withhold(reason, 1),
            }
        }
        if sent_bytes > 0 {
            self.emission.bytes += sent_bytes;
            self.emission.rate.add(sent_bytes, self.exits.now.time);
        }
    }

    fn withhold_all(&mut self, reason: Withheld, scratch: &Scratch) {
        // What it misses is no gap: it starts anew when it becomes active.
        self.emission.sync_required = true;
        self.ledger.withhold(reason, scratch.packets.len());
    }

    /// Writes the row of one packet; returns its length in bytes.
    fn forward(
        &mut self,
        packet: &MediaPacket,
        sequence: u16,
        templates: &Templates,
        template: Template,
        exit: Exit,
    ) -> u64 {
        let outbox = &mut *self.exits.outbox;
        let header_start = outbox.headers.len() as u32;
        templates.instantiate(template, self.emission, sequence, &mut outbox.headers);
        let header = &packet.header;
        let payload_len = header.payload_len + u16::from(header.padding_len);
        let row = Outgoing {
            destination: 0,
            header_start,
            payload_start: packet.start + u32::from(header.payload_start),
            header_len: template.len(),
            payload_len,
            abs_send_time: template.abs_send_time,
            transport_sequence: template.transport_sequence,
            kind: OutgoingKind::Media,
        };
        match exit {
            Exit::Udp(destination) => outbox.rows.push(Outgoing { destination, ..row }),
            Exit::Direct => {
                let (transport, to) = (self.emission.transport, Recipient::Rtp(self.id));
                self.exits.direct.0.push(DirectRow { transport, to, row });
            }
        }
        self.ledger.enqueued += 1;
        self.emission.packets += 1;
        self.emission.payload_bytes += u64::from(header.payload_len);
        note_newest(self.emission, packet, self.exits.now.time);
        let size = u32::from(template.len()) + u32::from(payload_len);
        if let Some(type_) = self.traced.of_packet(packet.key_frame) {
            let info = TraceInfo::Packet(self.as_sent(packet, sequence, size));
            let timestamp = self.exits.now.time.as_millis();
            let trace = Trace {
                type_,
                timestamp,
                direction: Direction::Out,
                info,
            };
            let (about, subject) = (self.consumer, Subject::Consumer(self.id));
            self.exits.traces.push(
                Traced {
                    about,
                    subject,
                    trace,
                },
                self.exits.limits.traces_per_tick,
            );
        }
        size.into()
    }

    fn as_sent(&self, packet: &MediaPacket, sequence_number: u16, size: u32) -> PacketTrace {
        PacketTrace {
            payload_type: packet.payload_type,
            sequence_number,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            ssrc: self.emission.ssrc,
            is_key_frame: packet.key_frame,
            spatial_layer: packet.descriptor.spatial_layer,
            temporal_layer: packet.descriptor.temporal_layer,
            size,
            payload_size: packet.header.payload_len.into(),
            is_rtx: false,
            mid: None,
            rid: None,
            rrid: None,
            wide_sequence_number: None,
        }
    }
}

/// Where the packets of a consumer leave.
#[derive(Clone, Copy)]
enum Exit {
    Direct,
    /// Index of the destination in the outbox.
    Udp(u32),
}

/// What is late is newest only if it is ahead in its own clock: a source that set its clock back
/// is followed.
fn note_newest(emission: &mut Emission, packet: &MediaPacket, now: Time) {
    let timestamp = packet.header.timestamp;
    let is_newest = |newest: Newest| {
        packet.arrival != Arrival::Late || is_higher_u32(timestamp, newest.timestamp)
    };
    if emission.newest.is_none_or(is_newest) {
        emission.newest = Some(Newest {
            timestamp,
            at: now,
            stream: packet.stream,
        });
    }
}

/// The outgoing sequence number of a packet, or why it is not forwarded.
///
/// What is withheld from an active consumer is taken out of its sequence, so that it sees no gap.
fn choose(emission: &mut Emission, packet: &MediaPacket, dtx: bool) -> Result<u16, Withheld> {
    let number = packet.header.sequence_number;
    if packet.arrival == Arrival::Resync {
        emission.sequence.restart(number.wrapping_sub(1));
    }
    if !emission.payload_types.contains(packet.payload_type) {
        emission.sequence.drop(number);
        return Err(Withheld::PayloadTypeNotNegotiated);
    }
    if emission.sync_required && emission.waits_for_key_frame && !packet.key_frame {
        return Err(Withheld::AwaitingKeyFrame);
    }
    if packet.header.payload_len == 0 {
        emission.sequence.drop(number);
        return Err(Withheld::PaddingOnly);
    }
    if dtx && emission.ignore_dtx {
        emission.sequence.drop(number);
        return Err(Withheld::Dtx);
    }
    if emission.sync_required {
        // No run begins with what belongs before the run before it.
        if packet.arrival == Arrival::Late && !emission.sequence.is_news(number) {
            return Err(Withheld::TooLate);
        }
        emission.sync_required = false;
        emission.sequence.restart(number.wrapping_sub(1));
    }
    emission.sequence.input(number).ok_or(Withheld::TooLate)
}
