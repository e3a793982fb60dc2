//! What victims get of each other, whoever else is there.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use flumen::components::wire::PacketKind;
use flumen::components::wire::rtcp::{RtcpPacket, packets};
use flumen::components::wire::sctp::{Data, chunks};
use flumen::rtp_parameters::HeaderExtension;
use flumen::{ConsumerId, Engine, Time};
use flumen_sim::checks::{Check, Sent};

use super::VICTIMS;

/// What a victim got, and when it was sent.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) at: Time,
    pub(super) what: What,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// With this SSRC.
    Media(u32),
    /// A packet of a compound.
    Control,
    /// The same, which asks for a key frame.
    Request,
    /// A part of a message on a stream, without the number that it has in its association.
    Message(u16),
    Check,
}

/// Hears what is sent, and keeps what is of a victim and to a victim.
#[derive(Clone, Default)]
pub(super) struct Heard(Rc<RefCell<Record>>);

#[derive(Default)]
struct Record {
    got: [Vec<Got>; VICTIMS],
    /// How victims get each other.
    own: Vec<ConsumerId>,
    /// The identifier of the extension that says when a packet left, which is compared by itself.
    left: Option<u8>,
    /// SSRCs of what is of no victim, as others get it.
    foreign: BTreeSet<u32>,
    /// Datagrams to anybody in the room.
    datagrams: u64,
}

impl Heard {
    /// Where victims get each other as `own`.
    pub(super) fn of(own: Vec<ConsumerId>, engine: &Engine) -> Self {
        let parameters = engine.consumer_parameters(own[0]).expect("it is open");
        let extensions = parameters.header_extensions;
        let uri = HeaderExtension::AbsSendTime.uri();
        let left = extensions.iter().find(|it| it.uri == uri);
        Self(Rc::new(RefCell::new(Record {
            own,
            left: left.map(|it| it.id),
            ..Record::default()
        })))
    }

    pub(super) fn datagrams(&self) -> u64 {
        self.0.borrow().datagrams
    }

    pub(super) fn take(&self) -> [Vec<Got>; VICTIMS] {
        std::mem::take(&mut self.0.borrow_mut().got)
    }
}

impl Check for Heard {
    fn name(&self) -> &'static str {
        "nothing, but it hears"
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        let mut record = self.0.borrow_mut();
        record.datagrams += 1;
        match sent.kind {
            _ if sent.to.index() >= VICTIMS => {}
            Some(PacketKind::Rtp) => record.media(sent),
            Some(PacketKind::Rtcp) => record.control(sent),
            Some(PacketKind::Sctp) => record.messages(sent),
            Some(PacketKind::Stun) => record.add(sent, What::Check, sent.bytes),
            // What is in it depends on what the operating system drew.
            _ => {}
        }
        Ok(())
    }
}

impl Record {
    fn add(&mut self, sent: &Sent<'_>, what: What, bytes: &[u8]) {
        self.got[sent.to.index()].push(Got {
            at: sent.at,
            what,
            bytes: bytes.to_vec(),
        });
    }

    fn media(&mut self, sent: &Sent<'_>) {
        match (sent.stream, sent.rtp) {
            (Some(stream), Some(rtp)) if !self.own.contains(&stream.id) => {
                self.foreign.insert(rtp.ssrc);
            }
            (_, None) => {}
            (_, Some(rtp)) => {
                let left = self.left.and_then(|id| rtp.extension(sent.bytes, id));
                let mut bytes = sent.bytes.to_vec();
                if let Some(left) = left {
                    let at = left.as_ptr().addr() - sent.bytes.as_ptr().addr();
                    bytes[at..at + left.len()].fill(0);
                }
                self.add(sent, What::Media(rtp.ssrc), &bytes);
            }
        }
    }

    /// Those packets of a compound that are not about what others than victims send.
    fn control(&mut self, sent: &Sent<'_>) {
        let mut rest = sent.bytes;
        for packet in packets(sent.bytes).flatten() {
            let (bytes, behind) = rest.split_at(4 * (1 + usize::from(word(rest, 0) as u16)));
            rest = behind;
            let is_foreign = (4..bytes.len().min(12))
                .step_by(4)
                .any(|at| self.foreign.contains(&word(bytes, at)));
            let what = match packet {
                RtcpPacket::Pli(_) | RtcpPacket::Fir(_) => What::Request,
                _ => What::Control,
            };
            if !is_foreign {
                self.add(sent, what, bytes);
            }
        }
    }

    fn messages(&mut self, sent: &Sent<'_>) {
        for data in chunks(sent.bytes).filter_map(|chunk| Data::of(&chunk)) {
            let numbered = [&data.sequence.to_be_bytes(), data.payload].concat();
            self.add(sent, What::Message(data.stream), &numbered);
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes[at..].first_chunk().expect("packets are of words");
    u32::from_be_bytes(*word)
}

impl fmt::Debug for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = &self.bytes[..self.bytes.len().min(40)];
        write!(f, "{:?} at {}: {begin:02x?}", self.what, self.at)
    }
}

/// Asserts that each victim got the same in both calls, at times no further apart than `apart`.
pub(super) fn assert_same(calm: &[Vec<Got>], attacked: &[Vec<Got>], apart: Duration) {
    for (victim, (calm, attacked)) in calm.iter().zip(attacked).enumerate() {
        assert!(calm.len() > 1_000, "victim {victim} got {}", calm.len());
        let pairs = calm.iter().zip(attacked).enumerate();
        for (index, (calm, attacked)) in pairs {
            let is_same = calm.what == attacked.what && calm.bytes == attacked.bytes;
            let is_timely = (attacked.at.max(calm.at) - attacked.at.min(calm.at)) <= apart;
            assert!(
                is_same && is_timely,
                "number {index} to victim {victim}: {attacked:?} instead of {calm:?}"
            );
        }
        assert_eq!(calm.len(), attacked.len(), "to victim {victim}");
    }
}

/// What was got of each stream: sockets are read in turns, so that who speaks first of two who speak at
/// the same moment depends on how many ticks there were.
pub(super) fn by_stream(mut got: [Vec<Got>; VICTIMS]) -> [Vec<Got>; VICTIMS] {
    for got in &mut got {
        got.sort_by_key(|it| it.what);
    }
    got
}

/// What was got of media and messages: reports tell the time.
pub(super) fn without_reports(mut got: [Vec<Got>; VICTIMS]) -> [Vec<Got>; VICTIMS] {
    for got in &mut got {
        got.retain(|it| matches!(it.what, What::Media(_) | What::Message(_)));
    }
    got
}

/// What was got but for requests for key frames, and how many those were.
pub(super) fn without_requests(mut got: [Vec<Got>; VICTIMS]) -> ([Vec<Got>; VICTIMS], usize) {
    let before: usize = got.iter().map(Vec::len).sum();
    for got in &mut got {
        got.retain(|it| it.what != What::Request);
    }
    let after: usize = got.iter().map(Vec::len).sum();
    (got, before - after)
}
