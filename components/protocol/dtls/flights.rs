//! Flights for `rtc-dtls`, which stops its timer at the first message of one and does not start it
//! again if another is missing.
//!
//! So it gets a flight when it is whole, in order, and with what is protected behind the change of
//! cipher. What it has had already tells that the peer misses the answer.

use flumen_wire::dtls::{
    ContentType, Fragment, PlainRecord, Record, fragments, records, write_message,
};

use super::hellos::Hellos;

/// What there is to do.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Records for the library.
    pub(super) pass: Vec<u8>,
    /// The peer repeats itself.
    pub(super) is_repeat: bool,
}

pub(super) struct Flights {
    is_client: bool,
    messages: Vec<Message>,
    /// The next message that the library waits for.
    next: usize,
    /// Whether the last flight before the change of cipher was passed.
    is_last_passed: bool,
    change: Change,
    protected: Vec<u8>,
    sequence: u64,
}

#[derive(Default)]
struct Message {
    kind: u8,
    parts: Hellos,
    whole: Option<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    NotThere,
    Waits,
    Passed,
}

/// Longest message; the gate lets through none that is longer.
const LONGEST: usize = 16_384;

/// Bytes of the messages of a flight.
const TOGETHER: usize = 24_576;

const HELLO_VERIFY_REQUEST: u8 = 3;
const CERTIFICATE: u8 = 11;
const SERVER_HELLO_DONE: u8 = 14;
const CERTIFICATE_VERIFY: u8 = 15;
const CLIENT_KEY_EXCHANGE: u8 = 16;

impl Flights {
    pub(super) fn new(is_client: bool) -> Self {
        Self {
            is_client,
            messages: Vec::new(),
            next: 0,
            is_last_passed: false,
            change: Change::NotThere,
            protected: Vec::new(),
            sequence: 0,
        }
    }

    /// Takes in the records of a datagram.
    pub(super) fn take(&mut self, datagram: &[u8], is_agreed: bool) -> Taken {
        let mut taken = Taken::default();
        for record in records(datagram).flatten() {
            let Record::Plain(record) = record else {
                continue;
            };
            match record.content_type {
                ContentType::Handshake if record.epoch == 0 => {
                    self.take_handshake(record, is_agreed, &mut taken);
                }
                ContentType::ChangeCipherSpec if self.change == Change::NotThere => {
                    self.change = Change::Waits;
                }
                ContentType::ChangeCipherSpec => {}
                _ if self.change == Change::Passed => taken.pass.extend(record.bytes),
                _ => self.protected.extend(record.bytes),
            }
        }
        self.pass_flight(&mut taken.pass);
        taken
    }

    fn take_handshake(&mut self, record: PlainRecord<'_>, is_agreed: bool, taken: &mut Taken) {
        for fragment in fragments(record.body).flatten() {
            let at = usize::from(fragment.message_sequence);
            if at >= self.next {
                if self.has_room(at, fragment.length) {
                    self.message(at).take(&fragment);
                }
            } else if is_agreed || (self.next == 1 && !self.is_client) {
                // It answers these itself: with its last flight, or its HelloVerifyRequest.
                return self.pass_again(record, &mut taken.pass);
            } else {
                taken.is_repeat = true;
            }
        }
    }

    /// Whether message `at` may be as long: a fragment costs as much as its whole message.
    fn has_room(&self, at: usize, length: usize) -> bool {
        let begun = self.messages.iter().enumerate().skip(self.next);
        let others = begun.filter(|(other, _)| *other != at);
        others.map(|(_, message)| message.len()).sum::<usize>() + length <= TOGETHER
    }

    fn message(&mut self, at: usize) -> &mut Message {
        if self.messages.len() <= at {
            self.messages.resize_with(at + 1, Message::default);
        }
        &mut self.messages[at]
    }

    fn pass_again(&mut self, record: PlainRecord<'_>, to: &mut Vec<u8>) {
        let at = to.len();
        to.extend(record.bytes);
        to[at + 5..at + 11].copy_from_slice(&self.number()[2..]);
    }

    fn number(&mut self) -> [u8; 8] {
        self.sequence += 1;
        (self.sequence - 1).to_be_bytes()
    }

    fn pass_flight(&mut self, to: &mut Vec<u8>) {
        if let Some(end) = self.end_of_flight() {
            for at in self.next..=end {
                let sequence = self.number();
                let message = &mut self.messages[at];
                let body = message.whole.take().unwrap_or_default();
                write_message(
                    message.kind,
                    at as u16,
                    &body,
                    u64::from_be_bytes(sequence),
                    to,
                );
            }
            self.next = end + 1;
            self.is_last_passed |= self.messages[end].kind >= SERVER_HELLO_DONE;
        }
        if self.is_last_passed && self.change == Change::Waits {
            self.change = Change::Passed;
            let sequence = self.number();
            to.extend([20, 0xfe, 0xfd, 0, 0]);
            to.extend(&sequence[2..]);
            to.extend([0, 1, 1]);
            to.append(&mut self.protected);
        }
    }

    /// The last message of the flight that is there, whole.
    fn end_of_flight(&self) -> Option<usize> {
        let there = self.messages.iter().skip(self.next);
        let there = there.take_while(|message| message.whole.is_some());
        let mut is_nameless = false;
        for (at, message) in there.enumerate() {
            // A client without a certificate sends an empty chain, and proves nothing.
            is_nameless |= message.kind == CERTIFICATE && message.whole.as_deref() == Some(&[0; 3]);
            let is_end = match message.kind {
                1 | HELLO_VERIFY_REQUEST | SERVER_HELLO_DONE | CERTIFICATE_VERIFY => true,
                CLIENT_KEY_EXCHANGE => is_nameless,
                _ => false,
            };
            if is_end {
                return Some(self.next + at);
            }
        }
        None
    }
}

impl Message {
    fn len(&self) -> usize {
        self.whole.as_ref().map_or(self.parts.len(), Vec::len)
    }

    fn take(&mut self, fragment: &Fragment<'_>) {
        if self.whole.is_some() {
            return;
        }
        self.kind = fragment.kind.number();
        self.whole = match fragment.length {
            0 => Some(Vec::new()),
            _ => self.parts.complete(fragment, LONGEST),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, message: u16, body: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        write_message(kind, message, body, 0, &mut record);
        record
    }

    /// Kinds and numbers of the messages that pass.
    fn passed(taken: &Taken) -> Vec<(u8, u16)> {
        let handshakes = records(&taken.pass).filter_map(|record| match record {
            Ok(Record::Plain(record)) if record.content_type == ContentType::Handshake => {
                fragments(record.body).next()
            }
            _ => None,
        });
        let number = |fragment: Fragment<'_>| (fragment.kind.number(), fragment.message_sequence);
        handshakes.flatten().map(number).collect()
    }

    #[test]
    fn a_flight_passes_when_it_is_whole_and_in_order() {
        let mut flights = Flights::new(true);
        assert!(flights.take(&record(14, 3, &[]), false).pass.is_empty());
        assert!(flights.take(&record(2, 0, &[1; 40]), false).pass.is_empty());
        assert!(
            flights
                .take(&record(12, 2, &[1; 40]), false)
                .pass
                .is_empty()
        );
        let taken = flights.take(&record(11, 1, &[1; 40]), false);
        assert_eq!(passed(&taken), [(2, 0), (11, 1), (12, 2), (14, 3)]);
        let taken = flights.take(&record(12, 2, &[1; 40]), false);
        assert!(taken.is_repeat && taken.pass.is_empty());
    }

    #[test]
    fn fragments_take_no_more_room_than_a_flight() {
        let mut flights = Flights::new(true);
        for message in 0..24 {
            let body = [2, 0, 0x3f, 0xff, 0, message, 0, 0, 0, 0, 0, 1, 7];
            let mut datagram = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13];
            datagram.extend(body);
            flights.take(&datagram, false);
        }
        let taken: usize = flights.messages.iter().map(Message::len).sum();
        assert!((16_383..=TOGETHER).contains(&taken), "{taken}");
    }

    #[test]
    fn what_is_protected_waits_for_the_change_of_cipher() {
        let finished = [22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 9, 9];
        let change = [20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 1];
        let mut flights = Flights::new(false);
        assert_eq!(
            passed(&flights.take(&record(1, 0, &[1; 40]), false)),
            [(1, 0)]
        );
        assert!(flights.take(&finished, false).pass.is_empty());
        assert!(flights.take(&change, false).pass.is_empty());
        assert!(
            flights
                .take(&record(11, 1, &[1; 40]), false)
                .pass
                .is_empty()
        );
        assert!(
            flights
                .take(&record(16, 2, &[1; 40]), false)
                .pass
                .is_empty()
        );
        let taken = flights.take(&record(15, 3, &[1; 40]), false);
        assert_eq!(passed(&taken)[..3], [(11, 1), (16, 2), (15, 3)]);
        assert!(taken.pass.ends_with(&finished));
        assert_eq!(flights.take(&finished, false).pass, finished);
    }
}
