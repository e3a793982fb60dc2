//! Datagrams in a byte stream (RFC 4571), which comes in pieces.

use flumen::components::wire::framing::{Deframer, PREFIX};

use super::input::Input;

/// A stream that comes in pieces of any size: the same datagrams are taken off it as when it comes at
/// once, and no more is kept of it than a datagram that is not whole yet.
pub fn framing(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let longest = input.short().into();
    let sizes = input.block();
    let stream = input.rest();
    let whole = taken([stream], longest);
    let named: usize = whole.iter().map(|(bytes, _)| PREFIX + bytes.len()).sum();
    assert!(named <= stream.len());
    assert!(whole.iter().all(|(bytes, cut)| match cut {
        true => bytes.len() == longest,
        false => bytes.len() <= longest,
    }));
    assert_eq!(taken(pieces(stream, sizes), longest), whole);
}

/// What is taken off a stream in these pieces: each datagram, and whether its end was passed over.
fn taken<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, longest: usize) -> Vec<(Vec<u8>, bool)> {
    let (mut deframer, mut unread) = (Deframer::default(), Vec::new());
    let mut taken = Vec::new();
    for piece in pieces {
        unread.extend_from_slice(piece);
        let mut rest = &unread[..];
        while let Some(frame) = deframer.next(&mut rest, longest) {
            taken.push((frame.bytes.to_vec(), frame.cut));
        }
        assert!(rest.len() < PREFIX + longest, "what is kept is bounded");
        unread = rest.to_vec();
    }
    taken
}

/// The stream in pieces of these sizes, again and again; all of it if there are none.
fn pieces<'a>(stream: &'a [u8], sizes: &[u8]) -> Vec<&'a [u8]> {
    let (mut pieces, mut rest) = (Vec::new(), stream);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            return pieces;
        }
        let (piece, behind) = rest.split_at(rest.len().min(1 + usize::from(*size)));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}
