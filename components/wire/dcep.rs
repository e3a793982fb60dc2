//! The Data Channel Establishment Protocol (RFC 8832): a peer opens channels itself.

/// The acknowledgement of [`Open`], a whole message (section 5.2).
pub const ACK: [u8; 1] = [2];

const OPEN: u8 = 3;
const OPEN_LEN: usize = 12;
const UNORDERED: u8 = 0x80;

/// DATA_CHANNEL_OPEN (section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// Messages keep their order.
    pub ordered: bool,
    /// How hard to try.
    pub reliability: Reliability,
    /// The name of the channel.
    pub label: &'a str,
    /// What is spoken on it.
    pub protocol: &'a str,
}

/// How hard to try to deliver the messages of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliability {
    /// Until it is done.
    Reliable,
    /// With so many retransmissions at most.
    Retransmits(u32),
    /// For so many milliseconds.
    Lifetime(u32),
}

impl<'a> Open<'a> {
    /// Reads a message; none when it is another one, or malformed.
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let (header, texts) = message.split_first_chunk::<OPEN_LEN>()?;
        let [OPEN, kind, _, _, a, b, c, d, ref lengths @ ..] = *header else {
            return None;
        };
        let parameter = u32::from_be_bytes([a, b, c, d]);
        let reliability = match kind & !UNORDERED {
            0 => Reliability::Reliable,
            1 => Reliability::Retransmits(parameter),
            2 => Reliability::Lifetime(parameter),
            _ => return None,
        };
        let label = usize::from(u16::from_be_bytes([lengths[0], lengths[1]]));
        let protocol = usize::from(u16::from_be_bytes([lengths[2], lengths[3]]));
        if texts.len() != label + protocol {
            return None;
        }
        let (label, protocol) = texts.split_at(label);
        Some(Self {
            ordered: kind & UNORDERED == 0,
            reliability,
            label: std::str::from_utf8(label).ok()?,
            protocol: std::str::from_utf8(protocol).ok()?,
        })
    }

    /// Appends the message. Texts of more than 65,535 bytes are cut.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (kind, parameter) = match self.reliability {
            Reliability::Reliable => (0, 0),
            Reliability::Retransmits(times) => (1, times),
            Reliability::Lifetime(milliseconds) => (2, milliseconds),
        };
        let order = if self.ordered { 0 } else { UNORDERED };
        let texts = [self.label, self.protocol].map(|text| {
            let bytes = text.as_bytes();
            &bytes[..bytes.len().min(usize::from(u16::MAX))]
        });
        out.extend([OPEN, kind | order, 0, 0]);
        out.extend(parameter.to_be_bytes());
        out.extend(texts.map(|text| (text.len() as u16).to_be_bytes()).concat());
        out.extend(texts.concat());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(open: &Open<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        open.write(&mut out);
        out
    }

    #[test]
    fn what_is_written_is_read() {
        for reliability in [
            Reliability::Reliable,
            Reliability::Retransmits(3),
            Reliability::Lifetime(500),
        ] {
            for (ordered, label, protocol) in [(true, "chat", "json"), (false, "", "")] {
                let open = Open {
                    ordered,
                    reliability,
                    label,
                    protocol,
                };
                assert_eq!(Open::parse(&written(&open)), Some(open));
            }
        }
    }

    #[test]
    fn what_lies_is_nothing() {
        let open = Open {
            ordered: true,
            reliability: Reliability::Reliable,
            label: "chat",
            protocol: "json",
        };
        let whole = written(&open);
        for len in 0..whole.len() {
            assert_eq!(Open::parse(&whole[..len]), None, "{len} bytes");
        }
        for (at, value) in [(0, 2), (1, 3), (9, 5), (11, 3), (12, 0xFF)] {
            let mut changed = whole.clone();
            changed[at] = value;
            assert_eq!(Open::parse(&changed), None, "byte {at}");
        }
        assert_eq!(Open::parse(&[whole, vec![0]].concat()), None);
    }
}
