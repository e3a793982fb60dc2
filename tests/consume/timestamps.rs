//! RTP timestamps gate nothing: they rise, fall and leap, and what was lost is sent again.

use std::time::Duration;

use flumen::components::wire::rtcp::write_nack;
use flumen::rtp_parameters::MediaKind;
use flumen_tests::{Call, Packet, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, video};
use proptest::prelude::*;
use proptest::sample::Index;

/// H.264: a sequence parameter set, and a slice of a picture that is no key frame.
const H264_BEGIN: &[u8] = &[0x67, 0x42, 0xe0, 0x1f];
const H264_SLICE: &[u8] = &[0x41, 0x9a, 0x00];

/// Lets packets arrive, a tick each; their numbers at the receiver.
fn sent(call: &mut Call, packets: impl IntoIterator<Item = Packet>) -> Vec<u16> {
    let numbers = packets.into_iter().flat_map(|packet| {
        let got = call.send(&[packet]).packets;
        got.into_iter().map(|packet| packet.sequence)
    });
    numbers.collect()
}

/// The receiver asks for `numbers`; those that come again.
fn again(call: &mut Call, numbers: &[u16]) -> Vec<u16> {
    let mut bytes = Vec::new();
    write_nack(&mut bytes, 1, call.consumer_ssrc(), numbers.iter().copied());
    call.room.arrive_bytes(call.receiver, &bytes);
    let got = call.tick_after(Duration::from_millis(1)).packets;
    let original = |packet: Packet| u16::from_be_bytes([packet.payload[0], packet.payload[1]]);
    got.into_iter().map(original).collect()
}

fn frame(number: u16, timestamp: u32) -> Packet {
    let payload = match number {
        1 => VP8_KEY_FRAME,
        _ => VP8_DELTA_FRAME,
    };
    Packet::new(96, number, SSRC, payload).at(timestamp)
}

#[test]
fn pictures_in_coding_order_are_sent_again() {
    let mut call = Call::of(MediaKind::Video, video("H264", SSRC));
    let pictures = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8];
    let packets = (1..).zip(pictures).map(|(number, picture)| {
        let payload = if number == 1 { H264_BEGIN } else { H264_SLICE };
        Packet::new(96, number, SSRC, payload).at(picture * 3_000)
    });
    let numbers = sent(&mut call, packets);
    assert_eq!(numbers.len(), 10);
    assert_eq!(again(&mut call, &numbers), numbers);
}

#[test]
fn a_timestamp_that_leaps_ends_nothing() {
    for leap in [1_000_000_000, -1_000_000_000, i32::MIN, 180_001] {
        let mut call = Call::video();
        let packets = (1..=300).map(|number| {
            let timestamp = u32::from(number) * 3_000;
            match number {
                100 => frame(number, timestamp.wrapping_add_signed(leap)),
                _ => frame(number, timestamp),
            }
        });
        let numbers = sent(&mut call, packets);
        assert_eq!(numbers.len(), 300);
        for lost in [&numbers[260..], &numbers[90..110]] {
            assert_eq!(again(&mut call, lost), lost, "a leap of {leap}");
        }
    }
}

#[test]
fn a_clock_that_is_set_back_forgets_nothing() {
    let mut call = Call::video();
    let clock = |number: u16| 3_000 * u32::from(if number < 50 { number } else { number - 50 });
    let numbers = sent(
        &mut call,
        (1..=100).map(|number| frame(number, clock(number))),
    );
    assert_eq!(again(&mut call, &numbers), numbers);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_the_timestamps_all_that_arrived_is_sent_again(
        start in any::<u16>(),
        // The timestamp of each packet, and how many others overtake it.
        media in prop::collection::vec(
            (any::<u32>(), prop_oneof![4 => Just(0_usize), 1 => 1..20_usize]),
            2..150,
        ),
        lost in prop::collection::vec(any::<Index>(), 1..100),
    ) {
        let mut call = Call::video();
        let mut order: Vec<_> = (1..media.len()).map(|index| (index + media[index].1, index)).collect();
        order.sort_unstable();
        let packet = |index: usize| {
            let payload = if index == 0 { VP8_KEY_FRAME } else { VP8_DELTA_FRAME };
            let number = start.wrapping_add(index as u16);
            Packet::new(96, number, SSRC, payload).at(media[index].0)
        };
        let order = std::iter::once(0).chain(order.into_iter().map(|(_, index)| index));
        let numbers = sent(&mut call, order.map(packet));
        prop_assert_eq!(numbers.len(), media.len());
        let mut asked: Vec<_> = lost.iter().map(|index| numbers[index.index(numbers.len())]).collect();
        asked.sort_unstable();
        asked.dedup();
        let mut got = again(&mut call, &asked);
        got.sort_unstable();
        prop_assert_eq!(got, asked);
    }
}
