//! Control messages: the segment length on the way out, the drop counter on the way in.
//!
//! Each buffer holds one message of one known kind, so both are plain structs laid out as the
//! kernel's `cmsghdr` and its data, and no pointer is ever walked.

use std::mem::offset_of;

/// A `cmsghdr` with `T` behind it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Control<T> {
    len: usize,
    level: libc::c_int,
    kind: libc::c_int,
    value: T,
}

/// `UDP_SEGMENT`: cut the message into datagrams of this many bytes.
pub(super) type SegmentLen = Control<u16>;

/// `SO_RXQ_OVFL`: datagrams dropped at the socket since it was made, wrapping.
pub(super) type DropCount = Control<u32>;

impl<T: Copy> Control<T> {
    fn new(level: libc::c_int, kind: libc::c_int, value: T) -> Self {
        Self {
            len: offset_of!(Self, value) + size_of::<T>(),
            level,
            kind,
            value,
        }
    }
}

impl SegmentLen {
    pub(super) fn of(bytes: u16) -> Self {
        Self::new(libc::SOL_UDP, libc::UDP_SEGMENT, bytes)
    }
}

impl DropCount {
    /// A buffer for the kernel to write into.
    pub(super) fn empty() -> Self {
        Self {
            len: 0,
            ..Self::new(libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 0)
        }
    }

    /// The count, when what the kernel wrote is a complete message of this kind.
    pub(super) fn read(&self) -> Option<u32> {
        let expected = Self::new(libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 0);
        let complete = self.len == expected.len;
        let same_kind = self.level == expected.level && self.kind == expected.kind;
        (complete && same_kind).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages_are_laid_out_as_the_kernel_expects() {
        // SAFETY: these only compute lengths.
        let (len, space) = unsafe { (libc::CMSG_LEN(2), libc::CMSG_SPACE(2)) };
        assert_eq!(SegmentLen::of(1200).len, len as usize);
        assert_eq!(size_of::<SegmentLen>(), space as usize);
        // SAFETY: this only computes a length.
        let space = unsafe { libc::CMSG_SPACE(4) };
        assert_eq!(size_of::<DropCount>(), space as usize);
        assert_eq!(align_of::<DropCount>(), align_of::<libc::cmsghdr>());
    }

    #[test]
    fn an_untouched_buffer_holds_no_count() {
        assert_eq!(DropCount::empty().read(), None);
    }
}
