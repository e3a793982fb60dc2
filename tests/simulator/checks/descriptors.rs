//! What descriptors say of a frame is so: its layers, and where the frames are that it refers to.

use std::collections::{BTreeSet, VecDeque};

use super::{Check, Sent, entry};
use crate::coding::{Dependencies, Format, FrameId, Seen};
use crate::sending::Stamp;

#[derive(Clone, Default)]
pub(super) struct Descriptors {
    streams: Vec<Described>,
}

/// What is known of a stream.
#[derive(Clone, Default)]
struct Described {
    newest: Option<u16>,
    encoding: Option<u8>,
    /// Since the last key picture.
    frames: VecDeque<Known>,
    dependencies: Dependencies,
    /// The newest packet is of no target that is said to be active.
    is_inactive: bool,
}

#[derive(Clone, Copy)]
struct Known {
    id: FrameId,
    /// The number that its encoder gave it.
    made: u16,
    /// The number that it was sent with.
    sent: u16,
}

/// Frames that may be referred to.
const REFERABLE: usize = 128;

impl Check for Descriptors {
    fn name(&self) -> &'static str {
        "descriptors"
    }

    fn fork(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(self.clone()))
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        let (Some(stream), Some(rtp)) = (sent.stream, sent.rtp) else {
            return Ok(());
        };
        let payload = rtp.payload(sent.bytes);
        let stamp = Stamp::read(payload).filter(|_| stream.repairs.is_none());
        let (Some(format), Some(stamp)) = (stream.format, stamp) else {
            return Ok(());
        };
        let described = entry(&mut self.streams, stream.index);
        if !described.goes_on(rtp.sequence_number) {
            // What comes late is of what was sent then.
            return Ok(());
        }
        let dependencies = stream.dependencies;
        let value = dependencies.and_then(|id| rtp.extension(sent.bytes, id));
        let seen = format.see(payload, value);
        let checked = described.take((format, seen), value, &stamp, || {
            let readable = |origin| sent.supply.was_readable(origin);
            sent.origin.is_some_and(readable)
        });
        checked.map_err(|what| format!("of {stamp:?} {} says: {what}", stream.id))
    }
}

impl Described {
    /// Whether it is the newest packet.
    fn goes_on(&mut self, number: u16) -> bool {
        let newest = *self.newest.get_or_insert(number.wrapping_sub(1));
        let is_newer = number.wrapping_sub(newest).cast_signed() > 0;
        if is_newer {
            self.newest = Some(number);
        }
        is_newer
    }

    fn take(
        &mut self,
        (format, seen): (Format, Option<Seen>),
        value: Option<&[u8]>,
        stamp: &Stamp,
        was_readable: impl FnOnce() -> bool,
    ) -> Result<(), String> {
        let seen = seen.ok_or("nothing that can be read")?;
        self.begin(stamp);
        self.check((format, seen), value, stamp)?;
        // What overtook the templates on its way to the engine was read without them.
        match self.is_inactive && was_readable() {
            true => Err("it is of no active target".into()),
            false => Ok(()),
        }
    }

    /// Nothing behind the beginning of a key picture, or of another encoding, is of what was before.
    fn begin(&mut self, stamp: &Stamp) {
        if self.encoding != Some(stamp.encoding) {
            *self = Self {
                newest: self.newest,
                encoding: Some(stamp.encoding),
                ..Self::default()
            };
        } else if stamp.is_key && stamp.references().next().is_none() && stamp.index == 0 {
            self.frames.clear();
        }
    }

    fn check(
        &mut self,
        (format, seen): (Format, Seen),
        value: Option<&[u8]>,
        stamp: &Stamp,
    ) -> Result<(), String> {
        let layers = (stamp.spatial, stamp.temporal);
        match (format, value) {
            (Format::Dependencies, Some(value)) => {
                let back = self.back(stamp);
                self.is_inactive = !self.dependencies.check(value, layers, back.as_ref())?;
            }
            (Format::Dependencies, None) => return Err("nothing".into()),
            _ if (seen.spatial, seen.temporal.0) != layers => return Err(format!("{seen:?}")),
            _ => {}
        }
        if seen.begins != (stamp.index == 0) || !self.counts(seen, stamp) {
            return Err(format!("{seen:?}"));
        }
        self.know(seen, stamp);
        Ok(())
    }

    fn find(&self, id: FrameId) -> Option<&Known> {
        self.frames.iter().rev().find(|known| known.id == id)
    }

    /// How far before a frame those are that it refers to; none when not all of them are known.
    fn back(&self, stamp: &Stamp) -> Option<BTreeSet<u16>> {
        let known = stamp.references().map(|id| self.find(id));
        known
            .map(|known| Some(stamp.number.wrapping_sub(known?.made)))
            .collect()
    }

    /// Whether a frame is as far from those that it refers to, and from its own packets, as it was
    /// made. Where numbers close up over what is withheld, its packets alone have one number.
    fn counts(&self, seen: Seen, stamp: &Stamp) -> bool {
        let (number, bits) = seen.number;
        let references = stamp.references().filter(|_| !seen.is_compressed);
        let known = references.chain([stamp.id]);
        let mut known = known.filter_map(|id| self.find(id));
        known.all(|known| {
            let made = stamp.number.wrapping_sub(known.made);
            let told = number.wrapping_sub(known.sent);
            (made ^ told) << (16 - bits) == 0
        })
    }

    fn know(&mut self, seen: Seen, stamp: &Stamp) {
        if self.find(stamp.id).is_some() {
            return;
        }
        if self.frames.len() >= REFERABLE {
            self.frames.pop_front();
        }
        self.frames.push_back(Known {
            id: stamp.id,
            made: stamp.number,
            sent: seen.number.0,
        });
    }
}
