//! When media was captured: what receivers are told of it, for lip sync.

use std::time::Duration;

use flumen::components::wire::extension::AbsCaptureTime;
use flumen::components::wire::ntp;
use flumen::components::wire::rtcp::{self, RtcpPacket, SenderInfo, write_sender_report};
use flumen::rtp_parameters::{MediaKind, RtpHeaderExtensionParameters, RtpParameters};
use flumen_tests::{Call, Packet, RECEIVER, SSRC, address, opus, rtp_to};

/// The identifier of abs-capture-time at the sender, and at every router.
const CAPTURE_TIME: u8 = 5;
const ROUTER_CAPTURE_TIME: u8 = 10;
/// The sender's clock is this far ahead of the engine's.
const AHEAD: u64 = 1_000 << 32;
/// A packet of the sender's every so often, with a sender report.
const PERIOD_MS: u64 = 100;

fn opus_with_capture_time(ssrc: u32) -> RtpParameters {
    let uri = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
    let mut parameters = opus(ssrc);
    let extension = RtpHeaderExtensionParameters::new(uri, CAPTURE_TIME);
    parameters.header_extensions.push(extension);
    parameters
}

/// The engine's NTP time: the room's epoch is one second.
fn engine_ntp(ms: u64) -> u64 {
    (1 << 32) + ntp::from_nanos(ms * 1_000_000)
}

/// The RTP timestamp of the packet that arrives at `ms`.
fn timestamp(ms: u64) -> u32 {
    (ms * 48) as u32
}

/// What the sender says: by its report its media arrives `reported` ms after it was captured, by its
/// packets `told` ms after.
#[derive(Clone, Copy)]
struct Delays {
    reported: u64,
    told: Option<u64>,
}

/// Lets a packet and a report arrive, and tells what left of RTP.
fn step(call: &mut Call, delays: Delays) -> Packet {
    let ms = call.room.now.as_millis() + PERIOD_MS;
    let sequence = (ms / PERIOD_MS) as u16;
    let mut packet = Packet::new(111, sequence, SSRC, b"voice").at(timestamp(ms));
    if let Some(delay) = delays.told {
        let time = AbsCaptureTime {
            timestamp: engine_ntp(ms).wrapping_sub(ntp::from_nanos(delay * 1_000_000)) + AHEAD,
            offset: Some(0),
        };
        packet = packet.with_extension(CAPTURE_TIME, &time.to_bytes());
    }
    call.room.arrive(call.sender, &packet);
    let mut report = Vec::new();
    let info = SenderInfo {
        ssrc: SSRC,
        ntp: engine_ntp(ms) + AHEAD,
        rtp_timestamp: timestamp(ms + delays.reported),
        packet_count: 0,
        octet_count: 0,
    };
    write_sender_report(&mut report, &info);
    call.room.arrive_bytes(call.sender, &report);
    call.room.tick_after(Duration::from_millis(PERIOD_MS));
    let received = call.room.received();
    rtp_to(&received, address(RECEIVER)).remove(0)
}

/// How many milliseconds of media lie between the newest packet and the sender report that the
/// receiver gets half a second after the call began, which is when the newest one arrived.
fn reported_age(call: &mut Call, delays: Delays) -> u32 {
    for _ in 0..4 {
        step(call, delays);
    }
    let ms = call.room.now.as_millis();
    call.room.tick_after(Duration::from_millis(PERIOD_MS));
    let received = call.room.received();
    let to_receiver = received.iter().filter(|sent| sent.to == address(RECEIVER));
    let packets = to_receiver.flat_map(|sent| rtcp::packets(&sent.bytes).flatten());
    let infos: Vec<SenderInfo> = packets
        .filter_map(|packet| match packet {
            RtcpPacket::SenderReport(report) => Some(report.info),
            _ => None,
        })
        .collect();
    assert_eq!(infos.len(), 1);
    assert_eq!(infos[0].ntp, engine_ntp(ms + PERIOD_MS));
    (infos[0].rtp_timestamp - timestamp(ms)).div_ceil(48)
}

#[test]
fn reports_to_receivers_count_from_when_media_was_captured() {
    let delays = Delays {
        reported: 40,
        told: None,
    };
    // It arrived 100 ms ago and was captured 40 ms before that.
    assert_eq!(reported_age(&mut Call::audio(), delays), 140);
}

#[test]
fn without_a_clock_reports_count_from_when_media_arrived() {
    let mut call = Call::audio();
    call.send(&[Packet::new(111, 1, SSRC, b"voice").at(0)]);
    call.tick_after(Duration::from_millis(399));
    call.room.tick_after(Duration::from_millis(100));
    let received = call.room.received();
    let report = received
        .iter()
        .flat_map(|sent| rtcp::packets(&sent.bytes).flatten());
    let report = report.filter_map(|packet| match packet {
        RtcpPacket::SenderReport(report) => Some(report.info.rtp_timestamp),
        _ => None,
    });
    assert_eq!(report.collect::<Vec<_>>(), [499 * 48]);
}

#[test]
fn what_packets_tell_counts_before_what_reports_do() {
    let delays = Delays {
        reported: 300,
        told: Some(40),
    };
    let mut call = Call::of(MediaKind::Audio, opus_with_capture_time(SSRC));
    assert_eq!(reported_age(&mut call, delays), 140);
}

#[test]
fn one_producer_that_cannot_tell_makes_reports_count_for_all() {
    let delays = Delays {
        reported: 300,
        told: Some(40),
    };
    let mut call = Call::of(MediaKind::Audio, opus_with_capture_time(SSRC));
    let other = call
        .room
        .produce(call.sender, MediaKind::Audio, opus(SSRC + 1));
    call.room.engine.close_producer(other).unwrap();
    assert_eq!(reported_age(&mut call, delays), 400);
}

#[test]
fn a_clock_that_must_be_wrong_is_not_used() {
    let delays = Delays {
        reported: 9_950,
        told: None,
    };
    assert_eq!(reported_age(&mut Call::audio(), delays), 100);
}

#[test]
fn receivers_are_told_capture_times_by_the_engines_clock() {
    let delays = Delays {
        reported: 40,
        told: Some(40),
    };
    let mut call = Call::of(MediaKind::Audio, opus_with_capture_time(SSRC));
    // Three reports make the sender's clock known.
    for _ in 0..2 {
        let packet = step(&mut call, delays);
        assert_eq!(packet.extension(ROUTER_CAPTURE_TIME), None);
    }
    let packet = step(&mut call, delays);
    let value = packet.extension(ROUTER_CAPTURE_TIME).unwrap();
    let expected = AbsCaptureTime {
        timestamp: engine_ntp(300 - 40) + AHEAD,
        offset: Some(AHEAD.cast_signed()),
    };
    let told = AbsCaptureTime::parse(value).unwrap();
    assert_eq!(told.offset, expected.offset);
    assert!(told.timestamp.abs_diff(expected.timestamp) <= 1, "rounding");
    assert_eq!(value.len(), 16);
    let without = step(
        &mut call,
        Delays {
            told: None,
            ..delays
        },
    );
    assert_eq!(without.extension(ROUTER_CAPTURE_TIME), None);
}
