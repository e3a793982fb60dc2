//! What is remembered of each SSRC.

use flumen_wire::state::{Malformed, Reader, State, Writer};

/// A bounded table by SSRC, in the order of their numbers.
pub(super) struct Ssrcs<T> {
    rows: Vec<(u32, T)>,
    bound: usize,
}

/// Where an SSRC is to be entered.
pub(super) struct Vacant(usize);

/// The table is full.
pub(super) struct Full;

impl<C, T: State<C>> State<C> for Ssrcs<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.rows.save(out);
        self.bound.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (rows, bound): (Vec<(u32, T)>, _) = State::load(from)?;
        let is_sorted = rows.is_sorted_by(|before, after| before.0 < after.0);
        is_sorted.then_some(Self { rows, bound }).ok_or(Malformed)
    }
}

impl<T> Ssrcs<T> {
    pub(super) fn new(bound: usize) -> Self {
        Self {
            rows: Vec::new(),
            bound,
        }
    }

    /// What is remembered of `ssrc`, or where it is to be entered, unless there are too many.
    pub(super) fn find(&mut self, ssrc: u32) -> Result<Result<&mut T, Vacant>, Full> {
        match self.rows.binary_search_by_key(&ssrc, |row| row.0) {
            Ok(at) => Ok(Ok(&mut self.rows[at].1)),
            Err(_) if self.rows.len() >= self.bound => Err(Full),
            Err(at) => Ok(Err(Vacant(at))),
        }
    }

    /// Enters `ssrc` where it was looked for.
    pub(super) fn enter(&mut self, Vacant(at): Vacant, ssrc: u32, of_it: T) {
        self.rows.insert(at, (ssrc, of_it));
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}
