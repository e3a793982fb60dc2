//! What the libraries get to see.
//!
//! Records before keys are agreed on prove nothing about who sent them, and both libraries take
//! some of them at their word. So neither gets what could only be a forgery or a mistake:
//!
//! - Alerts without protection are kept back and told to the machine, which waits whether the
//!   handshake goes on: one of them ends a handshake in either library.
//! - Data, acknowledgements, and records of unknown types without protection; a change of cipher
//!   within protection, which `rtc-dtls` would believe unread.
//! - Handshake messages that the other end does not say, or only protected.
//! - Fragments of messages longer than any handshake has, or smaller than anybody cuts them:
//!   `rtc-dtls` puts them together by recursion.
//! - Sequence numbers of unprotected records, which are given anew in the order of arrival: a
//!   forged one far ahead would make `rtc-dtls` take all others for repetitions.
//! - More protected handshake records of DTLS 1.2 than
//!   [`Config::handshake_bytes`](super::Config::handshake_bytes), since `rtc-dtls` keeps those of a
//!   peer that has the keys without a limit. Others are bounded where they wait.

use std::time::Duration;

use flumen_wire::dtls::{
    ContentType, Fragment, MessageKind, PlainRecord, Record, fragments, records,
};

use super::{Config, Refused};
use crate::Time;

/// Longest handshake message, in bytes: certificate chains are shorter.
const LONGEST_MESSAGE: usize = 16_384;

/// Messages of a handshake, with room for a second ClientHello.
const MESSAGES: u16 = 24;

/// Fewest bytes of a fragment that is not the last of its message, where a library puts them together.
/// Peers fill datagrams with the beginning of the next message, however little that is.
const SMALLEST_FRAGMENT: usize = 64;

/// What a datagram is for.
#[derive(Debug, Default)]
pub(super) struct Sorted<'a> {
    /// Fragments of a first ClientHello.
    pub(super) hellos: Vec<Fragment<'a>>,
    /// An alert that ends a handshake, if it is true.
    pub(super) alert: Option<u8>,
    /// Whether there is something for the library in [`Gate::passed`].
    pub(super) passes: bool,
}

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    /// Whether this end sent the ClientHello.
    pub(super) is_client: bool,
    /// Whether a library is there, and it speaks DTLS 1.3.
    pub(super) speaks_1_3: Option<bool>,
    /// Whether keys are agreed on.
    pub(super) is_agreed: bool,
}

#[derive(Debug)]
pub(super) struct Gate {
    passed: Vec<u8>,
    /// Bytes of protected handshake records since `counted_since`.
    taken: usize,
    counted_since: Time,
    sequence: u64,
    limit: usize,
    /// What was taken is forgotten after so long, until keys are agreed on: it may be a forger's.
    period: Duration,
}

impl Gate {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            passed: Vec::new(),
            taken: 0,
            counted_since: Time::ZERO,
            sequence: 0,
            limit: config.handshake_bytes as usize,
            period: config.retransmission(),
        }
    }

    /// The records that passed of the datagram that was sorted last.
    pub(super) fn passed(&self) -> &[u8] {
        &self.passed
    }

    /// Counts anew: a handshake begins, or is over.
    pub(super) fn count_anew(&mut self, now: Time) {
        (self.taken, self.counted_since) = (0, now);
    }

    /// The next number of an unprotected record.
    pub(super) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    /// Says what the records of a datagram are for.
    ///
    /// # Errors
    ///
    /// Nothing in it is for anybody.
    pub(super) fn sort<'a>(
        &mut self,
        now: Time,
        datagram: &'a [u8],
        stage: Stage,
    ) -> Result<Sorted<'a>, Refused> {
        self.passed.clear();
        if !stage.is_agreed && now >= self.counted_since + self.period {
            self.count_anew(now);
        }
        let mut sorted = Sorted::default();
        let mut refused = Refused::Malformed;
        for record in records(datagram) {
            match record
                .map_err(|_| Refused::Malformed)
                .and_then(|record| self.take(record, stage, &mut sorted))
            {
                Ok(()) => {}
                Err(why) => refused = why,
            }
        }
        let is_for_something = sorted.passes || sorted.alert.is_some() || !sorted.hellos.is_empty();
        is_for_something.then_some(sorted).ok_or(refused)
    }

    fn take<'a>(
        &mut self,
        record: Record<'a>,
        stage: Stage,
        to: &mut Sorted<'a>,
    ) -> Result<(), Refused> {
        let bytes = record.bytes();
        match record {
            Record::Unified(_) if stage.speaks_1_3 == Some(true) => {
                self.passed.extend_from_slice(bytes);
            }
            Record::Plain(plain) if plain.epoch == 0 => return self.take_open(plain, stage, to),
            Record::Plain(plain) if plain.epoch == 1 && stage.speaks_1_3 == Some(false) => {
                let is_handshake = match plain.content_type {
                    ContentType::Handshake => true,
                    ContentType::Alert | ContentType::ApplicationData => !stage.is_agreed,
                    _ => return Err(Refused::Unexpected),
                };
                if is_handshake {
                    self.charge(bytes.len())?;
                }
                self.passed.extend_from_slice(bytes);
            }
            _ => return Err(Refused::Unexpected),
        }
        to.passes = true;
        Ok(())
    }

    /// A record without protection.
    fn take_open<'a>(
        &mut self,
        record: PlainRecord<'a>,
        stage: Stage,
        to: &mut Sorted<'a>,
    ) -> Result<(), Refused> {
        match record.content_type {
            ContentType::Alert if !stage.is_agreed => {
                to.alert = Some(ending(record.body).ok_or(Refused::Unexpected)?);
                Ok(())
            }
            ContentType::Handshake => self.take_handshake(record, stage, to),
            ContentType::ChangeCipherSpec if !stage.is_agreed && record.body == [1] => {
                stage.speaks_1_3.ok_or(Refused::Unexpected)?;
                self.pass_open(record, to);
                Ok(())
            }
            _ => Err(Refused::Unexpected),
        }
    }

    fn take_handshake<'a>(
        &mut self,
        record: PlainRecord<'a>,
        stage: Stage,
        to: &mut Sorted<'a>,
    ) -> Result<(), Refused> {
        for fragment in fragments(record.body) {
            let fragment = fragment.map_err(|_| Refused::Malformed)?;
            let is_hello = fragment.kind == MessageKind::ClientHello;
            if is_hello && fragment.message_sequence == 0 && !stage.is_client && !stage.is_agreed {
                to.hellos.push(fragment);
                return Ok(());
            }
            if !is_sane(&fragment, stage) {
                return Err(Refused::Malformed);
            }
            if !is_waited_for(fragment.kind, stage) {
                return Err(Refused::Unexpected);
            }
        }
        self.pass_open(record, to);
        Ok(())
    }

    fn pass_open(&mut self, record: PlainRecord<'_>, to: &mut Sorted<'_>) {
        let at = self.passed.len();
        self.passed.extend_from_slice(record.bytes);
        let sequence = self.next_sequence().to_be_bytes();
        self.passed[at + 5..at + 11].copy_from_slice(&sequence[2..]);
        to.passes = true;
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Refused> {
        if self.taken + bytes > self.limit {
            return Err(Refused::Flooded);
        }
        self.taken += bytes;
        Ok(())
    }
}

/// Whether the other end says this without protection (RFC 6347 section 4.2.4, RFC 9147 section
/// 5.7). `dimpl` takes any other message as the next one of the handshake.
fn is_waited_for(kind: MessageKind, stage: Stage) -> bool {
    const SERVER_HELLO: u8 = 2;
    const OF_A_1_2_SERVER: [u8; 6] = [SERVER_HELLO, 3, 11, 12, 13, 14];
    const OF_A_1_2_CLIENT: [u8; 3] = [11, 15, 16];
    match (stage.speaks_1_3, stage.is_client, kind) {
        (Some(_), false, MessageKind::ClientHello) => true,
        (Some(true), true, MessageKind::Other(kind)) => kind == SERVER_HELLO,
        (Some(false), true, MessageKind::Other(kind)) => OF_A_1_2_SERVER.contains(&kind),
        (Some(false), false, MessageKind::Other(kind)) => OF_A_1_2_CLIENT.contains(&kind),
        _ => false,
    }
}

fn is_sane(fragment: &Fragment<'_>, stage: Stage) -> bool {
    // Those of 1.2 are put together here.
    let may_be_small = stage.speaks_1_3 == Some(false) || fragment.end() == fragment.length;
    fragment.length <= LONGEST_MESSAGE
        && fragment.message_sequence < MESSAGES
        && (may_be_small || fragment.body.len() >= SMALLEST_FRAGMENT)
}

/// The description of an alert that ends something (RFC 5246 section 7.2).
fn ending(body: &[u8]) -> Option<u8> {
    match *body {
        [2, description] => Some(description),
        [_, 0] => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Stage = Stage {
        is_client: false,
        speaks_1_3: Some(false),
        is_agreed: false,
    };

    fn record(content_type: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
        let mut record = vec![content_type, 0xfe, 0xfd, 0, epoch, 0xff, 0, 0, 0, 0, 9, 0];
        record.push(body.len() as u8);
        record.extend(body);
        record
    }

    /// A whole message of `kind`.
    fn message(kind: u8, sequence: u8) -> Vec<u8> {
        record(22, 0, &[kind, 0, 0, 2, 0, sequence, 0, 0, 0, 0, 0, 2, 7, 7])
    }

    #[test]
    fn numbers_of_open_records_are_given_anew() {
        let mut gate = Gate::new(&Config::default());
        for expected in 0..3 {
            let datagram = message(16, 2);
            assert!(gate.sort(Time::ZERO, &datagram, SERVER).unwrap().passes);
            assert_eq!(gate.passed()[5..11], [0, 0, 0, 0, 0, expected]);
            assert_eq!(gate.passed()[11..], datagram[11..]);
        }
    }

    #[test]
    fn what_anybody_could_have_sent_reaches_no_library() {
        let mut gate = Gate::new(&Config::default());
        let alert = record(21, 0, &[2, 40]);
        let sorted = gate.sort(Time::ZERO, &alert, SERVER).unwrap();
        assert_eq!((sorted.alert, sorted.passes), (Some(40), false));
        let kept_back = [
            record(21, 0, &[1, 41]),
            record(23, 0, &[1]),
            record(26, 0, &[0, 0]),
            record(99, 0, &[1]),
            record(20, 0, &[2]),
            record(20, 1, &[1]),
            record(22, 2, &[1]),
            vec![0x2f, 0, 1, 0, 1, 7],
        ];
        for datagram in kept_back {
            let refused = gate
                .sort(Time::ZERO, &datagram, SERVER)
                .map(|sorted| sorted.passes);
            assert_eq!(refused, Err(Refused::Unexpected), "{datagram:?}");
            assert!(gate.passed().is_empty());
        }
    }

    #[test]
    fn fragments_that_nobody_cuts_are_kept_back() {
        let mut gate = Gate::new(&Config::default());
        let refused_at = |gate: &mut Gate, body: &[u8], stage| {
            gate.sort(Time::ZERO, &record(22, 0, body), stage)
                .map(|sorted| sorted.passes)
        };
        let refused = |gate: &mut Gate, body: &[u8]| refused_at(gate, body, SERVER);
        let tiny = [2, 0, 4, 0, 0, 1, 0, 0, 0, 0, 0, 1, 7];
        let client = Stage {
            is_client: true,
            speaks_1_3: Some(true),
            ..SERVER
        };
        let refusal = refused_at(&mut gate, &tiny, client);
        assert_eq!(refusal, Err(Refused::Malformed));
        // What fills a datagram may be one byte of the next message.
        let filling = [11, 0, 4, 0, 0, 1, 0, 0, 0, 0, 0, 1, 7];
        assert_eq!(refused(&mut gate, &filling), Ok(true));
        let huge = [11, 1, 0, 0, 0, 1, 0, 0xff, 0xff, 0, 0, 1, 7];
        assert_eq!(refused(&mut gate, &huge), Err(Refused::Malformed));
        let far = [11, 0, 0, 1, 0, 30, 0, 0, 0, 0, 0, 1, 7];
        assert_eq!(refused(&mut gate, &far), Err(Refused::Malformed));
        let last = [11, 0, 4, 0, 0, 1, 0, 3, 0xff, 0, 0, 1, 7];
        assert_eq!(refused(&mut gate, &last), Ok(true));
    }

    #[test]
    fn a_handshake_takes_no_more_than_it_may_in_a_while() {
        let config = Config {
            handshake_bytes: 100,
            ..Config::default()
        };
        let mut gate = Gate::new(&config);
        let protected = record(22, 1, &[7; 20]);
        let takes = |gate: &mut Gate, now, stage| {
            let taken = (0..10).take_while(|_| gate.sort(now, &protected, stage).is_ok());
            taken.count()
        };
        let fitting = 100 / protected.len();
        assert_eq!(takes(&mut gate, Time::ZERO, SERVER), fitting);
        let refused = gate.sort(Time::ZERO, &protected, SERVER).unwrap_err();
        assert_eq!(refused, Refused::Flooded);
        assert!(gate.sort(Time::ZERO, &message(16, 2), SERVER).is_ok());
        let later = Time::ZERO + config.retransmission();
        assert_eq!(takes(&mut gate, later, SERVER), fitting);
        let agreed = Stage {
            is_agreed: true,
            ..SERVER
        };
        gate.count_anew(later);
        assert_eq!(takes(&mut gate, later, agreed), fitting);
        let much_later = later + 100 * config.retransmission();
        assert_eq!(takes(&mut gate, much_later, agreed), 0);
        let data = record(23, 1, &[7; 90]);
        assert!((0..10).all(|_| gate.sort(much_later, &data, agreed).is_ok()));
    }
}
