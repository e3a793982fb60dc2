//! The sound of another peer.

use flumen::components::wire::rtcp::write_nack;
use flumen::{ConsumerId, ProducerId, Time};

use super::gaps::Gaps;
use super::reception::Reception;
use crate::clock::Clock;
use crate::peer::Repair;

/// How a peer gets the sound of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioReception {
    /// Packets that came.
    pub packets: u64,
    /// Bytes of RTP that came.
    pub bytes: u64,
    /// Packets of the sender that lie between those that came and did not come themselves.
    pub missing: u64,
    /// Packets that came when they were asked for.
    pub repaired: u64,
    /// The newest packet: how many the sender had sent before.
    pub newest: Option<u32>,
    /// When it came.
    pub last: Option<Time>,
}

/// What a peer has of a sound.
#[derive(Clone, Debug)]
pub(crate) struct Sound {
    pub(crate) producer: ProducerId,
    pub(crate) consumer: ConsumerId,
    pub(crate) stream: Reception,
    pub(crate) got: AudioReception,
    /// What it asks for, if it does.
    gaps: Option<Gaps>,
}

impl Sound {
    pub(crate) fn new(
        (producer, consumer): (ProducerId, ConsumerId),
        ssrc: u32,
        repair: Repair,
    ) -> Self {
        Self {
            producer,
            consumer,
            stream: Reception::new(ssrc, 48_000),
            got: AudioReception::default(),
            // There are no streams of their own for what is sent again of sound.
            gaps: (repair == Repair::SameStream).then(Gaps::default),
        }
    }

    /// When it asks for something.
    pub(super) fn due(&self) -> Option<Time> {
        self.gaps.as_ref()?.due
    }

    /// Appends what it asks for at `now`.
    pub(super) fn act(&mut self, now: Time, reporter: u32, out: &mut Vec<u8>) {
        let Some(gaps) = &mut self.gaps else { return };
        // What is given up stays missing.
        let numbers = gaps.ask(now, &mut 0);
        if !numbers.is_empty() {
            write_nack(out, reporter, self.stream.ssrc, numbers);
        }
    }

    pub(crate) fn take(
        &mut self,
        number: u16,
        timestamp: u32,
        payload: &[u8],
        now: Time,
        clock: Clock,
    ) {
        let newest = self.stream.has_begun().then_some(self.stream.newest);
        let number = self.stream.take(number, timestamp, now, clock);
        if let (Some(gaps), Some(newest)) = (&mut self.gaps, newest) {
            if number > newest {
                gaps.notice(newest, number, now);
            } else if gaps.fill(number, now).is_some() {
                self.got.repaired += 1;
            }
        }
        self.got.packets += 1;
        self.got.last = Some(now);
        // Behind the byte that says what Opus it is.
        let sent = payload.get(1..).and_then(<[u8]>::first_chunk);
        let Some(sent) = sent.map(|sent| u32::from_be_bytes(*sent)) else {
            return;
        };
        match self.got.newest {
            Some(newest) if sent <= newest => {
                self.got.missing = self.got.missing.saturating_sub(1);
            }
            newest => {
                self.got.missing += newest.map_or(0, |newest| u64::from(sent - newest - 1));
                self.got.newest = Some(sent);
            }
        }
    }
}
