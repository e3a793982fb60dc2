//! Packets reach the consumers of their producer.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};
use flumen_components::event::Traced;
use flumen_components::rtp_parameters::{Codec, HeaderExtensionIds, MediaKind};
use flumen_components::trace::{Direction, PacketTrace, TraceInfo, TraceType};
use flumen_components::wire::codec::opus;
use flumen_components::wire::sequence::is_higher_u32;
use flumen_components::{
    Arrival, ConsumerId, Destination, DirectOut, DirectRow, Emission, History, Inbox, Ledger,
    Limits, Link, Listener, Media, MediaPacket, Newest, Now, Outbox, Outgoing, OutgoingKind,
    PacketFacts, Path, Paused, Producer, Recipient, RemoteClock, Routes, RtpStream, Subject,
    Touched, TouchedStream, Trace, TraceTypes, Traces, Withheld, chain,
};

use super::choose::{Choice, choose, pass_over};
use super::repeat::{Sender, repeat};
use super::template::{Layout, Source, Template, Templates};

/// Who sends and who receives.
#[derive(SystemParam)]
pub(crate) struct Parties<'w, 's> {
    producers: Query<'w, 's, (&'static Producer, &'static Routes, &'static Paused)>,
    streams: Query<'w, 's, (&'static RtpStream, &'static History)>,
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
        let Ok((facts, history)) = parties.streams.get(stream.stream) else {
            continue;
        };
        let offered = u64::from(stream.count) * routes.len() as u64;
        ledger.offered += offered;
        if paused.0 {
            ledger.withheld[Withheld::ProducerPaused] += offered;
            continue;
        }
        if routes.is_empty() {
            continue;
        }
        let sender = parties.senders.get(producer.transport).ok();
        let ids = sender.map_or(&NO_IDS, |(listener, _)| &listener.extensions);
        let clock_offset = sender.and_then(|(_, clock)| clock.offset());
        scratch.load(stream, &media, &inbox, facts.codec);
        for consumer in routes.iter() {
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
                history,
                kind: kind_of(producer.kind),
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

fn kind_of(kind: MediaKind) -> OutgoingKind {
    match kind {
        MediaKind::Audio => OutgoingKind::Audio,
        MediaKind::Video => OutgoingKind::Media,
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
    history: &'a History,
    kind: OutgoingKind,
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
        let group = scratch.templates.group(Layout::of(self.emission), source);
        let before = self.emission.bytes;
        for (index, packet) in scratch.packets.iter().enumerate() {
            if let Some(veto) = packet.veto {
                pass_over(self.emission, packet);
                self.ledger.withheld[veto] += 1;
                continue;
            }
            match choose(self.emission, packet, scratch.dtx[index]) {
                Ok(choice) => {
                    let template = scratch.templates.get(group + index);
                    self.forward(packet, choice, &scratch.templates, template, exit);
                }
                Err(reason) => self.ledger.withhold(reason, 1),
            }
        }
        let sent = self.emission.bytes - before;
        if sent > 0 {
            self.emission.rate.add(sent, self.exits.now.time);
        }
    }

    fn withhold_all(&mut self, reason: Withheld, scratch: &Scratch) {
        // What it misses is no gap: it starts anew when it becomes active.
        self.emission.sync_required = true;
        self.ledger.withhold(reason, scratch.packets.len());
    }

    /// Writes the row of one packet.
    fn forward(
        &mut self,
        packet: &MediaPacket,
        choice: Choice,
        templates: &Templates,
        template: Template,
        exit: Exit,
    ) {
        let sequence = choice.sequence;
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
            kind: self.kind,
        };
        self.ledger.enqueued += 1;
        self.leave(row, header.payload_len, exit);
        if let Some(type_) = self.traced.of_packet(packet.key_frame) {
            self.trace(type_, &packet.facts(), sequence, row.len());
        }
        let late = packet.arrival == Arrival::Late;
        self.note_newest(header.timestamp, late, packet.stream);
        if choice.begins_key_frame {
            self.send_overtaking(header.sequence_number, packet.stream, exit);
        }
    }

    /// Sends what overtook the first packet of a key frame right behind it. These were withheld
    /// when they came, so the ledger has them as generated.
    fn send_overtaking(&mut self, number: u16, stream: Entity, exit: Exit) {
        let sender = Sender {
            ids: self.ids,
            clock_offset: self.clock_offset,
        };
        for number in self.history.overtaking(number) {
            let Some((facts, bytes)) = self.history.get(number) else {
                continue;
            };
            if !self.emission.payload_types.contains(facts.payload_type) {
                self.emission.sequence.drop(number);
                continue;
            }
            let Some(sequence) = self.emission.sequence.input(number) else {
                continue;
            };
            let out = &mut self.exits.outbox.headers;
            let row = repeat(out, self.emission, sequence, (facts, bytes), sender, None);
            if let Some(row) = row {
                self.ledger.generated += 1;
                self.leave(row, facts.header.payload_len, exit);
                if let Some(type_) = self.traced.of_packet(facts.key_frame) {
                    self.trace(type_, facts, sequence, row.len());
                }
                self.note_newest(facts.header.timestamp, true, stream);
            }
        }
    }

    /// What is late is newest only if it is ahead in its own clock: a source that set its clock
    /// back is followed, and one that took the place of another.
    fn note_newest(&mut self, timestamp: u32, late: bool, stream: Entity) {
        let is_newest = |newest: Newest| {
            !late || newest.stream != stream || is_higher_u32(timestamp, newest.timestamp)
        };
        if self.emission.newest.is_none_or(is_newest) {
            self.emission.newest = Some(Newest {
                timestamp,
                at: self.exits.now.time,
                stream,
            });
        }
    }

    fn leave(&mut self, row: Outgoing, payload_len: u16, exit: Exit) {
        match exit {
            Exit::Udp(destination) => {
                let row = Outgoing { destination, ..row };
                self.exits.outbox.rows.push(row);
            }
            Exit::Direct => {
                let (transport, to) = (self.emission.transport, Recipient::Rtp(self.id));
                self.exits.direct.0.push(DirectRow { transport, to, row });
            }
        }
        self.emission.packets += 1;
        self.emission.bytes += u64::from(row.len());
        self.emission.payload_bytes += u64::from(payload_len);
    }

    fn trace(&mut self, type_: TraceType, packet: &PacketFacts, sequence: u16, size: u32) {
        let trace = Trace {
            type_,
            timestamp: self.exits.now.time.as_millis(),
            direction: Direction::Out,
            info: TraceInfo::Packet(self.as_sent(packet, sequence, size)),
        };
        let (about, subject) = (self.consumer, Subject::Consumer(self.id));
        let traced = Traced {
            about,
            subject,
            trace,
        };
        let exits = &mut *self.exits;
        let transport = self.emission.transport;
        exits.traces.push(transport, traced, &exits.limits);
    }

    fn as_sent(&self, packet: &PacketFacts, sequence_number: u16, size: u32) -> PacketTrace {
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
