//! Resetting streams, RFC 6525.

use std::collections::BTreeSet;
use std::time::Duration;

use flumen_wire::sctp::{ResetRequest, ResetResponse, write_reset_request, write_reset_response};

use crate::Time;

/// How long the first answer may take; each further one twice as long (RFC 6525 section 5.1.1
/// retransmits like DATA: RTO.Initial and RTO.Max of RFC 9260 section 16).
const PATIENCE: Duration = Duration::from_secs(1);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);
/// Association.Max.Retrans of RFC 9260 section 16.
const MAX_RETRANSMISSIONS: u32 = 10;
/// Streams that one request names: it must fit one datagram.
const STREAMS_PER_REQUEST: usize = 256;
/// The answer to requests for what is not done here, RFC 6525 section 4.4.
const DENIED: u32 = 2;

/// Whether `a` comes after `b`, RFC 1982.
pub(super) fn is_after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

/// Requests in both directions; one at a time each, as RFC 6525 section 5.1.1 demands.
#[derive(Debug)]
pub(super) struct Resets {
    wanted: BTreeSet<u16>,
    asked: Option<Asked>,
    next: u32,
    /// A request of the peer that waits for what was sent before it.
    theirs: Option<Theirs>,
    expected: u32,
    last_result: u32,
}

#[derive(Debug)]
struct Asked {
    sequence: u32,
    streams: Vec<u16>,
    last_tsn: u32,
    due: Time,
    retransmissions: u32,
}

#[derive(Debug)]
struct Theirs {
    sequence: u32,
    last_tsn: u32,
    streams: Vec<u16>,
}

impl Resets {
    /// `first` and `their_first` are the first transmission sequence numbers of both ends, where
    /// requests are numbered from (RFC 6525 section 4.1).
    pub(super) fn new(first: u32, their_first: u32) -> Self {
        Self {
            wanted: BTreeSet::new(),
            asked: None,
            next: first,
            theirs: None,
            expected: their_first,
            last_result: ResetResponse::BAD_SEQUENCE,
        }
    }

    /// `stream` is to be reset once nothing is buffered on it.
    pub(super) fn want(&mut self, stream: u16) {
        self.wanted.insert(stream);
    }

    /// Whether nothing may be sent on `stream` for now.
    pub(super) fn is_resetting(&self, stream: u16) -> bool {
        self.wanted.contains(&stream)
            || (self.asked.as_ref()).is_some_and(|asked| asked.streams.contains(&stream))
    }

    /// Takes in a request of the peer and writes what is to be answered at once.
    pub(super) fn requested(&mut self, request: &ResetRequest<'_>, out: &mut Vec<u8>) {
        if !self.is_new(request.sequence, out) {
            return;
        }
        self.theirs = Some(Theirs {
            sequence: request.sequence,
            last_tsn: request.last_tsn,
            streams: request.streams().collect(),
        });
    }

    /// Takes in a request for something that is not done here.
    pub(super) fn requested_other(&mut self, sequence: u32, out: &mut Vec<u8>) {
        if self.is_new(sequence, out) {
            self.answer(sequence, DENIED, out);
        }
    }

    /// Whether a request is the next one. If not, it is answered here.
    fn is_new(&self, sequence: u32, out: &mut Vec<u8>) -> bool {
        let result = match &self.theirs {
            Some(theirs) if theirs.sequence == sequence => ResetResponse::IN_PROGRESS,
            None if sequence == self.expected => return true,
            _ if sequence.wrapping_add(1) == self.expected => self.last_result,
            _ => ResetResponse::BAD_SEQUENCE,
        };
        write_reset_response(out, sequence, result);
        false
    }

    fn answer(&mut self, sequence: u32, result: u32, out: &mut Vec<u8>) {
        self.expected = sequence.wrapping_add(1);
        self.last_result = result;
        write_reset_response(out, sequence, result);
    }

    /// The peer's request, once everything up to `cumulative` has arrived: its streams, none
    /// meaning all.
    pub(super) fn performable(&mut self, cumulative: u32, out: &mut Vec<u8>) -> Option<Vec<u16>> {
        let theirs = self
            .theirs
            .take_if(|theirs| !is_after(theirs.last_tsn, cumulative))?;
        self.answer(theirs.sequence, ResetResponse::PERFORMED, out);
        Some(theirs.streams)
    }

    /// Takes in an answer of the peer; the streams that are reset by it.
    pub(super) fn answered(&mut self, response: &ResetResponse) -> Option<Vec<u16>> {
        let is_answer = |asked: &mut Asked| asked.sequence == response.sequence;
        match response.result {
            ResetResponse::IN_PROGRESS => None,
            ResetResponse::PERFORMED | ResetResponse::NOTHING_TO_DO => {
                self.asked.take_if(is_answer).map(|asked| asked.streams)
            }
            _ => {
                self.asked.take_if(is_answer);
                None
            }
        }
    }

    /// When to look again, if at all.
    pub(super) fn due(&self) -> Option<Time> {
        self.asked.as_ref().map(|asked| asked.due)
    }

    /// Writes the request that is due, if any; `last_tsn` is the last number assigned here.
    ///
    /// `None` when the peer never answered.
    pub(super) fn ask(
        &mut self,
        now: Time,
        last_tsn: u32,
        is_empty: impl Fn(u16) -> bool,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        match &mut self.asked {
            None => self.ask_anew(now, last_tsn, is_empty, out),
            Some(asked) if asked.due <= now => {
                asked.retransmissions += 1;
                if asked.retransmissions > MAX_RETRANSMISSIONS {
                    return None;
                }
                let patience = PATIENCE * (1 << asked.retransmissions);
                asked.due = now + patience.min(LONGEST_PATIENCE);
                write_reset_request(out, asked.sequence, asked.last_tsn, &asked.streams);
            }
            Some(_) => {}
        }
        Some(())
    }

    fn ask_anew(
        &mut self,
        now: Time,
        last_tsn: u32,
        is_empty: impl Fn(u16) -> bool,
        out: &mut Vec<u8>,
    ) {
        let ready = self.wanted.iter().copied().filter(|&id| is_empty(id));
        let streams: Vec<u16> = ready.take(STREAMS_PER_REQUEST).collect();
        if streams.is_empty() {
            return;
        }
        self.wanted.retain(|stream| !streams.contains(stream));
        write_reset_request(out, self.next, last_tsn, &streams);
        self.asked = Some(Asked {
            sequence: self.next,
            streams,
            last_tsn,
            due: now + PATIENCE,
            retransmissions: 0,
        });
        self.next = self.next.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use flumen_wire::sctp::{Parameter, parameters};

    use super::*;

    fn parameter(chunk: &[u8]) -> Parameter<'_> {
        parameters(&chunk[4..]).next().unwrap()
    }

    fn result(out: &[u8]) -> u32 {
        ResetResponse::of(&parameter(out)).unwrap().result
    }

    #[test]
    fn a_reset_waits_until_the_stream_is_empty_and_is_asked_again() {
        let mut ours = Resets::new(7, 100);
        ours.want(3);
        let mut out = Vec::new();
        assert_eq!(ours.ask(Time::ZERO, 50, |_| false, &mut out), Some(()));
        assert!(out.is_empty() && ours.is_resetting(3));
        ours.ask(Time::ZERO, 50, |_| true, &mut out);
        let request = ResetRequest::of(&parameter(&out)).unwrap();
        assert_eq!((request.sequence, request.last_tsn), (7, 50));
        assert!(ours.is_resetting(3));

        let mut again = Vec::new();
        ours.ask(Time::from_millis(999), 50, |_| true, &mut again);
        assert!(again.is_empty());
        ours.ask(Time::from_secs(1), 60, |_| true, &mut again);
        assert_eq!(again, out, "the same request");
        assert_eq!(ours.due(), Some(Time::from_secs(3)));

        let answer = |result| ResetResponse {
            sequence: 7,
            result,
        };
        assert_eq!(ours.answered(&answer(ResetResponse::IN_PROGRESS)), None);
        let done = ours.answered(&answer(ResetResponse::PERFORMED));
        assert_eq!((done, ours.is_resetting(3)), (Some(vec![3]), false));
    }

    #[test]
    fn a_peer_that_never_answers_is_given_up() {
        let mut ours = Resets::new(7, 100);
        ours.want(3);
        let mut out = Vec::new();
        ours.ask(Time::ZERO, 50, |_| true, &mut out);
        for _ in 0..10 {
            let due = ours.due().unwrap();
            assert_eq!(ours.ask(due, 50, |_| true, &mut out), Some(()));
        }
        let due = ours.due().unwrap();
        assert_eq!(ours.ask(due, 50, |_| true, &mut out), None);
    }

    #[test]
    fn a_request_waits_for_what_was_sent_before_it() {
        let mut asking = Resets::new(100, 7);
        asking.want(3);
        let mut request = Vec::new();
        asking.ask(Time::ZERO, 50, |_| true, &mut request);
        let parameter = parameter(&request);
        let request = ResetRequest::of(&parameter).unwrap();

        let mut ours = Resets::new(7, 100);
        let mut out = Vec::new();
        ours.requested(&request, &mut out);
        assert_eq!(ours.performable(49, &mut out), None);
        assert!(out.is_empty());
        ours.requested(&request, &mut out);
        assert_eq!(result(&out), ResetResponse::IN_PROGRESS);
        out.clear();
        assert_eq!(ours.performable(50, &mut out), Some(vec![3]));
        assert_eq!(result(&out), ResetResponse::PERFORMED);
        out.clear();
        ours.requested(&request, &mut out);
        assert_eq!(
            result(&out),
            ResetResponse::PERFORMED,
            "the answer was lost"
        );
        assert_eq!(ours.performable(50, &mut out), None);
        out.clear();
        ours.requested_other(105, &mut out);
        assert_eq!(result(&out), ResetResponse::BAD_SEQUENCE);
        out.clear();
        ours.requested_other(101, &mut out);
        assert_eq!(result(&out), DENIED);
    }
}
