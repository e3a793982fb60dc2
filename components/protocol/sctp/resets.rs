//! Resetting streams, RFC 6525.

use std::collections::BTreeSet;

use flumen_wire::sctp::{ResetRequest, ResetResponse, write_reset_response};

use super::asked::{Asked, Reset};
use crate::Time;

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
    /// What became of the last request that was expected.
    last_result: u32,
    /// What was performed last.
    performed: Option<Reset>,
}

#[derive(Debug)]
struct Theirs {
    sequence: u32,
    reset: Reset,
    /// The peer has been told that it is in progress.
    is_told: bool,
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
            performed: None,
        }
    }

    /// `stream` is to be reset once nothing is buffered on it. Nothing was sent on it since it was
    /// to be, if it is already.
    pub(super) fn want(&mut self, stream: u16) {
        if !self.is_resetting(stream) {
            self.wanted.insert(stream);
        }
    }

    /// Whether nothing may be sent on `stream` for now.
    pub(super) fn is_resetting(&self, stream: u16) -> bool {
        let asked = self.asked.as_ref().map(|asked| &asked.reset);
        self.wanted.contains(&stream) || asked.is_some_and(|reset| reset.streams.contains(&stream))
    }

    /// Takes in a request of the peer. The newest one counts: a peer that has heard that one is in
    /// progress may ask again under the next number.
    pub(super) fn requested(&mut self, request: &ResetRequest<'_>, out: &mut Vec<u8>) {
        if !self.is_new(request.sequence, out) {
            return;
        }
        self.theirs = Some(Theirs {
            sequence: request.sequence,
            reset: Reset {
                last_tsn: request.last_tsn,
                streams: request.streams().collect(),
            },
            is_told: false,
        });
    }

    /// Takes in a request for something that is not done here.
    pub(super) fn requested_other(&mut self, sequence: u32, out: &mut Vec<u8>) {
        if self.is_new(sequence, out) {
            self.answer(sequence, DENIED, out);
        }
    }

    /// Whether a request is the next one. If not, it is answered again (RFC 6525 section 5.2.1).
    fn is_new(&mut self, sequence: u32, out: &mut Vec<u8>) -> bool {
        if sequence == self.expected {
            self.expected = sequence.wrapping_add(1);
            return true;
        }
        let waiting = self.theirs.as_mut();
        match waiting.filter(|theirs| theirs.sequence == sequence) {
            Some(theirs) => theirs.is_told = false,
            None => {
                let is_last = sequence.wrapping_add(1) == self.expected;
                let last = is_last.then_some(self.last_result);
                let result = last.unwrap_or(ResetResponse::BAD_SEQUENCE);
                write_reset_response(out, sequence, result);
            }
        }
        false
    }

    fn answer(&mut self, sequence: u32, result: u32, out: &mut Vec<u8>) {
        if sequence.wrapping_add(1) == self.expected {
            self.last_result = result;
        }
        write_reset_response(out, sequence, result);
    }

    /// Whether a request of the peer waits.
    pub(super) fn is_waiting(&self) -> bool {
        self.theirs.is_some()
    }

    /// Whether a request of the peer has not been answered, and will have to wait unless more than
    /// `cumulative` has arrived.
    pub(super) fn is_asked_too_early(&self, cumulative: u32) -> bool {
        let theirs = self.theirs.as_ref().filter(|theirs| !theirs.is_told);
        theirs.is_some_and(|theirs| is_after(theirs.reset.last_tsn, cumulative))
    }

    /// Whether DATA with the number `tsn` on `stream` belongs to what begins anew, and must wait
    /// until that has begun (RFC 6525 section 5.2.2, E2).
    pub(super) fn defers(&self, stream: u16, tsn: u32) -> bool {
        let reset = self.theirs.as_ref().map(|theirs| &theirs.reset);
        reset.is_some_and(|reset| is_after(tsn, reset.last_tsn) && reset.concerns(stream))
    }

    /// The peer's request, once everything up to `cumulative` has arrived: its streams, none
    /// meaning all. Until then it is in progress.
    ///
    /// What was performed just before is not performed again: data may have come since, and that
    /// the peer asks under another number does not make it another reset.
    pub(super) fn performable(&mut self, cumulative: u32, out: &mut Vec<u8>) -> Option<Vec<u16>> {
        let has_arrived = |theirs: &mut Theirs| !is_after(theirs.reset.last_tsn, cumulative);
        let Some(theirs) = self.theirs.take_if(has_arrived) else {
            self.tell_progress(out);
            return None;
        };
        self.answer(theirs.sequence, ResetResponse::PERFORMED, out);
        let streams = theirs.reset.streams.clone();
        let before = self.performed.replace(theirs.reset);
        (before != self.performed).then_some(streams)
    }

    fn tell_progress(&mut self, out: &mut Vec<u8>) {
        if let Some(theirs) = self.theirs.as_mut().filter(|theirs| !theirs.is_told) {
            theirs.is_told = true;
            write_reset_response(out, theirs.sequence, ResetResponse::IN_PROGRESS);
        }
    }

    /// Takes in an answer of the peer; the streams that are reset by it.
    ///
    /// A peer that is at it is there, and is asked again later.
    pub(super) fn answered(&mut self, response: &ResetResponse) -> Option<Vec<u16>> {
        let is_answer = |asked: &mut Asked| asked.sequence == response.sequence;
        match response.result {
            ResetResponse::IN_PROGRESS => {
                let asked = self.asked.as_mut();
                let asked = asked.filter(|asked| asked.sequence == response.sequence)?;
                asked.is_in_progress = true;
                None
            }
            ResetResponse::PERFORMED | ResetResponse::NOTHING_TO_DO => {
                let asked = self.asked.take_if(is_answer);
                asked.map(|asked| asked.reset.streams)
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
    /// `None` when the peer does not answer.
    pub(super) fn ask(
        &mut self,
        now: Time,
        last_tsn: u32,
        is_empty: impl Fn(u16) -> bool,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        match &mut self.asked {
            None => {
                self.ask_anew(now, last_tsn, is_empty, out);
                Some(())
            }
            Some(asked) if asked.due <= now => asked.ask_again(now, &mut self.next, out),
            Some(_) => Some(()),
        }
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
        let reset = Reset { last_tsn, streams };
        self.asked = Some(Asked::ask(now, &mut self.next, reset, out));
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
    fn what_is_in_progress_is_asked_for_under_the_next_number() {
        let mut ours = Resets::new(u32::MAX, 100);
        ours.want(3);
        let mut out = Vec::new();
        ours.ask(Time::ZERO, 50, |_| true, &mut out);
        for round in 0..20 {
            let sequence = u32::MAX.wrapping_add(round);
            let sent = parameter(&out);
            let request = ResetRequest::of(&sent).unwrap();
            assert_eq!((request.sequence, request.last_tsn), (sequence, 50));
            out.clear();
            let result = ResetResponse::IN_PROGRESS;
            assert_eq!(ours.answered(&ResetResponse { sequence, result }), None);
            let due = ours.due().unwrap();
            assert_eq!(ours.ask(due, 60, |_| true, &mut out), Some(()));
        }
        assert!(ours.is_resetting(3));
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
        for _ in 0..2 {
            ours.requested(&request, &mut out);
            assert!(ours.is_asked_too_early(49) && out.is_empty());
            assert_eq!(ours.performable(49, &mut out), None);
            assert_eq!(result(&out), ResetResponse::IN_PROGRESS);
            out.clear();
            assert_eq!(ours.performable(49, &mut out), None);
            assert!(out.is_empty(), "it is told once");
        }
        assert!(ours.defers(3, 51) && !ours.defers(3, 50) && !ours.defers(4, 51));
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
