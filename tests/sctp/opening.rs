//! What opens an association.

use flumen::components::wire::sctp::{Init, chunks, kind};
use flumen::sctp::Config;
use flumen_tests::{Ends, Stack};

/// The lengths of the parameters in the bytes behind the fixed part of an INIT, and what is left
/// when each but the last is followed by its padding (RFC 9260 section 3.2.1).
fn parameters(mut bytes: &[u8]) -> (Vec<usize>, usize) {
    let mut lengths = Vec::new();
    while let [_, _, high, low, ..] = *bytes {
        let length = usize::from(u16::from_be_bytes([high, low]));
        lengths.push(length);
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    (lengths, bytes.len())
}

#[test]
fn the_last_parameter_of_an_init_ends_its_chunk_unpadded() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.keeps_datagrams = true;
        ends.connect();
        let mut padded = 0;
        for (at, wanted) in [(0, kind::INIT), (1, kind::INIT_ACK)] {
            let sent = ends.got[at].datagrams.iter();
            let mut chunks = sent.flat_map(|(_, packet)| chunks(packet));
            let init = chunks.find(|chunk| chunk.kind == wanted);
            let value = init.expect("it opens").value;
            let (lengths, left) = parameters(&value[Init::FIXED_LEN..]);
            let case = format!("{stacks:?}, chunk type {wanted}: {lengths:?}");
            let last = *lengths.last().expect("it has parameters");
            let before: usize = lengths
                .iter()
                .map(|length| length.next_multiple_of(4))
                .sum();
            let padding = last.next_multiple_of(4) - last;
            assert_eq!(left, 0, "{case}");
            assert_eq!(value.len(), Init::FIXED_LEN + before - padding, "{case}");
            padded += padding;
        }
        assert!(padded > 0, "{stacks:?}: some parameter needs padding");
    }
}
