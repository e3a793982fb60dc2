//! Layers that dependency descriptors tell: what receivers get of them, and are told.

use flumen::components::wire::rtp::RtpHeader;
use flumen::{ConsumerOptions, PreferredLayers};
use flumen_tests::layered::{
    DEPENDENCIES, FORWARDED_DEPENDENCIES, LayeredCall, Path, Stacking, Wrapping, descriptor_of,
    ignoring_descriptors,
};
use flumen_tests::{Packet, RECEIVER, address};

const WRAPPINGS: [Wrapping; 4] = [Wrapping::Av1, Wrapping::H264, Wrapping::H265, Wrapping::Vp8];

/// The spatial layers of the frames that came since so many packets.
fn spatial_since(call: &LayeredCall, before: usize) -> Vec<u8> {
    let packets = call.received.packets().skip(before);
    let mut layers: Vec<u8> = packets
        .map(|packet| call.frame_of(packet).spatial)
        .collect();
    layers.sort_unstable();
    layers.dedup();
    layers
}

#[test]
fn full_svc_falls_at_once_and_rises_with_a_key_picture() {
    let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Full, 1).begun();
    call.run(20);
    assert_eq!(call.current(), Some((2, 2)));
    assert_eq!(call.received.active_layers(&call.made), (2, 2));
    call.sources[0].set_reaction(6);
    let asked = call.asked(0);
    for (wish, before, passed) in [((0, 1), (0, 1), [0].as_slice()), ((2, 2), (0, 2), &[0])] {
        let count = call.received.count();
        call.prefer(wish.0, Some(wish.1));
        call.run(5);
        assert_eq!(call.current(), Some(before));
        assert_eq!(spatial_since(&call, count), passed);
        // And that is what the receiver is told to be there.
        assert_eq!(call.received.active_layers(&call.made), before);
        call.run(12);
        assert_eq!(call.current(), Some(wish));
        assert_eq!(call.received.active_layers(&call.made), wish);
    }
    assert_eq!(call.asked(0), asked + 1);
    call.decoded(Path::Clean);
}

#[test]
fn layers_that_stand_alone_fall_and_rise_with_a_key_picture_and_go_on_meanwhile() {
    for stacking in [Stacking::Key, Stacking::KeyShift, Stacking::Alone] {
        let mut call = LayeredCall::svc(Wrapping::Av1, stacking, 2).begun();
        call.run(20);
        call.sources[0].set_reaction(6);
        for (wish, before) in [(0, 2), (1, 0), (2, 1)] {
            let (asked, count) = (call.asked(0), call.received.count());
            call.prefer(wish, None);
            call.run(4);
            assert_eq!(call.current(), Some((before, 2)), "{stacking:?}");
            assert_eq!(spatial_since(&call, count), [before], "what it got goes on");
            call.run(10);
            assert_eq!(call.current(), Some((wish, 2)), "{stacking:?}");
            assert_eq!(call.asked(0), asked + 1, "{stacking:?}");
            let count = call.received.count();
            call.run(4);
            assert_eq!(spatial_since(&call, count), [wish], "{stacking:?}");
        }
        call.decoded(Path::Clean);
    }
}

#[test]
fn temporal_layers_fall_and_rise_without_a_key_frame() {
    for wrapping in WRAPPINGS {
        let mut call = LayeredCall::temporal(wrapping, 1, 3, |options| options).begun();
        call.run(20);
        let asked = call.asked(0);
        for temporal in [1, 0, 2, 0, 1, 2] {
            call.prefer(0, Some(temporal));
            call.run(9);
            assert_eq!(call.current(), Some((0, temporal)), "{wrapping:?}");
            let told = call.received.active_layers(&call.made);
            assert_eq!(told, (0, temporal), "{wrapping:?}");
        }
        assert_eq!(call.asked(0), asked, "{wrapping:?}");
        call.decoded(Path::Clean);
    }
}

#[test]
fn simulcast_follows_one_encoding_at_a_time_and_frame_numbers_keep_their_distances() {
    for wrapping in WRAPPINGS {
        let mut call = LayeredCall::temporal(wrapping, 3, 4, |options| options).begun();
        call.run(20);
        for (layer, temporal) in [(0, 2), (2, 1), (1, 0), (2, 2)] {
            call.prefer(layer, Some(temporal));
            call.run(20);
            assert_eq!(call.current(), Some((layer, temporal)), "{wrapping:?}");
        }
        // Decoding compares each reference with the number of the frame that it is.
        call.decoded(Path::Clean);
    }
}

#[test]
fn a_receiver_without_the_descriptor_gets_none_and_one_number_after_another() {
    for wrapping in WRAPPINGS {
        let mut call = LayeredCall::temporal(wrapping, 3, 5, ignoring_descriptors).begun();
        call.run(20);
        for (layer, temporal) in [(0, 2), (2, 1), (1, 0), (2, 2)] {
            call.prefer(layer, Some(temporal));
            call.run(20);
            assert_eq!(call.current(), Some((layer, temporal)), "{wrapping:?}");
        }
        let mut packets = call.received.packets();
        assert!(packets.all(|packet| descriptor_of(packet).is_none()));
        call.decoded(Path::Clean);
    }
}

#[test]
fn encodings_that_number_their_frames_together_lose_no_frame() {
    for wrapping in WRAPPINGS {
        let call = LayeredCall::temporal(wrapping, 3, 17, |options| options);
        let mut call = call.numbered_together().begun();
        call.run(20);
        for (layer, temporal) in [(0, 2), (2, 1), (1, 0), (2, 2)] {
            call.prefer(layer, Some(temporal));
            call.run(20);
            assert_eq!(call.current(), Some((layer, temporal)), "{wrapping:?}");
        }
        let before = call.received.packets().last().unwrap().timestamp;
        call.run(20);
        let packets = call.received.packets();
        let mut pictures: Vec<u32> = packets.map(|packet| packet.timestamp).collect();
        pictures.dedup();
        pictures.retain(|&at| at.wrapping_sub(before).cast_signed() > 0);
        assert_eq!(pictures.len(), 20, "{wrapping:?}");
        call.decoded(Path::Clean);
    }
}

#[test]
fn encodings_of_a_sender_without_descriptors_are_spatial_layers_alone() {
    for wrapping in [Wrapping::Av1, Wrapping::H264, Wrapping::H265] {
        let mut call = LayeredCall::mute(wrapping, 3, 15).begun();
        call.run(20);
        for layer in [0, 2, 1, 2] {
            let asked = call.asked(layer.into());
            call.prefer(layer, None);
            call.run(20);
            assert_eq!(call.current(), Some((layer, 0)), "{wrapping:?}");
            assert_eq!(call.asked(layer.into()), asked + 1, "{wrapping:?}");
        }
        call.decoded(Path::Clean);
    }
}

#[test]
fn packets_of_a_picture_have_headers_of_one_length() {
    let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Full, 6).begun();
    call.run(20);
    for layer in [2, 0] {
        call.prefer(layer, None);
        call.run(2);
        let mut lengths = Vec::new();
        for _ in 0..8 {
            for packet in call.encode_all() {
                call.room.arrive(call.sender, &packet);
            }
            call.room.tick();
            let received = call.room.received();
            call.take(&received);
            let rtp = received.iter().filter(|got| got.to == address(RECEIVER));
            let rtp = rtp.filter_map(|got| Some((got, RtpHeader::parse(&got.bytes).ok()?)));
            // Those with references of their own are longer.
            let short = rtp.filter(|(got, _)| {
                let packet = Packet::parse(&got.bytes);
                descriptor_of(&packet).is_some_and(|value| value.len() == 5)
            });
            lengths.extend(short.map(|(_, header)| header.payload_start));
        }
        assert!(lengths.len() > 4);
        assert!(
            lengths.windows(2).all(|pair| pair[0] == pair[1]),
            "{lengths:?}"
        );
    }
}

#[test]
fn what_was_sent_is_sent_again_with_the_same_descriptor() {
    let mut call = LayeredCall::temporal(Wrapping::Av1, 3, 7, |options| options).begun();
    call.run(10);
    for layer in [1, 0, 2] {
        call.prefer(layer, Some(1));
        call.run(6);
    }
    let sent: Vec<_> = call.received.packets().cloned().collect();
    let numbers = sent.iter().map(|packet| packet.sequence);
    let again = call.ask(numbers);
    assert_eq!(again.len(), sent.len());
    for (again, first) in again.iter().zip(&sent) {
        assert_eq!(descriptor_of(again), descriptor_of(first));
        assert_eq!(
            (again.timestamp, again.marker),
            (first.timestamp, first.marker)
        );
    }
}

#[test]
fn what_lies_many_frames_back_is_sent_again_as_it_was_sent() {
    let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Full, 16).begun();
    call.run(10);
    let first = call.received.count();
    for spatial in [1, 0] {
        call.prefer(spatial, Some(1));
        call.run(6);
    }
    let last = call.received.count();
    // Three frames a picture.
    call.run(44);
    let sent: Vec<_> = call.received.packets().take(last).skip(first).collect();
    let sent: Vec<Packet> = sent.into_iter().cloned().collect();
    let numbers = sent.iter().map(|packet| packet.sequence);
    let again = call.ask(numbers);
    assert_eq!(again.len(), sent.len());
    for (again, first) in again.iter().zip(&sent) {
        assert_eq!(descriptor_of(again), descriptor_of(first));
        assert_eq!(again.marker, first.marker);
    }
}

#[test]
fn a_tenth_of_the_packets_lost_stops_nothing() {
    let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Full, 8).begun();
    call.run(20);
    let (before, mut arrived) = (call.received.count(), 0);
    for _ in 0..200 {
        let packets = call.encode_all();
        let (lost, left): (Vec<_>, Vec<_>) = packets.into_iter().partition(|_| call.below(10) == 0);
        call.lose(&lost);
        arrived += left.len();
        call.send(&left);
    }
    assert_eq!(call.received.count() - before, arrived);
    assert_eq!(call.current(), Some((2, 2)));
    call.decoded(Path::Lossy);
}

#[test]
fn a_sender_that_counts_its_frames_anew_is_followed() {
    for stacking in Stacking::ALL {
        let mut call = LayeredCall::svc(Wrapping::Av1, stacking, 9).begun();
        call.run(20);
        call.sources[0].count_anew();
        call.run(1);
        let before = call.received.count();
        call.run(10);
        assert!(call.received.count() >= before + 10);
        call.decoded(Path::Clean);
    }
}

#[test]
fn when_the_top_layer_of_ksvc_stops_the_next_one_is_shown() {
    let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Key, 10).begun();
    call.run(20);
    call.sources[0].set_spatial(2);
    call.run(15);
    assert_eq!(call.current(), Some((1, 2)));
    call.sources[0].set_spatial(3);
    call.run(15);
    assert_eq!(call.current(), Some((2, 2)));
    call.decoded(Path::Clean);
}

#[test]
fn where_the_top_one_of_layers_that_stand_alone_stops_the_next_one_is_shown() {
    // Some senders tell that it has stopped, and some do not.
    for (seed, is_silent) in (40..44).flat_map(|seed| [(seed, false), (seed, true)]) {
        let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Alone, seed).begun();
        if is_silent {
            call.sources[0].keep_silent();
        }
        call.run(20);
        call.sources[0].set_spatial(2);
        call.run(20);
        let row = format!("{seed}, {is_silent}");
        assert_eq!(call.current(), Some((1, 2)), "{row}");
        let (asked, count) = (call.asked(0), call.received.count());
        call.run(200);
        call.check_ends();
        assert_eq!(spatial_since(&call, count), [1], "{row}");
        assert_eq!(call.asked(0), asked, "{row}");
        // And it comes again.
        call.sources[0].set_spatial(3);
        call.run(20);
        assert_eq!(call.current(), Some((2, 2)), "{row}");
        call.check_ends();
    }
}

#[test]
fn a_layer_that_begins_by_itself_is_not_for_who_gets_another_one() {
    for seed in 50..54 {
        let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Alone, seed);
        call.prefer(0, None);
        call = call.begun();
        call.run(20);
        for layers in [1, 3, 2, 3] {
            let count = call.received.count();
            call.sources[0].set_spatial(layers);
            call.run(20);
            assert_eq!(spatial_since(&call, count), [0], "{seed}");
        }
        call.decoded(Path::Clean);
    }
}

#[test]
fn a_layer_that_stops_amid_others_is_not_waited_for() {
    for stacking in Stacking::ALL {
        let mut call = LayeredCall::svc(Wrapping::Av1, stacking, 60);
        call.prefer(1, None);
        call = call.begun();
        call.run(20);
        call.sources[0].leave_out(Some(1));
        call.run(40);
        assert_eq!(call.current(), Some((0, 2)), "{stacking:?}");
        let (asked, count) = (call.asked(0), call.received.count());
        call.run(200);
        call.check_ends();
        assert!(call.received.count() >= count + 200, "{stacking:?}");
        assert_eq!(call.asked(0), asked, "{stacking:?}");
        // And it is there again.
        call.sources[0].leave_out(None);
        call.sources[0].begin_anew();
        call.run(20);
        assert_eq!(call.current(), Some((1, 2)), "{stacking:?}");
    }
}

#[test]
fn layers_that_stand_alone_rise_and_fall_without_the_lowest_one() {
    for seed in 62..66 {
        let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Alone, seed).begun();
        call.run(20);
        call.sources[0].begin_at(1);
        call.run(40);
        assert_eq!(call.current(), Some((2, 2)), "{seed}");
        for wish in [1, 2] {
            let asked = call.asked(0);
            call.prefer(wish, None);
            call.run(20);
            assert_eq!(call.current(), Some((wish, 2)), "{seed}");
            call.run(200);
            assert_eq!(call.asked(0), asked + 1, "{seed}");
        }
        call.check_ends();
    }
}

/// What is not sent behind the first packet is what its receiver asks for.
#[test]
fn a_key_picture_is_whole_however_much_overtook_its_first_packet() {
    for stacking in Stacking::ALL {
        let mut call = LayeredCall::svc(Wrapping::Av1, stacking, 37).begun();
        let (engine, consumer) = (&mut call.room.engine, call.consumer);
        engine.pause_consumer(consumer).unwrap();
        call.run(1);
        call.room.engine.resume_consumer(consumer).unwrap();
        call.sources[0].set_reaction(20);
        call.sources[0].begin_anew();
        let packets = call.encode_all();
        let before = call.received();
        call.send(&packets[1..]);
        call.run(8);
        assert_eq!(call.received(), before, "it waits for the first packet");
        call.send(&packets[..1]);
        call.repairs = true;
        call.repair();
        call.run(5);
        call.repair();
        call.decoded(Path::Repaired);
    }
}

/// A liar's packets: numbers, marker and payload are as they should be.
fn lie(call: &mut LayeredCall, descriptor: &[u8]) {
    for mut packet in call.encode_all() {
        packet.extensions = vec![(DEPENDENCIES, descriptor.to_vec())];
        packet.two_byte = true;
        call.room.arrive(call.sender, &packet);
    }
    call.room.tick();
    call.room.engine.check_ledger().expect("it is closed");
}

#[test]
fn descriptors_that_lie_harm_nobody_else() {
    let lies: [&[u8]; 9] = [
        &[],
        &[0x80],
        // No such template; a frame far away; references to frames that never were.
        &[0xFF, 0, 1],
        &[0xC0, 0xFF, 0xFF],
        &[0xC0, 0, 9, 0x12, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF],
        // Templates that never end, that are cut off, and with nothing behind their layers.
        &[0x80, 0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x80, 0, 1, 0x80, 0x1F],
        &[0x80, 0, 1, 0x80, 0x1F, 0x95, 0x55],
        // All flags, and no target active.
        &[0xC0, 0, 2, 0xF8, 0, 0, 0, 0, 0, 0],
    ];
    // What another consumer gets beside a liar, and without one.
    let beside = |lies: &[&[u8]]| {
        let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Full, 11).begun();
        call.run(10);
        let sender = call.room.plain(address(7_000));
        let given = flumen_tests::vp8(77);
        let producer = call
            .room
            .produce(sender, flumen::rtp_parameters::MediaKind::Video, given);
        let receiver = call.room.plain(address(7_002));
        call.room.consume(receiver, producer);
        call.room.tick();
        let mut got = Vec::new();
        for number in 0..60 {
            if let Some(told) = lies.get(number % lies.len().max(1)) {
                lie(&mut call, told);
            } else {
                call.room.tick();
            }
            let honest = Packet::new(96, number as u16 + 1, 77, flumen_tests::VP8_KEY_FRAME);
            call.room.arrive(sender, &honest);
            call.room.tick();
            let received = call.room.received();
            let honest = flumen_tests::rtp_to(&received, address(7_002));
            got.extend(honest.into_iter().map(|packet| packet.payload));
        }
        got
    };
    let alone = beside(&[]);
    assert_eq!(alone.len(), 60);
    assert_eq!(beside(&lies), alone);
}

#[test]
fn after_lies_the_truth_is_told_again() {
    let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Full, 12).begun();
    call.run(10);
    for told in [
        &[0xFF, 0x12, 0x34][..],
        &[0x80, 0, 1, 0x80, 0x1F, 0x95, 0x55],
    ] {
        lie(&mut call, told);
    }
    call.sources[0].begin_anew();
    call.run(3);
    let before = call.received.count();
    call.run(10);
    assert!(call.received.count() >= before + 30);
    assert_eq!(call.current(), Some((2, 2)));
}

#[test]
fn more_layers_than_were_declared_count_for_the_highest() {
    // Declared is one spatial layer, and three come.
    let preferred = PreferredLayers {
        spatial_layer: 0,
        temporal_layer: Some(0),
    };
    let options = |options: ConsumerOptions| ConsumerOptions {
        preferred_layers: Some(preferred),
        ..options
    };
    let mut call = LayeredCall::dependent(
        (Wrapping::Av1, 1, (3, 3)),
        ("L1T2", Stacking::Full),
        13,
        options,
    )
    .begun();
    call.run(20);
    assert_eq!(call.current(), Some((0, 0)));
    assert_eq!(spatial_since(&call, 0), [0]);
    call.decoded(Path::Clean);
}

#[test]
fn the_descriptor_is_sent_under_the_routers_identifier() {
    let mut call = LayeredCall::svc(Wrapping::Av1, Stacking::Full, 14).begun();
    call.run(5);
    let mut packets = call.received.packets();
    let has = |packet: &Packet| {
        let ids: Vec<u8> = packet.extensions.iter().map(|(id, _)| *id).collect();
        ids.contains(&FORWARDED_DEPENDENCIES)
    };
    assert!(packets.all(has));
}
