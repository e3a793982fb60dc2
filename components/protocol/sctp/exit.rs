//! What passes from a library to the wire.

use flumen_wire::sctp::{
    CHUNK_HEADER_LEN, Chunk, Data, Forward, HEADER_LEN, Init, Sack, chunks, close_chunk, kind,
    open_chunk, seal, write_forwarded,
};

use super::Output;
use super::gate::{End, Gate};
use super::resets::{Resets, is_after};

impl Gate {
    /// Sends a packet of the library, renumbered where a stream was reset.
    pub(super) fn leave(&mut self, packet: &[u8], out: &mut Output) {
        out.datagram(|bytes| {
            let start = bytes.len();
            bytes.extend_from_slice(&packet[..HEADER_LEN.min(packet.len())]);
            for chunk in chunks(packet) {
                self.write(&chunk, bytes);
            }
            // Nearly always nothing has changed, and the checksum stands.
            if bytes[start..] != *packet {
                seal(&mut bytes[start..]);
            }
            if self.local_tag != 0 && self.answer.is_empty() && is_init_ack(packet) {
                self.answer = bytes[start..].to_vec();
            }
        });
    }

    fn write(&mut self, chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
        match chunk.kind {
            kind::DATA => self.write_data(chunk, bytes),
            kind::SACK => self.write_sack(chunk, bytes),
            kind::FORWARD_TSN => self.write_forward(chunk, bytes),
            kind::INIT | kind::INIT_ACK => {
                self.note_init(chunk);
                self.write_init(chunk, bytes);
            }
            kind::SHUTDOWN => self.write_shutdown(bytes),
            kind::SHUTDOWN_COMPLETE => {
                self.end.get_or_insert(End::Closed);
                copy(chunk, bytes);
            }
            _ => copy(chunk, bytes),
        }
    }

    fn note_init(&mut self, chunk: &Chunk<'_>) {
        if let Some(init) = Init::of(chunk).filter(|_| self.local_tag == 0) {
            self.library_tag = init.tag;
            self.local_tag = self.drawn_tag.unwrap_or(init.tag);
            self.first_tsn = init.tsn;
            self.last_tsn = init.tsn.wrapping_sub(1);
            self.resets = Resets::new(self.first_tsn, self.peer_tsn);
        }
    }

    /// No library lets one draw its tag, and not every one say how many streams there are.
    fn write_init(&self, chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        copy(chunk, bytes);
        let tag = start + CHUNK_HEADER_LEN;
        if let Some(field) = bytes.get_mut(tag..tag + 4) {
            field.copy_from_slice(&self.local_tag.to_be_bytes());
        }
        let streams = start + CHUNK_HEADER_LEN + Init::STREAMS;
        if let Some(field) = bytes.get_mut(streams..streams + 4) {
            field[..2].copy_from_slice(&self.outbound_streams.to_be_bytes());
            field[2..].copy_from_slice(&self.config.inbound_streams.to_be_bytes());
        }
    }

    fn write_data(&mut self, chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
        let Some(data) = Data::of(chunk) else {
            return copy(chunk, bytes);
        };
        self.assign(data.tsn);
        let sequence = self.outbound.number(&data);
        let (ppid, payload) = self.identifiers.of(&data);
        let start = open_chunk(bytes, kind::DATA, chunk.flags);
        bytes.extend_from_slice(&chunk.value[..Data::FIXED_LEN]);
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
    /// (RFC 9260 section 3.3.4). A gap that begins at 0 is a library's mistake where the numbers
    /// wrap.
    fn write_sack(&mut self, chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
        let Some(fixed) = chunk.value.get(..Sack::FIXED_LEN) else {
            return copy(chunk, bytes);
        };
        let mut cumulative = [0; 4];
        cumulative.copy_from_slice(&fixed[..4]);
        self.cumulative = u32::from_be_bytes(cumulative);

        let room = usize::from(self.config.mtu) - HEADER_LEN - CHUNK_HEADER_LEN - Sack::FIXED_LEN;
        let gaps = chunk.value[Sack::FIXED_LEN..].chunks_exact(4);
        let gaps = gaps.filter(|gap| gap[..2] != [0, 0]).take(room / 4);
        let start = open_chunk(bytes, kind::SACK, chunk.flags);
        bytes.extend_from_slice(fixed);
        let count = gaps.map(|gap| bytes.extend_from_slice(gap)).count();
        let lists = start + CHUNK_HEADER_LEN + 8;
        bytes[lists..lists + 2].copy_from_slice(&(count as u16).to_be_bytes());
        // No duplicates are reported.
        bytes[lists + 2..lists + 4].fill(0);
        close_chunk(bytes, start);
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
            self.assign(forward.cumulative);
            let streams = forward.streams();
            let mut streams: Vec<_> = streams
                .filter_map(|at| self.outbound.forwarded(at))
                .collect();
            // The libraries list them in the order of a hash.
            streams.sort_unstable_by_key(|at| at.stream);
            write_forwarded(bytes, forward.cumulative, streams);
        }
    }
}

fn copy(chunk: &Chunk<'_>, bytes: &mut Vec<u8>) {
    let start = open_chunk(bytes, chunk.kind, chunk.flags);
    bytes.extend_from_slice(chunk.value);
    close_chunk(bytes, start);
}

fn is_init_ack(packet: &[u8]) -> bool {
    packet.get(HEADER_LEN) == Some(&kind::INIT_ACK)
}
