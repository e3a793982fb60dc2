//! Datagrams in a byte stream (RFC 4571 section 2): a length of 16 bits before each.

/// Bytes of a length.
pub const PREFIX: usize = 2;

/// What says the length of a datagram in a stream; none when it is longer than 65,535 bytes.
pub fn prefix(length: usize) -> Option<[u8; PREFIX]> {
    u16::try_from(length).ok().map(u16::to_be_bytes)
}

/// Takes datagrams off a stream that comes in pieces. Who reads keeps what is not whole yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deframer {
    /// Bytes of a datagram that are passed over.
    skip: usize,
}

/// A datagram of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its bytes, without its end if that is `cut`.
    pub bytes: &'a [u8],
    /// It was longer than wanted.
    pub cut: bool,
}

impl Deframer {
    /// The next datagram that is whole, or as whole as it is wanted: of up to `longest` bytes.
    /// It is taken off `unread`, of which fewer than `longest` bytes and a length are left when
    /// there is none.
    pub fn next<'a>(&mut self, unread: &mut &'a [u8], longest: usize) -> Option<Frame<'a>> {
        let skipped = self.skip.min(unread.len());
        *unread = &unread[skipped..];
        self.skip -= skipped;
        let (prefix, rest) = unread.split_first_chunk::<PREFIX>()?;
        let length = usize::from(u16::from_be_bytes(*prefix));
        let kept = length.min(longest);
        let (bytes, rest) = rest.split_at_checked(kept)?;
        *unread = rest;
        self.skip = length - kept;
        let cut = kept < length;
        Some(Frame { bytes, cut })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONGEST: usize = 2_048;

    fn stream(datagrams: &[&[u8]]) -> Vec<u8> {
        let framed = |datagram: &&[u8]| [&prefix(datagram.len()).unwrap(), *datagram].concat();
        datagrams.iter().flat_map(framed).collect()
    }

    /// What comes out when the stream comes in these pieces.
    fn deframed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Vec<u8>, bool)> {
        let (mut deframer, mut unread) = (Deframer::default(), Vec::new());
        let mut found = Vec::new();
        for piece in pieces {
            unread.extend_from_slice(piece);
            let mut rest = &unread[..];
            while let Some(frame) = deframer.next(&mut rest, LONGEST) {
                found.push((frame.bytes.to_vec(), frame.cut));
            }
            assert!(rest.len() < PREFIX + LONGEST, "what is kept is bounded");
            unread = rest.to_vec();
        }
        found
    }

    #[test]
    fn a_stream_may_be_split_at_every_byte() {
        let long = [7; LONGEST];
        let datagrams: [&[u8]; 5] = [b"one", b"", b"three", &long, b"x"];
        let whole: Vec<_> = datagrams
            .iter()
            .map(|bytes| (bytes.to_vec(), false))
            .collect();
        let bytes = stream(&datagrams);
        for at in 0..=bytes.len() {
            assert_eq!(deframed([&bytes[..at], &bytes[at..]]), whole, "at {at}");
        }
        assert_eq!(deframed(bytes.chunks(1)), whole);
    }

    #[test]
    fn of_a_datagram_that_is_too_long_the_end_is_passed_over() {
        let longest = vec![9; usize::from(u16::MAX)];
        let bytes = stream(&[b"before", &longest, b"behind"]);
        let expected = [
            (b"before".to_vec(), false),
            (vec![9; LONGEST], true),
            (b"behind".to_vec(), false),
        ];
        for size in [1, 2, 1_000, 8_192, bytes.len()] {
            assert_eq!(
                deframed(bytes.chunks(size)),
                expected,
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn half_a_datagram_is_waited_for() {
        let bytes = stream(&[b"whole", b"half of it"]);
        for cut in 1..=10 {
            assert_eq!(deframed([&bytes[..bytes.len() - cut]]).len(), 1);
        }
    }

    #[test]
    fn what_no_length_can_say_has_none() {
        assert_eq!(prefix(65_535), Some([255, 255]));
        assert_eq!(prefix(65_536), None);
    }

    proptest! {
        #[test]
        fn pieces_are_put_together_however_they_come(
            lengths in prop::collection::vec(prop_oneof![0..40_usize, 2_000..2_100_usize], 1..12),
            sizes in prop::collection::vec(1..3_000_usize, 1..40),
        ) {
            let datagrams: Vec<_> = (1..).zip(&lengths).map(|(n, &len)| vec![n; len]).collect();
            let slices: Vec<_> = datagrams.iter().map(Vec::as_slice).collect();
            let bytes = stream(&slices);
            let (mut pieces, mut rest) = (Vec::new(), &bytes[..]);
            for size in sizes.iter().cycle() {
                let (piece, behind) = rest.split_at(rest.len().min(*size));
                pieces.push(piece);
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            let kept = |datagram: &Vec<u8>| {
                let kept = datagram.len().min(LONGEST);
                (datagram[..kept].to_vec(), kept < datagram.len())
            };
            prop_assert_eq!(deframed(pieces), datagrams.iter().map(kept).collect::<Vec<_>>());
        }
    }
}
