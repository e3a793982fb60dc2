//! The packets of one stream on their way to one consumer.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Res, ResMut, SystemParam};
use flumen_components::event::Traced;
use flumen_components::trace::{Direction, TraceInfo, TraceType};
use flumen_components::wire::rtp::RtpHeader;
use flumen_components::wire::sequence::is_higher_u32;
use flumen_components::{
    Agenda, Arrival, ConsumerId, Destination, DirectOut, DirectRow, Emission, KeyFrameWish,
    Layering, Ledger, Limits, Link, MediaPacket, Need, Newest, Now, OVERTAKING_MAX, Outbox,
    Outgoing, Pacer, PacketFacts, Recipient, Rewriting, StreamRole, Subject, Trace, TraceTypes,
    Traces, Withheld, Written,
};

use super::choose::{Choice, choose, pass_over};
use super::choose_layer::{Layer, admit, pass_over_layer};
use super::fan_out::Scratch;
use super::origin::Origin;
use super::repeat::{Repeat, repeat};
use super::sent::Sent;
use super::template::{Layout, Source, Templates};

/// Where forwarded packets go.
#[derive(SystemParam)]
pub(crate) struct Exits<'w> {
    outbox: ResMut<'w, Outbox>,
    direct: ResMut<'w, DirectOut>,
    traces: ResMut<'w, Traces>,
    agenda: ResMut<'w, Agenda>,
    pub(super) limits: Res<'w, Limits>,
    pub(super) now: Res<'w, Now>,
}

/// The packets of one stream on their way to one consumer.
pub(super) struct Delivery<'a, 'w> {
    pub(super) emission: &'a mut Emission,
    pub(super) layering: Option<&'a mut Layering>,
    /// What waits on its way, where this stream may take the place of a higher encoding.
    pub(super) pacer: Option<&'a mut Pacer>,
    pub(super) consumer: Entity,
    pub(super) id: ConsumerId,
    pub(super) traced: TraceTypes,
    pub(super) arena: &'a [u8],
    pub(super) origin: &'a Origin<'a>,
    pub(super) exits: &'a mut Exits<'w>,
    pub(super) ledger: &'a mut Ledger,
}

impl Delivery<'_, '_> {
    /// Offers what came of the stream in this tick.
    pub(super) fn offer(&mut self, scratch: &mut Scratch, link: &Link) {
        if self.is_of_no_concern(scratch) {
            return self.withhold_layer(scratch);
        }
        let Some(exit) = self.exit(link) else {
            return self.withhold_all(Withheld::NotConnected, scratch);
        };
        let sender = self.origin.sender();
        let source = Source {
            packets: &scratch.packets,
            arena: self.arena,
            ids: sender.ids,
            clock_offset: sender.clock_offset,
        };
        let group = scratch.templates.group(Layout::of(self.emission), source);
        if self.layering.is_some() {
            scratch.list_facts();
        }
        let mut rewriting = Rewriting::default();
        for (index, packet) in scratch.packets.iter().enumerate() {
            if let Some(veto) = packet.veto {
                self.pass_over(packet);
                self.ledger.withheld[veto] += 1;
                continue;
            }
            match self.choose(scratch, index, &mut rewriting) {
                Ok(choice) => {
                    let rewriting = self.layering.is_some().then_some(&rewriting);
                    let templates = (&scratch.templates, group + index);
                    self.forward(packet, (choice, rewriting), templates, exit);
                }
                Err(reason) => self.ledger.withhold(reason, 1),
            }
        }
        self.follow_up();
    }

    /// Nothing goes to the consumer.
    pub(super) fn withhold_all(&mut self, reason: Withheld, scratch: &Scratch) {
        // What it misses is no gap: it starts anew when it becomes active.
        self.emission.sync_required = true;
        self.ledger.withhold(reason, scratch.packets.len());
    }

    fn withhold_layer(&mut self, scratch: &Scratch) {
        let mut vetoed = 0;
        if scratch.has_vetoed() {
            for veto in scratch.packets.iter().filter_map(|packet| packet.veto) {
                self.ledger.withheld[veto] += 1;
                vetoed += 1;
            }
        }
        let count = scratch.packets.len() - vetoed;
        self.ledger.withhold(Withheld::OtherLayer, count);
    }

    /// Nothing of the stream goes to the consumer, whatever the packets are: only what comes late of
    /// a stream that was followed may.
    fn is_of_no_concern(&mut self, scratch: &Scratch) -> bool {
        let encoding = self.origin.encoding();
        let Some(layering) = &mut self.layering else {
            return false;
        };
        if self.emission.sync_required {
            layering.stop();
        }
        layering.role(encoding) == StreamRole::Other && !scratch.has_late
    }

    fn exit(&mut self, link: &Link) -> Option<Exit> {
        let &Link::Udp { socket, remote } = link else {
            return Some(Exit::Direct);
        };
        let transport = self.emission.transport;
        let destinations = &mut self.exits.outbox.destinations;
        destinations.push(Destination {
            transport,
            socket,
            address: remote?,
        });
        Some(Exit::Udp(destinations.len() as u32 - 1))
    }

    /// Takes a packet that nobody gets out of the sequence.
    fn pass_over(&mut self, packet: &MediaPacket) {
        let encoding = self.origin.encoding();
        match &mut self.layering {
            None => pass_over(self.emission, packet),
            Some(layering) if layering.followed() == Some(encoding) => {
                pass_over_layer(self.emission, layering, packet);
            }
            Some(_) => {}
        }
    }

    /// How a packet is forwarded, or why not; of layers, `rewriting` becomes what changes in it.
    fn choose(
        &mut self,
        scratch: &Scratch,
        index: usize,
        rewriting: &mut Rewriting,
    ) -> Result<Choice, Withheld> {
        let packet = &scratch.packets[index];
        let (layer, alignment) = (self.origin.encoding(), |other| self.origin.alignment(other));
        let Some(layering) = &mut self.layering else {
            return choose(self.emission, packet, scratch.dtx[index]);
        };
        let layer = Layer {
            stream: self.origin.entity,
            encoding: layer,
            alignment: &alignment,
            templates: self.origin.templates,
            now: self.exits.now.time,
            pacer: self.pacer.as_deref_mut(),
            ledger: self.ledger,
            rewriting,
        };
        let bytes = &self.arena[packet.range()];
        let packet = (packet, &scratch.facts[index]);
        layer.choose(self.emission, layering, packet, bytes)
    }

    /// What a layered consumer wants and tells after the packets of a stream.
    fn follow_up(&mut self) {
        let encoding = self.origin.encoding();
        let Some(layering) = &mut self.layering else {
            return;
        };
        let (stream, force) = (self.origin.entity, false);
        match layering.need(encoding) {
            Some(Need::New) => self
                .exits
                .agenda
                .key_frames
                .add(KeyFrameWish { stream, force }),
            Some(Need::Still) => self.exits.agenda.key_frames.remind(stream),
            None => {}
        }
        if layering.current() != layering.told {
            self.exits.agenda.layers_changing.0.push(self.consumer);
        }
    }

    /// A key frame waits no longer for the end of a frame of another stream.
    pub(super) fn may_go_over(&mut self) -> bool {
        let now = self.exits.now.time;
        let layering = self.layering.as_mut();
        layering.is_some_and(|layering| layering.lose_patience(now))
    }

    /// Goes over to the stream, with its key frame that begins with `number` and all that has come
    /// since. These packets were withheld when they came, so the ledger has them as generated.
    pub(super) fn go_over(&mut self, number: u16, link: &Link) {
        let (Some(exit), Some(layering)) = (self.exit(link), &mut self.layering) else {
            return;
        };
        let history = self.origin.history;
        let (Some((facts, _)), Some(newest)) = (history.get(number), history.newest_number())
        else {
            // It is gone, and so is what the stream before brought meanwhile.
            return layering.stop();
        };
        let alignment = |other| self.origin.alignment(other);
        let mut layer = Layer {
            stream: self.origin.entity,
            encoding: self.origin.encoding(),
            alignment: &alignment,
            templates: self.origin.templates,
            now: self.exits.now.time,
            pacer: self.pacer.as_deref_mut(),
            ledger: self.ledger,
            rewriting: &mut Rewriting::default(),
        };
        layer.go_over(self.emission, layering, &facts);
        for behind in 0..=newest.wrapping_sub(number) {
            self.send_kept(number.wrapping_add(behind), exit);
        }
        self.follow_up();
    }

    /// Writes the row of one packet.
    fn forward(
        &mut self,
        packet: &MediaPacket,
        (choice, rewriting): (Choice, Option<&Rewriting>),
        (templates, position): (&Templates, usize),
        exit: Exit,
    ) {
        let sequence = choice.sequence;
        let template = templates.get(position);
        let headers = &mut self.exits.outbox.headers;
        let header_start = headers.len();
        templates.instantiate(template, self.emission, sequence, headers);
        // The new front of a payload goes behind its header, so that the rest is still that of all
        // receivers.
        let (mut front_len, mut replaced) = (0, 0);
        if let Some(rewriting) = rewriting {
            template.rewrite(&mut headers[header_start..], rewriting);
            headers.extend_from_slice(rewriting.patch.bytes());
            front_len = rewriting.patch.bytes().len() as u16;
            replaced = u16::from(rewriting.patch.replaced());
        }
        let header = &packet.header;
        let row = Outgoing {
            destination: exit.destination(),
            header_start: header_start as u32,
            payload_start: packet.start + u32::from(header.payload_start + replaced),
            header_len: template.len() + front_len,
            payload_len: header.payload_len + u16::from(header.padding_len) - replaced,
            abs_send_time: template.abs_send_time,
            transport_sequence: template.transport_sequence,
            kind: self.origin.kind,
            overhead: 0,
        };
        self.ledger.enqueued += 1;
        self.leave(row, header.payload_len + front_len - replaced, exit);
        let sent = Sent::first(sequence, row.len(), rewriting);
        if let Some(type_) = self.traced.of_packet(packet.key_frame) {
            self.trace(type_, &packet.facts(), sent);
        }
        let late = packet.arrival == Arrival::Late;
        self.note_newest(header.timestamp, sent, late);
        if choice.begins_key_frame {
            self.send_overtaking(header.sequence_number, exit);
        }
    }

    /// Sends what overtook the first packet of a key frame right behind it. These were withheld
    /// when they came, so the ledger has them as generated. Of many only the newest; but of all it is
    /// decided now, since the others are what its receiver misses and asks for.
    fn send_overtaking(&mut self, number: u16, exit: Exit) {
        let numbers = self.origin.history.overtaking(number);
        let beyond = numbers.len().saturating_sub(OVERTAKING_MAX);
        let (asked_for, newest) = numbers.split_at(beyond);
        for &number in asked_for {
            if let Some((facts, bytes)) = self.origin.history.get(number) {
                self.choose_kept(&facts, bytes, &mut Rewriting::default());
            }
        }
        for &number in newest {
            self.send_kept(number, exit);
        }
    }

    fn send_kept(&mut self, number: u16, exit: Exit) {
        let Some((facts, bytes)) = self.origin.history.get(number) else {
            return;
        };
        let mut rewriting = Rewriting::default();
        let Some(sequence) = self.choose_kept(&facts, bytes, &mut rewriting) else {
            return;
        };
        let rewriting = self.layering.is_some().then_some(rewriting);
        let again = Repeat {
            sequence,
            rewriting,
            rtx: None,
            is_empty: false,
        };
        let out = &mut self.exits.outbox.headers;
        let sender = self.origin.sender();
        if let Some(row) = repeat(out, self.emission, (&facts, bytes), sender, again) {
            self.ledger.generated += 1;
            let destination = exit.destination();
            let payload_len = payload_len(&facts.header, rewriting.as_ref());
            self.leave(Outgoing { destination, ..row }, payload_len, exit);
            let sent = Sent::first(sequence, row.len(), rewriting.as_ref());
            if let Some(type_) = self.traced.of_packet(facts.key_frame) {
                self.trace(type_, &facts, sent);
            }
            self.note_newest(facts.header.timestamp, sent, true);
        }
    }

    fn choose_kept(
        &mut self,
        facts: &PacketFacts,
        bytes: &[u8],
        rewriting: &mut Rewriting,
    ) -> Option<u16> {
        let number = facts.header.sequence_number;
        let is_negotiated = self.emission.payload_types.contains(facts.payload_type);
        let is_wanted = is_negotiated && facts.header.payload_len > 0;
        let Some(layering) = &mut self.layering else {
            let sequence = &mut self.emission.sequence;
            if !is_wanted {
                sequence.drop(number);
                return None;
            }
            return sequence.input(number);
        };
        if !is_wanted {
            layering.drop(number, &mut self.emission.sequence);
            return None;
        }
        let written = Written {
            payload: facts.header.payload(bytes),
            templates: self.origin.templates,
        };
        let choice = admit(self.emission, layering, (facts, written), false, rewriting);
        Some(choice.ok()?.sequence)
    }

    /// What is late is newest only if it is ahead in its own clock: a source that set its clock
    /// back is followed, and one that took the place of another. Layers have one clock.
    fn note_newest(&mut self, captured: u32, sent: Sent<'_>, late: bool) {
        let timestamp = sent.timestamp(captured);
        let stream = self.origin.entity;
        let is_layered = self.layering.is_some();
        let is_newest = |newest: Newest| {
            let is_another = newest.stream != stream && !is_layered;
            !late || is_another || is_higher_u32(timestamp, newest.timestamp)
        };
        if self.emission.newest.is_none_or(is_newest) {
            self.emission.newest = Some(Newest {
                timestamp,
                captured,
                at: self.exits.now.time,
                stream,
            });
        }
    }

    #[inline(always)]
    fn leave(&mut self, row: Outgoing, payload_len: u16, exit: Exit) {
        match exit {
            Exit::Udp(_) => self.exits.outbox.rows.push(row),
            Exit::Direct => {
                let (transport, to) = (self.emission.transport, Recipient::Rtp(self.id));
                self.exits.direct.0.push(DirectRow { transport, to, row });
            }
        }
        self.emission.packets += 1;
        let now = self.exits.now.time;
        self.emission.sent.add(row.len().into(), now);
        self.emission.payload_bytes += u64::from(payload_len);
    }

    fn trace(&mut self, type_: TraceType, packet: &PacketFacts, sent: Sent<'_>) {
        let trace = Trace {
            type_,
            timestamp: self.exits.now.time.as_millis(),
            direction: Direction::Out,
            info: TraceInfo::Packet(sent.trace(packet, self.emission)),
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
}

/// Where the packets of a consumer leave.
#[derive(Clone, Copy)]
enum Exit {
    Direct,
    /// Index of the destination in the outbox.
    Udp(u32),
}

impl Exit {
    fn destination(self) -> u32 {
        match self {
            Self::Direct => 0,
            Self::Udp(destination) => destination,
        }
    }
}

/// Bytes of a payload as it is sent.
fn payload_len(header: &RtpHeader, rewriting: Option<&Rewriting>) -> u16 {
    let patch = rewriting
        .map(|rewriting| rewriting.patch)
        .unwrap_or_default();
    header.payload_len + patch.bytes().len() as u16 - u16::from(patch.replaced())
}
