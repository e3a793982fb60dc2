//! What a receiver reads.

use std::collections::BTreeSet;

use crate::coding::bits::Reader;
use crate::coding::seen::Seen;

/// Reads a descriptor by itself: its layers, only the templates tell. Without one nothing counts frames.
pub(in crate::coding) fn see(descriptor: Option<&[u8]>) -> Option<Seen> {
    let (begins, number) = match descriptor {
        Some(descriptor) => {
            let &[first, high, low] = descriptor.first_chunk()?;
            (first & 0x80 != 0, (u16::from_be_bytes([high, low]), 16))
        }
        None => (false, (0, 0)),
    };
    Some(Seen {
        begins,
        number,
        is_compressed: descriptor.is_none(),
        tl0_index: None,
        temporal: (0, false),
        spatial: 0,
        key_index: None,
        is_key: false,
    })
}

/// What a receiver knows of the templates.
#[derive(Clone, Debug, Default)]
pub struct Dependencies {
    offset: u32,
    templates: Vec<Known>,
    targets: usize,
    chains: u32,
    active: u32,
}

#[derive(Clone, Debug, Default)]
struct Known {
    layers: (u8, u8),
    parts: u32,
    references: Vec<u16>,
}

impl Dependencies {
    /// Reads the descriptor of a packet in order: does it say that its frame is of these layers, and
    /// refers to the frames so far before it? What cannot be known, as the templates did not come, is
    /// not asked; nor what it refers to, where `back` is none. Tells whether the frame is of a target
    /// that is active.
    ///
    /// # Errors
    ///
    /// What it says else.
    pub fn check(
        &mut self,
        value: &[u8],
        layers: (u8, u8),
        back: Option<&BTreeSet<u16>>,
    ) -> Result<bool, String> {
        let mut bits = Reader::new(value);
        bits.take(2);
        let (id, _number) = (bits.take(6), bits.take(16));
        let flags = if value.len() > 3 { bits.take(5) } else { 0 };
        if flags & 0x10 != 0 {
            self.read(&mut bits);
        }
        if self.templates.is_empty() {
            // It came in the midst of what a receiver cannot begin with.
            return Ok(true);
        }
        if flags & 0x08 != 0 {
            self.active = bits.take(self.targets);
        }
        let template = self.templates.get(((id + 64 - self.offset) % 64) as usize);
        let template = template.ok_or("it is of no template")?;
        let told = template.told(flags, &mut bits);
        // As the encoder has them: nothing changes those.
        let is_left = flags & 0x01 == 0 || (0..self.chains).all(|it| bits.take(8) == it + 1);
        if back.is_some_and(|back| *back != told) {
            return Err(format!("it refers to those {told:?} before, not {back:?}"));
        }
        let checks = [
            (template.layers == layers, "it is of other layers"),
            (flags & 0x04 == 0, "it has targets of its own"),
            (is_left, "its chains are not those that were sent"),
            (!bits.is_over(), "it ends too early"),
        ];
        let wrong = checks.into_iter().find(|(holds, _)| !holds);
        let is_active = template.parts & self.active != 0;
        wrong.map_or(Ok(is_active), |(_, what)| Err(what.into()))
    }

    /// The highest spatial and temporal layers that are active.
    pub fn highest(&self) -> (u8, u8) {
        let targets = (0..self.targets).filter(|target| self.active >> target & 1 == 1);
        let temporal = self.targets / self.chains.max(1) as usize;
        let layers = |target: usize| ((target / temporal) as u8, (target % temporal) as u8);
        targets.map(layers).fold((0, 0), |highest, layers| {
            (highest.0.max(layers.0), highest.1.max(layers.1))
        })
    }

    fn read(&mut self, bits: &mut Reader<'_>) {
        self.offset = bits.take(6);
        self.targets = bits.take(5) as usize + 1;
        self.active = u32::MAX >> (32 - self.targets);
        self.templates = read_layers(bits);
        for template in &mut self.templates {
            for target in 0..self.targets {
                template.parts |= u32::from(bits.take(2) != 0) << target;
            }
        }
        for template in &mut self.templates {
            while bits.take(1) == 1 {
                template.references.push(bits.take(4) as u16 + 1);
            }
        }
        self.chains = bits.take_below(self.targets as u32 + 1);
        self.skip_chains(bits);
        if bits.take(1) == 1 {
            // The sizes of pictures.
            bits.skip(32 * self.chains as usize);
        }
    }

    /// Which chain protects each target, and how far before each template those are.
    fn skip_chains(&self, bits: &mut Reader<'_>) {
        if self.chains > 0 {
            for _ in 0..self.targets {
                bits.take_below(self.chains);
            }
        }
        bits.skip(4 * self.templates.len() * self.chains as usize);
    }
}

/// As many templates as there are, each with its layers.
fn read_layers(bits: &mut Reader<'_>) -> Vec<Known> {
    let (mut templates, mut layers) = (Vec::new(), (0, 0));
    while !bits.is_over() {
        templates.push(Known {
            layers,
            ..Known::default()
        });
        match bits.take(2) {
            0 => {}
            1 => layers.1 += 1,
            2 => layers = (layers.0 + 1, 0),
            _ => break,
        }
    }
    templates
}

impl Known {
    /// How far before the frames are that a descriptor refers to: those of the template, or its own.
    fn told(&self, flags: u32, bits: &mut Reader<'_>) -> BTreeSet<u16> {
        if flags & 0x02 == 0 {
            return self.references.iter().copied().collect();
        }
        let mut told = BTreeSet::new();
        loop {
            match bits.take(2) as usize {
                0 => return told,
                size => told.insert(bits.take(4 * size) as u16 + 1),
            };
        }
    }
}
