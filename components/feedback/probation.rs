//! A stream of packets that carry nothing: what is sent to try what a path carries.

use smallvec::SmallVec;

use crate::tick::outbox::{Outgoing, OutgoingKind};
use crate::wire::extension::{ABS_SEND_TIME_LEN, ExtensionKind, TRANSPORT_SEQUENCE_LEN};
use crate::wire::header_extension::write_extensions;

/// The probation stream of a transport: where its next packet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probation {
    sequence: u16,
    timestamp: u32,
    /// What the receiver calls the extensions in [`EXTENSIONS`]; 0 for those it does not know.
    extensions: [u8; EXTENSIONS.len()],
}

crate::snapshot::state! { struct Probation { sequence, timestamp, extensions } }

const EXTENSIONS: [ExtensionKind; 3] = [
    ExtensionKind::Mid,
    ExtensionKind::AbsSendTime,
    ExtensionKind::TransportSequence,
];

impl Probation {
    /// The SSRC of all probation streams: clients know it.
    pub const SSRC: u32 = 1_234;
    /// Their payload type.
    pub const PAYLOAD_TYPE: u8 = 127;
    /// Their MID.
    pub const MID: &str = "probator";
    /// Length of a packet in bytes, all of it RTP.
    pub const PACKET_BYTES: usize = 1_200;

    /// The stream for a receiver that calls header extensions as `id` says, as far as it knows them.
    pub fn new(id: impl Fn(ExtensionKind) -> Option<u8>) -> Self {
        Self {
            extensions: EXTENSIONS.map(|kind| id(kind).unwrap_or(0)),
            ..Self::default()
        }
    }

    /// Appends the next packet, whose stamps are still to be written.
    pub fn write(&mut self, out: &mut Vec<u8>) -> Outgoing {
        let start = out.len();
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(TIMESTAMP_STEP);
        out.extend_from_slice(&[VERSION_AND_EXTENSION, Self::PAYLOAD_TYPE]);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&Self::SSRC.to_be_bytes());
        let block = out.len() - start;
        let values: [&[u8]; 3] = [
            Self::MID.as_bytes(),
            &[0; ABS_SEND_TIME_LEN],
            &[0; TRANSPORT_SEQUENCE_LEN],
        ];
        let known = (0..EXTENSIONS.len()).filter(|index| self.extensions[*index] != 0);
        let known: SmallVec<[usize; 3]> = known.collect();
        let element = |index: &usize| (self.extensions[*index], values[*index]);
        let elements: SmallVec<[(u8, &[u8]); 3]> = known.iter().map(element).collect();
        let mut places = [0; EXTENSIONS.len()];
        let written = write_extensions(out, &elements, |index, offset| {
            places[known[index]] = (block + usize::from(offset)) as u8;
        });
        debug_assert!(written.is_ok(), "these always fit");
        out.resize(start + Self::PACKET_BYTES, 0);
        let [_, abs_send_time, transport_sequence] = places;
        Outgoing {
            abs_send_time,
            transport_sequence,
            kind: OutgoingKind::Padding,
            ..Outgoing::generated(start as u32, Self::PACKET_BYTES as u16)
        }
    }
}

const VERSION_AND_EXTENSION: u8 = 0x90;
/// On a clock of 90 kHz.
const TIMESTAMP_STEP: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::router_id;
    use crate::wire::rtp::RtpHeader;

    #[test]
    fn packets_are_those_of_a_video_stream_with_places_for_stamps() {
        let mut probation = Probation::new(|kind| Some(router_id(kind)));
        let mut out = vec![7; 5];
        probation.write(&mut out);
        let row = probation.write(&mut out);
        let packet = &mut out[row.header_start as usize..];
        assert_eq!((packet.len(), row.len()), (1_200, 1_200));
        packet[usize::from(row.transport_sequence)] = 9;
        packet[usize::from(row.abs_send_time)] = 8;
        let header = RtpHeader::parse(packet).unwrap();
        let names = (header.ssrc, header.payload_type, header.sequence_number);
        assert_eq!((names, header.timestamp), ((1_234, 127, 2), 40));
        let extensions: Vec<_> = header.extensions(packet).collect();
        let expected: [(u8, &[u8]); 3] = [
            (router_id(ExtensionKind::Mid), b"probator"),
            (router_id(ExtensionKind::AbsSendTime), &[8, 0, 0]),
            (router_id(ExtensionKind::TransportSequence), &[9, 0]),
        ];
        assert_eq!(extensions, expected);
    }

    #[test]
    fn extensions_are_called_as_the_receiver_calls_them_and_only_those_it_knows() {
        let mut probation = Probation::new(|kind| match kind {
            ExtensionKind::TransportSequence => Some(14),
            ExtensionKind::Mid => Some(3),
            _ => None,
        });
        let mut out = Vec::new();
        let row = probation.write(&mut out);
        assert_eq!((row.abs_send_time, row.len()), (0, 1_200));
        out[usize::from(row.transport_sequence)] = 9;
        let header = RtpHeader::parse(&out).unwrap();
        let extensions: Vec<_> = header.extensions(&out).collect();
        let expected: [(u8, &[u8]); 2] = [(3, b"probator"), (14, &[9, 0])];
        assert_eq!(extensions, expected);
    }
}
