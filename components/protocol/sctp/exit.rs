//! What passes from a library to the wire.

use flumen_wire::sctp::{
    CHUNK_HEADER_LEN, Chunk, Data, Forward, HEADER_LEN, Init, Parameter, Sack, chunks, close_chunk,
    kind, open_chunk, parameter_kind, seal, write_forwarded, write_parameter, write_sack,
};

use super::Output;
use super::gate::{End, Gate};
use super::identity::Identity;
use super::resets::{Resets, is_after};
use super::shift::{LATEST, Shift};

impl Gate {
    /// Sends a packet of the library, renumbered.
    pub(super) fn leave(&mut self, packet: &[u8], out: &mut Output) {
        self.is_late |= self.local.tag == 0 && begins_late(packet);
        if self.is_late {
            return;
        }
        out.datagram(|bytes| {
            let start = bytes.len();
            bytes.extend_from_slice(&packet[..HEADER_LEN.min(packet.len())]);
            for chunk in chunks(packet) {
                self.write(&chunk, bytes);
            }
            seal(&mut bytes[start..]);
            if self.local.tag != 0 && self.answer.is_empty() && is_init_ack(packet) {
                self.answer = bytes[start..].to_vec();
            }
        });
    }

    fn write(&mut self, chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
        match chunk.kind {
            kind::DATA => self.write_data(chunk, bytes),
            kind::SACK => self.write_sack(chunk, bytes),
            kind::FORWARD_TSN => self.write_forward(chunk, bytes),
            kind::INIT | kind::INIT_ACK => self.write_init(chunk, bytes),
            kind::SHUTDOWN => self.write_shutdown(bytes),
            kind::SHUTDOWN_COMPLETE => {
                self.end.get_or_insert(End::Closed);
                copy(chunk, bytes);
            }
            _ => copy(chunk, bytes),
        }
    }

    fn note_init(&mut self, init: &Init<'_>) {
        self.library_tag = init.tag;
        self.local = self.drawn.identity.unwrap_or(Identity::of(init));
        self.ours = Shift::between(init.tsn, self.local.tsn);
        self.begun = self.local.tsn;
        self.last_tsn = self.local.tsn.wrapping_sub(1);
        self.acknowledged = self.last_tsn;
        self.resets = Resets::new(self.local.tsn, self.peer.tsn);
    }

    /// No library lets one draw its tag, first number and cookie, and not every one say how many
    /// streams there are.
    fn write_init(&mut self, chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
        let Some(init) = Init::of(chunk) else {
            return copy(chunk, bytes);
        };
        if self.local.tag == 0 {
            self.note_init(&init);
        }
        let start = open_chunk(bytes, chunk.kind, 0);
        bytes.extend(self.local.tag.to_be_bytes());
        bytes.extend(init.window.to_be_bytes());
        bytes.extend(self.outbound_streams.to_be_bytes());
        bytes.extend(self.config.inbound_streams.to_be_bytes());
        bytes.extend(self.local.tsn.to_be_bytes());
        let mut last = bytes.len();
        for parameter in init.parameters() {
            last = bytes.len();
            self.write_parameter(&parameter, bytes);
        }
        // The padding of the last one is the chunk's (RFC 9260 section 3.2.1).
        if let Some(&[high, low]) = bytes.get(last + 2..last + 4).and_then(<[u8]>::as_array) {
            bytes.truncate(last + usize::from(u16::from_be_bytes([high, low])));
        }
        close_chunk(bytes, start);
    }

    fn write_parameter(&mut self, parameter: &Parameter<'_>, bytes: &mut Vec<u8>) {
        if parameter.kind == parameter_kind::STATE_COOKIE {
            self.library_cookie = parameter.value.to_vec();
            write_parameter(bytes, parameter.kind, self.cookie());
        } else {
            write_parameter(bytes, parameter.kind, parameter.value);
        }
    }

    fn write_data(&mut self, chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
        let Some(data) = Data::of(chunk) else {
            return copy(chunk, bytes);
        };
        let data = Data {
            tsn: self.ours.outward(data.tsn),
            ..data
        };
        self.assign(data.tsn);
        let sequence = self.outbound.number(&data);
        let (ppid, payload) = self.identifiers.of(&data);
        let start = open_chunk(bytes, kind::DATA, chunk.flags);
        bytes.extend(data.tsn.to_be_bytes());
        bytes.extend_from_slice(&chunk.value[4..Data::FIXED_LEN]);
        bytes.extend_from_slice(payload);
        let at = start + Data::SEQUENCE;
        bytes[at..at + 2].copy_from_slice(&sequence.to_be_bytes());
        bytes[at + 2..at + 6].copy_from_slice(&ppid.to_be_bytes());
        close_chunk(bytes, start);
    }

    fn assign(&mut self, tsn: u32) {
        if is_after(tsn, self.last_tsn) {
            self.last_tsn = tsn;
        }
    }

    /// The libraries report every gap; what does not fit the datagram is left for the next one
    /// (RFC 9260 section 3.3.4). No duplicates are reported.
    fn write_sack(&mut self, chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
        let Some(sack) = Sack::of(chunk) else {
            return copy(chunk, bytes);
        };
        self.cumulative = self.theirs.outward(sack.cumulative);
        let room = usize::from(self.config.mtu) - HEADER_LEN - CHUNK_HEADER_LEN - Sack::FIXED_LEN;
        let gaps = &sack.gaps[..sack.gaps.len().min(room / 4 * 4)];
        write_sack(bytes, self.cumulative, sack.window, gaps);
    }

    /// Acknowledges what the last SACK did (RFC 9260 section 3.3.8). Both libraries write what was
    /// acknowledged to them instead, which `usrsctp` answers with an ABORT.
    fn write_shutdown(&self, bytes: &mut Vec<u8>) {
        let start = open_chunk(bytes, kind::SHUTDOWN, 0);
        bytes.extend(self.cumulative.to_be_bytes());
        close_chunk(bytes, start);
    }

    fn write_forward(&mut self, chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
        if let Some(forward) = Forward::of(chunk) {
            let cumulative = self.ours.outward(forward.cumulative);
            self.assign(cumulative);
            let streams = forward.streams();
            let mut streams: Vec<_> = streams
                .filter_map(|at| self.outbound.forwarded(at))
                .collect();
            // The libraries list them in the order of a hash.
            streams.sort_unstable_by_key(|at| at.stream);
            write_forwarded(bytes, cumulative, streams);
        }
    }
}

fn copy(chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
    let start = open_chunk(bytes, chunk.kind, chunk.flags);
    bytes.extend_from_slice(chunk.value);
    close_chunk(bytes, start);
}

/// Whether the first number of the library's is one from which it would wrap too soon.
fn begins_late(packet: &[u8]) -> bool {
    let first = chunks(packet).next();
    let init = first.and_then(|chunk| Init::of(&chunk));
    init.is_some_and(|init| init.tsn > LATEST)
}

fn is_init_ack(packet: &[u8]) -> bool {
    packet.get(HEADER_LEN) == Some(&kind::INIT_ACK)
}
