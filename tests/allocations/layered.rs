//! What layers, templates and watching for silence ask of the heap: nothing either.

use std::time::Duration;

use flumen::rtp_parameters::{MediaKind, RtpHeaderExtensionParameters};
use flumen_tests::layered::{LayeredCall, Stacking, Vp9Mode, Wrapping};
use flumen_tests::{Packet, Room, VP8_DELTA_FRAME, address, encoding_of, video, vp8};

use crate::counting::allocations;

/// Layers, templates and silence are watched: simulcast, VP9 in layers, AV1 with descriptors.
#[test]
fn a_tick_over_layered_streams_allocates_nothing() {
    let mut room = Room::with(|builder| builder.liveness_timeout(Duration::from_millis(50)));
    room.wire.set_recording(false);
    let sender = room.plain(address(5_000));
    let layered = |codec, ssrc, mode: &str| {
        let mut parameters = video(codec, ssrc);
        parameters.mid = Some(codec.into());
        parameters.encodings[0].scalability_mode = Some(mode.into());
        parameters
    };
    let mut simulcast = vp8(1);
    simulcast.encodings = [1, 2].map(encoding_of).into();
    let mut av1 = layered("AV1", 4, "L1T2");
    let descriptor =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    let descriptor = RtpHeaderExtensionParameters::new(descriptor, 12);
    av1.header_extensions.push(descriptor);
    for parameters in [simulcast, layered("VP9", 3, "L3T3"), av1] {
        room.produce(sender, MediaKind::Video, parameters);
    }
    let mut sequence = [0u16; 5];
    let mut step = |tick: u16| {
        let mut arrive = |ssrc: u32, payload: &[u8], descriptor: &[u8]| {
            let number = &mut sequence[ssrc as usize];
            *number += 1;
            let packet = Packet::new(96, *number, ssrc, payload);
            room.arrive(sender, &packet.with_extension(12, descriptor));
        };
        // The second encoding and the highest layers are silent half of the time.
        arrive(1, VP8_DELTA_FRAME, &[0]);
        let busy = tick % 400 < 200;
        if busy {
            arrive(2, VP8_DELTA_FRAME, &[0]);
        }
        let spatial = (tick % 3) as u8 * u8::from(busy);
        arrive(3, &[0x2C, spatial << 1, 0, 0x82], &[0]);
        let keyed = [0x80, 0, 1, 0x80, 0, 1 << 6 | 3 << 4];
        arrive(
            4,
            &[0x10, 1],
            if tick.is_multiple_of(7) {
                &keyed
            } else {
                &[1, 0, 2]
            },
        );
        let now = room.now + Duration::from_millis(20);
        room.now = now;
        let made = allocations(|| room.engine.tick(now).unwrap());
        let events = room.engine.drain_events().len();
        (made, events)
    };
    // Until every window has slid and everything has been silent once.
    let warm_up: usize = (0..800).map(|tick| step(tick).1).sum();
    assert!(
        warm_up > 8,
        "{warm_up} events of scores, liveness and layers"
    );
    // What happens is told in events, which are made; all other ticks ask the heap for nothing.
    let steps: Vec<_> = (800..1_600).map(&mut step).collect();
    let quiet = steps.iter().filter(|(_, events)| *events == 0);
    let made: u64 = quiet.map(|(made, _)| made).sum();
    assert_eq!(made, 0);
}

/// Consumers of VP8 simulcast, of VP9 and of AV1 in spatial and temporal layers, which go from one to
/// another all the time.
#[test]
fn a_tick_in_which_consumers_go_over_to_other_layers_allocates_nothing() {
    let mode = Vp9Mode {
        stacking: Stacking::Full,
        is_flexible: false,
    };
    for call in [
        LayeredCall::running(3, 3, 7),
        LayeredCall::vp9(mode, 7).begun(),
        LayeredCall::svc(Wrapping::Av1, Stacking::Full, 7).begun(),
    ] {
        switching_allocates_nothing(call);
    }
}

fn switching_allocates_nothing(mut call: LayeredCall) {
    call.room.wire.set_recording(false);
    let mut step = |tick: usize| {
        if tick.is_multiple_of(7) {
            call.prefer((tick / 7 % 3) as u8, Some((tick / 21 % 3) as u8));
        }
        if tick.is_multiple_of(5) {
            let sources = call.sources.len();
            call.sources[tick % sources].begin_anew();
        }
        for packet in call.encode_all() {
            call.room.arrive(call.sender, &packet);
        }
        let now = call.room.now + Duration::from_millis(33);
        call.room.now = now;
        let made = allocations(|| call.room.engine.tick(now).unwrap());
        let switches = call.told().len();
        (made, switches)
    };
    let warm_up: usize = (0..2_400).map(|tick| step(tick).1).sum();
    assert!(warm_up > 50, "{warm_up} switches");
    // Each is told in an event, which is made; and every other tick withholds what is not wanted.
    let steps: Vec<_> = (2_400..3_600).map(&mut step).collect();
    let quiet = steps.iter().filter(|(_, switches)| *switches == 0);
    let made: u64 = quiet.map(|(made, _)| made).sum();
    assert_eq!(made, 0);
}
