//! Writing a header extension block, RFC 8285 section 4.

use thiserror::Error;

use crate::rtp::{BLOCK_HEADER_LEN, ONE_BYTE_PROFILE, TWO_BYTE_PROFILE};

/// Highest id of a one-byte element.
const ONE_BYTE_ID_MAX: u8 = 14;
/// Longest value of a one-byte element.
const ONE_BYTE_VALUE_MAX: usize = 16;
/// Longest value of a two-byte element, in bytes.
pub const TWO_BYTE_VALUE_MAX: usize = 255;

/// Why a block cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExtensionWriteError {
    /// Id 0 is padding.
    #[error("extension id 0 is reserved for padding")]
    ZeroId,
    /// A value is longer than 255 bytes.
    #[error("extension value is longer than 255 bytes")]
    ValueTooLong,
    /// The block would not fit an RTP packet.
    #[error("extension block is longer than 65535 bytes")]
    BlockTooLong,
}

/// Appends a whole extension block to `out`, its four-byte header included; returns its length.
///
/// One-byte form when every id is 1 to 14 and every value 1 to 16 bytes long, else two-byte form
/// (ids 1 to 255, values of 0 to 255 bytes); padded to 32 bits. Nothing at all, and 0, when there
/// are no elements: the packet then has no extension bit.
///
/// `placed` is told the index of each element and the offset of its value from where the block
/// begins, so that abs-send-time, transport-wide sequence and MID can be patched later.
///
/// # Errors
///
/// See [`ExtensionWriteError`]; `out` is then unchanged and `placed` was not called.
pub fn write_extensions(
    out: &mut Vec<u8>,
    elements: &[(u8, &[u8])],
    mut placed: impl FnMut(usize, u16),
) -> Result<u16, ExtensionWriteError> {
    if elements.is_empty() {
        return Ok(0);
    }
    let two_byte = !elements.iter().all(|&(id, value)| fits_one_byte(id, value));
    let len = block_len(elements, two_byte)?;
    let start = out.len();
    let profile = if two_byte {
        TWO_BYTE_PROFILE
    } else {
        ONE_BYTE_PROFILE
    };
    let words = (usize::from(len) - BLOCK_HEADER_LEN) / 4;
    out.extend_from_slice(&profile.to_be_bytes());
    out.extend_from_slice(&(words as u16).to_be_bytes());
    for (index, &(id, value)) in elements.iter().enumerate() {
        write_element_header(out, id, value.len(), two_byte);
        placed(index, (out.len() - start) as u16);
        out.extend_from_slice(value);
    }
    out.resize(start + usize::from(len), 0);
    Ok(len)
}

fn fits_one_byte(id: u8, value: &[u8]) -> bool {
    (1..=ONE_BYTE_ID_MAX).contains(&id) && (1..=ONE_BYTE_VALUE_MAX).contains(&value.len())
}

fn write_element_header(out: &mut Vec<u8>, id: u8, len: usize, two_byte: bool) {
    // Lengths were checked; the one-byte form counts from one.
    if two_byte {
        out.extend_from_slice(&[id, len as u8]);
    } else {
        out.push(id << 4 | (len - 1) as u8);
    }
}

/// Length of the whole block, padded, or why it cannot be.
fn block_len(elements: &[(u8, &[u8])], two_byte: bool) -> Result<u16, ExtensionWriteError> {
    let mut len = BLOCK_HEADER_LEN;
    for (id, value) in elements {
        if *id == 0 {
            return Err(ExtensionWriteError::ZeroId);
        }
        if value.len() > TWO_BYTE_VALUE_MAX {
            return Err(ExtensionWriteError::ValueTooLong);
        }
        len += 1 + usize::from(two_byte) + value.len();
    }
    u16::try_from(len.next_multiple_of(4)).map_err(|_| ExtensionWriteError::BlockTooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(elements: &[(u8, &[u8])]) -> (Vec<u8>, Vec<u16>) {
        let mut out = vec![0xEE];
        let mut offsets = Vec::new();
        let len = write_extensions(&mut out, elements, |index, offset| {
            assert_eq!(index, offsets.len());
            offsets.push(offset);
        });
        assert_eq!(out.remove(0), 0xEE);
        assert_eq!(usize::from(len.unwrap()), out.len());
        (out, offsets)
    }

    #[test]
    fn no_elements_write_nothing() {
        assert_eq!(write(&[]), (vec![], vec![]));
    }

    #[test]
    fn small_elements_take_the_one_byte_form() {
        let (block, offsets) = write(&[(1, b"0"), (14, &[1, 2, 3])]);
        assert_eq!(block, [0xBE, 0xDE, 0, 2, 0x10, b'0', 0xE2, 1, 2, 3, 0, 0]);
        assert_eq!(offsets, [5, 7]);
    }

    #[test]
    fn one_large_id_or_value_or_an_empty_one_takes_the_two_byte_form() {
        let (block, offsets) = write(&[(1, &[7]), (15, &[8])]);
        assert_eq!(block, [0x10, 0, 0, 2, 1, 1, 7, 15, 1, 8, 0, 0]);
        assert_eq!(offsets, [6, 9]);
        assert_eq!(write(&[(1, &[])]).0, [0x10, 0, 0, 1, 1, 0, 0, 0]);
        assert_eq!(write(&[(1, &[0; 16])]).0[..2], [0xBE, 0xDE]);
        assert_eq!(write(&[(1, &[0; 17])]).0[..2], [0x10, 0]);
    }

    #[test]
    fn what_cannot_be_written_leaves_no_trace() {
        let mut out = Vec::new();
        let many = vec![(1, &[0_u8; 255][..]); 256];
        for (elements, error) in [
            (
                &[(1, &[1][..]), (0, &[1][..])][..],
                ExtensionWriteError::ZeroId,
            ),
            (&[(1, &[0; 256][..])][..], ExtensionWriteError::ValueTooLong),
            (&many[..], ExtensionWriteError::BlockTooLong),
        ] {
            let result = write_extensions(&mut out, elements, |_, _| panic!("placed"));
            assert_eq!(result, Err(error));
        }
        assert!(out.is_empty());
    }
}
