//! Flights for `rtc-dtls`, which stops its timer at the first message of one and does not start it
//! again if another is missing.
//!
//! So it gets a flight when it is whole, in order, and with what is protected behind the change of
//! cipher. What it has had already tells that the peer misses the answer.
//!
//! Until then anybody may have sent a message. So each has a place of its own, which no other takes
//! up; of two that differ the newer counts; and a second ClientHello has the random of the first,
//! which a forger does not know.

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
    /// Records for the library hold a flight.
    pub(super) has_flight: bool,
}

pub(super) struct Flights {
    is_client: bool,
    /// Those of the flight that the library waits for.
    messages: [Message; MESSAGES],
    /// The number of the first of them.
    next: usize,
    /// The random of the first ClientHello.
    random: Option<[u8; 32]>,
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

/// Most messages of a flight.
const MESSAGES: usize = 5;

/// The messages of a server's flight, by their places; one has no CertificateRequest.
const OF_A_SERVER: [&[u8]; MESSAGES] = [
    &[2, HELLO_VERIFY_REQUEST],
    &[CERTIFICATE],
    &[12],
    &[13, SERVER_HELLO_DONE],
    &[SERVER_HELLO_DONE],
];

/// Those of a client's.
const OF_A_CLIENT: [&[u8]; MESSAGES] = [
    &[CLIENT_HELLO, CERTIFICATE],
    &[CLIENT_KEY_EXCHANGE],
    &[CERTIFICATE_VERIFY],
    &[],
    &[],
];

/// Longest chain of certificates; the gate lets through none that is longer.
const LONGEST_CERTIFICATE: usize = 16_384;

/// Longest message of any other kind.
const LONGEST: usize = 8_192;

/// Protected records that wait for the change of cipher, in bytes: a Finished and a little data.
const PROTECTED: usize = 4_096;

const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
const CERTIFICATE: u8 = 11;
const SERVER_HELLO_DONE: u8 = 14;
const CERTIFICATE_VERIFY: u8 = 15;
const CLIENT_KEY_EXCHANGE: u8 = 16;

impl Flights {
    pub(super) fn new(is_client: bool) -> Self {
        Self {
            is_client,
            messages: Default::default(),
            next: 0,
            random: None,
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
                    taken.is_repeat |= self.take_handshake(record, is_agreed);
                }
                ContentType::ChangeCipherSpec if self.change == Change::NotThere => {
                    self.change = Change::Waits;
                }
                ContentType::ChangeCipherSpec => {}
                _ if self.change == Change::Passed => taken.pass.extend(record.bytes),
                _ => self.keep_protected(record.bytes),
            }
        }
        self.pass_flight(&mut taken);
        taken
    }

    /// Whether there was something of a flight that the library has had.
    fn take_handshake(&mut self, record: PlainRecord<'_>, is_agreed: bool) -> bool {
        let mut is_repeat = false;
        for fragment in fragments(record.body).flatten() {
            match usize::from(fragment.message_sequence).checked_sub(self.next) {
                None => is_repeat = true,
                Some(place) if !is_agreed && self.has_place(place, &fragment) => {
                    self.messages[place].take(&fragment);
                    self.drop_stranger(place);
                }
                Some(_) => {}
            }
        }
        is_repeat
    }

    fn has_place(&self, place: usize, fragment: &Fragment<'_>) -> bool {
        let kinds = if self.is_client {
            OF_A_SERVER
        } else {
            OF_A_CLIENT
        };
        let kind = fragment.kind.number();
        let longest = if kind == CERTIFICATE {
            LONGEST_CERTIFICATE
        } else {
            LONGEST
        };
        fragment.length <= longest && kinds.get(place).is_some_and(|kinds| kinds.contains(&kind))
    }

    /// The ClientHello with a cookie is the first one otherwise (RFC 6347 section 4.2.1).
    fn drop_stranger(&mut self, place: usize) {
        let message = &mut self.messages[place];
        if message.kind == CLIENT_HELLO
            && let (Some(hello), Some(random)) = (&message.whole, &self.random)
            && hello.get(2..34) != Some(&random[..])
        {
            *message = Message::default();
        }
    }

    /// What came last waits if not everything can: the rest was forged.
    fn keep_protected(&mut self, record: &[u8]) {
        if self.protected.len() + record.len() > PROTECTED {
            self.protected.clear();
        }
        if record.len() <= PROTECTED {
            self.protected.extend(record);
        }
    }

    fn number(&mut self) -> [u8; 8] {
        self.sequence += 1;
        (self.sequence - 1).to_be_bytes()
    }

    /// What was sent last is a HelloVerifyRequest, which the library sends when it is asked alone, as
    /// it does its last flight.
    pub(super) fn has_no_timer(&self) -> bool {
        !self.is_client && self.next == 1
    }

    /// A record which tells the library that the peer repeats itself, and holds nothing.
    pub(super) fn nudge(&mut self) -> Vec<u8> {
        let sequence = u64::from_be_bytes(self.number());
        let mut record = Vec::with_capacity(25);
        write_message(CLIENT_HELLO, 0, &[], sequence, &mut record);
        record
    }

    fn pass_flight(&mut self, taken: &mut Taken) {
        if let Some(end) = self.end_of_flight() {
            let messages = std::mem::take(&mut self.messages);
            self.is_last_passed |= messages[end].kind >= SERVER_HELLO_DONE;
            for message in messages.into_iter().take(end + 1) {
                self.pass_message(&message, &mut taken.pass);
            }
            taken.has_flight = true;
        }
        if self.is_last_passed && self.change == Change::Waits {
            self.change = Change::Passed;
            let sequence = self.number();
            taken.pass.extend([20, 0xfe, 0xfd, 0, 0]);
            taken.pass.extend(&sequence[2..]);
            taken.pass.extend([0, 1, 1]);
            taken.pass.append(&mut self.protected);
        }
    }

    fn pass_message(&mut self, message: &Message, to: &mut Vec<u8>) {
        let body = message.whole.as_deref().unwrap_or_default();
        if message.kind == CLIENT_HELLO && self.random.is_none() {
            self.random = body.get(2..34).and_then(|random| random.try_into().ok());
        }
        let sequence = u64::from_be_bytes(self.number());
        write_message(message.kind, self.next as u16, body, sequence, to);
        self.next += 1;
    }

    /// The place of the last message of the flight, if it is there and whole.
    fn end_of_flight(&self) -> Option<usize> {
        let there = self.messages.iter();
        let there = there.take_while(|message| message.whole.is_some());
        let mut is_nameless = false;
        for (place, message) in there.enumerate() {
            // A client without a certificate sends an empty chain, and proves nothing.
            is_nameless |= message.kind == CERTIFICATE && message.whole.as_deref() == Some(&[0; 3]);
            let is_end = match message.kind {
                CLIENT_HELLO | HELLO_VERIFY_REQUEST | SERVER_HELLO_DONE | CERTIFICATE_VERIFY => {
                    true
                }
                CLIENT_KEY_EXCHANGE => is_nameless,
                _ => false,
            };
            if is_end {
                return Some(place);
            }
        }
        None
    }
}

impl Message {
    /// Takes a fragment in; one that does not go with those before begins it anew.
    fn take(&mut self, fragment: &Fragment<'_>) {
        let kind = fragment.kind.number();
        if kind != self.kind || self.differs(fragment) {
            *self = Self {
                kind,
                ..Self::default()
            };
        }
        if self.whole.is_none() {
            self.whole = match fragment.length {
                0 => Some(Vec::new()),
                _ => self.parts.complete(fragment, LONGEST_CERTIFICATE),
            };
        }
    }

    /// Whether it is whole, and another one.
    fn differs(&self, fragment: &Fragment<'_>) -> bool {
        let place = fragment.offset..fragment.end();
        let is_of = |whole: &Vec<u8>| {
            whole.len() == fragment.length && whole.get(place) == Some(fragment.body)
        };
        self.whole.as_ref().is_some_and(|whole| !is_of(whole))
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

    /// A first fragment of a message that is `length` bytes long.
    fn begun(kind: u8, message: u8, length: u16) -> Vec<u8> {
        let [high, low] = length.to_be_bytes();
        let mut datagram = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13];
        datagram.extend([kind, 0, high, low, 0, message, 0, 0, 0, 0, 0, 1, 7]);
        datagram
    }

    #[test]
    fn fragments_take_no_more_room_than_a_flight_and_none_of_another() {
        let mut flights = Flights::new(true);
        for (kind, message) in (2..=15).flat_map(|kind| (0..24).map(move |at| (kind, at))) {
            flights.take(&begun(kind, message, 8_192), false);
            flights.take(&begun(kind, message, 16_384), false);
        }
        let messages = flights.messages.iter();
        let taken: usize = messages.map(|message| message.parts.len()).sum();
        assert_eq!(taken, 16_384 + 4 * 8_192);
        let flight = [(2, 0, 40), (11, 1, 900), (12, 2, 40), (14, 3, 0)];
        let messages = flight.map(|(kind, at, length)| record(kind, at, &vec![1; length]));
        let taken = flights.take(&messages.concat(), false);
        assert_eq!(passed(&taken), [(2, 0), (11, 1), (12, 2), (14, 3)]);
    }

    #[test]
    fn of_two_messages_the_newer_counts_and_of_client_hellos_the_first() {
        let mut flights = Flights::new(true);
        flights.take(&record(11, 1, &[6; 40]), false);
        flights.take(&record(2, 0, &[6; 40]), false);
        let genuine = [record(2, 0, &[1; 50]), record(11, 1, &[1; 40])].concat();
        flights.take(&genuine, false);
        flights.take(&record(12, 2, &[1; 40]), false);
        let taken = flights.take(&record(14, 3, &[]), false);
        assert!(taken.has_flight && !taken.pass.contains(&6));
        let mut flights = Flights::new(false);
        flights.take(&record(1, 0, &[1; 40]), false);
        assert!(flights.take(&record(1, 1, &[6; 40]), false).pass.is_empty());
        let taken = flights.take(&record(1, 1, &[1; 60]), false);
        assert_eq!(passed(&taken), [(1, 1)]);
    }

    #[test]
    fn a_flood_of_protected_records_does_not_push_the_newest_out() {
        let mut flights = Flights::new(true);
        let mut protected = vec![22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 100];
        protected.extend([6; 100]);
        for _ in 0..1_000 {
            flights.take(&protected, false);
        }
        assert!(flights.protected.len() <= PROTECTED);
        protected[20] = 1;
        flights.take(&protected, false);
        assert!(flights.protected.ends_with(&protected));
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
