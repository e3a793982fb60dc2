//! README's small SFU forwards what a real socket sends it, and shows it.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A VP8 key frame (RFC 7741) in an RTP packet, with the payload type and SSRC of README.
fn packet(sequence: u16) -> Vec<u8> {
    let mut bytes = vec![0x80, 96];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend((u32::from(sequence) * 3_000).to_be_bytes());
    bytes.extend(1_111u32.to_be_bytes());
    bytes.extend([0x10, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68]);
    bytes
}

/// A program that does not outlive the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_small_sfu_forwards_and_shows_media_until_it_is_interrupted() {
    let receiver = UdpSocket::bind("127.0.0.1:6000").expect("README's port is free");
    receiver
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_small_sfu"));
    let mut program = Program(command.stdout(Stdio::piped()).spawn().unwrap());
    let stdout = program.0.stdout.take().unwrap();
    let mut lines = BufReader::new(stdout).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let address = first.strip_prefix("send VP8 to ").unwrap();
    let to: SocketAddr = address.parse().unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let sending = thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for sequence in 1.. {
            if stopped.load(Ordering::Relaxed) {
                return;
            }
            socket.send_to(&packet(sequence), to).unwrap();
            thread::sleep(Duration::from_millis(20));
        }
    });
    // It forwards ...
    let mut bytes = [0; 2_048];
    let (len, _) = receiver.recv_from(&mut bytes).unwrap();
    assert_eq!(bytes[len - 8..len], packet(1)[12..]);
    // ... and shows what comes, second by second.
    for wanted in ["\"tuple\"", "\"score\"", "\"packetCount\":"] {
        let shown = lines.find(|line| line.contains(wanted));
        assert!(shown.is_some(), "{wanted} is not shown");
    }
    assert!(program.0.try_wait().unwrap().is_none(), "it goes on");
    stop.store(true, Ordering::Relaxed);
    sending.join().unwrap();
}
