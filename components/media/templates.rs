//! The templates that the dependency descriptors of a stream refer to.

use bevy_ecs::component::Component;

use crate::media::descriptor::Descriptor;
use crate::media::reception::Arrival;
use crate::wire::codec::av1::DependencyDescriptor;
use crate::wire::codec::{DecodeTargets, FrameDependencies, Layers, TemplateStructure};
use crate::wire::sequence::is_higher_u16;

/// The templates that the dependency descriptors of a stream refer to. On streams of codecs whose
/// layers no payload descriptor need tell (AV1, H.264, VP8); written by Receive.
///
/// Nothing is allocated before the first structure arrives, and nothing but its 1.5 KiB then.
#[derive(Component, Clone, Debug, Default)]
pub struct Templates {
    structure: Option<Box<TemplateStructure>>,
    /// The frame that brought them.
    frame_number: u16,
    /// Which decode targets there are, and how often there were others.
    targets: Option<DecodeTargets>,
    version: u8,
    /// The targets before.
    replaced: Option<DecodeTargets>,
    /// Those that the sender still serves: a bit each.
    active: u32,
}

crate::snapshot::state! {
    struct Templates {
        structure, frame_number, targets, version, replaced, active
    }
}

/// What a descriptor says of its frame, with the templates that hold for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependencies {
    /// The descriptor itself.
    pub descriptor: DependencyDescriptor,
    /// The layers of the frame; the lowest when its template is not known.
    pub layers: Layers,
    /// What it needs, if that is told.
    pub needs: Option<FrameDependencies>,
    /// Spatial layers whose receivers need it: a bit each.
    pub served: u8,
    /// Which decode targets these are about: see [`Templates::targets`]. 0 when that is not told.
    pub targets: u8,
    /// Those that its sender serves: a bit each.
    pub active: u32,
}

impl Templates {
    /// Takes in the descriptor of a packet, and keeps its templates. `None` when it is malformed.
    pub fn resolve(&mut self, value: &[u8], arrival: Arrival) -> Option<Dependencies> {
        let descriptor = DependencyDescriptor::parse(value)?;
        if descriptor.has_structure {
            let structure = TemplateStructure::read(value)?;
            if !self.is_replaced_by(descriptor.frame_number, arrival) {
                // It describes the past.
                return Some(told(&descriptor, &structure, value, 0, u32::MAX));
            }
            self.keep(structure, descriptor.frame_number);
        }
        let Some(structure) = self.structure.as_deref() else {
            return Some(untold(descriptor));
        };
        let active = structure.active(&descriptor, value).unwrap_or(self.active);
        let version = self.version;
        let dependencies = told(&descriptor, structure, value, version, active);
        if arrival != Arrival::Late && dependencies.needs.is_some() {
            self.active = dependencies.active;
        }
        Some(dependencies)
    }

    /// The decode targets that [`Dependencies::targets`] names, if they are the latest or those
    /// before.
    pub fn targets(&self, version: u8) -> Option<&DecodeTargets> {
        match version {
            0 => None,
            latest if latest == self.version => self.targets.as_ref(),
            before if following(before) == self.version => self.replaced.as_ref(),
            _ => None,
        }
    }

    /// The spatial layers of which there may be frames, a bit each: where each stands alone those that
    /// the sender says are active, if it says so, and otherwise all.
    pub fn sent(templates: Option<&Self>, descriptor: &Descriptor) -> u8 {
        let is_latest = |it: &&Self| descriptor.targets == it.version && it.version != 0;
        let structure = templates
            .filter(is_latest)
            .and_then(|it| it.structure.as_deref());
        let structure = structure.filter(|it| it.stands_alone());
        structure.map_or(u8::MAX, |it| {
            it.targets.spatial_of(descriptor.active_targets)
        })
    }

    fn keep(&mut self, structure: TemplateStructure, frame_number: u16) {
        let targets = structure.is_complete().then_some(structure.targets);
        if self.targets != targets {
            self.replaced = self.targets;
            self.targets = targets;
            self.version = following(self.version);
        }
        match &mut self.structure {
            Some(kept) => **kept = structure,
            None => self.structure = Some(Box::new(structure)),
        }
        // All are active as long as nothing else is said.
        self.active = u32::MAX;
        self.frame_number = frame_number;
    }

    /// A structure that comes late, after the one that followed it, describes the past.
    fn is_replaced_by(&self, frame_number: u16, arrival: Arrival) -> bool {
        arrival != Arrival::Late
            || self.structure.is_none()
            || is_higher_u16(frame_number, self.frame_number)
    }
}

/// Versions are 1 to 255.
fn following(version: u8) -> u8 {
    version.checked_add(1).unwrap_or(1)
}

fn told(
    descriptor: &DependencyDescriptor,
    structure: &TemplateStructure,
    value: &[u8],
    version: u8,
    active: u32,
) -> Dependencies {
    let layers = structure.layers(descriptor.template_id);
    let Some(needs) = structure.frame(descriptor, value) else {
        let layers = layers.unwrap_or_default();
        return Dependencies {
            layers,
            ..untold(*descriptor)
        };
    };
    let layers = layers.unwrap_or_default();
    let served = match descriptor.has_structure && layers.spatial == 0 {
        // What brings the templates is needed by everybody; but where each layer begins by itself,
        // each brings them.
        true => u8::MAX,
        false => structure.targets.served(needs.targets),
    };
    Dependencies {
        descriptor: *descriptor,
        layers,
        needs: Some(needs),
        served,
        targets: version,
        // What says that they are active again may have been lost.
        active: match active & needs.targets {
            0 => active | needs.targets,
            _ => active,
        },
    }
}

fn untold(descriptor: DependencyDescriptor) -> Dependencies {
    Dependencies {
        descriptor,
        layers: Layers::default(),
        needs: None,
        served: u8::MAX,
        targets: 0,
        active: u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arrival::{InOrder, Late};

    /// A descriptor with two templates from id 0: S0T0, then one a step away: 1 for temporal, 2
    /// for spatial. Nothing else is told of them.
    fn keyed(frame_number: u8, step: u8) -> [u8; 6] {
        // Start, template 0 | frame | structure, no flags, offset 0, one target | step, end.
        [0x80, 0, frame_number, 0x80, 0, step << 6 | 3 << 4]
    }

    fn inter(frame_number: u8, template: u8) -> [u8; 3] {
        [template, 0, frame_number]
    }

    fn layers(templates: &mut Templates, value: &[u8], arrival: Arrival) -> (u8, u8) {
        let layers = templates.resolve(value, arrival).unwrap().layers;
        (layers.spatial, layers.temporal)
    }

    #[test]
    fn templates_carry_over_and_the_newest_replace_the_rest() {
        let mut templates = Templates::default();
        let mut of = |value: &[u8]| layers(&mut templates, value, InOrder);
        assert_eq!(of(&inter(0, 1)), (0, 0), "before any structure");
        of(&keyed(1, 1));
        assert_eq!(of(&inter(2, 1)), (0, 1));
        of(&keyed(3, 2));
        assert_eq!(of(&inter(4, 1)), (1, 0));
        assert_eq!(of(&inter(5, 9)), (0, 0), "no such template");
    }

    #[test]
    fn a_structure_that_comes_late_replaces_older_ones_alone() {
        let mut templates = Templates::default();
        layers(&mut templates, &keyed(5, 1), Late);
        assert_eq!(layers(&mut templates, &inter(6, 1), InOrder), (0, 1));
        layers(&mut templates, &keyed(4, 2), Late);
        assert_eq!(layers(&mut templates, &inter(7, 1), InOrder), (0, 1));
        layers(&mut templates, &keyed(8, 2), Late);
        assert_eq!(layers(&mut templates, &inter(9, 1), InOrder), (1, 0));
    }

    /// One target with its only template, no references, no chains, no sizes: offset 0 | one target
    /// | no more templates | switch | no reference | no chain | no size.
    const ONE_TARGET: [u8; 6] = [0x80, 0, 1, 0x80, 0, 0b1110_0000];

    #[test]
    fn the_targets_before_are_still_known() {
        let mut templates = Templates::default();
        let first = templates.resolve(&ONE_TARGET, InOrder).unwrap();
        assert_eq!((first.targets, first.active), (1, u32::MAX));
        assert_eq!(templates.targets(1).map(|targets| targets.count), Some(1));
        // The same once more, and then others: of these nothing is told.
        assert_eq!(templates.resolve(&ONE_TARGET, InOrder).unwrap().targets, 1);
        templates.resolve(&keyed(3, 1), InOrder);
        assert_eq!(templates.targets(1).map(|targets| targets.count), Some(1));
        assert_eq!(templates.targets(2), None);
        templates.resolve(&ONE_TARGET, InOrder);
        assert_eq!(templates.targets(1), None);
        assert!(templates.targets(3).is_some());
    }

    /// S2T1, a template of each layer: offset 0 | two targets | spatial, no more templates | the first
    /// is of target 0 and the second of target 1 | no references, chains or sizes.
    const S2T1: [u8; 7] = [0x80, 0, 1, 0x80, 1, 0b1011_1000, 0b0010_0000];

    #[test]
    fn of_layers_that_stand_alone_those_are_sent_that_are_active() {
        let mut templates = Templates::default();
        let mut sent = |value: &[u8]| {
            let told = templates.resolve(value, InOrder).unwrap();
            let descriptor = Descriptor::of_dependencies(&told);
            (
                descriptor.served & 0b11,
                Templates::sent(Some(&templates), &descriptor) & 0b11,
            )
        };
        // Templates are for all when the lowest layer brings them; the higher one has its own.
        assert_eq!(sent(&S2T1), (0b11, 0b11));
        let of_layer_1 = [&[0x81][..], &S2T1[1..]].concat();
        assert_eq!(sent(&of_layer_1), (0b10, 0b11));
        // Active is target 0 alone.
        assert_eq!(sent(&[0, 0, 2, 0b0100_0010]), (0b01, 0b01));
        assert_eq!(sent(&[0, 0, 3]), (0b01, 0b01));
        // Of others nobody says so: of one layer, and where nothing is told.
        assert_eq!(sent(&ONE_TARGET), (0b11, 0b11));
        assert_eq!(Templates::sent(None, &Descriptor::default()), u8::MAX);
    }

    #[test]
    fn what_is_active_holds_until_more_is_said() {
        let mut templates = Templates::default();
        templates.resolve(&ONE_TARGET, InOrder);
        let active = |templates: &mut Templates, value: &[u8], arrival| {
            templates.resolve(value, arrival).unwrap().active
        };
        // Active targets follow: the only one.
        assert_eq!(active(&mut templates, &[0, 0, 2, 0x44], InOrder), 1);
        assert_eq!(active(&mut templates, &[0, 0, 5], InOrder), 1);
        // None, of which a frame comes all the same.
        assert_eq!(active(&mut templates, &[0, 0, 6, 0x40], InOrder), 1);
        assert_eq!(active(&mut templates, &ONE_TARGET, InOrder), u32::MAX);
    }
}
