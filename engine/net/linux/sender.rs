//! Writing: `sendmmsg`, and runs of equal datagrams in one message.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;

use super::batch::Batch;
use crate::Socket;
use crate::datagram::{Datagram, Fate};

/// Writes datagrams.
pub struct Sender {
    batch: Batch,
}

impl Sender {
    /// A sender for any number of sockets.
    pub fn new() -> Self {
        Self {
            batch: Batch::new(),
        }
    }

    /// Sends datagrams in order and tells the fate of each, in the same order. After the first
    /// [`Fate::Blocked`] nothing more is tried. Several senders may send by one socket at once.
    ///
    /// Consecutive datagrams to one destination leave as one message when they have one length (the
    /// last may be shorter), and share their fate. Where the kernel will not cut such a message up
    /// (the path has a smaller MTU, the route is tunnelled), its datagrams are sent one by one.
    pub fn send<'a>(
        &mut self,
        socket: &Socket,
        datagrams: impl IntoIterator<Item = Datagram<'a>>,
        fate: impl FnMut(Fate),
    ) {
        let Socket { udp, abilities, .. } = socket;
        let mut sending = Sending {
            batch: &mut self.batch,
            kernel: |messages: &mut [libc::mmsghdr]| send_messages(udp, messages),
            fate,
            ipv6: socket.ipv6,
            segmentation: abilities.segmentation.load(Ordering::Relaxed),
            blocked: false,
        };
        sending.send(datagrams);
        if !sending.segmentation {
            abilities.segmentation.store(false, Ordering::Relaxed);
        }
    }
}

impl Default for Sender {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// One call of [`Sender::send`]. `kernel` takes messages and says how many of the first ones it
/// sent, or what is wrong with the very first.
struct Sending<'b, K, F> {
    batch: &'b mut Batch,
    kernel: K,
    fate: F,
    ipv6: bool,
    /// The kernel cuts runs up; cleared when it turns out that it never does.
    segmentation: bool,
    /// The socket would block: nothing more is tried.
    blocked: bool,
}

/// What the kernel said to some messages.
enum Answer {
    /// It took this many, one or more.
    Taken(usize),
    WouldBlock,
    /// The first is impossible: an errno.
    Refused(i32),
}

impl<K, F> Sending<'_, K, F>
where
    K: FnMut(&mut [libc::mmsghdr]) -> io::Result<usize>,
    F: FnMut(Fate),
{
    fn send<'a>(&mut self, datagrams: impl IntoIterator<Item = Datagram<'a>>) {
        // Something is left in the batch when an iterator or a callback panicked.
        self.batch.clear();
        for datagram in datagrams {
            self.add(&datagram);
        }
        self.flush();
    }

    fn add(&mut self, datagram: &Datagram<'_>) {
        if !self.blocked && !self.batch.push(datagram, self.segmentation) {
            self.flush();
            if !self.blocked {
                self.batch.push(datagram, self.segmentation);
            }
        }
        if self.blocked {
            (self.fate)(Fate::Blocked);
        }
    }

    fn flush(&mut self) {
        self.batch.address(self.ipv6);
        let mut done = 0;
        while done < self.batch.runs().len() {
            done += self.send_from(done);
        }
        self.batch.clear();
    }

    /// Tries the runs from `first` on; says how many of them met their fate, one or more.
    fn send_from(&mut self, first: usize) -> usize {
        let total = self.batch.runs().len();
        let answer = match self.blocked {
            true => Answer::WouldBlock,
            false => ask(&mut self.kernel, self.batch.messages(first..total)),
        };
        match answer {
            Answer::Taken(taken) => {
                (first..first + taken).for_each(|run| self.tell(run, || Fate::Sent));
                return taken;
            }
            Answer::WouldBlock => {
                self.blocked = true;
                self.tell(first, || Fate::Blocked);
            }
            Answer::Refused(errno) if self.batch.runs()[first].is_segmented() && cuts(errno) => {
                self.segmentation &= !never_cuts(errno);
                self.send_one_by_one(first);
            }
            Answer::Refused(errno) => self.tell(first, || failed(errno)),
        }
        1
    }

    fn send_one_by_one(&mut self, run: usize) {
        for datagram in 0..self.batch.runs()[run].datagrams() {
            let answer = match self.blocked {
                true => Answer::WouldBlock,
                false => ask(&mut self.kernel, self.batch.single(run, datagram)),
            };
            (self.fate)(match answer {
                Answer::Taken(_) => Fate::Sent,
                Answer::WouldBlock => Fate::Blocked,
                Answer::Refused(errno) => failed(errno),
            });
            self.blocked |= matches!(answer, Answer::WouldBlock);
        }
    }

    fn tell(&mut self, run: usize, fate: impl Fn() -> Fate) {
        for _ in 0..self.batch.runs()[run].datagrams() {
            (self.fate)(fate());
        }
    }
}

fn ask(
    kernel: &mut impl FnMut(&mut [libc::mmsghdr]) -> io::Result<usize>,
    messages: &mut [libc::mmsghdr],
) -> Answer {
    loop {
        return match kernel(messages) {
            Ok(0) => Answer::WouldBlock,
            Ok(taken) => Answer::Taken(taken),
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR) => continue,
                Some(libc::EAGAIN) => Answer::WouldBlock,
                errno => Answer::Refused(errno.unwrap_or(libc::EIO)),
            },
        };
    }
}

fn failed(errno: i32) -> Fate {
    Fate::Failed(io::Error::from_raw_os_error(errno))
}

/// The errors by which the kernel may mean "not in this way": segments longer than the path allows
/// are EMSGSIZE or, in older kernels, EINVAL; an encrypting route or a device without checksums
/// is EIO.
fn cuts(errno: i32) -> bool {
    matches!(errno, libc::EINVAL | libc::EMSGSIZE) || never_cuts(errno)
}

/// The errors that the next run would meet as well.
fn never_cuts(errno: i32) -> bool {
    matches!(errno, libc::EIO | libc::EOPNOTSUPP)
}

/// `sendmmsg` of what `messages` point at; says how many of them were sent.
fn send_messages(udp: &mio::net::UdpSocket, messages: &mut [libc::mmsghdr]) -> io::Result<usize> {
    let (fd, count) = (udp.as_raw_fd(), messages.len() as libc::c_uint);
    // SAFETY: the batch has just pointed each message at a name, parts and a control buffer of the
    // lengths given: its own, and memory of the datagrams that `Sender::send` borrows. The kernel
    // writes only to `msg_len`. The count is that of the messages.
    let sent = unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), count, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: [u16; 8] = [1, 1, 1, 2, 3, 3, 3, 4];

    /// Sends a run of 3, a single one, a run of 3 and a single one to a kernel that answers as
    /// scripted and then takes everything. Gives the fates, one letter each, how many messages and
    /// parts each call had, and whether segmentation is still tried.
    fn send(script: &[Result<usize, i32>]) -> (String, Vec<(usize, usize)>, bool) {
        let (mut fates, mut calls) = (String::new(), Vec::new());
        let mut script = script.iter();
        let mut sending = Sending {
            batch: &mut Batch::new(),
            kernel: |messages: &mut [libc::mmsghdr]| {
                #[allow(
                    clippy::unnecessary_cast,
                    reason = "its type differs between C libraries"
                )]
                let parts = messages.iter().map(|m| m.msg_hdr.msg_iovlen as usize).sum();
                calls.push((messages.len(), parts));
                let answer = script.next().copied().unwrap_or(Ok(messages.len()));
                answer.map_err(io::Error::from_raw_os_error)
            },
            fate: |fate| fates.push(letter(&fate)),
            ipv6: false,
            segmentation: true,
            blocked: false,
        };
        // None lies right behind another.
        let [payload, header] = [0..7, 8..12].map(|part| &b"payload head"[part]);
        sending.send(PORTS.map(|port| Datagram {
            to: ([127, 0, 0, 1], port).into(),
            header,
            payload,
        }));
        let segmentation = sending.segmentation;
        (fates, calls, segmentation)
    }

    fn letter(fate: &Fate) -> char {
        match fate {
            Fate::Sent => 's',
            Fate::Blocked => 'b',
            Fate::Failed(_) => 'f',
        }
    }

    #[test]
    fn runs_leave_in_one_call() {
        assert_eq!(send(&[]), ("ssssssss".into(), vec![(4, 16)], true));
    }

    #[test]
    fn what_a_partial_send_left_is_sent_next() {
        let (fates, calls, _) = send(&[Ok(1), Err(libc::EINTR), Ok(2)]);
        assert_eq!(fates, "ssssssss");
        assert_eq!(calls, [(4, 16), (3, 10), (3, 10), (1, 2)]);
    }

    #[test]
    fn everything_behind_a_blocked_message_is_blocked() {
        let (fates, calls, _) = send(&[Ok(2), Err(libc::EAGAIN)]);
        assert_eq!((fates.as_str(), calls.len()), ("ssssbbbb", 2));
    }

    #[test]
    fn an_error_is_that_of_the_first_message_only() {
        let (fates, calls, _) = send(&[Err(libc::EPERM), Ok(1), Err(libc::EPERM)]);
        assert_eq!((fates.as_str(), calls.len()), ("fffsfffs", 4));
    }

    #[test]
    fn a_run_that_is_not_cut_up_is_sent_one_by_one() {
        for errno in [libc::EINVAL, libc::EMSGSIZE] {
            let (fates, calls, segmentation) = send(&[Err(errno)]);
            assert_eq!(fates, "ssssssss");
            assert_eq!(calls, [(4, 16), (1, 2), (1, 2), (1, 2), (3, 10)]);
            assert!(segmentation);
        }
    }

    #[test]
    fn one_by_one_each_has_its_own_fate() {
        let (fates, ..) = send(&[Err(libc::EINVAL), Ok(1), Err(libc::EMSGSIZE)]);
        assert_eq!(fates, "sfssssss");
        let (fates, ..) = send(&[Err(libc::EINVAL), Ok(1), Err(libc::EAGAIN)]);
        assert_eq!(fates, "sbbbbbbb");
    }

    #[test]
    fn a_kernel_that_never_cuts_is_not_asked_again() {
        for errno in [libc::EIO, libc::EOPNOTSUPP] {
            let (fates, _, segmentation) = send(&[Err(errno)]);
            assert_eq!(fates, "ssssssss");
            assert!(!segmentation);
        }
    }

    #[test]
    fn the_real_kernel_refuses_runs_without_checksums_and_still_sends() {
        let options = crate::Options {
            address: ([127, 0, 0, 1], 0).into(),
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            ipv6_only: false,
            reuse_port: false,
        };
        let socket = Socket::bind(&options).unwrap();
        let no_check = super::super::abilities::set;
        no_check(&socket.udp, libc::SOL_SOCKET, libc::SO_NO_CHECK, 1).unwrap();
        let (to, header, payload) = (socket.local(), &b"head"[..], &b"payload"[..]);
        let datagrams = [Datagram {
            to,
            header,
            payload,
        }; 3];
        let mut fates = String::new();
        Sender::new().send(&socket, datagrams, |fate| fates.push(letter(&fate)));
        assert_eq!(fates, "sss");
        for _ in 0..3 {
            let mut bytes = [0; 20];
            assert_eq!(socket.udp.recv(&mut bytes).unwrap(), 11);
            assert_eq!(&bytes[..11], b"headpayload");
        }
    }
}
