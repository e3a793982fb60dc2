//! What a stream tells once of all of its frames: its templates.

use crate::coding::bits::Fields;
use crate::coding::stacking::Stacking;

/// Layers, and how they need each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Structure {
    pub(super) stacking: Stacking,
    pub(super) spatial: u8,
    pub(super) temporal: u8,
}

/// A template: layers, and how far before the frames are that it refers to.
pub(super) struct Template {
    pub(super) spatial: u8,
    pub(super) temporal: u8,
    pub(super) is_key: bool,
    pub(super) references: Vec<u16>,
}

impl Structure {
    /// All templates, in the order of their layers: key pictures, and the others.
    pub(super) fn templates(&self) -> Vec<Template> {
        let mut templates = Vec::new();
        for spatial in 0..self.spatial {
            for temporal in 0..self.temporal {
                if temporal == 0 {
                    templates.push(self.template((spatial, temporal), true));
                }
                templates.push(self.template((spatial, temporal), false));
            }
        }
        templates
    }

    fn template(&self, (spatial, temporal): (u8, u8), is_key: bool) -> Template {
        let below = (spatial > 0 && self.stacking.needs_below(is_key)).then_some(1);
        // The highest layer refers to the picture before, the one below it to that before it ...
        let pictures = 1 << (self.temporal - 1 - temporal);
        let back = (!is_key).then_some(pictures * u16::from(self.spatial));
        Template {
            spatial,
            temporal,
            is_key,
            references: below.into_iter().chain(back).collect(),
        }
    }

    fn is_part(&self, frame: &Template, target: (u8, u8)) -> bool {
        let is_below = match self.stacking.needs_below(frame.is_key) {
            true => frame.spatial <= target.0,
            false => frame.spatial == target.0,
        };
        is_below && frame.temporal <= target.1
    }

    /// The layers of each target that can be decoded by itself.
    pub(super) fn targets(&self) -> Vec<(u8, u8)> {
        let spatial = 0..self.spatial;
        spatial
            .flat_map(|spatial| (0..self.temporal).map(move |temporal| (spatial, temporal)))
            .collect()
    }

    /// Appends all of it, of templates that are counted from `offset` on.
    pub(super) fn put(&self, offset: u8, out: &mut Fields) {
        let (templates, targets) = (self.templates(), self.targets());
        out.put(offset.into(), 6);
        out.put(targets.len() as u32 - 1, 5);
        put_layers(&templates, out);
        for template in &templates {
            for &target in &targets {
                out.put(if self.is_part(template, target) { 2 } else { 0 }, 2);
            }
        }
        for template in &templates {
            for back in &template.references {
                out.put(1, 1);
                out.put(u32::from(*back) - 1, 4);
            }
            out.put(0, 1);
        }
        self.put_chains(&templates, &targets, out);
        out.put(1, 1);
        for spatial in 0..self.spatial {
            out.put((320 << spatial) - 1, 16);
            out.put((180 << spatial) - 1, 16);
        }
    }

    /// A chain for each spatial layer.
    fn put_chains(&self, templates: &[Template], targets: &[(u8, u8)], out: &mut Fields) {
        let chains = u32::from(self.spatial);
        out.put_below(chains, targets.len() as u32 + 1);
        for (spatial, _) in targets {
            out.put_below((*spatial).into(), chains);
        }
        for template in templates {
            for chain in 0..self.spatial {
                out.put(if template.is_key { chain.into() } else { 4 }, 4);
            }
        }
    }
}

/// How the layers of each template follow from those of the one before it.
fn put_layers(templates: &[Template], out: &mut Fields) {
    for pair in templates.windows(2) {
        let [before, after] = pair else { continue };
        let step = match (
            after.spatial > before.spatial,
            after.temporal > before.temporal,
        ) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        };
        out.put(step, 2);
    }
    out.put(3, 2);
}
