//! Each RTP packet finds its stream; the first packet of an encoding begins one.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Commands, Query, ResMut, SystemParam};
use flumen_components::rtp_parameters::HeaderExtensionIds;
use flumen_components::wire::RtpHeader;
use flumen_components::{
    Arrival, Deadlines, Descriptor, Discard, Inbox, Incoming, Listener, Media, MediaPacket,
    Producer, ProducerId, ReportSchedule, RtpArrival, RtpIn, Touched,
};

use super::claim_datagrams::Tellings;
use super::discovery::{Discovery, Identity, discover};
use super::replace_stream::{Newcomer, Replacing};
use super::spawn_stream::{Birth, spawn_stream};

/// What finding streams reads and writes.
#[derive(SystemParam)]
pub(crate) struct Finder<'w, 's> {
    media: ResMut<'w, Media>,
    touched: ResMut<'w, Touched>,
    listeners: Query<'w, 's, &'static mut Listener>,
    producers: Query<'w, 's, (&'static ProducerId, &'static mut Producer)>,
    births: Births<'w, 's>,
}

/// What the birth of a stream reads and writes.
#[derive(SystemParam)]
pub(crate) struct Births<'w, 's> {
    schedules: Query<'w, 's, &'static mut ReportSchedule>,
    deadlines: ResMut<'w, Deadlines>,
    replacing: Replacing<'w, 's>,
    commands: Commands<'w, 's>,
}

/// The stream that a packet belongs to.
struct Found {
    producer: Entity,
    stream: Entity,
    retransmission: bool,
}

/// Gives every RTP packet to its stream, or counts why it has none.
pub(super) fn find_streams(
    rtp: &RtpIn,
    inbox: &Inbox,
    finder: &mut Finder<'_, '_>,
    tellings: &mut Tellings<'_, '_>,
) {
    finder.media.0.clear();
    finder.touched.clear();
    for arrival in &rtp.0 {
        let start = arrival.start as usize;
        let bytes = &inbox.bytes()[start..start + arrival.len as usize];
        match finder.find(arrival, bytes, tellings) {
            Ok(found) => finder.media.0.push(packet(arrival, &found)),
            Err(reason) => tellings.discard(arrival.transport, reason),
        }
    }
}

impl Finder<'_, '_> {
    fn find(
        &mut self,
        arrival: &RtpArrival,
        bytes: &[u8],
        tellings: &mut Tellings<'_, '_>,
    ) -> Result<Found, Discard> {
        let listener = self.listeners.get(arrival.transport);
        let listener = listener.map_err(|_| Discard::UnknownProducer)?;
        let ids = &listener.extensions;
        self.touched.tells |= ids.abs_capture_time.is_some() || ids.video_orientation.is_some();
        let known = listener.ssrcs.get(&arrival.header.ssrc);
        if let Some(&Incoming {
            producer,
            stream: Some(stream),
            retransmission,
        }) = known
        {
            return Ok(Found {
                producer,
                stream,
                retransmission,
            });
        }
        let names = Names::read(&arrival.header, bytes, &listener.extensions);
        let producer = match known {
            Some(incoming) => Some(incoming.producer),
            None => producer_by_name(listener, names),
        };
        let producer = producer.ok_or(Discard::UnknownProducer)?;
        self.begin(arrival, producer, names, tellings)
    }

    /// Latches the SSRC of a new stream, or of the retransmissions of one.
    fn begin(
        &mut self,
        arrival: &RtpArrival,
        producer: Entity,
        names: Names<'_>,
        tellings: &mut Tellings<'_, '_>,
    ) -> Result<Found, Discard> {
        let owner = self.producers.get_mut(producer);
        let (&id, mut owner) = owner.map_err(|_| Discard::UnknownProducer)?;
        let listener = self.listeners.get_mut(arrival.transport);
        let mut listener = listener.map_err(|_| Discard::UnknownProducer)?;
        let RtpHeader {
            ssrc, payload_type, ..
        } = arrival.header;
        let identity = Identity {
            ssrc,
            payload_type,
            rid: names.rid.or(names.repaired_rid),
        };
        let discovery = discover(&owner.encodings, identity)?;
        let (stream, retransmission) = match discovery {
            Discovery::Media(index) => {
                let newcomer = Newcomer {
                    producer,
                    id,
                    index,
                    ssrc,
                };
                let births = &mut self.births;
                let stream = births.begin(newcomer, &mut owner, &mut listener, tellings)?;
                (stream, false)
            }
            Discovery::Retransmission(index) => {
                let (encoding, now) = (&mut owner.encodings[index], tellings.now.time);
                let replacing = &mut self.births.replacing;
                let stream =
                    replacing.replace_retransmissions(ssrc, now, encoding, &mut listener)?;
                (stream, true)
            }
        };
        let incoming = Incoming {
            producer,
            stream: Some(stream),
            retransmission,
        };
        listener.ssrcs.insert(ssrc, incoming);
        Ok(Found {
            producer,
            stream,
            retransmission,
        })
    }
}

impl Births<'_, '_> {
    /// Begins a stream of an encoding, in the place of the one that it may have.
    fn begin(
        &mut self,
        newcomer: Newcomer,
        owner: &mut Producer,
        listener: &mut Listener,
        tellings: &mut Tellings<'_, '_>,
    ) -> Result<Entity, Discard> {
        let (index, now) = (newcomer.index, tellings.now.time);
        let encoding = &mut owner.encodings[index];
        let (commands, pending) = (&mut self.commands, &mut tellings.pending);
        self.replacing
            .replace(newcomer, now, encoding, listener, (commands, pending))?;
        let birth = Birth {
            producer: newcomer.producer,
            owner,
            index,
            ssrc: newcomer.ssrc,
            now,
        };
        let stream = spawn_stream(&birth, &mut self.commands, &mut self.deadlines);
        owner.encodings[index].stream = Some(stream);
        tellings.agenda.scores.0.add(stream, None);
        if let Ok(mut schedule) = self.schedules.get_mut(owner.transport) {
            schedule.arm(owner.transport, now, &mut self.deadlines);
        }
        Ok(stream)
    }
}

/// The names that a packet carries in header extensions.
#[derive(Clone, Copy)]
struct Names<'a> {
    mid: Option<&'a str>,
    rid: Option<&'a str>,
    repaired_rid: Option<&'a str>,
}

impl<'a> Names<'a> {
    fn read(header: &RtpHeader, bytes: &'a [u8], ids: &HeaderExtensionIds) -> Self {
        let text = |id: Option<u8>| {
            let value = header.extension(bytes, id?)?;
            std::str::from_utf8(value)
                .ok()
                .filter(|text| !text.is_empty())
        };
        Self {
            mid: text(ids.mid),
            rid: text(ids.rid),
            repaired_rid: text(ids.rrid),
        }
    }
}

/// A RID counts only in a packet without a MID: the same RIDs may stand in several sections.
fn producer_by_name(listener: &Listener, names: Names<'_>) -> Option<Entity> {
    match names.mid {
        Some(mid) => listener.mids.get(mid).copied(),
        None => listener
            .rids
            .get(names.rid.or(names.repaired_rid)?)
            .copied(),
    }
}

fn packet(arrival: &RtpArrival, found: &Found) -> MediaPacket {
    MediaPacket {
        start: arrival.start,
        len: arrival.len,
        header: arrival.header,
        transport: arrival.transport,
        producer: found.producer,
        stream: found.stream,
        retransmission: found.retransmission,
        payload_type: arrival.header.payload_type,
        arrival: Arrival::InOrder,
        key_frame: false,
        descriptor: Descriptor::default(),
        accepted: false,
        veto: None,
        duplicate: false,
        next: None,
    }
}
