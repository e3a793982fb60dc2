//! Streams take in their packets: sequence, jitter, counts, key frames.

use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::rtp_parameters::Codec;
use flumen_components::wire::codec::{av1_aggregation, h264, vp8, vp9};
use flumen_components::{
    Arrival, Discard, Inbox, KeyFrameRequests, KeyFrameWish, KeyFrameWishes, Ledger, Media,
    MediaPacket, Now, Paused, Producer, Reception, RtpStream, Time, Touched, TouchedStream,
};

/// Where streams and their producers are found.
#[derive(SystemParam)]
pub(crate) struct Receivers<'w, 's> {
    streams: Query<'w, 's, (&'static RtpStream, &'static mut Reception)>,
    producers: Query<'w, 's, (&'static Producer, &'static Paused)>,
    requests: Query<'w, 's, &'static mut KeyFrameRequests>,
    wishes: ResMut<'w, KeyFrameWishes>,
}

/// Lets every stream take in its packets, and chains those it accepts.
pub(crate) fn receive_rtp(
    mut receivers: Receivers<'_, '_>,
    mut media: ResMut<'_, Media>,
    mut touched: ResMut<'_, Touched>,
    inbox: Res<'_, Inbox>,
    now: Res<'_, Now>,
    mut ledger: ResMut<'_, Ledger>,
) {
    touched.streams.clear();
    touched.tick += 1;
    for index in 0..media.0.len() {
        let packet = &mut media.0[index];
        let bytes = &inbox.bytes()[packet.range()];
        match receivers.receive(packet, bytes, now.time, &mut touched, index as u32) {
            Ok(Place::Begins) => ledger.accepted += 1,
            Ok(Place::Follows(previous)) => {
                media.0[previous as usize].next = Some(index as u32);
                ledger.accepted += 1;
            }
            Err(reason) => ledger.discard(reason),
        }
    }
}

/// Where in its stream's chain an accepted packet stands.
enum Place {
    Begins,
    Follows(u32),
}

impl Receivers<'_, '_> {
    fn receive(
        &mut self,
        packet: &mut MediaPacket,
        bytes: &[u8],
        now: Time,
        touched: &mut Touched,
        index: u32,
    ) -> Result<Place, Discard> {
        let stream = self.streams.get_mut(packet.stream);
        let (stream, mut reception) = stream.map_err(|_| Discard::UnknownStream)?;
        if packet.retransmission {
            reception.retransmitted += 1;
            return Err(Discard::UnrequestedRetransmission);
        }
        let producer = self.producers.get(packet.producer);
        let (producer, paused) = producer.map_err(|_| Discard::UnknownProducer)?;
        let first = !reception.has_started();
        let counted = count(&mut reception, packet, stream.clock_rate, now);
        packet.restarts = counted == Ok(Arrival::Resync);
        packet.key_frame = counted.is_ok() && begins_key_frame(stream, packet, bytes);
        if packet.key_frame {
            reception.key_frame_tick = touched.tick;
        }
        if let Ok(mut requests) = self.requests.get_mut(packet.producer) {
            if packet.key_frame {
                requests.answered(stream.ssrc);
            } else if first && !paused.0 {
                self.wishes.add(KeyFrameWish {
                    stream: packet.stream,
                    force: true,
                });
            }
        }
        counted?;
        let mapped = producer.mapped(packet.header.payload_type);
        packet.payload_type = mapped.ok_or(Discard::UnknownPayloadType)?;
        Ok(chain(touched, &mut reception, packet, index))
    }
}

/// Updates sequence, jitter and counters, unless the sequence number is bad; tells how it arrived.
fn count(
    reception: &mut Reception,
    packet: &MediaPacket,
    clock_rate: u32,
    now: Time,
) -> Result<Arrival, Discard> {
    let header = &packet.header;
    let arrival = reception
        .sequence
        .update(header.sequence_number, header.timestamp, now);
    if arrival == Arrival::Bad {
        reception.discarded += 1;
        return Err(Discard::BadSequence);
    }
    reception.jitter.update(header.timestamp, clock_rate, now);
    reception.packets += 1;
    if header.payload_len > 0 {
        reception.bytes += u64::from(packet.len);
        reception.rate.add(u64::from(packet.len), now);
    }
    Ok(arrival)
}

fn begins_key_frame(stream: &RtpStream, packet: &MediaPacket, bytes: &[u8]) -> bool {
    if packet.header.payload_type != stream.payload_type {
        return false;
    }
    let payload = packet.header.payload(bytes);
    match stream.codec {
        Codec::Vp8 => vp8::Descriptor::parse(payload).is_some_and(|d| d.is_key_frame),
        Codec::Vp9 => vp9::Descriptor::parse(payload).is_some_and(|d| d.is_key_frame),
        Codec::H264 => h264::is_key_frame(payload),
        Codec::Av1 => av1_aggregation::begins_key_frame(payload),
        _ => false,
    }
}

fn chain(
    touched: &mut Touched,
    reception: &mut Reception,
    packet: &MediaPacket,
    index: u32,
) -> Place {
    let (tick, position) = reception.touched;
    if tick == touched.tick {
        let entry = &mut touched.streams[position as usize];
        entry.count += 1;
        return Place::Follows(std::mem::replace(&mut entry.last, index));
    }
    reception.touched = (touched.tick, touched.streams.len() as u32);
    touched.streams.push(TouchedStream {
        stream: packet.stream,
        producer: packet.producer,
        first: index,
        last: index,
        count: 1,
    });
    Place::Begins
}
