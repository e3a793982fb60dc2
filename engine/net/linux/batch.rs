//! The messages of one `sendmmsg`: runs of datagrams and what the kernel must know of them.

use std::net::SocketAddr;
use std::ops::Range;

use super::control::SegmentLen;
use super::name::Name;
use crate::BATCH;
use crate::address::for_family;
use crate::datagram::Datagram;

/// Parts (`iovec`s) of one batch, at most two for each datagram: a message may have 1,024
/// (`UIO_MAXIOV`), and its parts are kept on one path through the first-level cache.
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
    /// The datagrams of one run, as a message each: their parts and headers.
    cut: Vec<libc::iovec>,
    cut_headers: Box<[libc::mmsghdr]>,
}

/// Consecutive datagrams to one destination, all of one length but the last, which may be shorter:
/// one message, which the kernel cuts up again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    to: SocketAddr,
    first_part: usize,
    parts: usize,
    datagrams: usize,
    segment_bytes: usize,
    bytes: usize,
    /// The last datagram was shorter than the others.
    ended: bool,
}

// SAFETY: the pointers in `parts`, `cut` and both headers are used only while the datagrams they were
// made from are borrowed, within one call; between calls the batch is empty.
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
            cut: Vec::with_capacity(2 * MAX_SEGMENTS),
            cut_headers: vec![header; MAX_SEGMENTS].into(),
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
        self.add_part(datagram.header);
        self.add_part(datagram.payload);
        true
    }

    /// Adds bytes to the last run. Those that lie behind its last part make that longer: the kernel
    /// walks parts one by one, and a run that lies in memory as it is sent is one.
    fn add_part(&mut self, bytes: &[u8]) {
        let Some(run) = self.runs.last_mut().filter(|_| !bytes.is_empty()) else {
            return;
        };
        match self.parts[run.first_part..].last_mut() {
            Some(last) if end(last) == bytes.as_ptr() => last.iov_len += bytes.len(),
            _ => {
                self.parts.push(part(bytes));
                run.parts += 1;
            }
        }
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
            let parts = &mut self.parts[self.runs[index].parts()];
            let (first, count) = (parts.as_mut_ptr(), parts.len());
            let name = &mut self.names[index];
            let header = &mut self.headers[index].msg_hdr;
            write_header(header, name, first, count);
            if self.runs[index].is_segmented() {
                let control = (&raw mut self.segment_lens[index]).cast();
                header.msg_control = control;
                header.msg_controllen = size_of::<SegmentLen>() as _;
            }
        }
    }

    /// The messages of the runs in `range`, as [`address`](Self::address) wrote them.
    pub(super) fn messages(&mut self, range: Range<usize>) -> &mut [libc::mmsghdr] {
        &mut self.headers[range]
    }

    /// Makes each datagram of a run a message of its own, in place of the run's.
    pub(super) fn cut_up(&mut self, run: usize) {
        let Self {
            runs, parts, names, ..
        } = self;
        let (run, name) = (&runs[run], &mut names[run]);
        self.cut.clear();
        for datagram in 0..run.datagrams {
            cut(&parts[run.parts()], run.segment(datagram), &mut self.cut);
        }
        let mut parts = &mut self.cut[..];
        for datagram in 0..run.datagrams {
            let count = parts_of(parts, run.segment(datagram).1);
            let (own, others) = parts.split_at_mut(count);
            let header = &mut self.cut_headers[datagram].msg_hdr;
            write_header(header, name, own.as_mut_ptr(), count);
            parts = others;
        }
    }

    /// The messages of datagrams of the run that was [cut up](Self::cut_up) last.
    pub(super) fn cut_messages(&mut self, range: Range<usize>) -> &mut [libc::mmsghdr] {
        &mut self.cut_headers[range]
    }
}

fn write_header(header: &mut libc::msghdr, name: &mut Name, first: *mut libc::iovec, count: usize) {
    header.msg_namelen = name.len();
    header.msg_name = (&raw mut *name).cast();
    header.msg_iov = first;
    header.msg_iovlen = count as _;
    header.msg_control = std::ptr::null_mut();
    header.msg_controllen = 0;
}

impl Run {
    fn new(datagram: &Datagram<'_>, first_part: usize) -> Self {
        Self {
            to: datagram.to,
            first_part,
            parts: 0,
            datagrams: 1,
            segment_bytes: len(datagram),
            bytes: len(datagram),
            ended: false,
        }
    }

    pub(super) fn to(&self) -> SocketAddr {
        self.to
    }

    pub(super) fn datagrams(&self) -> usize {
        self.datagrams
    }

    pub(super) fn is_segmented(&self) -> bool {
        self.datagrams > 1
    }

    fn parts(&self) -> Range<usize> {
        self.first_part..self.first_part + self.parts
    }

    /// Where a datagram begins among the bytes of the run, and its length.
    fn segment(&self, datagram: usize) -> (usize, usize) {
        let start = datagram * self.segment_bytes;
        (start, self.segment_bytes.min(self.bytes - start))
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

fn end(part: &libc::iovec) -> *const u8 {
    part.iov_base
        .cast_const()
        .cast::<u8>()
        .wrapping_add(part.iov_len)
}

/// How many of the first parts are `len` bytes together.
fn parts_of(parts: &[libc::iovec], len: usize) -> usize {
    let mut bytes = 0;
    let is_within = |part: &&libc::iovec| {
        let is_within = bytes < len;
        bytes += part.iov_len;
        is_within
    };
    parts.iter().take_while(is_within).count()
}

/// Appends parts of `len` bytes behind the first `start` bytes of `parts`.
fn cut(parts: &[libc::iovec], (start, len): (usize, usize), out: &mut Vec<libc::iovec>) {
    let (mut skip, mut left) = (start, len);
    for part in parts {
        let skipped = skip.min(part.iov_len);
        let taken = left.min(part.iov_len - skipped);
        if taken > 0 {
            out.push(libc::iovec {
                iov_base: part.iov_base.wrapping_byte_add(skipped),
                iov_len: taken,
            });
        }
        (skip, left) = (skip - skipped, left - taken);
    }
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

    /// The bytes of parts.
    fn bytes(parts: &[libc::iovec]) -> Vec<usize> {
        parts.iter().map(|part| part.iov_len).collect()
    }

    #[test]
    fn what_lies_together_is_one_part_and_can_be_cut_again() {
        let memory = [0; 100];
        let mut batch = Batch::new();
        for (header, payload) in [
            (0..2, 2..10),
            (10..12, 12..20),
            (50..52, 30..38),
            (38..40, 40..41),
        ] {
            let datagram = Datagram {
                to: ([127, 0, 0, 1], 1).into(),
                header: &memory[header],
                payload: &memory[payload],
            };
            assert!(batch.push(&datagram, true));
        }
        assert_eq!(bytes(&batch.parts), [20, 2, 11]);
        batch.address(false);
        batch.cut_up(0);
        assert_eq!(bytes(&batch.cut), [10, 10, 2, 8, 3]);
        let starts = batch
            .cut
            .iter()
            .map(|part| part.iov_base.cast_const().cast());
        let expected = [0, 10, 50, 30, 38].map(|at| memory[at..].as_ptr());
        assert!(starts.eq(expected));
        let counts = batch.cut_messages(0..4).iter();
        #[allow(
            clippy::unnecessary_cast,
            reason = "its type differs between C libraries"
        )]
        let counts: Vec<_> = counts.map(|it| it.msg_hdr.msg_iovlen as usize).collect();
        assert_eq!(counts, [1, 1, 2, 1]);
    }

    #[test]
    fn a_batch_has_its_limits() {
        let taken = |datagrams_per_port: u16| {
            let mut batch = Batch::new();
            let push = |index: &u16| {
                let to = ([127, 0, 0, 1], index / datagrams_per_port).into();
                // None lies right behind another.
                let [payload, header] = [0..7, 8..14].map(|part| &b"payload header"[part]);
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
