//! Payload protocol identifiers that the libraries do not tell apart.
//!
//! The libraries write all but five of them as one number, and one of the five (50, DCEP) makes
//! them ignore how a message is to be sent. So any but the other four stands in front of the
//! message while a library has it, and in its DATA chunks outside.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use flumen_wire::{ppid, sctp::Data};

use super::resets::is_after;

/// Bytes that stand in front of a message in the library.
pub(super) const LEN: usize = 4;

/// Whether the libraries carry `ppid` by themselves.
pub(super) fn is_known(ppid: u32) -> bool {
    matches!(
        ppid,
        ppid::STRING | ppid::BINARY | ppid::STRING_EMPTY | ppid::BINARY_EMPTY
    )
}

/// A message as the library is to have it: as it is, or copied behind its identifier.
pub(super) fn enter(ppid: u32, payload: Bytes) -> Bytes {
    if is_known(ppid) {
        return payload;
    }
    let mut behind = BytesMut::with_capacity(LEN + payload.len());
    behind.extend_from_slice(&ppid.to_be_bytes());
    behind.extend_from_slice(&payload);
    behind.freeze()
}

/// The identifier and the payload of a message that the library had.
///
/// One that is too short was put together of fragments that contradict each other; it has no
/// identifier.
pub(super) fn leave(ppid: u32, mut payload: Bytes) -> (u32, Bytes) {
    if is_known(ppid) {
        return (ppid, payload);
    }
    let Some(&ppid) = payload.first_chunk() else {
        return (0, payload);
    };
    (u32::from_be_bytes(ppid), payload.split_off(LEN))
}

/// The identifiers of messages that leave in fragments, until they are acknowledged: only the
/// first fragment has it in front, and each must say it.
#[derive(Debug, Default)]
pub(super) struct Identifiers {
    /// Where a message begins, and its identifier; in the order of the sequence numbers.
    begun: VecDeque<(u32, u32)>,
}

impl Identifiers {
    /// The identifier and the user data of a fragment that the library sends.
    pub(super) fn of<'a>(&mut self, data: &Data<'a>) -> (u32, &'a [u8]) {
        if is_known(data.ppid) {
            return (data.ppid, data.payload);
        }
        match data.payload.split_first_chunk() {
            Some((ppid, payload)) if data.beginning => {
                let ppid = u32::from_be_bytes(*ppid);
                if !data.ending {
                    self.begin(data.tsn, ppid);
                }
                (ppid, payload)
            }
            _ => (self.at(data.tsn), data.payload),
        }
    }

    fn begin(&mut self, tsn: u32, ppid: u32) {
        let last = self.begun.back();
        if last.is_none_or(|&(last, _)| is_after(tsn, last)) {
            self.begun.push_back((tsn, ppid));
        }
    }

    fn at(&self, tsn: u32) -> u32 {
        let behind = (self.begun).partition_point(|&(begin, _)| !is_after(begin, tsn));
        let begun = behind.checked_sub(1).and_then(|at| self.begun.get(at));
        begun.map_or(0, |&(_, ppid)| ppid)
    }

    /// The peer has everything up to `cumulative`.
    pub(super) fn acknowledged(&mut self, cumulative: u32) {
        let next = cumulative.wrapping_add(1);
        let is_over = |&(begin, _): &(u32, u32)| !is_after(begin, next);
        while self.begun.get(1).is_some_and(is_over) {
            self.begun.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the libraries write for an identifier that they do not know.
    const UNKNOWN: u32 = 58;

    #[test]
    fn a_message_comes_back_with_its_identifier() {
        for ppid in [0, 50, 51, 52, 53, 54, 56, 57, 58, u32::MAX] {
            let payload = Bytes::from_static(b"x");
            let inside = enter(ppid, payload.clone());
            let told = if is_known(ppid) { ppid } else { UNKNOWN };
            assert_eq!(leave(told, inside), (ppid, payload), "identifier {ppid}");
        }
        let short = Bytes::from_static(b"abc");
        assert_eq!(leave(UNKNOWN, short.clone()), (0, short));
    }

    fn fragment(tsn: u32, beginning: bool, ending: bool, payload: &[u8]) -> Data<'_> {
        Data {
            tsn,
            stream: 0,
            sequence: 0,
            ppid: UNKNOWN,
            unordered: false,
            beginning,
            ending,
            payload,
        }
    }

    #[test]
    fn every_fragment_says_it_however_often_it_is_sent() {
        let mut identifiers = Identifiers::default();
        let first = [0, 0, 0, 52, 1];
        let second = [0, 0, 3, 232, 2];
        let begin = u32::MAX - 1;
        for _ in 0..2 {
            let sent = [
                fragment(begin, true, false, &first),
                fragment(begin.wrapping_add(1), false, false, &[9; 8]),
                fragment(begin.wrapping_add(2), false, true, &[9]),
                fragment(begin.wrapping_add(3), true, true, &second),
                fragment(begin.wrapping_add(4), true, false, &second),
                fragment(begin.wrapping_add(5), false, true, &[9]),
            ];
            let sent = sent.map(|data| identifiers.of(&data));
            assert_eq!(
                sent.map(|(ppid, _)| ppid),
                [52, 52, 52, 1_000, 1_000, 1_000]
            );
            assert_eq!(sent.map(|(_, payload)| payload.len()), [1, 8, 1, 1, 1, 1]);
        }
        assert_eq!(identifiers.begun.len(), 2);
        identifiers.acknowledged(begin.wrapping_add(2));
        assert_eq!(
            identifiers.begun.len(),
            2,
            "the second is not known to be begun"
        );
        identifiers.acknowledged(begin.wrapping_add(3));
        assert_eq!(identifiers.begun.len(), 1);
        let again = identifiers.of(&fragment(begin.wrapping_add(5), false, true, &[9]));
        assert_eq!(again, (1_000, &[9][..]));
    }
}
