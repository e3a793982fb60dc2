//! What reaches a WebRTC transport before there are keys: records of DTLS, handshake messages in them.

use flumen::components::wire::dtls::{
    ClientHello, Fragment, MessageKind, PlainRecord, Record, fragments, records, write_message,
};

/// A datagram, and the body of a ClientHello: records lie in it one behind the other, fragments end
/// within their message, and what is read of a message is what is read of it when it is written again.
pub fn dtls_records(bytes: &[u8]) {
    let mut rest = bytes;
    for record in records(bytes).flatten() {
        let (read, behind) = rest.split_at(record.bytes().len());
        assert_eq!(record.bytes(), read);
        rest = behind;
        if let Record::Plain(record) = record {
            read_messages(&record);
        }
    }
    hello(bytes);
}

fn read_messages(record: &PlainRecord<'_>) {
    assert!(record.sequence < 1 << 48);
    let mut carried = 0;
    for fragment in fragments(record.body).flatten() {
        carried += FRAGMENT_HEADER + fragment.body.len();
        assert!(fragment.end() <= fragment.length && fragment.length < 1 << 24);
        if fragment.kind == MessageKind::ClientHello {
            hello(fragment.body);
        }
        if fragment.body.len() == fragment.length {
            write_again(&fragment, record.sequence);
        }
    }
    assert!(carried <= record.body.len());
}

/// Bytes in front of what a fragment carries, RFC 6347 section 4.2.2.
const FRAGMENT_HEADER: usize = 12;
/// The longest message that is written in one record.
const WRITTEN: usize = 16_384;

fn write_again(message: &Fragment<'_>, sequence: u64) {
    if message.length > WRITTEN {
        return;
    }
    let mut again = Vec::new();
    let kind = message.kind.number();
    write_message(
        kind,
        message.message_sequence,
        message.body,
        sequence,
        &mut again,
    );
    let mut read = records(&again);
    let Some(Ok(Record::Plain(record))) = read.next() else {
        panic!("it is one record");
    };
    assert_eq!((record.sequence, record.epoch), (sequence, 0));
    let read: Vec<_> = fragments(record.body).collect();
    assert_eq!(read, [Ok(*message)]);
}

fn hello(body: &[u8]) {
    let Ok(hello) = ClientHello::parse(body) else {
        return;
    };
    assert_eq!(body[2..34], hello.random[..]);
    let profiles = hello.srtp_profiles().map_or(0, Iterator::count);
    assert!(2 * (profiles + hello.signature_schemes().count()) <= body.len());
}
