//! The scalability structure of VP9, RFC 9628 section 4.2.1: what pictures refer to where their
//! packets do not tell.

use super::picture_id::take;
use super::vp9::{Descriptor, REFERENCES_MAX};

const SIZES_BIT: u8 = 0x10;
const GROUP_BIT: u8 = 0x08;
/// Width and height.
const SIZE_LEN: usize = 4;

/// The pictures of a group, which repeats without end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PictureGroup {
    /// At most 255.
    pictures: Vec<GroupPicture>,
}

crate::state! { struct PictureGroup { pictures } }

/// A picture of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupPicture {
    /// Its temporal layer, 0 to 7.
    pub temporal: u8,
    /// How many pictures before it are those that it refers to. Zeros fill up.
    pub references: [u8; REFERENCES_MAX],
}

crate::state! { struct GroupPicture { temporal, references } }

impl PictureGroup {
    /// Reads the group from the payload that `descriptor` was read from; `None` when it has none or
    /// is cut off. What was read before is gone.
    pub fn read(&mut self, descriptor: &Descriptor, payload: &[u8]) -> Option<()> {
        self.pictures.clear();
        let mut rest = payload.get(descriptor.structure_start.into()..)?;
        let complete = self.read_pictures(&mut rest);
        if complete.is_none() {
            self.pictures.clear();
        }
        complete
    }

    fn read_pictures(&mut self, rest: &mut &[u8]) -> Option<()> {
        let header = take(rest)?;
        let sizes = match header & SIZES_BIT {
            0 => 0,
            _ => SIZE_LEN * (1 + usize::from(header >> 5)),
        };
        *rest = rest.get(sizes..)?;
        if header & GROUP_BIT == 0 {
            return None;
        }
        for _ in 0..take(rest)? {
            let picture = take(rest)?;
            let mut references = [0; REFERENCES_MAX];
            for place in references.iter_mut().take(usize::from(picture >> 2 & 3)) {
                *place = take(rest)?;
            }
            let temporal = picture >> 5;
            self.pictures.push(GroupPicture {
                temporal,
                references,
            });
        }
        Some(())
    }

    /// The picture that is so many after the first of the group; nothing is known without a group.
    pub fn picture(&self, after: u16) -> Option<GroupPicture> {
        let len = self.pictures.len();
        (len > 0).then(|| self.pictures[usize::from(after) % len])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I L B E V, picture id 5, TID 0 SID 0, TL0PICIDX 1; a structure.
    fn read(structure: &[u8]) -> (Option<()>, PictureGroup) {
        let payload = [&[0xAE, 5, 0, 1], structure].concat();
        let descriptor = Descriptor::parse(&payload).unwrap();
        let mut group = PictureGroup::default();
        (group.read(&descriptor, &payload), group)
    }

    #[test]
    fn a_group_repeats() {
        // Two spatial layers with sizes; T0, T2 one before, T1 two before, T2 one and three before.
        let structure = [
            0x38, 0, 1, 0, 1, 0, 2, 0, 2, 4, 0x04, 4, 0x54, 1, 0x34, 2, 0x58, 1, 3,
        ];
        let (complete, group) = read(&structure);
        assert!(complete.is_some());
        let found = [0, 1, 2, 3, 4, 7].map(|after| {
            let picture = group.picture(after).unwrap();
            (picture.temporal, picture.references)
        });
        let [t0, early, middle, late] = [
            (0, [4, 0, 0]),
            (2, [1, 0, 0]),
            (1, [2, 0, 0]),
            (2, [1, 3, 0]),
        ];
        assert_eq!(found, [t0, early, middle, late, t0, late]);
        for len in 0..structure.len() {
            let (complete, group) = read(&structure[..len]);
            assert_eq!((complete, group.picture(0)), (None, None), "{len} bytes");
        }
    }

    #[test]
    fn a_structure_without_a_group_tells_nothing() {
        for structure in [&[0x20][..], &[0x08, 0]] {
            assert_eq!(read(structure).1.picture(0), None);
        }
    }
}
