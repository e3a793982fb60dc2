//! Hostile RTCP: no panic, bounded work, and nobody else's output changes.

use flumen::{Control, Discard};
use flumen_tests::feedback::{fir, packet, pli};
use flumen_tests::victims::{STRANGER, Victims, unharmed};
use flumen_tests::{Noise, Packet, Room, VP8_KEY_FRAME};

/// A well-formed packet of every type that RTCP has here.
fn every_type() -> Vec<Vec<u8>> {
    let report_block = [3_333, 0x0100_0001, 10, 5, 0, 0];
    let sender_report = [&[9, 1, 2, 3, 4, 5], &report_block[..]].concat();
    let receiver_report = [&[9], &report_block[..]].concat();
    vec![
        packet(0x81, 200, &sender_report),
        packet(0x81, 201, &receiver_report),
        packet(0x81, 202, &[9, 0x0102_6161, 0]),
        packet(0x81, 203, &[9]),
        packet(0x80, 204, &[9, 0x6e61_6d65]),
        packet(0x81, 205, &[9, 3_333, 0x0001_ffff]),
        packet(
            0x8f,
            205,
            &[9, 3_333, 0x0001_0001, 0x0000_0100, 0x2001_0400],
        ),
        pli(3_333),
        fir(&[3_333, 3_334]),
        packet(0x8f, 206, &[9, 0, 0x5245_4d42, 0x0100_1234, 3_333]),
        packet(0x80, 207, &[9, 0x0400_0002, 1, 2]),
        packet(0x80, 207, &[9, 0x0500_0003, 3_333, 4, 5]),
    ]
}

#[test]
fn rtcp_of_every_type_is_consumed() {
    let packets = every_type();
    let victims = unharmed(packets.len() as u32, |victims, tick| {
        victims.attack(&packets[tick as usize]);
    });
    let consumed = victims.room.engine.ledger().consumed[Control::Rtcp];
    assert_eq!(consumed, packets.len() as u64);
}

#[test]
fn rtcp_of_every_type_cut_off_at_every_length_is_malformed() {
    let cut = |packet: Vec<u8>| (2..packet.len()).map(move |len| packet[..len].to_vec());
    let cut: Vec<_> = every_type().into_iter().flat_map(cut).collect();
    let victims = unharmed(20, |victims, tick| {
        cut.iter()
            .skip(tick as usize)
            .step_by(20)
            .for_each(|packet| victims.attack(packet));
    });
    let malformed = victims.room.engine.ledger().discarded[Discard::MalformedRtcp];
    assert_eq!(malformed, cut.len() as u64);
}

#[test]
fn rtcp_with_noise_in_every_field_harms_nobody() {
    let mut noise = Noise::new(5);
    let packets = every_type();
    unharmed(100, |victims, _| {
        for original in &packets {
            let mut packet = original.clone();
            for _ in 0..=noise.below(4) {
                let at = noise.below(packet.len() as u64) as usize;
                packet[at] = noise.bits() as u8;
            }
            victims.attack(&packet);
        }
    });
}

#[test]
fn sender_reports_of_absurd_clocks_harm_nobody() {
    let mut noise = Noise::new(8);
    unharmed(50, |victims, tick| {
        let sequence = tick as u16 + 1;
        victims.attack(&Packet::new(96, sequence, 3_333, VP8_KEY_FRAME).bytes());
        for _ in 0..20 {
            let clock = [
                noise.bits() as u32,
                noise.bits() as u32,
                noise.bits() as u32,
            ];
            let words = [&[3_333], &clock[..], &[1, 2]].concat();
            victims.attack(&packet(0x80, 200, &words));
        }
    });
}

/// The stranger's own video has begun, and what the engine then asked of it was answered.
fn on_air() -> Victims {
    let mut victims = Victims::default();
    victims.attack(&Packet::new(96, 1, 3_333, VP8_KEY_FRAME).bytes());
    victims.tick();
    victims
}

#[test]
fn a_flood_of_key_frame_requests_becomes_one() {
    let mut victims = on_air();
    let wanted = victims.stranger_gets;
    let flood = fir(&[wanted; 250]);
    for _ in 0..200 {
        victims.attack(&flood);
        victims.attack(&pli(wanted));
    }
    victims.room.tick();
    let asked = victims.room.received();
    let to_stranger: Vec<_> = asked.iter().filter(|sent| sent.to == STRANGER).collect();
    assert_eq!(to_stranger.len(), 1);
    assert_eq!(&to_stranger[0].bytes[8..12], &3_333_u32.to_be_bytes());
}

#[test]
fn key_frame_requests_for_ssrcs_of_others_do_nothing() {
    let mut noise = Noise::new(6);
    let victims = unharmed(20, |victims, _| {
        let ssrcs: Vec<u32> = (0..250)
            .map(|_| noise.bits() as u32)
            .chain([1_111, 2_222, 3_333])
            .collect();
        victims.attack(&fir(&ssrcs[3..]));
        ssrcs.iter().for_each(|&ssrc| victims.attack(&pli(ssrc)));
    });
    // The victims' video begins without a key frame, so that one is asked for.
    assert_eq!(victims.room.engine.ledger().generated, 1);
}

#[test]
fn requests_for_a_thousand_streams_at_once_ask_each_once() {
    let mut room = Room::new();
    let sender = room.plain(([127, 0, 0, 1], 5_000).into());
    let receiver = room.plain(STRANGER);
    let mut wanted = Vec::new();
    for index in 0..1_000 {
        let producer = room.produce_video(sender, 10_000 + 2 * index);
        let consumer = room.consume(receiver, producer);
        let parameters = room.engine.consumer_parameters(consumer).unwrap();
        wanted.push(parameters.encodings[0].ssrc.unwrap());
        let packet = Packet::new(96, 1, 10_000 + 2 * index, VP8_KEY_FRAME);
        room.arrive(sender, &packet);
        if index % 200 == 199 {
            room.tick();
        }
    }
    room.received();
    for _ in 0..50 {
        for ssrcs in wanted.chunks(200) {
            room.arrive_bytes(receiver, &fir(ssrcs));
        }
    }
    room.tick();
    assert_eq!(room.received().len(), 1_000);
}
