//! The messages of one `sendmmsg`: runs of datagrams and what the kernel must know of them.

use std::net::SocketAddr;
use std::ops::Range;

use super::control::SegmentLen;
use super::name::Name;
use crate::BATCH;
use crate::address::for_family;
use crate::datagram::Datagram;

/// Parts (`iovec`s) of one batch, two for each datagram: a message may have 1,024 (`UIO_MAXIOV`),
/// and its parts are kept on one path through the first-level cache.
const MAX_PARTS: usize = 1024;

/// Datagrams of one run: `UDP_MAX_SEGMENTS` of older kernels; newer ones allow 128.
const MAX_SEGMENTS: usize = 64;

/// Bytes of one run: an IPv4 packet without its own and the UDP header. IPv6 would allow 20 more.
const MAX_RUN_BYTES: usize = 65_507;

/// The messages of one `sendmmsg`. Every buffer has its full size from the start.
pub(super) struct Batch {
    runs: Vec<Run>,
    parts: Vec<libc::iovec>,
    names: Vec<Name>,
    segment_lens: Vec<SegmentLen>,
    headers: Box<[libc::mmsghdr]>,
}

/// Consecutive datagrams to one destination, all of one length but the last, which may be shorter:
/// one message, which the kernel cuts up again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    to: SocketAddr,
    first_part: usize,
    datagrams: usize,
    segment_bytes: usize,
    bytes: usize,
    /// The last datagram was shorter than the others.
    ended: bool,
}

// SAFETY: the pointers in `parts` and `headers` are used only while the datagrams they were made
// from are borrowed, within one call; between calls the batch is empty.
unsafe impl Send for Batch {}

impl Batch {
    pub(super) fn new() -> Self {
        // SAFETY: a plain C struct for which all zeros is a value: null pointers, zero lengths.
        let header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        Self {
            runs: Vec::with_capacity(BATCH),
            parts: Vec::with_capacity(MAX_PARTS),
            names: Vec::with_capacity(BATCH),
            segment_lens: Vec::with_capacity(BATCH),
            headers: vec![header; BATCH].into(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.parts.clear();
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Adds a datagram, to the last run if it fits there and `segmentation` is to be had; false
    /// when the batch is full.
    pub(super) fn push(&mut self, datagram: &Datagram<'_>, segmentation: bool) -> bool {
        if self.parts.len() + 2 > MAX_PARTS {
            return false;
        }
        let every_message_taken = self.runs.len() == BATCH;
        match self.runs.last_mut() {
            Some(run) if segmentation && run.fits(datagram) => run.add(len(datagram)),
            _ if every_message_taken => return false,
            _ => self.runs.push(Run::new(datagram, self.parts.len())),
        }
        self.parts.push(part(datagram.header));
        self.parts.push(part(datagram.payload));
        true
    }

    /// Writes the header of every run, for a socket of this family.
    pub(super) fn address(&mut self, ipv6: bool) {
        self.names.clear();
        self.segment_lens.clear();
        for run in &self.runs {
            self.names.push(Name::new(for_family(run.to, ipv6)));
            self.segment_lens.push(run.segment_len());
        }
        for index in 0..self.runs.len() {
            self.write_header(index, self.runs[index].parts());
            if self.runs[index].is_segmented() {
                let control = (&raw mut self.segment_lens[index]).cast();
                let header = &mut self.headers[index].msg_hdr;
                header.msg_control = control;
                header.msg_controllen = size_of::<SegmentLen>() as _;
            }
        }
    }

    /// The messages of the runs in `range`, as [`address`](Self::address) wrote them.
    pub(super) fn messages(&mut self, range: Range<usize>) -> &mut [libc::mmsghdr] {
        &mut self.headers[range]
    }

    /// The message of one datagram of a run alone, in place of the run's.
    pub(super) fn single(&mut self, run: usize, datagram: usize) -> &mut [libc::mmsghdr] {
        let first = self.runs[run].first_part + 2 * datagram;
        self.write_header(run, first..first + 2);
        &mut self.headers[run..=run]
    }

    fn write_header(&mut self, index: usize, parts: Range<usize>) {
        let name = &mut self.names[index];
        let parts = &mut self.parts[parts];
        let header = &mut self.headers[index].msg_hdr;
        header.msg_namelen = name.len();
        header.msg_name = (&raw mut *name).cast();
        header.msg_iov = parts.as_mut_ptr();
        header.msg_iovlen = parts.len() as _;
        header.msg_control = std::ptr::null_mut();
        header.msg_controllen = 0;
    }
}

impl Run {
    fn new(datagram: &Datagram<'_>, first_part: usize) -> Self {
        Self {
            to: datagram.to,
            first_part,
            datagrams: 1,
            segment_bytes: len(datagram),
            bytes: len(datagram),
            ended: false,
        }
    }

    pub(super) fn datagrams(&self) -> usize {
        self.datagrams
    }

    pub(super) fn is_segmented(&self) -> bool {
        self.datagrams > 1
    }

    fn parts(&self) -> Range<usize> {
        self.first_part..self.first_part + 2 * self.datagrams
    }

    fn segment_len(&self) -> SegmentLen {
        // Longer datagrams than this are refused; none of them is in a run of several.
        SegmentLen::of(u16::try_from(self.segment_bytes).unwrap_or(u16::MAX))
    }

    /// An empty datagram never fits: at the end of a run it would vanish.
    fn fits(&self, datagram: &Datagram<'_>) -> bool {
        let len = len(datagram);
        !self.ended
            && (1..=self.segment_bytes).contains(&len)
            && self.datagrams < MAX_SEGMENTS
            && self.bytes + len <= MAX_RUN_BYTES
            && self.to == datagram.to
    }

    fn add(&mut self, len: usize) {
        self.datagrams += 1;
        self.bytes += len;
        self.ended = len < self.segment_bytes;
    }
}

fn len(datagram: &Datagram<'_>) -> usize {
    datagram.header.len() + datagram.payload.len()
}

fn part(bytes: &[u8]) -> libc::iovec {
    libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the runs that datagrams of these lengths to these ports become.
    fn runs(datagrams: &[(u16, usize)], segmentation: bool) -> Vec<usize> {
        let bytes = [0; MAX_RUN_BYTES];
        let mut batch = Batch::new();
        for &(port, len) in datagrams {
            let datagram = Datagram {
                to: ([127, 0, 0, 1], port).into(),
                header: &bytes[..len / 2],
                payload: &bytes[..len - len / 2],
            };
            assert!(batch.push(&datagram, segmentation));
        }
        batch.runs().iter().map(Run::datagrams).collect()
    }

    #[test]
    fn equal_datagrams_to_one_destination_are_a_run() {
        assert_eq!(runs(&[(1, 9), (1, 9), (1, 9), (2, 9)], true), [3, 1]);
        assert_eq!(runs(&[(1, 9), (1, 9), (1, 9), (2, 9)], false), [1, 1, 1, 1]);
    }

    #[test]
    fn only_the_last_of_a_run_may_be_shorter() {
        assert_eq!(runs(&[(1, 9), (1, 8), (1, 8), (1, 9)], true), [2, 1, 1]);
        assert_eq!(runs(&[(1, 9), (1, 0), (1, 0)], true), [1, 1, 1]);
    }

    #[test]
    fn a_run_has_its_limits() {
        assert_eq!(runs(&[(1, 9); 100], true), [64, 36]);
        assert_eq!(runs(&[(1, 1200); 60], true), [54, 6]);
        assert_eq!(runs(&[(1, 40_000); 2], true), [1, 1]);
    }

    #[test]
    fn a_batch_has_its_limits() {
        let taken = |datagrams_per_port: u16| {
            let mut batch = Batch::new();
            let push = |index: &u16| {
                let to = ([127, 0, 0, 1], index / datagrams_per_port).into();
                let (header, payload) = (&b"header"[..], &b"payload"[..]);
                let datagram = Datagram {
                    to,
                    header,
                    payload,
                };
                batch.push(&datagram, true)
            };
            (0..1000).take_while(push).count()
        };
        assert_eq!(taken(1), BATCH);
        assert_eq!(taken(32), MAX_PARTS / 2);
    }
}
