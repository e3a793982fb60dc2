//! A packet that is being rewritten.

use smallvec::SmallVec;

use crate::tick::verdict::VerdictError;
use crate::wire::header_extension::write_extensions;
use crate::wire::rtp::{FIXED_LEN, PAYLOAD_TYPE, RtpHeader, TIMESTAMP};

/// A copy of a packet, to be changed. What makes it part of its stream stays: SSRC, sequence number
/// and payload type.
#[derive(Debug)]
pub struct Draft<'a> {
    bytes: &'a mut Vec<u8>,
    spare: &'a mut Vec<u8>,
    header: RtpHeader,
    mistake: Option<VerdictError>,
}

const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const MARKER_BIT: u8 = 0x80;

impl<'a> Draft<'a> {
    /// Begins with a packet whose header was parsed, in memory that is reused.
    pub(crate) fn new(memory: &'a mut [Vec<u8>; 2], packet: &[u8], header: RtpHeader) -> Self {
        let [bytes, spare] = memory;
        bytes.clear();
        bytes.extend_from_slice(packet);
        Self {
            bytes,
            spare,
            header,
            mistake: None,
        }
    }

    /// The header as it is now; lengths of a payload that is too long for a packet are of no use.
    pub fn header(&self) -> &RtpHeader {
        &self.header
    }

    /// The payload, without padding.
    pub fn payload(&self) -> &[u8] {
        self.header.payload(self.bytes)
    }

    /// The payload, to be changed byte by byte.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        let start = usize::from(self.header.payload_start);
        let end = start + usize::from(self.header.payload_len);
        self.bytes.get_mut(start..end).unwrap_or_default()
    }

    /// Replaces the payload; padding goes with it.
    pub fn set_payload(&mut self, payload: &[u8]) {
        self.bytes.truncate(self.header.payload_start.into());
        self.bytes[0] &= !PADDING_BIT;
        self.bytes.extend_from_slice(payload);
        self.reread();
    }

    /// Sets or takes away the marker bit.
    pub fn set_marker(&mut self, marker: bool) {
        let byte = &mut self.bytes[PAYLOAD_TYPE];
        *byte = *byte & !MARKER_BIT | if marker { MARKER_BIT } else { 0 };
        self.header.marker = marker;
    }

    /// Sets the timestamp, in units of the RTP clock.
    pub fn set_timestamp(&mut self, timestamp: u32) {
        self.bytes[TIMESTAMP..TIMESTAMP + 4].copy_from_slice(&timestamp.to_be_bytes());
        self.header.timestamp = timestamp;
    }

    /// Sets the header extension element (RFC 8285) that the sender calls `id`, or takes it away.
    /// Other elements stay; those of a profile that RFC 8285 does not know do not.
    pub fn set_extension(&mut self, id: u8, value: Option<&[u8]>) {
        let (old, new) = (&*self.bytes, &mut *self.spare);
        let others = self.header.extensions(old).filter(|known| known.0 != id);
        let elements: SmallVec<[(u8, &[u8]); 12]> =
            others.chain(value.map(|value| (id, value))).collect();
        let fixed = FIXED_LEN + 4 * usize::from(self.header.csrc_count);
        new.clear();
        new.extend_from_slice(&old[..fixed]);
        let written = write_extensions(new, &elements, |_, _| {});
        drop(elements);
        let has_block = new.len() > fixed;
        new[0] = new[0] & !EXTENSION_BIT | if has_block { EXTENSION_BIT } else { 0 };
        new.extend_from_slice(&old[self.header.payload_start.into()..]);
        match written {
            Ok(_) => std::mem::swap(self.bytes, self.spare),
            Err(error) => self.note(Err(error.into())),
        }
        self.reread();
    }

    /// The packet, if everything could be done.
    pub(crate) fn finish(self) -> Result<(RtpHeader, &'a [u8]), VerdictError> {
        match self.mistake {
            None => Ok((self.header, self.bytes)),
            Some(mistake) => Err(mistake),
        }
    }

    fn reread(&mut self) {
        let read = RtpHeader::parse(self.bytes).map(|header| self.header = header);
        self.note(read.map_err(VerdictError::from));
    }

    fn note(&mut self, result: Result<(), VerdictError>) {
        self.mistake = self.mistake.or(result.err());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::header_extension::ExtensionWriteError;

    /// A CSRC, an extension element, and two bytes of padding behind the payload.
    const PACKET: [u8; 28] = [
        0xb1, 96, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x20, 0xaa, 0, 0,
        b'o', b'k', 0, 2,
    ];

    fn redraft(change: impl FnOnce(&mut Draft<'_>)) -> Result<Vec<u8>, VerdictError> {
        let mut memory = Default::default();
        let header = RtpHeader::parse(&PACKET).unwrap();
        let mut draft = Draft::new(&mut memory, &PACKET, header);
        change(&mut draft);
        let (header, bytes) = draft.finish()?;
        assert_eq!(RtpHeader::parse(bytes), Ok(header));
        let same = |header: RtpHeader| (header.ssrc, header.sequence_number, header.payload_type);
        assert_eq!(same(header), (2, 7, 96));
        Ok(bytes.to_vec())
    }

    #[test]
    fn a_draft_that_is_not_changed_is_the_packet() {
        assert_eq!(redraft(|_| {}).unwrap(), PACKET);
    }

    #[test]
    fn a_new_payload_takes_the_place_of_the_old_one_and_its_padding() {
        let bytes = redraft(|draft| {
            draft.payload_mut()[0] = b'O';
            assert_eq!(draft.payload(), b"Ok");
            draft.set_payload(b"longer");
            draft.payload_mut()[5] = b'!';
        });
        let expected = [&[0x91], &PACKET[1..24], b"longe!"].concat();
        assert_eq!(bytes.unwrap(), expected);
    }

    #[test]
    fn marker_and_timestamp_are_set_in_place() {
        let bytes = redraft(|draft| {
            draft.set_marker(true);
            draft.set_timestamp(0x0102_0304);
        });
        let expected = [&[0xb1, 0xe0, 0, 7, 1, 2, 3, 4], &PACKET[8..]].concat();
        assert_eq!(bytes.unwrap(), expected);
    }

    #[test]
    fn an_element_is_added_replaced_and_taken_away() {
        let end = &PACKET[24..];
        let block = |block: &[u8]| [&PACKET[..16], block, end].concat();
        let added = redraft(|draft| draft.set_extension(3, Some(&[1])));
        let expected = block(&[0xbe, 0xde, 0, 1, 0x20, 0xaa, 0x30, 1]);
        assert_eq!(added.unwrap(), expected);
        let replaced = redraft(|draft| draft.set_extension(2, Some(&[])));
        assert_eq!(replaced.unwrap(), block(&[0x10, 0, 0, 1, 2, 0, 0, 0]));
        let gone = redraft(|draft| draft.set_extension(2, None));
        assert_eq!(gone.unwrap(), [&[0xa1], &PACKET[1..16], end].concat());
        let nothing = redraft(|draft| draft.set_extension(0, Some(&[1])));
        assert_eq!(nothing, Err(ExtensionWriteError::ZeroId.into()));
    }
}
