//! What may pass from the wire to a library.

use std::ops::Range;

use bytes::Bytes;
use flumen_wire::sctp::{
    CHUNK_HEADER_LEN, Chunk, Data, Forward, HEADER_LEN, Init, Parameter, ResetRequest,
    ResetResponse, Sack, chunks, close_chunk, kind, open_chunk, parameter_kind, parameters, seal,
    write_forwarded, write_header, write_parameter, write_sack,
};

use super::core::SHUTDOWN;
use super::gate::{End, Gate};
use super::held::Content;
use super::identifiers;
use super::identity::Identity;
use super::resets::{Resets, is_after};
use super::shift::{FIRST, Shift};
use super::{AssociationEvent, Failure, Output, PORT};
use crate::Time;

/// How far ahead of what was acknowledged a sequence number may be. Gap blocks reach to 65,535
/// (RFC 9260 section 3.3.4), but the libraries report every gap: were every other number missing
/// up to there, what they write would not fit the length of a chunk.
const REACH: u32 = 32_000;
/// What an INIT must announce, RFC 9260 section 3.3.2.
const LEAST_WINDOW: u32 = 1_500;
/// The flags of a whole message that is to be acknowledged at once.
const AT_ONCE: u8 = 0b1011;
/// Where the verification tag of a packet stands, RFC 9260 section 3.1.
const TAG: Range<usize> = 4..8;

/// What becomes of a chunk.
enum Verdict {
    /// It goes on as it is.
    Pass,
    /// It goes on as it was written anew, or not at all.
    Done,
    /// Neither it nor what follows goes on, RFC 9260 section 3.2.
    Stop,
}

impl Gate {
    /// What the library is to see of a well-formed packet that carries the tag of this
    /// association, or of an INIT.
    pub(super) fn admit(&mut self, now: Time, packet: &[u8], out: &mut Output) -> Option<Bytes> {
        let mut passed = Vec::with_capacity(packet.len() + 3);
        passed.extend_from_slice(&packet[..HEADER_LEN]);
        if packet[TAG] == self.local.tag.to_be_bytes() {
            passed[TAG].copy_from_slice(&self.library_tag.to_be_bytes());
        }
        let mut content = Content::default();
        for chunk in chunks(packet) {
            let before = passed.len();
            match self.judge(now, &chunk, &mut passed, out) {
                Verdict::Pass => copy(&chunk, packet, &mut passed),
                Verdict::Done => {}
                Verdict::Stop => break,
            }
            let has_passed = passed.len() > before;
            content.parts += usize::from(has_passed);
            content.fragments += usize::from(has_passed && is_fragment(&chunk));
        }
        if passed.len() == HEADER_LEN {
            return None;
        }
        seal(&mut passed);
        let held = self.held.wrap(passed, content);
        self.check_bounds();
        Some(held)
    }

    /// Packets with the DATA that need not wait any more.
    pub(super) fn resumed(&mut self) -> Vec<Vec<u8>> {
        if self.resets.is_waiting() {
            return Vec::new();
        }
        let tag = self.local.tag;
        let packet = |(flags, value): (u8, Vec<u8>)| data_packet(tag, flags, &value);
        self.deferred.take().map(packet).collect()
    }

    /// DATA that came before, if it is to be known whether a request for a reset must wait: with
    /// the I bit (RFC 9260 section 3.3.1), so that the library acknowledges at once what it has.
    pub(super) fn duplicate(&self) -> Option<Bytes> {
        if !self.resets.is_asked_too_early(self.cumulative) {
            return None;
        }
        let mut value = [0; Data::FIXED_LEN + 1];
        let before = self.theirs.inward(self.cumulative);
        value[..4].copy_from_slice(&before.to_be_bytes());
        let mut packet = data_packet(self.library_tag, AT_ONCE, &value);
        seal(&mut packet);
        Some(Bytes::from(packet))
    }

    fn judge(
        &mut self,
        now: Time,
        chunk: &Chunk<'_>,
        passed: &mut Vec<u8>,
        out: &mut Output,
    ) -> Verdict {
        match chunk.kind {
            kind::DATA => self.judge_data(chunk, passed),
            kind::INIT | kind::INIT_ACK => self.judge_init(chunk, passed),
            kind::FORWARD_TSN => self.judge_forward(chunk, passed),
            kind::SACK => {
                self.heartbeat.heard(now);
                self.judge_sack(chunk, passed)
            }
            kind::SHUTDOWN => {
                self.heartbeat.heard(now);
                self.judge_shutdown(now, chunk, passed)
            }
            kind::COOKIE_ECHO => self.judge_cookie(chunk, passed),
            kind::SHUTDOWN_ACK if self.has_shut_down => Verdict::Pass,
            kind::HEARTBEAT | kind::COOKIE_ACK => Verdict::Pass,
            kind::HEARTBEAT_ACK => {
                self.heartbeat.heard(now);
                Verdict::Done
            }
            kind::RE_CONFIG => {
                self.judge_reconfig(chunk, out);
                Verdict::Done
            }
            kind::ABORT => {
                self.aborted();
                Verdict::Stop
            }
            kind::SHUTDOWN_COMPLETE if self.has_shut_down => {
                self.end.get_or_insert(End::Closed);
                Verdict::Stop
            }
            // ERROR ends nothing (RFC 9260 section 3.3.10).
            kind::SHUTDOWN_ACK | kind::SHUTDOWN_COMPLETE | kind::ERROR => Verdict::Done,
            // The highest bit says whether to go on behind a type that is not known.
            unknown if unknown & 0x80 != 0 => Verdict::Done,
            _ => Verdict::Stop,
        }
    }

    fn judge_data(&mut self, chunk: &Chunk<'_>, passed: &mut Vec<u8>) -> Verdict {
        let Some(data) = Data::of(chunk) else {
            return Verdict::Done;
        };
        if !is_after(data.tsn, self.cumulative) {
            // It came before; the library acknowledges it again.
            self.pass_data(chunk, &data, data.sequence, passed);
            return Verdict::Done;
        }
        let ahead = data.tsn.wrapping_sub(self.cumulative);
        if ahead > REACH || (data.is_fragment() && self.is_too_far(ahead)) {
            return Verdict::Done;
        }
        if self.is_fenced_off(data.tsn) || self.resets.defers(data.stream, data.tsn) {
            self.deferred.keep(data.tsn, chunk, self.most_deferred());
            return Verdict::Done;
        }
        let sequence = self.inbound.number(&data);
        if self.inbound.len() > usize::from(self.config.inbound_streams) {
            self.fail(Failure::Flooded);
            return Verdict::Stop;
        }
        self.note_passed(data.tsn, data.ending);
        self.pass_data(chunk, &data, sequence, passed);
        Verdict::Done
    }

    fn pass_data(&self, chunk: &Chunk<'_>, data: &Data<'_>, sequence: u16, passed: &mut Vec<u8>) {
        let start = open_chunk(passed, chunk.kind, chunk.flags);
        passed.extend(self.theirs.inward(data.tsn).to_be_bytes());
        passed.extend_from_slice(&chunk.value[4..Data::FIXED_LEN]);
        if data.beginning && !identifiers::is_known(data.ppid) {
            passed.extend(data.ppid.to_be_bytes());
        }
        passed.extend_from_slice(data.payload);
        let at = start + Data::SEQUENCE;
        passed[at..at + 2].copy_from_slice(&sequence.to_be_bytes());
        close_chunk(passed, start);
    }

    /// Duplicates are reported to nobody.
    fn judge_sack(&mut self, chunk: &Chunk<'_>, passed: &mut Vec<u8>) -> Verdict {
        if let Some(sack) = Sack::of(chunk) {
            self.note_acknowledged(sack.cumulative);
            self.peer_window = sack.window;
            let cumulative = self.ours.inward(sack.cumulative);
            write_sack(passed, cumulative, sack.window, sack.gaps);
        }
        Verdict::Done
    }

    fn note_acknowledged(&mut self, cumulative: u32) {
        self.identifiers.acknowledged(cumulative);
        if is_after(cumulative, self.acknowledged) {
            self.acknowledged = cumulative;
        }
    }

    /// It acknowledges like a SACK, which no library heeds, and makes them forget what they have
    /// not sent. So they hear of it once everything is acknowledged (RFC 9260 section 9.2).
    fn judge_shutdown(&mut self, now: Time, chunk: &Chunk<'_>, passed: &mut Vec<u8>) -> Verdict {
        self.closing.get_or_insert(now + SHUTDOWN);
        self.is_shut_down = true;
        let cumulative = chunk.value.first_chunk().copied();
        let cumulative = cumulative.map(u32::from_be_bytes);
        // Some peers write a number of their own there.
        let is_plausible = |&cumulative: &u32| {
            !is_after(cumulative, self.last_tsn) && is_after(cumulative, self.acknowledged)
        };
        if let Some(cumulative) = cumulative.filter(is_plausible) {
            self.note_acknowledged(cumulative);
            write_sack(passed, self.ours.inward(cumulative), self.peer_window, &[]);
        }
        Verdict::Done
    }

    /// The SHUTDOWN of a peer that has acknowledged everything.
    pub(super) fn peer_shutdown(&self) -> Bytes {
        let mut packet = Vec::new();
        write_header(&mut packet, PORT, PORT, self.library_tag);
        let start = open_chunk(&mut packet, kind::SHUTDOWN, 0);
        packet.extend(self.ours.inward(self.last_tsn).to_be_bytes());
        close_chunk(&mut packet, start);
        seal(&mut packet);
        Bytes::from(packet)
    }

    fn judge_cookie(&self, chunk: &Chunk<'_>, passed: &mut Vec<u8>) -> Verdict {
        if chunk.value != self.cookie() {
            return Verdict::Stop;
        }
        let start = open_chunk(passed, chunk.kind, 0);
        passed.extend_from_slice(&self.library_cookie);
        close_chunk(passed, start);
        Verdict::Done
    }

    fn judge_init(&mut self, chunk: &Chunk<'_>, passed: &mut Vec<u8>) -> Verdict {
        let Some(init) = Init::of(chunk).filter(|_| self.peer.tag == 0) else {
            return Verdict::Stop;
        };
        self.peer = Identity::of(&init);
        self.peer_window = init.window;
        self.peer_forwards = init.parameters().any(|parameter| forwards(&parameter));
        self.theirs = Shift::between(FIRST, init.tsn);
        self.cumulative = init.tsn.wrapping_sub(1);
        self.highest = self.cumulative;
        self.outbound_streams = self.outbound_streams.min(init.inbound_streams);
        self.inbound_streams = self.inbound_streams.min(init.outbound_streams);
        self.resets = Resets::new(self.local.tsn, self.peer.tsn);
        self.peer_resets = init.parameters().any(|it| supports(&it, kind::RE_CONFIG));

        let is_cookie = |it: &Parameter<'_>| it.kind == parameter_kind::STATE_COOKIE;
        let cookie = init.parameters().find(is_cookie);
        self.write_peer(chunk.kind, init.window, cookie, passed);
        Verdict::Done
    }

    /// Writes the INIT or INIT ACK of the peer as the library is to have it: nothing that it does
    /// not know. The libraries drop one with an address in it.
    fn write_peer(
        &self,
        kind: u8,
        window: u32,
        cookie: Option<Parameter<'_>>,
        passed: &mut Vec<u8>,
    ) {
        let start = open_chunk(passed, kind, 0);
        passed.extend(self.peer.tag.to_be_bytes());
        passed.extend(window.to_be_bytes());
        passed.extend(self.inbound_streams.to_be_bytes());
        passed.extend(self.outbound_streams.to_be_bytes());
        passed.extend(FIRST.to_be_bytes());
        if let Some(cookie) = cookie {
            write_parameter(passed, cookie.kind, cookie.value);
        }
        if self.peer_forwards {
            let extensions = [kind::RE_CONFIG, kind::FORWARD_TSN];
            write_parameter(passed, parameter_kind::SUPPORTED_EXTENSIONS, &extensions);
        }
        close_chunk(passed, start);
    }

    /// The INIT of the peer, for a library that is opened again; none if it has not come.
    pub(super) fn peer_init(&self) -> Option<Bytes> {
        if self.peer.tag == 0 {
            return None;
        }
        let mut packet = Vec::new();
        write_header(&mut packet, PORT, PORT, 0);
        let window = self.peer_window.max(LEAST_WINDOW);
        self.write_peer(kind::INIT, window, None, &mut packet);
        seal(&mut packet);
        Some(Bytes::from(packet))
    }

    fn judge_forward(&mut self, chunk: &Chunk<'_>, passed: &mut Vec<u8>) -> Verdict {
        let Some(forward) = Forward::of(chunk) else {
            return Verdict::Done;
        };
        // What lies before the fence is abandoned with what lies behind it, and nobody sends it again.
        let reached = self.before_fence(forward.cumulative);
        let cumulative = self.theirs.inward(reached);
        if !is_after(reached, self.cumulative) {
            // It came before; the library acknowledges it again.
            write_forwarded(passed, cumulative, []);
        } else if forward.cumulative.wrapping_sub(self.cumulative) <= REACH {
            self.note_passed(reached, true);
            let streams = forward.streams();
            let agreed = self.inbound_streams;
            let known = streams.filter_map(|at| self.inbound.forwarded(at, agreed));
            write_forwarded(passed, cumulative, known);
        }
        Verdict::Done
    }

    fn judge_reconfig(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        // What is answered fits one datagram; the rest is asked again.
        let has_room = self.control.len() + chunk.value.len() < usize::from(self.config.mtu) / 2;
        if !has_room || !self.is_connected {
            return;
        }
        for parameter in parameters(chunk.value) {
            if let Some(request) = ResetRequest::of(&parameter) {
                self.resets.requested(&request, &mut self.control);
            } else if let Some(response) = ResetResponse::of(&parameter) {
                let done = self.resets.answered(&response).unwrap_or_default();
                self.outbound.reset(&done);
                let told = done
                    .iter()
                    .map(|&stream| AssociationEvent::ResetDone { stream });
                out.events.extend(told);
            } else if let Some(sequence) = parameter.value.first_chunk() {
                let sequence = u32::from_be_bytes(*sequence);
                self.resets.requested_other(sequence, &mut self.control);
            }
        }
    }
}

fn data_packet(tag: u32, flags: u8, value: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(HEADER_LEN + CHUNK_HEADER_LEN + value.len() + 3);
    write_header(&mut packet, PORT, PORT, tag);
    let start = open_chunk(&mut packet, kind::DATA, flags);
    packet.extend(value);
    close_chunk(&mut packet, start);
    packet
}

/// Copies a chunk with its padding, which may be missing behind the last one.
fn copy(chunk: &Chunk<'_>, packet: &[u8], passed: &mut Vec<u8>) {
    let end = chunk.start + CHUNK_HEADER_LEN + chunk.value.len();
    passed.extend_from_slice(&packet[chunk.start..end]);
    passed.resize(passed.len().next_multiple_of(4), 0);
}

fn is_fragment(chunk: &Chunk<'_>) -> bool {
    Data::of(chunk).is_some_and(|data| data.is_fragment())
}

/// Whether a parameter says that messages may be abandoned.
fn forwards(parameter: &Parameter<'_>) -> bool {
    match parameter.kind {
        parameter_kind::FORWARD_TSN_SUPPORTED => true,
        _ => supports(parameter, kind::FORWARD_TSN),
    }
}

/// Whether a parameter says that the peer knows a chunk type (RFC 5061 section 4.2.7).
fn supports(parameter: &Parameter<'_>, chunk: u8) -> bool {
    parameter.kind == parameter_kind::SUPPORTED_EXTENSIONS && parameter.value.contains(&chunk)
}
