//! Where state is loaded from.

use thiserror::Error;

/// Bytes are not those of the state that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("bytes that are not those of the state they should be of")]
pub struct Malformed;

/// Bytes of state that are taken from the front.
pub struct Reader<'a, C> {
    rest: &'a [u8],
    /// What names things outside of what was saved.
    pub context: C,
}

impl<'a, C> Reader<'a, C> {
    /// Reads `bytes`.
    pub fn new(bytes: &'a [u8], context: C) -> Self {
        Self {
            rest: bytes,
            context,
        }
    }

    /// Everything was taken.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes a byte.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when there is none.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(byte)
    }

    /// Takes `count` bytes.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when there are fewer.
    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes a number.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is cut off, or has more than 64 bits.
    #[inline]
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Malformed);
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    /// Takes how many there are of something that has a byte each at least.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when there cannot be as many.
    pub fn count(&mut self) -> Result<usize, Malformed> {
        let count = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        (count <= self.rest.len()).then_some(count).ok_or(Malformed)
    }
}
