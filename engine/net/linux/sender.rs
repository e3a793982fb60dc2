//! Writing: `sendmmsg`, and runs of equal datagrams in one message.

use std::io;
use std::os::fd::AsRawFd;

use super::batch::Batch;
use super::uncut::Uncut;
use crate::Socket;
use crate::datagram::{Datagram, Fate};

/// Writes datagrams.
pub struct Sender {
    batch: Batch,
    uncut: Uncut,
}

impl Sender {
    /// A sender for any number of sockets.
    pub fn new() -> Self {
        Self {
            batch: Batch::new(),
            uncut: Uncut::default(),
        }
    }

    /// Sends datagrams in order and tells the fate of each, in the same order. After the first
    /// [`Fate::Blocked`] nothing more is tried. Several senders may send by one socket at once.
    ///
    /// Consecutive datagrams to one destination leave as one message when they have one length (the
    /// last may be shorter), and share their fate. Where the kernel will not cut such a message up
    /// (the path has a smaller MTU, the route is tunnelled), each of its datagrams is a message, and
    /// so are those to that destination for the next ten seconds.
    pub fn send<'a>(
        &mut self,
        socket: &Socket,
        datagrams: impl IntoIterator<Item = Datagram<'a>>,
        fate: impl FnMut(Fate),
    ) {
        let Socket { udp, abilities, .. } = socket;
        let mut sending = Sending {
            batch: &mut self.batch,
            uncut: &mut self.uncut,
            kernel: |messages: &mut [libc::mmsghdr]| send_messages(udp, messages),
            fate,
            ipv6: socket.ipv6,
            segmentation: abilities.segmentation,
            blocked: false,
        };
        sending.send(datagrams);
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
    uncut: &'b mut Uncut,
    kernel: K,
    fate: F,
    ipv6: bool,
    /// The kernel cuts runs up.
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
        self.uncut.begin();
        for datagram in datagrams {
            self.add(&datagram);
        }
        self.flush();
    }

    fn add(&mut self, datagram: &Datagram<'_>) {
        if !self.blocked && !self.push(datagram) {
            self.flush();
            if !self.blocked {
                self.push(datagram);
            }
        }
        if self.blocked {
            (self.fate)(Fate::Blocked);
        }
    }

    fn push(&mut self, datagram: &Datagram<'_>) -> bool {
        let segmentation = self.segmentation && self.uncut.tries(datagram.to);
        self.batch.push(datagram, segmentation)
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
                self.send_cut_up(first);
            }
            Answer::Refused(errno) => self.tell(first, || failed(errno)),
        }
        1
    }

    /// Sends each datagram of a run as a message.
    fn send_cut_up(&mut self, run: usize) {
        let total = self.batch.runs()[run].datagrams();
        self.batch.cut_up(run);
        let mut done = 0;
        while done < total {
            let answer = match self.blocked {
                true => Answer::WouldBlock,
                false => ask(&mut self.kernel, self.batch.cut_messages(done..total)),
            };
            self.blocked |= matches!(answer, Answer::WouldBlock);
            let (met, fate): (usize, &dyn Fn() -> Fate) = match answer {
                Answer::Taken(taken) => (taken, &|| Fate::Sent),
                Answer::WouldBlock => (1, &|| Fate::Blocked),
                Answer::Refused(errno) => (1, &move || failed(errno)),
            };
            // Where nothing can be sent at all, runs are not what is wrong.
            if let Answer::Taken(_) = answer {
                self.uncut.remember(self.batch.runs()[run].to());
            }
            (0..met).for_each(|_| (self.fate)(fate()));
            done += met;
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
/// is EIO, or EOPNOTSUPP.
fn cuts(errno: i32) -> bool {
    matches!(
        errno,
        libc::EINVAL | libc::EMSGSIZE | libc::EIO | libc::EOPNOTSUPP
    )
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
    /// parts each call had.
    fn send(script: &[Result<usize, i32>]) -> (String, Vec<(usize, usize)>) {
        send_by(&mut Uncut::default(), script)
    }

    fn send_by(uncut: &mut Uncut, script: &[Result<usize, i32>]) -> (String, Vec<(usize, usize)>) {
        let (mut fates, mut calls) = (String::new(), Vec::new());
        let mut script = script.iter();
        let mut sending = Sending {
            batch: &mut Batch::new(),
            uncut,
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
        (fates, calls)
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
        assert_eq!(send(&[]), ("ssssssss".into(), vec![(4, 16)]));
    }

    #[test]
    fn what_a_partial_send_left_is_sent_next() {
        let (fates, calls) = send(&[Ok(1), Err(libc::EINTR), Ok(2)]);
        assert_eq!(fates, "ssssssss");
        assert_eq!(calls, [(4, 16), (3, 10), (3, 10), (1, 2)]);
    }

    #[test]
    fn everything_behind_a_blocked_message_is_blocked() {
        let (fates, calls) = send(&[Ok(2), Err(libc::EAGAIN)]);
        assert_eq!((fates.as_str(), calls.len()), ("ssssbbbb", 2));
    }

    #[test]
    fn an_error_is_that_of_the_first_message_only() {
        let (fates, calls) = send(&[Err(libc::EPERM), Ok(1), Err(libc::EPERM)]);
        assert_eq!((fates.as_str(), calls.len()), ("fffsfffs", 4));
    }

    #[test]
    fn a_run_that_is_not_cut_up_is_a_call_and_others_are_still_runs() {
        for errno in [libc::EINVAL, libc::EMSGSIZE, libc::EIO, libc::EOPNOTSUPP] {
            let mut uncut = Uncut::default();
            let (fates, calls) = send_by(&mut uncut, &[Err(errno)]);
            assert_eq!(fates, "ssssssss");
            assert_eq!(calls, [(4, 16), (3, 6), (3, 10)]);
            // The first destination is asked for no more, and the others are.
            let (fates, calls) = send_by(&mut uncut, &[]);
            assert_eq!((fates.as_str(), calls), ("ssssssss", vec![(6, 16)]));
        }
    }

    #[test]
    fn a_destination_that_nothing_reaches_is_not_remembered() {
        let mut uncut = Uncut::default();
        let (fates, _) = send_by(&mut uncut, &[Err(libc::EINVAL); 4]);
        assert_eq!(fates, "fffsssss");
        assert_eq!(send_by(&mut uncut, &[]).1, [(4, 16)]);
    }

    #[test]
    fn of_a_run_that_is_cut_up_each_has_its_own_fate() {
        let cut = Err(libc::EINVAL);
        let cases: [(&[Result<usize, i32>], &str); 4] = [
            (&[cut, Ok(1), Err(libc::EMSGSIZE)], "sfssssss"),
            (&[cut, Err(libc::EMSGSIZE), Ok(1), Ok(1)], "fsssssss"),
            (&[cut, Ok(2), Err(libc::EPERM), Ok(1)], "ssfsssss"),
            (&[cut, Ok(1), Err(libc::EAGAIN)], "sbbbbbbb"),
        ];
        for (script, fates) in cases {
            assert_eq!(send(script).0, fates);
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
