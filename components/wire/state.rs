//! State as bytes, and back: what snapshots are made of.
//!
//! Numbers are as short as they are small (LEB128), lists follow their length, and nothing names
//! itself: whoever loads must know what was saved. What names things outside of what is saved, such
//! as an entity, is written with the help of a context `C`.

mod read;
mod standard;
mod write;

pub use read::{Malformed, Reader};
pub use write::Writer;

/// What can be saved, and loaded again with all that will show of it.
pub trait State<C>: Sized {
    /// Appends this to `out`.
    fn save(&self, out: &mut Writer<C>);

    /// Takes one from the front of `from`.
    ///
    /// # Errors
    ///
    /// [`Malformed`]. No more memory is taken than a fixed multiple of what is left to read.
    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed>;

    /// Appends several, without their number.
    fn save_all(all: &[Self], out: &mut Writer<C>) {
        for one in all {
            one.save(out);
        }
    }

    /// Takes `count` of them.
    ///
    /// # Errors
    ///
    /// See [`load`](Self::load).
    fn load_all(count: usize, from: &mut Reader<'_, C>) -> Result<Vec<Self>, Malformed> {
        (0..count).map(|_| Self::load(from)).collect()
    }
}

/// Implements [`State`] field by field: for `struct Name { fields }`, `struct Name(fields)` or
/// `enum Name { variants }`. A field that is not named does not compile.
///
/// `in Context:` in front is for what can be saved with that context alone.
#[macro_export]
macro_rules! state {
    (in $context:ty: $($rest:tt)+) => {
        $crate::__state! { [] [$context] $($rest)+ }
    };
    ($($rest:tt)+) => {
        $crate::__state! { [C] [C] $($rest)+ }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __state {
    ([$($generic:ident)?] [$context:ty] struct $name:ident $(<$of:tt>)? { $($field:ident),* $(,)? }) => {
        impl$(<$generic>)? $crate::state::State<$context> for $name$(<$of>)? {
            fn save(&self, out: &mut $crate::state::Writer<$context>) {
                let Self { $($field),* } = self;
                $($crate::state::State::save($field, out);)*
            }

            fn load(
                from: &mut $crate::state::Reader<'_, $context>,
            ) -> Result<Self, $crate::state::Malformed> {
                Ok(Self { $($field: $crate::state::State::load(from)?),* })
            }
        }
    };
    ([$($generic:ident)?] [$context:ty] struct $name:ident ( $($field:ident),* )) => {
        impl$(<$generic>)? $crate::state::State<$context> for $name {
            fn save(&self, out: &mut $crate::state::Writer<$context>) {
                let Self($($field),*) = self;
                $($crate::state::State::save($field, out);)*
            }

            fn load(
                from: &mut $crate::state::Reader<'_, $context>,
            ) -> Result<Self, $crate::state::Malformed> {
                $(let $field = $crate::state::State::load(from)?;)*
                Ok(Self($($field),*))
            }
        }
    };
    ([$($generic:ident)?] [$context:ty] enum $name:ident {
        $($variant:ident $(($($item:ident),*))? $({ $($field:ident),* })?),+ $(,)?
    }) => {
        impl$(<$generic>)? $crate::state::State<$context> for $name {
            fn save(&self, out: &mut $crate::state::Writer<$context>) {
                enum Tag { $($variant),+ }
                match self {
                    $(Self::$variant $(($($item),*))? $({ $($field),* })? => {
                        out.byte(Tag::$variant as u8);
                        $($($crate::state::State::save($item, out);)*)?
                        $($($crate::state::State::save($field, out);)*)?
                    })+
                }
            }

            fn load(
                from: &mut $crate::state::Reader<'_, $context>,
            ) -> Result<Self, $crate::state::Malformed> {
                enum Tag { $($variant),+ }
                let tag = from.byte()?;
                $(if tag == Tag::$variant as u8 {
                    $($(let $item = $crate::state::State::load(from)?;)*)?
                    $($(let $field = $crate::state::State::load(from)?;)*)?
                    return Ok(Self::$variant $(($($item),*))? $({ $($field),* })?);
                })+
                Err($crate::state::Malformed)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Whole {
        number: i64,
        kind: Kind,
        bytes: Vec<u8>,
        share: Option<f64>,
    }

    #[derive(Debug, PartialEq)]
    enum Kind {
        None,
        Pair(u16, bool),
        Named { name: String },
    }

    state!(struct Whole { number, kind, bytes, share });
    state!(enum Kind { None, Pair(a, b), Named { name } });

    fn saved(state: &impl State<()>) -> Vec<u8> {
        let mut out = Writer::new(());
        state.save(&mut out);
        out.bytes().to_vec()
    }

    fn samples() -> Vec<Whole> {
        let kinds = [
            Kind::None,
            Kind::Pair(u16::MAX, true),
            Kind::Named { name: "é".into() },
        ];
        let whole = |kind| Whole {
            number: i64::MIN,
            kind,
            bytes: vec![0, 255, 7],
            share: Some(-0.25),
        };
        kinds.into_iter().map(whole).collect()
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let bytes = saved(&samples());
        let mut from = Reader::new(&bytes, ());
        assert_eq!(Vec::load(&mut from), Ok(samples()));
        assert!(from.is_empty());
    }

    #[test]
    fn whatever_is_cut_off_is_told() {
        let bytes = saved(&samples());
        for len in 0..bytes.len() {
            let mut from = Reader::new(&bytes[..len], ());
            assert_eq!(Vec::<Whole>::load(&mut from), Err(Malformed), "{len}");
        }
    }

    #[test]
    fn a_length_that_lies_takes_no_memory() {
        let mut bytes = saved(&u64::MAX);
        bytes.push(0);
        let load = |bytes: &[u8]| Vec::<u64>::load(&mut Reader::new(bytes, ()));
        assert_eq!(load(&bytes), Err(Malformed));
        assert_eq!(String::load(&mut Reader::new(&bytes, ())), Err(Malformed));
    }

    #[test]
    fn a_number_too_large_for_its_type_is_told() {
        let bytes = saved(&70_000_u32);
        assert_eq!(u16::load(&mut Reader::new(&bytes, ())), Err(Malformed));
        assert_eq!(bool::load(&mut Reader::new(&[2], ())), Err(Malformed));
        let endless = [0xff; 16];
        assert_eq!(u64::load(&mut Reader::new(&endless, ())), Err(Malformed));
    }
}
