//! What goes into one socket comes out of another; the same claims hold for every system.

use std::net::SocketAddr;
use std::time::Duration;

use flumen_net::{Datagram, Events, Fate, Options, Read, Received, Receiver, Sender, Socket, poll};
use mio::{Interest, Poll, Token};

const SLOT_BYTES: usize = 2048;

fn options(address: &str) -> Options {
    Options {
        address: address.parse().unwrap(),
        send_buffer_bytes: None,
        receive_buffer_bytes: None,
        ipv6_only: false,
        reuse_port: false,
    }
}

fn bind(address: &str) -> Socket {
    Socket::bind(&options(address)).unwrap()
}

/// The datagrams, split somewhere in the middle.
fn send(from: &mut Socket, datagrams: &[(SocketAddr, Vec<u8>)]) -> Vec<Fate> {
    let datagrams = datagrams.iter().map(|(to, bytes)| {
        let (header, payload) = bytes.split_at(bytes.len() / 3);
        let to = *to;
        Datagram {
            to,
            header,
            payload,
        }
    });
    let mut fates = Vec::new();
    Sender::new().send(from, datagrams, |fate| fates.push(fate));
    fates
}

fn assert_sent(fates: &[Fate], count: usize) {
    assert!(
        fates.iter().all(|fate| matches!(fate, Fate::Sent)),
        "{fates:?}"
    );
    assert_eq!(fates.len(), count);
}

/// Everything there is to read, and what the last read said.
fn receive(socket: &mut Socket) -> (Vec<(Received, Vec<u8>)>, Read) {
    let mut receiver = Receiver::new();
    let mut slots = vec![0; SLOT_BYTES * 64];
    let mut all = Vec::new();
    loop {
        let read = receiver.receive(socket, &mut slots, SLOT_BYTES);
        let received = receiver.received().zip(slots.chunks(SLOT_BYTES));
        all.extend(received.map(|(row, slot)| (row, slot[..row.len].to_vec())));
        if read.drained {
            return (all, read);
        }
    }
}

fn received_bytes(socket: &mut Socket) -> Vec<Vec<u8>> {
    receive(socket)
        .0
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect()
}

/// A datagram whose bytes tell its number and its length.
fn numbered(number: usize, len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| (number * 31 + index * 7 + len) as u8)
        .collect()
}

#[test]
fn equal_datagrams_arrive_one_by_one_as_they_were() {
    let (mut from, mut to) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let sent: Vec<_> = (0..80)
        .map(|number| (to.local(), numbered(number, 1200)))
        .collect();
    assert_sent(&send(&mut from, &sent), 80);
    let (received, _) = receive(&mut to);
    assert_eq!(received.len(), 80);
    for ((_, expected), (row, bytes)) in sent.iter().zip(&received) {
        assert_eq!(bytes, expected);
        assert_eq!((row.source, row.truncated), (from.local(), false));
    }
}

#[test]
fn lengths_and_destinations_may_be_mixed() {
    let mut from = bind("127.0.0.1:0");
    let mut to = [
        bind("127.0.0.1:0"),
        bind("127.0.0.1:0"),
        bind("127.0.0.1:0"),
    ];
    let lengths = [1200, 1200, 900, 1200, 1, 0, 0, 1200, 1300, 1300, 1300, 1299];
    let sent: Vec<_> = (0..120)
        .map(|number| {
            let destination = to[number / 12 % 3].local();
            (destination, numbered(number, lengths[number % 12]))
        })
        .collect();
    assert_sent(&send(&mut from, &sent), 120);
    for socket in &mut to {
        let local = socket.local();
        let expected: Vec<_> = sent
            .iter()
            .filter(|row| row.0 == local)
            .map(|row| &row.1)
            .collect();
        assert_eq!(received_bytes(socket).iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn an_ipv6_socket_reaches_ipv4_peers_under_their_own_address() {
    let Ok(mut dual) = Socket::bind(&options("[::]:0")) else {
        return; // This machine has no IPv6.
    };
    let mut v4 = bind("127.0.0.1:0");
    assert_sent(&send(&mut dual, &[(v4.local(), b"over".to_vec())]), 1);
    let (received, _) = receive(&mut v4);
    assert_eq!(received[0].1, b"over");
    let dual_v4 = received[0].0.source;
    assert_eq!(dual_v4.port(), dual.local().port());
    assert_sent(&send(&mut v4, &[(dual_v4, b"back".to_vec())]), 1);
    let (received, _) = receive(&mut dual);
    assert_eq!(
        (received[0].0.source, &received[0].1[..]),
        (v4.local(), &b"back"[..])
    );
}

#[test]
fn ipv6_peers_exchange_runs() {
    let Ok(mut from) = Socket::bind(&options("[::1]:0")) else {
        return; // This machine has no IPv6.
    };
    let mut to = bind("[::1]:0");
    let sent: Vec<_> = (0..10)
        .map(|number| (to.local(), numbered(number, 700)))
        .collect();
    assert_sent(&send(&mut from, &sent), 10);
    let (received, _) = receive(&mut to);
    assert_eq!(received.len(), 10);
    assert_eq!(
        received[9],
        (
            Received {
                source: from.local(),
                len: 700,
                truncated: false,
            },
            numbered(9, 700)
        )
    );
}

#[test]
fn what_a_slot_cannot_hold_is_cut_off_and_said_so() {
    let (mut from, mut to) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let lengths = [SLOT_BYTES, SLOT_BYTES + 1, 9000, 10];
    let sent: Vec<_> = lengths.map(|len| (to.local(), numbered(1, len))).into();
    assert_sent(&send(&mut from, &sent), 4);
    let (received, _) = receive(&mut to);
    let rows: Vec<_> = received
        .iter()
        .map(|row| (row.0.len, row.0.truncated))
        .collect();
    let full = SLOT_BYTES;
    assert_eq!(
        rows,
        [(full, false), (full, true), (full, true), (10, false)]
    );
    assert_eq!(received[1].1, sent[1].1[..SLOT_BYTES]);
}

#[test]
fn an_impossible_datagram_fails_alone() {
    let (mut from, mut to) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let lengths = [100, 65_508, 100];
    let sent: Vec<_> = lengths.map(|len| (to.local(), numbered(2, len))).into();
    let fates = send(&mut from, &sent);
    assert!(
        matches!(&fates[..], [Fate::Sent, Fate::Failed(_), Fate::Sent]),
        "{fates:?}"
    );
    assert_eq!(
        received_bytes(&mut to),
        [numbered(2, 100), numbered(2, 100)]
    );
}

#[test]
fn the_largest_datagram_goes_through() {
    let (mut from, mut to) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    assert_sent(&send(&mut from, &[(to.local(), numbered(3, 65_507))]), 1);
    let (received, _) = receive(&mut to);
    assert!(received[0].0.truncated);
}

#[test]
fn a_full_receive_queue_drops_and_the_next_datagram_tells() {
    let small = Options {
        receive_buffer_bytes: Some(4096),
        ..options("127.0.0.1:0")
    };
    let (mut from, mut to) = (bind("127.0.0.1:0"), Socket::bind(&small).unwrap());
    let sent: Vec<_> = (0..100)
        .map(|number| (to.local(), numbered(number, 1200)))
        .collect();
    assert_sent(&send(&mut from, &sent), 100);
    let kept = receive(&mut to).0.len();
    assert!((1..100).contains(&kept));
    assert_sent(&send(&mut from, &sent[..1]), 1);
    let (received, read) = receive(&mut to);
    assert_eq!(received.len(), 1);
    if cfg!(all(target_os = "linux", not(flumen_portable))) {
        assert_eq!(read.dropped as usize, 100 - kept);
    }
}

#[test]
fn a_bound_address_is_in_use_unless_shared() {
    let first = bind("127.0.0.1:0");
    let same = first.local().to_string();
    let error = Socket::bind(&options(&same)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let shared = |address: &str| Options {
        reuse_port: true,
        ..options(address)
    };
    if let Ok(first) = Socket::bind(&shared("127.0.0.1:0")) {
        Socket::bind(&shared(&first.local().to_string())).unwrap();
    }
}

#[test]
fn buffers_are_at_least_what_was_asked() {
    let options = Options {
        send_buffer_bytes: Some(100_000),
        receive_buffer_bytes: Some(120_000),
        ..options("127.0.0.1:0")
    };
    let socket = Socket::bind(&options).unwrap();
    assert!(socket.send_buffer_bytes() >= 100_000);
    assert!(socket.receive_buffer_bytes() >= 120_000);
}

#[test]
fn a_poll_ends_by_an_arrival_or_by_its_timeout() {
    let (mut from, mut to) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let (mut events, mut selector) = (Events::with_capacity(8), Poll::new().unwrap());
    selector
        .registry()
        .register(&mut to, Token(7), Interest::READABLE)
        .unwrap();
    let mut wait = |timeout| {
        poll(&mut selector, &mut events, Some(timeout)).unwrap();
        events.iter().map(|event| event.token).collect::<Vec<_>>()
    };
    assert_eq!(wait(Duration::from_micros(300)), []);
    assert_eq!(wait(Duration::from_millis(1)), []);
    assert_sent(&send(&mut from, &[(to.local(), b"wake".to_vec())]), 1);
    assert_eq!(wait(Duration::from_micros(5_000_001)), [Token(7)]);
    assert_eq!(wait(Duration::ZERO), []);
}
