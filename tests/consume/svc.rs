//! A consumer of spatial layers in one stream gets what it wishes for of each picture, and its
//! receiver can decode it.

use flumen::{ConsumerOptions, PreferredLayers};
use flumen_tests::layered::{LayeredCall, Path, Stacking, Vp9Mode};
use flumen_tests::{Packet, RECEIVER, address};

/// So many pictures are long enough for a stream that stopped to be told to be dead.
const DEATH: usize = 120;

const FULL: Vp9Mode = Vp9Mode {
    stacking: Stacking::Full,
    is_flexible: false,
};
const KSVC: Vp9Mode = Vp9Mode {
    stacking: Stacking::Key,
    is_flexible: false,
};
const FLEXIBLE: Vp9Mode = Vp9Mode {
    stacking: Stacking::Full,
    is_flexible: true,
};
const FLEXIBLE_KSVC: Vp9Mode = Vp9Mode {
    stacking: Stacking::Key,
    is_flexible: true,
};
const ALONE: Vp9Mode = Vp9Mode {
    stacking: Stacking::Alone,
    is_flexible: false,
};
const FLEXIBLE_ALONE: Vp9Mode = Vp9Mode {
    stacking: Stacking::Alone,
    is_flexible: true,
};
const MODES: [Vp9Mode; 6] = [FULL, KSVC, ALONE, FLEXIBLE, FLEXIBLE_KSVC, FLEXIBLE_ALONE];
/// Of pictures between key pictures one layer is sent.
const SINGLE: [Vp9Mode; 4] = [KSVC, FLEXIBLE_KSVC, ALONE, FLEXIBLE_ALONE];

/// The spatial and temporal layers of the frames that came in the last `pictures` pictures.
fn latest(call: &LayeredCall, pictures: usize) -> Vec<(u8, u8)> {
    let received = call.received.decode(&call.made, Path::Clean);
    let mut numbers: Vec<_> = call.made.iter().map(|frame| frame.picture).collect();
    numbers.dedup();
    let first = numbers[numbers.len() - pictures];
    let latest = received.iter().filter(|frame| frame.id >= first);
    latest
        .map(|frame| (frame.seen.spatial, frame.seen.temporal.0))
        .collect()
}

/// The spatial layers among them, each once.
fn spatial(call: &LayeredCall, pictures: usize) -> Vec<u8> {
    let mut layers: Vec<_> = latest(call, pictures).iter().map(|frame| frame.0).collect();
    layers.sort_unstable();
    layers.dedup();
    layers
}

#[test]
fn all_layers_are_what_a_consumer_gets() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 1).begun();
        call.run(20);
        assert_eq!(call.current(), Some((2, 2)), "{mode:?}");
        assert_eq!(call.told().last(), Some(&Some((2, 2))));
        let expected = match mode.stacking {
            Stacking::Full => vec![0, 1, 2],
            _ => vec![2],
        };
        assert_eq!(spatial(&call, 8), expected, "{mode:?}");
    }
}

#[test]
fn full_svc_falls_at_once_and_rises_with_a_key_picture() {
    for mode in [FULL, FLEXIBLE] {
        let mut call = LayeredCall::vp9(mode, 2).begun();
        call.run(20);
        call.told();
        let asked = call.asked(0);
        call.sources[0].set_reaction(9);
        call.prefer(0, None);
        call.run(1);
        assert_eq!((call.current(), call.asked(0)), (Some((0, 2)), asked));
        call.run(8);
        assert_eq!(spatial(&call, 8), [0]);
        call.prefer(1, None);
        call.run(5);
        assert_eq!((call.current(), call.asked(0)), (Some((0, 2)), asked + 1));
        call.run(10);
        assert_eq!((call.current(), call.asked(0)), (Some((1, 2)), asked + 1));
        assert_eq!(call.told().last(), Some(&Some((1, 2))));
        assert_eq!(spatial(&call, 4), [0, 1]);
        call.decoded(Path::Clean);
    }
}

#[test]
fn ksvc_falls_and_rises_with_a_key_picture_and_goes_on_meanwhile() {
    for mode in SINGLE {
        let mut call = LayeredCall::vp9(mode, 3).begun();
        call.run(20);
        call.sources[0].set_reaction(6);
        for (wish, before) in [(0, 2), (1, 0), (2, 1)] {
            let asked = call.asked(0);
            call.prefer(wish, None);
            call.run(4);
            assert_eq!(call.current(), Some((before, 2)), "{mode:?}");
            assert_eq!(spatial(&call, 4), [before], "what it got goes on");
            call.run(14);
            assert_eq!(call.current(), Some((wish, 2)));
            assert_eq!(call.asked(0), asked + 1);
            assert_eq!(spatial(&call, 4), [wish]);
        }
        call.decoded(Path::Clean);
    }
}

#[test]
fn temporal_layers_fall_and_rise_without_a_key_picture() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 4).begun();
        call.run(20);
        let asked = call.asked(0);
        for temporal in [1, 0, 2, 0, 1, 2] {
            call.prefer(2, Some(temporal));
            call.run(9);
            assert_eq!(call.current(), Some((2, temporal)), "{mode:?}");
            let highest = latest(&call, 5).iter().map(|frame| frame.1).max();
            assert_eq!(highest, Some(temporal), "{mode:?}");
        }
        assert_eq!(call.asked(0), asked, "{mode:?}");
        call.decoded(Path::Clean);
    }
}

#[test]
fn a_wish_at_creation_holds_from_the_beginning() {
    let preferred_layers = Some(PreferredLayers {
        spatial_layer: 1,
        temporal_layer: Some(0),
    });
    let mut call = LayeredCall::vp9_with(FULL, 5, |options| ConsumerOptions {
        preferred_layers,
        ..options
    });
    call.run(30);
    assert_eq!(call.current(), Some((1, 0)));
    let received = call.received.decode(&call.made, Path::Clean);
    assert!(
        received
            .iter()
            .all(|frame| frame.seen.spatial < 2 && frame.seen.temporal.0 == 0)
    );
}

#[test]
fn when_the_top_layer_of_ksvc_stops_the_next_one_is_shown() {
    let mut call = LayeredCall::vp9(KSVC, 6).begun();
    call.run(20);
    call.sources[0].set_spatial(2);
    call.run(15);
    assert_eq!(call.current(), Some((1, 2)));
    assert_eq!(spatial(&call, 4), [1]);
    // And it comes back.
    call.sources[0].set_spatial(3);
    call.run(15);
    assert_eq!(call.current(), Some((2, 2)));
    call.decoded(Path::Clean);
}

#[test]
fn a_layer_that_never_comes_is_not_waited_for() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 7);
        call.sources[0].set_spatial(1);
        let call = &mut call.begun();
        call.run(10);
        assert_eq!(spatial(call, 4), [0], "{mode:?}");
        assert_eq!(call.current(), Some((0, 2)));
        let asked = call.asked(0);
        call.run(30);
        assert!(call.asked(0) <= asked + 1, "{mode:?}");
        for _ in 0..3 {
            call.sources[0].begin_anew();
            call.run(10);
        }
        let rates = [0, 2].map(|temporal| Some((0, temporal)));
        assert_eq!(call.told(), rates, "{mode:?}");
    }
}

#[test]
fn a_layer_that_stops_amid_others_is_not_waited_for() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 22);
        call.prefer(1, None);
        call = call.begun();
        call.run(20);
        call.sources[0].leave_out(Some(1));
        call.run(40);
        assert_eq!(call.current(), Some((0, 2)), "{mode:?}");
        let (asked, count) = (call.asked(0), call.received.count());
        call.run(200);
        call.check_ends();
        assert!(call.received.count() >= count + 200, "{mode:?}");
        assert_eq!(call.asked(0), asked, "{mode:?}");
        // And it is there again.
        call.sources[0].leave_out(None);
        call.sources[0].begin_anew();
        call.run(20);
        assert_eq!(call.current(), Some((1, 2)), "{mode:?}");
    }
}

#[test]
fn a_layer_that_has_stopped_is_not_told_with_every_key_picture() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 10).begun();
        call.run(20);
        call.told();
        call.sources[0].set_spatial(1);
        call.sources[0].begin_anew();
        call.run(10);
        for _ in 0..3 {
            call.sources[0].begin_anew();
            call.run(10);
        }
        assert_eq!(call.told(), [Some((0, 2))], "{mode:?}");
    }
}

#[test]
fn layers_that_come_in_another_tick_than_the_lower_ones_of_a_key_picture_are_told_once() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 8).begun();
        call.run(20);
        call.prefer(0, None);
        call.sources[0].begin_anew();
        call.run(10);
        call.told();
        call.prefer(2, None);
        for _ in 0..3 {
            call.sources[0].begin_anew();
            for packet in call.encode_all() {
                call.send(&[packet]);
            }
            call.run(10);
        }
        assert_eq!(call.told(), [Some((2, 2))], "{mode:?}");
    }
}

#[test]
fn a_sender_that_counts_its_pictures_anew_changes_nothing_that_is_told() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 9).begun();
        call.run(20);
        call.told();
        call.sources[0].count_anew();
        for packet in call.encode_all() {
            call.send(&[packet]);
        }
        call.run(10);
        assert_eq!(call.told(), [], "{mode:?}");
        assert_eq!(call.current(), Some((2, 2)));
    }
}

/// Picture ids of seven bits come round so soon that all of them are known as those of other pictures.
#[test]
fn a_sender_that_counts_anew_with_a_loss_is_asked_for_another_key_picture() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 23);
        call.sources[0].shorten_ids();
        call = call.begun();
        call.run(150);
        call.sources[0].set_reaction(3);
        call.sources[0].count_anew();
        let (asked, count) = (call.asked(0), call.received.count());
        let packets = call.encode_all();
        call.lose(&packets[..1]);
        call.send(&packets[1..]);
        call.run(3);
        assert_eq!(call.received.count(), count, "{mode:?}");
        assert_eq!(call.asked(0), asked + 1, "{mode:?}");
        call.run(10);
        assert!(call.received.count() >= count + 7, "{mode:?}");
        call.decoded(Path::Lossy);
    }
}

#[test]
fn each_receiver_has_the_marker_on_the_last_packet_that_it_gets_of_a_picture() {
    let mut call = LayeredCall::vp9(FULL, 8).begun();
    let other = call.room.plain(address(7_000));
    let lower = call.room.consume(other, call.producer);
    let layers = PreferredLayers {
        spatial_layer: 0,
        temporal_layer: None,
    };
    call.room
        .engine
        .set_preferred_layers(lower, layers)
        .unwrap();
    call.room.tick();
    call.sources[0].begin_anew();
    let mut marked = [0; 2];
    for _ in 0..20 {
        for packet in call.encode_all() {
            call.room.arrive(call.sender, &packet);
        }
        call.room.tick();
        let received = call.room.received();
        call.take(&received);
        let to = |port| flumen_tests::rtp_to(&received, address(port));
        for (marked, (port, top)) in marked.iter_mut().zip([(RECEIVER, 2), (7_000, 0)]) {
            let packets = to(port);
            let count = packets.iter().filter(|packet| packet.marker).count();
            assert!(count <= 1 && packets.last().is_none_or(|last| last.marker));
            assert!(packets.iter().all(|packet| spatial_of(packet) <= top));
            *marked += count;
        }
    }
    assert_eq!(marked, [20, 20]);
    call.decoded(Path::Clean);
}

fn spatial_of(packet: &Packet) -> u8 {
    packet.payload[3] >> 1 & 7
}

#[test]
fn what_was_sent_is_sent_again_as_it_was() {
    let mut call = LayeredCall::vp9(FULL, 9).begun();
    call.run(4);
    for layer in [1, 0, 2] {
        call.prefer(layer, Some(1));
        call.run(5);
    }
    // A run with other numbers than the sender's.
    call.room.engine.pause_consumer(call.consumer).unwrap();
    call.run(1);
    call.room.engine.resume_consumer(call.consumer).unwrap();
    let before = call.received.count();
    call.run(6);
    call.decoded(Path::Clean);
    let sent: Vec<_> = call.received.packets().skip(before).cloned().collect();
    assert!(sent.len() > 6);
    let again = call.ask(sent.iter().map(|packet| packet.sequence));
    assert_eq!(again.len(), sent.len());
    for (again, first) in again.iter().zip(&sent) {
        let repeated = [&first.sequence.to_be_bytes(), &first.payload[..]].concat();
        let same = (first.timestamp, first.marker, &repeated);
        assert_eq!((again.timestamp, again.marker, &again.payload), same);
    }
}

#[test]
fn what_comes_late_and_is_not_wanted_is_not_sent_to_who_asks_for_it() {
    for mode in SINGLE {
        let mut call = LayeredCall::vp9(mode, 17).begun();
        call.prefer(1, Some(2));
        call.run(10);
        // Of pictures between key pictures the lowest layer is none of what the receiver gets.
        let mut packets = call.encode_all();
        let lowest = packets.iter().position(|packet| spatial_of(packet) == 0);
        let late = packets.remove(lowest.unwrap());
        call.lose(std::slice::from_ref(&late));
        let sent = call.send(&packets).packets;
        call.run(1);
        call.send(&[late]);
        call.decoded(Path::Lossy);
        let missing = sent[0].sequence.wrapping_sub(1);
        let again = call.ask([missing, sent[0].sequence]);
        let again: Vec<_> = again.iter().map(|packet| &packet.payload[2..]).collect();
        // Nothing, so that it does not ask for ever.
        assert_eq!(again, [&[][..], &sent[0].payload], "{mode:?}");
    }
}

/// What nobody knows of yet is not there because it may come: it is of a layer that nobody wanted.
#[test]
fn a_layer_is_not_fallen_to_of_which_a_frame_behind_the_key_picture_is_missing() {
    for mode in SINGLE {
        let mut call = LayeredCall::vp9(mode, 20).begun();
        call.run(20);
        call.sources[0].begin_anew();
        call.run(1);
        let packets = call.encode_all().into_iter();
        let (late, in_time): (Vec<_>, Vec<_>) = packets.partition(|packet| spatial_of(packet) == 1);
        call.send(&in_time);
        call.prefer(1, None);
        call.run(1);
        call.send(&late);
        call.run(20);
        assert_eq!(call.current(), Some((1, 2)), "{mode:?}");
        call.repairs = true;
        call.repair();
        call.decoded(Path::Repaired);
    }
}

/// It is of a group that began long ago, and needs nothing that was withheld.
#[test]
fn a_layer_that_comes_late_is_sent_however_many_key_pictures_overtook_it() {
    for key_pictures in 1..5 {
        let mut call = LayeredCall::vp9(FULL, 21).begun();
        call.prefer(2, Some(0));
        call.run(7);
        call.prefer(2, None);
        // Of the highest temporal layer, which needs the picture before alone.
        let packets = call.encode_all().into_iter();
        let (late, in_time): (Vec<_>, Vec<_>) = packets.partition(|packet| spatial_of(packet) == 0);
        call.delay(&late);
        call.send(&in_time);
        for _ in 0..key_pictures {
            call.sources[0].begin_anew();
            call.run(1);
        }
        call.send(&late);
        call.run(5);
        call.repairs = true;
        call.repair();
        call.decoded(Path::Repaired);
    }
}

#[test]
fn rising_from_the_lowest_to_the_highest_layer_passes_nothing_undecodable_between() {
    let mut call = LayeredCall::vp9(FULL, 10).begun();
    call.prefer(0, Some(0));
    call.run(12);
    call.sources[0].set_reaction(20);
    call.prefer(2, Some(2));
    // Decoding checks every frame's references.
    for _ in 0..12 {
        call.run(1);
        assert_eq!(spatial(&call, 1), [0]);
    }
    call.run(12);
    assert_eq!(call.current(), Some((2, 2)));
    call.decoded(Path::Clean);
}

#[test]
fn flexible_pictures_of_one_temporal_layer_all_go_out() {
    let mut call = LayeredCall::vp9(FLEXIBLE, 11);
    call.sources[0].flatten();
    let call = &mut call.begun();
    call.run(30);
    assert_eq!(latest(call, 20).len(), 3 * 20);
    call.prefer(0, None);
    call.run(30);
    assert_eq!(latest(call, 20).len(), 20);
}

/// What a picture refers to is not nothing because its sender does not tell.
#[test]
fn a_group_without_references_lets_nothing_through_that_cannot_be_decoded() {
    for mode in [FULL, KSVC] {
        let mut call = LayeredCall::vp9(mode, 17);
        call.sources[0].obscure();
        let call = &mut call.begun();
        for (spatial, temporal) in [(2, 0), (2, 2), (1, 1), (0, 2), (2, 1), (2, 2)] {
            call.prefer(spatial, Some(temporal));
            call.run(13);
        }
        assert_eq!(call.current(), Some((2, 1)), "{mode:?}");
        call.decoded(Path::Clean);
    }
}

#[test]
fn while_a_higher_layer_is_awaited_the_marker_stays_on_what_is_sent() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 18).begun();
        call.prefer(0, None);
        call.run(12);
        assert_eq!(spatial(&call, 4), [0], "{mode:?}");
        let marked = |call: &LayeredCall| {
            let packets = call.received.packets();
            packets.filter(|packet| packet.marker).count()
        };
        let before = marked(&call);
        call.sources[0].set_reaction(20);
        call.prefer(2, None);
        call.run(10);
        assert_eq!(marked(&call), before + 10, "{mode:?}");
        assert_eq!(spatial(&call, 10), [0], "{mode:?}");
        call.decoded(Path::Clean);
    }
}

#[test]
fn padding_goes_with_a_packet_and_not_with_its_retransmission() {
    let mut call = LayeredCall::vp9(FULL, 19).begun();
    call.prefer(1, None);
    call.run(3);
    let mut padded = call.encode_all();
    padded.iter_mut().for_each(|packet| packet.padding = 9);
    let sent = call.send(&padded).packets;
    assert!(!sent.is_empty() && sent.len() < padded.len());
    assert!(sent.iter().all(|packet| packet.padding == 9));
    let again = call.ask(sent.iter().map(|packet| packet.sequence));
    let again = again
        .iter()
        .map(|packet| (packet.padding, &packet.payload[2..]));
    let unpadded = sent.iter().map(|packet| (0, &packet.payload[..]));
    assert!(again.eq(unpadded));
    call.run(3);
    call.decoded(Path::Clean);
}

#[test]
fn vp9_simulcast_follows_one_ssrc_at_a_time() {
    for mode in [FULL, FLEXIBLE] {
        let mut call = LayeredCall::vp9_simulcast(mode, 12).begun();
        call.run(20);
        assert_eq!(call.current(), Some((2, 2)));
        for layer in [0, 2, 1] {
            call.prefer(layer, Some(1));
            call.run(20);
            assert_eq!(call.current(), Some((layer, 1)));
            let received = call.received.decode(&call.made, Path::Clean);
            let newest = received.iter().rev().take(8);
            let encoders = newest.map(|frame| call.made[frame.id as usize].encoder);
            assert!(
                encoders
                    .clone()
                    .all(|encoder| encoder == usize::from(layer))
            );
        }
    }
}

#[test]
fn a_packet_that_is_lost_twice_freezes_nothing_that_comes_in_time() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 13).begun();
        call.run(20);
        let mut packets = call.encode_all();
        // What is lost is repeated a hundred milliseconds later, not at once.
        let late = packets.pop().unwrap();
        call.send(&packets);
        let asked = call.asked(0);
        call.run(3);
        call.send(&[late]);
        call.run(10);
        assert_eq!(call.asked(0), asked, "{mode:?}");
        assert_eq!(call.current(), Some((2, 2)), "{mode:?}");
        call.decoded(Path::Clean);
    }
}

#[test]
fn a_sender_that_counts_its_pictures_anew_is_followed() {
    for mode in MODES {
        let mut call = LayeredCall::vp9(mode, 14).begun();
        call.run(20);
        call.sources[0].count_anew();
        call.run(1);
        let before = call.received.count();
        call.run(10);
        assert!(call.received.count() >= before + 10, "{mode:?}");
        call.decoded(Path::Clean);
    }
}

#[test]
fn a_stream_that_dies_and_comes_back_begins_with_a_key_picture() {
    let mut call = LayeredCall::vp9(KSVC, 15).begun();
    call.run(20);
    call.sources[0].is_live = false;
    call.run(DEATH);
    call.sources[0].is_live = true;
    call.run(20);
    assert_eq!(call.current(), Some((2, 2)));
    call.decoded(Path::Clean);
}
