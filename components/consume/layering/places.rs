//! What is remembered of the latest frames.

use crate::consume::layering::eras::Eras;
use crate::consume::layering::selection::ConsumerLayers;
use crate::media::descriptor::Descriptor;

/// How many frames back are remembered.
pub(super) const WINDOW: usize = 128;

/// The latest frames of what a consumer follows, by the numbers that their packets carry: picture
/// ids of VP8 and VP9, frame numbers of dependency descriptors.
///
/// Numbers go on across streams: that of the first frame of a stream follows the newest one of the
/// stream before. Those that lost frames have are kept for them.
#[derive(Clone, Debug)]
pub(super) struct Places {
    places: Box<[Place; WINDOW]>,
    /// How many of them are in use.
    filled: u16,
    /// The number of the newest frame.
    newest: u16,
    /// What was wanted of those before them.
    eras: Eras,
}

crate::snapshot::state! { struct Places { places, filled, newest, eras } }

/// What is known of a frame, or of the frames of all spatial layers that have one picture id.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Spatial layers that were seen: a bit each.
    pub(super) seen: u8,
    /// Those that were withheld.
    pub(super) withheld: u8,
    /// What was wanted at that time.
    pub(super) wanted: ConsumerLayers,
    /// Temporal layers of which the newest frame before this one was withheld: a bit each.
    pub(super) stale: u8,
    /// The number that a receiver gets, of which none is left out for what was withheld.
    pub(super) compressed: u16,
}

crate::snapshot::state! { struct Place { seen, withheld, wanted, stale, compressed } }

/// Where a frame has its place: worked out once for a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    /// The number of the place.
    pub(super) number: u16,
    /// The bit of the frame in it: one for each spatial layer of a picture id, while frame numbers are
    /// those of one frame, which has all.
    pub(super) layer: u8,
}

impl Spot {
    /// That of another frame with the same number.
    pub(super) fn of(self, frame: &Descriptor) -> Self {
        let layer = match self.layer {
            u8::MAX => u8::MAX,
            _ => bit(frame),
        };
        Self { layer, ..self }
    }
}

fn bit(frame: &Descriptor) -> u8 {
    1 << frame.spatial_layer.min(7)
}

impl Default for Places {
    fn default() -> Self {
        Self {
            places: Box::new([Place::default(); WINDOW]),
            filled: 0,
            newest: 0,
            eras: Eras::default(),
        }
    }
}

impl Places {
    /// The number of the newest frame.
    pub(super) fn newest(&self) -> u16 {
        self.newest
    }

    /// Makes a place for the first frame of a stream, which calls it `id`; returns its number.
    pub(super) fn begin(&mut self, id: u16, wanted: ConsumerLayers) -> u16 {
        let (number, compressed) = match self.filled {
            0 => (id, id),
            _ => {
                self.eras.turn(self.newest, self.last().wanted, wanted);
                (self.newest.wrapping_add(1), self.last().next())
            }
        };
        self.newest = number;
        self.eras.reach(number);
        self.filled = (self.filled + 1).min(WINDOW as u16);
        *self.place(number) = Place {
            wanted,
            compressed,
            ..Place::default()
        };
        number
    }

    /// Makes places for `count` more frames, of the last of which, `frame`, this is wanted. Those that
    /// are skipped were lost, or come late: of them no more is wanted than of the frames around them;
    /// but where a picture begins that all layers need, those before it get their ends. `stale`
    /// tells, of each in turn, which temporal layers are; it is told what is wanted of those that are
    /// skipped.
    pub(super) fn advance(
        &mut self,
        count: u16,
        frame: &Descriptor,
        wanted: ConsumerLayers,
        mut stale: impl FnMut(Option<ConsumerLayers>) -> u8,
    ) {
        let (first, last) = (self.newest.wrapping_add(1), self.last());
        // No more places than there are, the last of them for the newest.
        let beyond = count.saturating_sub(WINDOW as u16);
        let mut compressed = last.next().wrapping_add(beyond);
        let lower = last.wanted.lower(wanted);
        let begins_picture = frame.spatial_layer == 0;
        let skipped = match begins_picture && last.wanted.wants_spatially(frame) {
            true => ConsumerLayers {
                spatial_layer: last.wanted.spatial_layer,
                ..lower
            },
            false => lower,
        };
        for offset in beyond..count {
            let of_skipped = (offset + 1 < count).then_some(skipped);
            *self.place(first.wrapping_add(offset)) = Place {
                wanted: of_skipped.unwrap_or(wanted),
                stale: stale(of_skipped),
                compressed,
                ..Place::default()
            };
            compressed = compressed.wrapping_add(1);
        }
        if count > 1 {
            self.eras.turn(self.newest, last.wanted, skipped);
        }
        let before = if count > 1 { skipped } else { last.wanted };
        self.newest = self.newest.wrapping_add(count);
        self.eras.turn(self.newest.wrapping_sub(1), before, wanted);
        self.eras.reach(self.newest);
        self.filled = self.filled.saturating_add(count).min(WINDOW as u16);
    }

    /// Where the frame that `descriptor` is of has its place, when `shift` is added to the numbers of
    /// its stream: the number nearest to the newest.
    #[inline]
    pub(super) fn spot(&self, descriptor: &Descriptor, shift: u16) -> Option<Spot> {
        let (id, bits) = descriptor.frame_id()?;
        let ahead = distance(id.wrapping_add(shift), self.newest, bits);
        Some(Spot {
            number: self.newest.wrapping_add_signed(ahead),
            layer: match bits {
                16 => u8::MAX,
                _ => bit(descriptor),
            },
        })
    }

    /// What is known of a frame, if it is remembered.
    pub(super) fn get(&self, number: u16) -> Option<&Place> {
        let is_remembered = self.newest.wrapping_sub(number) < self.filled;
        is_remembered.then(|| &self.places[usize::from(number) % WINDOW])
    }

    /// What was wanted at the time of a frame, which may lie further back than those that are
    /// remembered.
    pub(super) fn wanted(&self, number: u16) -> Option<ConsumerLayers> {
        let of_era = || self.eras.wanted(number, self.newest, self.last().wanted);
        let place = self.get(number).map(|place| place.wanted);
        place.or_else(of_era)
    }

    /// The place of a frame that is remembered.
    pub(super) fn place(&mut self, number: u16) -> &mut Place {
        &mut self.places[usize::from(number) % WINDOW]
    }

    fn last(&self) -> Place {
        self.places[usize::from(self.newest) % WINDOW]
    }
}

impl Place {
    /// The compressed number of the frame behind it.
    fn next(self) -> u16 {
        let is_withheld = self.seen != 0 && self.withheld == self.seen;
        self.compressed.wrapping_add(u16::from(!is_withheld))
    }
}

/// How far `id` is ahead of `of` in a counter of `bits` bits.
fn distance(id: u16, of: u16, bits: u32) -> i16 {
    let unused = 16 - bits;
    (id.wrapping_sub(of) << unused).cast_signed() >> unused
}
