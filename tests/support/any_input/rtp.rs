//! RTP packets.

use flumen::components::wire::extension::{
    AbsCaptureTime, AudioLevel, ExtensionKind, PlayoutDelay, VideoOrientation, abs_send_time,
    parse_abs_send_time, parse_transport_sequence,
};
use flumen::components::wire::rtp::FIXED_LEN;
use flumen::components::wire::rtx::{self, OSN_LEN};
use flumen::components::wire::{PacketKind, RtpHeader, classify, write_extensions};

/// A packet: its parts tile it, its elements can be written again, and it can be a retransmission.
pub fn rtp(packet: &[u8]) {
    let kind = classify(packet);
    let Ok(header) = RtpHeader::parse(packet) else {
        return;
    };
    assert!(matches!(kind, Some(PacketKind::Rtp | PacketKind::Rtcp)));
    let [start, len] = [header.payload_start, header.payload_len].map(usize::from);
    let padding = usize::from(header.padding_len);
    assert!(start >= FIXED_LEN + 4 * usize::from(header.csrc_count));
    assert_eq!(start + len + padding, packet.len());
    assert_eq!(header.payload(packet).len(), len);
    header
        .extensions(packet)
        .for_each(|(_, value)| element(value));
    extensions_written_again(packet, &header);
    restored(packet, &header);
}

fn element(value: &[u8]) {
    let sent = parse_abs_send_time(value);
    assert!(sent.is_none_or(|time| abs_send_time(u64::from(time) << 14) == value[..3]));
    let number = parse_transport_sequence(value);
    assert!(number.is_none_or(|number| number.to_be_bytes() == value[..2]));
    assert!(AudioLevel::parse(value).is_none_or(|level| level.level <= 127));
    assert!(PlayoutDelay::parse(value).is_none_or(|delay| delay.min.max(delay.max) < 1 << 12));
    let captured = AbsCaptureTime::parse(value);
    assert!(captured.is_none_or(|time| time.to_bytes().starts_with(value)));
    for &byte in value {
        assert!(VideoOrientation::from_byte(byte).rotation <= 270);
    }
    assert!(ExtensionKind::from_uri(&String::from_utf8_lossy(value)).is_none() || value.len() > 9);
}

/// The elements in a block of our own are the same elements, where they are said to be.
fn extensions_written_again(packet: &[u8], header: &RtpHeader) {
    let elements: Vec<_> = header.extensions(packet).collect();
    let mut again = packet[..FIXED_LEN].to_vec();
    again[0] = if elements.is_empty() { 0x80 } else { 0x90 };
    let mut places = Vec::new();
    let written = write_extensions(&mut again, &elements, |_, at| places.push(usize::from(at)));
    // All of one-byte form may need more room in the two-byte form: then it does not fit.
    let Ok(len) = written else {
        assert!(packet.len() > usize::from(u16::MAX) / 2);
        return;
    };
    assert_eq!(again.len(), FIXED_LEN + usize::from(len));
    for (at, (_, value)) in places.iter().zip(&elements) {
        assert!(again[FIXED_LEN + at..].starts_with(value));
    }
    let parsed = RtpHeader::parse(&again).expect("what was written can be read");
    assert!(parsed.extensions(&again).eq(elements));
}

/// Read as a retransmission, it yields a packet that reads as it was said to.
fn restored(packet: &[u8], header: &RtpHeader) {
    let mut inside = packet.to_vec();
    let told = rtx::restore(&mut inside, header, 0x0102_0304, 96);
    assert_eq!(told.is_some(), usize::from(header.payload_len) >= OSN_LEN);
    match told {
        Some(told) => {
            let read = RtpHeader::parse(&inside[OSN_LEN..]).expect("it is RTP as before");
            assert_eq!(read, told);
            assert!(
                header
                    .payload(packet)
                    .ends_with(read.payload(&inside[OSN_LEN..]))
            );
        }
        None => assert_eq!(inside, packet),
    }
}
