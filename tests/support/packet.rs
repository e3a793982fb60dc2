//! RTP packets, byte by byte: what tests send, and how they read what they receive.

use flumen::components::wire::rtp::RtpHeader;

/// A VP8 payload that begins a key frame: descriptor with S=1, PID=0; P bit 0 (RFC 7741).
pub const VP8_KEY_FRAME: &[u8] = &[0x10, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68];
/// A VP8 payload that begins an interframe: P bit 1.
pub const VP8_DELTA_FRAME: &[u8] = &[0x10, 0x01, 0xaa, 0xbb];

/// An RTP packet to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// SSRC.
    pub ssrc: u32,
    /// Marker bit.
    pub marker: bool,
    /// Contributing sources.
    pub csrcs: Vec<u32>,
    /// Header extension elements: identifier and value.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// Write the elements in the two-byte form of RFC 8285.
    pub two_byte: bool,
    /// Payload.
    pub payload: Vec<u8>,
    /// Bytes of padding, 0 for none.
    pub padding: u8,
}

impl Packet {
    /// A packet with a payload.
    pub fn new(payload_type: u8, sequence: u16, ssrc: u32, payload: &[u8]) -> Self {
        let timestamp = u32::from(sequence) * 3_000;
        let payload = payload.to_vec();
        Self {
            payload_type,
            sequence,
            timestamp,
            ssrc,
            payload,
            ..Self::default()
        }
    }

    /// The same with one more header extension element.
    #[must_use]
    pub fn with_extension(mut self, id: u8, value: &[u8]) -> Self {
        self.extensions.push((id, value.to_vec()));
        self
    }

    /// The same with the marker bit set.
    #[must_use]
    pub fn marked(mut self) -> Self {
        self.marker = true;
        self
    }

    /// The same with another RTP timestamp.
    #[must_use]
    pub fn at(mut self, timestamp: u32) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let flags =
            0x80 | u8::from(self.padding > 0) << 5 | u8::from(!self.extensions.is_empty()) << 4;
        let flags = flags | self.csrcs.len() as u8;
        let mut bytes = vec![flags, u8::from(self.marker) << 7 | self.payload_type];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend(self.csrcs.iter().flat_map(|csrc| csrc.to_be_bytes()));
        if !self.extensions.is_empty() {
            bytes.extend(self.extension_block());
        }
        bytes.extend(&self.payload);
        if self.padding > 0 {
            bytes.extend(vec![0; usize::from(self.padding) - 1]);
            bytes.push(self.padding);
        }
        bytes
    }

    fn extension_block(&self) -> Vec<u8> {
        let mut elements = Vec::new();
        for (id, value) in &self.extensions {
            match self.two_byte {
                true => elements.extend([*id, value.len() as u8]),
                false => elements.push(id << 4 | (value.len() - 1) as u8),
            }
            elements.extend(value);
        }
        elements.resize(elements.len().next_multiple_of(4), 0);
        let profile: u16 = if self.two_byte { 0x1000 } else { 0xbede };
        let mut block = profile.to_be_bytes().to_vec();
        block.extend((elements.len() as u16 / 4).to_be_bytes());
        block.extend(elements);
        block
    }

    /// Reads a packet that the engine sent.
    ///
    /// # Panics
    ///
    /// When it is not a well-formed RTP packet.
    pub fn parse(bytes: &[u8]) -> Self {
        let header = RtpHeader::parse(bytes).expect("the engine sends well-formed RTP");
        let elements = header.extensions(bytes);
        let (words, _) = bytes[12..].as_chunks::<4>();
        let csrcs = words[..header.csrc_count.into()].iter();
        Self {
            payload_type: header.payload_type,
            sequence: header.sequence_number,
            timestamp: header.timestamp,
            ssrc: header.ssrc,
            marker: header.marker,
            csrcs: csrcs.map(|csrc| u32::from_be_bytes(*csrc)).collect(),
            extensions: elements.map(|(id, value)| (id, value.to_vec())).collect(),
            two_byte: header
                .extension
                .is_some_and(|block| block.profile != 0xbede),
            payload: header.payload(bytes).to_vec(),
            padding: header.padding_len,
        }
    }

    /// The value of a header extension element.
    pub fn extension(&self, id: u8) -> Option<&[u8]> {
        let found = self.extensions.iter().find(|(element, _)| *element == id);
        found.map(|(_, value)| value.as_slice())
    }
}
