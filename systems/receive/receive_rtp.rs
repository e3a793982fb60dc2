//! Streams take in their packets: sequence, jitter, counts, key frames.

use bevy_ecs::change_detection::Mut;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::wire::rtx;
use flumen_components::{
    Agenda, Arrival, Descriptor, Discard, Effect, EntryPoints, Inbox, KeyFrameRequests,
    KeyFrameWish, Ledger, Listener, Media, MediaPacket, Missing, Now, PausedByOwner, PictureGroups,
    Presence, Producer, Reception, RtpStream, Templates, Time, Touched, TouchedStream, TraceTypes,
    Traffic,
};

use super::describe::{Described, Memory, describe};
use crate::discards::TransportDiscards;

/// Where streams and their producers are found.
#[derive(SystemParam)]
pub(crate) struct Receivers<'w, 's> {
    streams: Query<
        'w,
        's,
        (
            &'static RtpStream,
            &'static mut Reception,
            Option<&'static mut Missing>,
            Option<&'static mut Templates>,
            Option<&'static mut EntryPoints>,
            Option<&'static mut PictureGroups>,
        ),
    >,
    producers: Query<
        'w,
        's,
        (
            &'static Producer,
            &'static PausedByOwner,
            &'static TraceTypes,
        ),
    >,
    listeners: Query<'w, 's, &'static Listener>,
    requests: Query<'w, 's, &'static mut KeyFrameRequests>,
    traffic: Query<'w, 's, &'static mut Traffic>,
    agenda: ResMut<'w, Agenda>,
    now: Res<'w, Now>,
}

/// Lets every stream take in its packets, and chains those it accepts.
pub(crate) fn receive_rtp(
    mut receivers: Receivers<'_, '_>,
    mut media: ResMut<'_, Media>,
    mut touched: ResMut<'_, Touched>,
    mut inbox: ResMut<'_, Inbox>,
    mut discards: TransportDiscards<'_, '_>,
    mut ledger: ResMut<'_, Ledger>,
) {
    for index in 0..media.0.len() {
        let packet = &mut media.0[index];
        if let Some(veto) = packet.veto {
            discards.veto(&mut ledger, packet.transport, veto);
            continue;
        }
        // What is sent again grows shorter when it is restored.
        let (transport, len) = (packet.transport, packet.len);
        let received = receivers.receive(packet, &mut inbox, &mut touched, index as u32);
        receivers.count(packet, len, received.as_ref().err());
        match received {
            Ok(Place::Begins) => ledger.accepted += 1,
            Ok(Place::Follows(previous)) => {
                media.0[previous as usize].next = Some(index as u32);
                ledger.accepted += 1;
            }
            Err(reason) => discards.discard(&mut ledger, transport, reason),
        }
    }
}

/// Where in its stream's chain an accepted packet stands.
enum Place {
    Begins,
    Follows(u32),
}

impl Receivers<'_, '_> {
    /// Counts a packet for its transport: also one that its stream rejects, but not one that is of
    /// no stream or codec. It came with `len` bytes.
    fn count(&mut self, packet: &MediaPacket, len: u32, rejected: Option<&Discard>) {
        use Discard::{UnknownPayloadType, UnknownProducer, UnknownStream};
        if let Some(UnknownPayloadType | UnknownProducer | UnknownStream) = rejected {
            return;
        }
        if let Ok(mut traffic) = self.traffic.get_mut(packet.transport) {
            let (bytes, now) = (len.into(), self.now.time);
            match packet.retransmission {
                true => traffic.rtx_received.add(bytes, now),
                false => traffic.rtp_received.add(bytes, now),
            }
        }
    }

    fn receive(
        &mut self,
        packet: &mut MediaPacket,
        inbox: &mut Inbox,
        touched: &mut Touched,
        index: u32,
    ) -> Result<Place, Discard> {
        let stream = self.streams.get_mut(packet.stream);
        let (stream, mut reception, missing, templates, entry_points, picture_groups) =
            stream.map_err(|_| Discard::UnknownStream)?;
        let producer = self.producers.get(packet.producer);
        let (producer, paused, traced) = producer.map_err(|_| Discard::UnknownProducer)?;
        let first = !reception.has_started();
        let mut intake = Intake {
            stream,
            reception: &mut reception,
            missing: missing.map(Mut::into_inner),
            dependencies: templates
                .as_ref()
                .and_then(|_| self.listeners.get(packet.transport).ok())
                .and_then(|listener| listener.extensions.dependency_descriptor),
            memory: Memory {
                templates: templates.map(Mut::into_inner),
                entry_points: entry_points.map(Mut::into_inner),
                picture_groups: picture_groups.map(Mut::into_inner),
            },
            now: self.now.time,
        };
        let taken = match packet.retransmission {
            true => intake.take_retransmission(packet, inbox),
            false => intake.take_media(packet, &inbox.bytes()[packet.range()]),
        };
        touched.misses |= intake.misses();
        if packet.key_frame {
            reception.key_frame_tick = self.now.tick;
        }
        let hopeless = taken.is_ok_and(|effect| effect.hopeless);
        let wanted = !paused.0 && (first || hopeless);
        if (packet.key_frame || wanted)
            && let Ok(mut requests) = self.requests.get_mut(packet.producer)
        {
            if packet.key_frame {
                requests.answered(stream.ssrc);
            } else {
                let (stream, force) = (packet.stream, first);
                self.agenda.key_frames.add(KeyFrameWish { stream, force });
            }
        }
        taken?;
        let mapped = producer.mapped(packet.header.payload_type);
        let restarts = packet.arrival == Arrival::Resync || reception.untold_restart;
        reception.untold_restart = restarts && mapped.is_none();
        packet.payload_type = mapped.ok_or(Discard::UnknownPayloadType)?;
        packet.accepted = true;
        touched.traced |= !traced.is_empty();
        if restarts {
            packet.arrival = Arrival::Resync;
        }
        let tick = self.now.tick;
        Ok(chain(touched, tick, &mut reception, packet, index))
    }
}

/// A stream about to take in a packet.
struct Intake<'a> {
    stream: &'a RtpStream,
    reception: &'a mut Reception,
    missing: Option<&'a mut Missing>,
    memory: Memory<'a>,
    /// The id under which dependency descriptors arrive.
    dependencies: Option<u8>,
    now: Time,
}

impl Intake<'_> {
    /// A packet that came by itself: it counts for sequence, jitter and rates.
    fn take_media(&mut self, packet: &mut MediaPacket, bytes: &[u8]) -> Result<Effect, Discard> {
        let (number, timestamp) = (packet.header.sequence_number, packet.header.timestamp);
        let arrival = self.reception.sequence.update(number, timestamp, self.now);
        self.mark(packet, arrival)?;
        let effect = self.note(packet, bytes, false);
        if effect.useful && self.stream.rtx_payload_type.is_none() {
            // Without a stream of its own a retransmission looks like a packet that is late.
            self.reception.retransmitted += 1;
            self.reception.repaired += 1;
        }
        let jitter = &mut self.reception.jitter;
        if arrival == Arrival::Resync {
            jitter.restart();
        }
        jitter.update(timestamp, self.stream.clock_rate, self.now);
        self.count(packet);
        Ok(effect)
    }

    /// A retransmission (RFC 4588): what it repeats is restored, and is of use when it was missing.
    fn take_retransmission(
        &mut self,
        packet: &mut MediaPacket,
        inbox: &mut Inbox,
    ) -> Result<Effect, Discard> {
        self.restore(packet, inbox)?;
        let (number, timestamp) = (packet.header.sequence_number, packet.header.timestamp);
        let sequence = &mut self.reception.sequence;
        let arrival = sequence.update_repeated(number, timestamp, self.now);
        self.mark(packet, arrival)?;
        self.reception.retransmitted += 1;
        let effect = self.note(packet, &inbox.bytes()[packet.range()], true);
        if !effect.useful {
            packet.key_frame = false;
            return Err(Discard::UnrequestedRetransmission);
        }
        self.reception.repaired += 1;
        self.count(packet);
        Ok(effect)
    }

    /// Packets before it are missing.
    fn misses(&self) -> bool {
        let missing = self.missing.as_ref();
        missing.is_some_and(|missing| !missing.is_empty())
    }

    fn restore(&mut self, packet: &mut MediaPacket, inbox: &mut Inbox) -> Result<(), Discard> {
        let header = packet.header;
        if Some(header.payload_type) != self.stream.rtx_payload_type {
            return Err(Discard::UnknownPayloadType);
        }
        let (number, timestamp) = (header.sequence_number, header.timestamp);
        if self.reception.rtx.update(number, timestamp, self.now) == Arrival::Bad {
            self.reception.rtx_discarded += 1;
            return Err(Discard::BadSequence);
        }
        if header.payload_len == 0 {
            return Err(Discard::Probe);
        }
        let bytes = &mut inbox.bytes_mut()[packet.range()];
        let (ssrc, payload_type) = (self.stream.ssrc, self.stream.payload_type);
        let restored = rtx::restore(bytes, &header, ssrc, payload_type);
        packet.header = restored.ok_or(Discard::MalformedRetransmission)?;
        packet.start += rtx::OSN_LEN as u32;
        packet.len -= rtx::OSN_LEN as u32;
        Ok(())
    }

    fn mark(&mut self, packet: &mut MediaPacket, arrival: Arrival) -> Result<(), Discard> {
        packet.arrival = arrival;
        if arrival == Arrival::Bad {
            self.reception.discarded += 1;
            return Err(Discard::BadSequence);
        }
        Ok(())
    }

    /// What the packet means for those that are missing. A stream without NACK misses none, but what
    /// preceded a restart is lost to it too.
    fn note(&mut self, packet: &mut MediaPacket, bytes: &[u8], recovered: bool) -> Effect {
        self.describe(packet, bytes);
        let (number, key_frame) = (packet.header.sequence_number, packet.key_frame);
        let presence = Presence {
            number,
            key_frame,
            recovered,
            restarts: packet.arrival == Arrival::Resync,
        };
        match self.missing.as_deref_mut() {
            Some(missing) => missing.receive(presence, self.now),
            None => Effect {
                useful: false,
                hopeless: presence.restarts && !key_frame,
            },
        }
    }

    fn describe(&mut self, packet: &mut MediaPacket, bytes: &[u8]) {
        let header = &packet.header;
        if header.payload_type != self.stream.payload_type {
            return;
        }
        let described = Described {
            codec: self.stream.codec,
            payload: header.payload(bytes),
            dependencies: self.dependencies.and_then(|id| header.extension(bytes, id)),
            number: header.sequence_number,
            timestamp: header.timestamp,
            marker: header.marker,
            arrival: packet.arrival,
        };
        (packet.descriptor, packet.key_frame) = describe(described, self.memory.lend());
    }

    /// Padding-only packets count as packets, and not as bytes.
    fn count(&mut self, packet: &MediaPacket) {
        self.reception.packets += 1;
        if packet.header.payload_len > 0 {
            let len = u64::from(packet.len);
            self.reception.bytes += len;
            let Descriptor {
                spatial_layer: spatial,
                temporal_layer: temporal,
                ..
            } = packet.descriptor;
            let rate = &mut self.reception.rate;
            rate.add(spatial, temporal, len, self.now);
        }
    }
}

fn chain(
    touched: &mut Touched,
    tick: u64,
    reception: &mut Reception,
    packet: &MediaPacket,
    index: u32,
) -> Place {
    let (last, position) = reception.touched;
    if last == tick {
        let entry = &mut touched.streams[position as usize];
        entry.count += 1;
        return Place::Follows(std::mem::replace(&mut entry.last, index));
    }
    reception.touched = (tick, touched.streams.len() as u32);
    touched.streams.push(TouchedStream {
        stream: packet.stream,
        producer: packet.producer,
        first: index,
        last: index,
        count: 1,
    });
    Place::Begins
}
