//! Video begins, and changes its encoding, with a key frame; what a frame refers to was sent before.

use std::collections::VecDeque;

use flumen::rtp_parameters::MediaKind;
use flumen::{Engine, Event, Subject};

use super::leftovers::Leftovers;
use super::{Check, Sent, entry};
use crate::coding::FrameId;
use crate::sending::Stamp;

#[derive(Clone, Default)]
pub(super) struct Frames {
    streams: Vec<Video>,
    /// Consumers that go on since the last packet of theirs.
    resumed: Vec<Subject>,
    leftovers: Leftovers,
}

#[derive(Clone, Default)]
struct Video {
    newest: Option<u16>,
    encoding: Option<u8>,
    frames: VecDeque<FrameId>,
}

/// Frames that may be referred to.
const REFERABLE: usize = 128;

impl Check for Frames {
    fn name(&self) -> &'static str {
        "frames"
    }

    fn fork(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(self.clone()))
    }

    fn told(&mut self, event: &Event) -> Result<(), String> {
        if matches!(event, Event::Resumed(_) | Event::ProducerResumed(_)) {
            let subject = event.subject();
            self.leftovers.leave(subject);
            if !self.resumed.contains(&subject) {
                self.resumed.push(subject);
            }
        }
        Ok(())
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        let (Some(stream), Some(rtp)) = (sent.stream, sent.rtp) else {
            return Ok(());
        };
        if stream.kind != MediaKind::Video || stream.repairs.is_some() {
            return Ok(());
        }
        let Some(stamp) = Stamp::read(rtp.payload(sent.bytes)) else {
            return Ok(());
        };
        let video = entry(&mut self.streams, stream.index);
        let subject = Subject::Consumer(stream.id);
        if let Some(index) = self.resumed.iter().position(|it| *it == subject) {
            self.resumed.swap_remove(index);
            video.encoding = None;
        }
        // What waited for its turn when its consumer paused may come when that goes on, be it the rest
        // of a key frame.
        let begins = video.encoding.is_none() && video.newest.is_some();
        if begins && !stamp.is_entrance() && self.leftovers.take(subject) {
            return Ok(());
        }
        let was_there =
            |frame| (sent.origin).is_some_and(|origin| sent.supply.was_whole(frame, origin));
        video
            .take(rtp.sequence_number, &stamp, was_there)
            .map_err(|what| format!("{} of {}", what, stream.id))
    }

    fn ticked(&mut self, engine: &Engine) -> Result<(), String> {
        self.leftovers.ticked(engine);
        Ok(())
    }
}

impl Video {
    /// Takes in a packet; frames that were not there when it came cannot have been sent before.
    fn take(
        &mut self,
        number: u16,
        stamp: &Stamp,
        was_there: impl Fn(FrameId) -> bool,
    ) -> Result<(), String> {
        let newest = *self.newest.get_or_insert(number.wrapping_sub(1));
        if number.wrapping_sub(newest).cast_signed() <= 0 {
            // What comes late is of what was sent then, and may be referred to from now on.
            if self.encoding == Some(stamp.encoding) {
                self.know(stamp.id);
            }
            return Ok(());
        }
        self.newest = Some(number);
        if self.encoding != Some(stamp.encoding) {
            if !stamp.is_key {
                return Err(format!("{stamp:?} comes before a key frame"));
            }
            self.encoding = Some(stamp.encoding);
            self.frames.clear();
        }
        if !self.frames.contains(&stamp.id) {
            let is_left_out = |id| !self.frames.contains(&id) && was_there(id);
            if stamp.references().any(is_left_out) {
                return Err(format!("{stamp:?} comes without what it refers to"));
            }
            self.know(stamp.id);
        }
        Ok(())
    }

    fn know(&mut self, frame: FrameId) {
        if self.frames.contains(&frame) {
            return;
        }
        if self.frames.len() >= REFERABLE {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame that refers to another, or to itself: a key frame.
    fn stamp(id: FrameId, reference: FrameId, encoding: u8) -> Stamp {
        Stamp {
            encoding,
            spatial: 0,
            temporal: 0,
            index: 0,
            count: 1,
            is_key: id == reference,
            number: id as u16,
            id,
            references: [(id != reference).then_some(reference), None, None],
        }
    }

    /// Whether a stream of these frames, each with its reference and encoding, keeps the rule.
    fn keeps(frames: &[(FrameId, FrameId, u8)]) -> bool {
        let mut video = Video::default();
        let numbered = (65_530..=u16::MAX).chain(0..).zip(frames);
        let mut taken = numbered.map(|(number, &(id, reference, encoding))| {
            video.take(number, &stamp(id, reference, encoding), |_| true)
        });
        taken.all(|taken| taken.is_ok())
    }

    #[test]
    fn video_begins_and_changes_with_a_key_frame() {
        assert!(keeps(&[(1, 1, 0), (2, 1, 0), (3, 3, 1), (4, 3, 1)]));
        assert!(!keeps(&[(2, 1, 0)]));
        assert!(!keeps(&[(1, 1, 0), (2, 1, 1)]));
    }

    #[test]
    fn what_a_frame_refers_to_was_sent_before() {
        assert!(keeps(&[(1, 1, 0), (3, 1, 0), (5, 3, 0)]));
        assert!(!keeps(&[(1, 1, 0), (3, 2, 0)]));
    }
}
