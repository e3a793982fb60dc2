//! What the path to a receiver carries is estimated from what it tells.

use std::time::Duration;

use flumen::TransportId;
use flumen::components::wire::rtcp::{Arrival, write_remb, write_transport_feedback};
use flumen::components::{
    BandwidthEstimator, EstimateCause, PathEstimate, PathReport, Probation, Time,
};
use flumen::event::Traced;
use flumen::rtp_parameters::MediaKind;
use flumen::trace::{BandwidthTrace, TraceInfo, TraceType};
use flumen::{Event, LimitBitrateError};
use flumen_sim::Loss;
use flumen_tests::{Downlink, Packet, Room, VP8_KEY_FRAME, address, bottleneck, fails, opus, vp8};

const SECOND: Duration = Duration::from_secs(1);

fn seconds(count: u32) -> Duration {
    SECOND * count
}

/// A sender that has as much as the path carries, up to `most`.
fn elastic(most: u64) -> impl Fn(u64) -> u64 {
    move |available| available.min(most)
}

fn lowest(available: &[u64]) -> u64 {
    *available.iter().min().unwrap()
}

fn mean(available: &[u64]) -> u64 {
    available.iter().sum::<u64>() / available.len() as u64
}

/// The first millisecond in which `when` holds.
fn first(available: &[u64], when: impl Fn(u64) -> bool) -> usize {
    available.iter().position(|&bits| when(bits)).unwrap()
}

/// The bandwidth traces since the last call.
fn traces(room: &mut Room) -> Vec<BandwidthTrace> {
    let trace = |event: Event| match event {
        Event::Traced(Traced { trace, .. }) => match trace.info {
            TraceInfo::Bandwidth(bandwidth) => Some(bandwidth),
            _ => None,
        },
        _ => None,
    };
    room.engine
        .drain_events()
        .into_iter()
        .filter_map(trace)
        .collect()
}

#[test]
fn a_steady_link_is_found_and_used() {
    let mut downlink = Downlink::new(bottleneck(1_000_000));
    downlink.want(3_000_000);
    downlink.run(seconds(10), elastic(3_000_000));
    downlink.received_bytes = 0;
    downlink.path.queued_ms.clear();
    let available = downlink.run(seconds(30), elastic(3_000_000));
    let used = downlink.received_bytes * 8 * 100 / 30 / 1_000_000;
    assert!(used >= 85, "{used} % of the link");
    assert!(
        (850_000..1_020_000).contains(&mean(&available)),
        "{}",
        mean(&available)
    );
    let queued = &mut downlink.path.queued_ms;
    queued.sort_unstable();
    assert!(
        queued[queued.len() * 95 / 100] <= 100,
        "the queue stays short"
    );
    assert_eq!(downlink.path.crossing().overflowed, 0);
    let padding = downlink.padding_bytes * 100 / downlink.received_bytes;
    assert!(padding <= 15, "{padding} % padding");
}

#[test]
fn a_link_that_narrows_is_followed_within_a_second_and_one_that_widens_within_ten() {
    let mut downlink = Downlink::new(bottleneck(2_500_000));
    downlink.want(4_000_000);
    downlink.run(seconds(20), elastic(4_000_000));
    downlink.path.change(|link| link.rate(600_000));
    let down = downlink.run(seconds(20), elastic(4_000_000));
    let after = first(&down, |bits| bits <= 600_000);
    assert!(after <= 1_000, "down after {after} ms");
    downlink.path.change(|link| link.rate(2_500_000));
    let up = downlink.run(seconds(20), elastic(4_000_000));
    let after = first(&up, |bits| bits >= 2_100_000);
    assert!(after <= 10_000, "up after {after} ms");
}

#[test]
fn an_estimate_is_never_lowered_because_little_was_sent() {
    let mut downlink = Downlink::new(bottleneck(6_000_000));
    downlink.want(4_000_000);
    downlink.run(seconds(20), elastic(4_000_000));
    let before = downlink.available();
    assert!(before >= 3_500_000, "{before}");
    // A still picture: little is sent, in bursts.
    downlink.want(100_000);
    let available = downlink.run(seconds(60), |_| 50_000);
    assert!(
        lowest(&available) >= before * 3 / 4,
        "{}",
        lowest(&available)
    );
    // And nothing at all for ten minutes.
    for _ in 0..600 {
        downlink.room.tick_after(SECOND);
    }
    assert!(
        downlink.available() >= before * 3 / 4,
        "{}",
        downlink.available()
    );
}

#[test]
fn an_unmet_demand_is_probed_for_and_found_within_three_seconds() {
    let mut downlink = Downlink::new(bottleneck(5_000_000));
    downlink.want(2_500_000);
    // What is sent stays at 250 kbit/s, a lowest layer.
    let available = downlink.run(seconds(5), |_| 250_000);
    let after = first(&available, |bits| bits >= 2_000_000);
    assert!(after <= 3_000, "after {after} ms");
    assert!(downlink.padding_bytes > 0);
    let stats = downlink
        .room
        .engine
        .transport_stats(downlink.receiver)
        .unwrap();
    assert!(stats.probation_bytes_sent >= downlink.padding_bytes);
}

#[test]
fn a_demand_that_is_met_is_never_probed_for() {
    let mut downlink = Downlink::new(bottleneck(5_000_000));
    downlink.run(seconds(30), |_| 500_000);
    assert_eq!(downlink.padding_bytes, 0);
}

#[test]
fn an_estimate_is_no_more_than_half_as_much_again_as_what_was_carried() {
    let mut downlink = Downlink::new(bottleneck(100_000_000));
    let available = downlink.run(seconds(60), |_| 784_000);
    let most = *available.iter().max().unwrap();
    let carried = downlink.received_bytes * 8 / 60;
    assert!(most <= carried * 3 / 2 + 20_000, "{most} of {carried}");
}

#[test]
fn a_burst_of_loss_is_recovered_from_within_twenty_seconds() {
    let mut downlink = Downlink::new(bottleneck(3_000_000));
    downlink.want(4_000_000);
    downlink.run(seconds(20), elastic(4_000_000));
    let before = mean(&downlink.run(seconds(5), elastic(4_000_000)));
    downlink.path.change(|link| link.loss(Loss::percent(30)));
    downlink.run(seconds(3), elastic(4_000_000));
    downlink.path.change(|link| link.loss(Loss::None));
    let available = downlink.run(seconds(20), elastic(4_000_000));
    let after = first(&available, |bits| bits >= before * 9 / 10);
    assert!(after < 20_000, "after {after} ms");
}

#[test]
fn loss_that_sending_less_does_not_avoid_is_not_held_against_the_rate() {
    let path = bottleneck(5_000_000)
        .latency(Duration::from_millis(100))
        .loss(Loss::percent(10));
    let mut downlink = Downlink::new(path);
    downlink.want(2_000_000);
    downlink.run(seconds(30), elastic(2_000_000));
    let available = downlink.run(seconds(30), elastic(2_000_000));
    assert!(mean(&available) >= 1_500_000, "{}", mean(&available));
}

#[test]
fn packets_that_overtake_each_other_are_no_queue() {
    let path = bottleneck(2_000_000)
        .latency(Duration::ZERO)
        .reordering_jitter(Duration::from_millis(100));
    let mut downlink = Downlink::new(path);
    downlink.want(1_500_000);
    downlink.run(seconds(20), elastic(1_500_000));
    downlink.received_bytes = 0;
    downlink.run(seconds(30), elastic(1_500_000));
    let received = downlink.received_bytes * 8 / 30;
    assert!(received >= 1_200_000, "{received}");
}

#[test]
fn an_outage_is_no_loss_and_is_recovered_from() {
    let mut downlink = Downlink::new(bottleneck(3_000_000));
    downlink.want(3_000_000);
    downlink.run(seconds(20), elastic(3_000_000));
    let before = downlink.available();
    downlink.is_mute = true;
    let available = downlink.run(seconds(2), elastic(3_000_000));
    assert!(
        lowest(&available) >= before,
        "silence for two seconds is none"
    );
    let available = downlink.run(seconds(4), elastic(3_000_000));
    assert!(lowest(&available) < before, "but then it may be cut off");
    downlink.is_mute = false;
    let available = downlink.run(seconds(10), elastic(3_000_000));
    let after = first(&available, |bits| bits >= before * 85 / 100);
    assert!(after < 10_000, "after {after} ms");
    let stats = downlink
        .room
        .engine
        .transport_stats(downlink.receiver)
        .unwrap();
    assert!(stats.rtp_packet_loss_sent.unwrap() < 0.05);
}

#[test]
fn a_path_that_loses_of_whatever_is_sent_is_not_narrow_for_who_can_leave_out_nothing() {
    for (percent, rate) in [
        (6, 3_000_000),
        (8, 3_000_000),
        (10, 3_000_000),
        (10, 1_400_000),
    ] {
        let path = bottleneck(20_000_000).loss(Loss::percent(percent));
        let mut downlink = Downlink::new(path);
        downlink.want(rate);
        downlink.run(seconds(60), |_| rate);
        let available = downlink.run(seconds(30), |_| rate);
        let mean = available.iter().sum::<u64>() / available.len() as u64;
        assert!(mean > rate * 11 / 10, "{percent} % of {rate}: {mean}");
    }
}

#[test]
fn loss_is_told_as_receivers_report_it() {
    let mut downlink = Downlink::new(bottleneck(10_000_000));
    let loss = |downlink: &Downlink| {
        let stats = downlink.room.engine.transport_stats(downlink.receiver);
        stats.unwrap().rtp_packet_loss_sent
    };
    assert_eq!(loss(&downlink), None);
    downlink.run(seconds(5), |_| 500_000);
    assert!(loss(&downlink).unwrap().abs() < 1e-9);
    downlink.path.change(|link| link.loss(Loss::percent(20)));
    downlink.run(seconds(10), |_| 500_000);
    let share = loss(&downlink).unwrap();
    assert!((0.1..0.3).contains(&share), "{share}");
}

#[test]
fn a_change_is_explained() {
    let mut downlink = Downlink::new(bottleneck(2_000_000));
    let types = [TraceType::Bwe];
    downlink
        .room
        .engine
        .trace_transport(downlink.receiver, &types)
        .unwrap();
    downlink.want(3_000_000);
    downlink.run(seconds(10), elastic(3_000_000));
    let found = traces(&mut downlink.room);
    let causes: Vec<_> = found.iter().map(|trace| trace.cause).collect();
    assert!(causes.contains(&EstimateCause::Probe), "{causes:?}");
    assert!(
        found.len() <= 16,
        "once a second, and at once for much: {}",
        found.len()
    );
    downlink.path.change(|link| link.rate(500_000));
    downlink.run(seconds(2), elastic(3_000_000));
    let fallen = traces(&mut downlink.room);
    let fall = fallen
        .iter()
        .find(|trace| trace.available_bitrate <= 500_000)
        .unwrap();
    assert_eq!(fall.cause, EstimateCause::Queue);
    assert!(fall.figures.queueing_delay > 10.0, "{fall:?}");
    let figures = fall.figures;
    let acknowledged = figures.acknowledged_bitrate.unwrap();
    assert!(acknowledged < figures.sent_bitrate, "{fall:?}");
    let json = serde_json::to_value(fall).unwrap();
    let expected = serde_json::json!({
        "bweType": "transport-cc",
        "desiredBitrate": 3_000_000,
        "effectiveDesiredBitrate": 3_000_000,
        "minBitrate": 30_000,
        "maxBitrate": 1_000_000_000,
        "startBitrate": 600_000,
        "cause": "queue",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&json[name], value, "{name} of {json}");
    }
    for name in [
        "maxPaddingBitrate",
        "availableBitrate",
        "queueingDelay",
        "roundTripTime",
    ] {
        assert!(json[name].is_number(), "{name} of {json}");
    }
}

#[test]
fn a_receiver_that_lies_is_believed_within_bounds_and_harms_nobody() {
    let lies: [fn(&mut Vec<Arrival>); 6] = [
        |arrivals| arrivals.reverse_times(),
        |arrivals| arrivals.all_at_once(),
        |arrivals| {
            for arrival in arrivals {
                arrival.sequence_number = arrival.sequence_number.wrapping_add(20_000);
            }
        },
        |arrivals| {
            for arrival in arrivals {
                arrival.time = arrival.time.map(|time| -100 * time);
            }
        },
        |arrivals| {
            for arrival in arrivals {
                arrival.time = arrival.time.map(|time| time / 50);
            }
        },
        |arrivals| {
            for arrival in arrivals {
                arrival.time = None;
            }
        },
    ];
    for (index, lie) in lies.into_iter().enumerate() {
        let mut downlink = Downlink::new(bottleneck(10_000_000));
        downlink.want(50_000_000);
        downlink.lie = lie;
        let room = &mut downlink.room;
        let other = room.plain(address(7_000));
        room.consume(other, downlink.producer);
        let before = room.engine.transport_stats(other).unwrap();
        let available = downlink.run(seconds(10), |_| 1_000_000);
        for &bits in &available {
            // What is told to have arrived counts twice what was sent at most, and what probes
            // bring no more than they were: what the path does carry.
            assert!((30_000..=10_000_000).contains(&bits), "lie {index}: {bits}");
        }
        let after = downlink.room.engine.transport_stats(other).unwrap();
        let sent = after.rtp_bytes_sent - before.rtp_bytes_sent;
        assert!(sent.abs_diff(1_250_000) < 20_000, "lie {index}: {sent}");
        assert_eq!(after.available_outgoing_bitrate, Some(600_000));
    }
}

/// Ways to lie.
trait Lies {
    fn reverse_times(&mut self);
    fn all_at_once(&mut self);
}

impl Lies for Vec<Arrival> {
    fn reverse_times(&mut self) {
        let times: Vec<_> = self.iter().rev().map(|arrival| arrival.time).collect();
        for (arrival, time) in self.iter_mut().zip(times) {
            arrival.time = time;
        }
    }

    fn all_at_once(&mut self) {
        for arrival in self {
            arrival.time = Some(40_000);
        }
    }
}

#[test]
fn what_was_not_negotiated_is_not_estimated() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let audio = room.produce(sender, MediaKind::Audio, opus(1));
    let receiver = room.plain(address(6_000));
    room.consume(receiver, audio);
    let stats = room.engine.transport_stats(receiver).unwrap();
    assert_eq!(stats.available_outgoing_bitrate, None, "audio alone");
    let direct = room.direct();
    let video = room.produce(sender, MediaKind::Video, vp8(2_222));
    room.consume(direct, video);
    let stats = room.engine.transport_stats(direct).unwrap();
    assert_eq!(stats.available_outgoing_bitrate, None, "in-process");
    room.consume(receiver, video);
    let stats = room.engine.transport_stats(receiver).unwrap();
    assert_eq!(stats.available_outgoing_bitrate, Some(600_000));
    let json = serde_json::to_value(stats).unwrap();
    assert_eq!(json["availableOutgoingBitrate"], 600_000);
}

#[test]
fn a_transport_knows_where_its_estimate_begins() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let video = room.produce(sender, MediaKind::Video, vp8(2_222));
    for (initial, expected) in [(2_000_000, 2_000_000), (0, 30_000)] {
        let mut options = Room::own_socket();
        options.initial_available_outgoing_bitrate = initial;
        let receiver = room.open(options);
        room.consume(receiver, video);
        let stats = room.engine.transport_stats(receiver).unwrap();
        assert_eq!(stats.available_outgoing_bitrate, Some(expected));
    }
}

/// A receiver that told `bitrate` by REMB, and consumes by it.
fn told_by_remb(bitrate: u64) -> (Room, TransportId) {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let video = room.produce(sender, MediaKind::Video, vp8(2_222));
    let receiver = room.plain(address(6_000));
    let mut capabilities = room.capabilities();
    let is_wide = |uri: &str| uri.contains("transport-wide");
    capabilities
        .header_extensions
        .retain(|extension| !is_wide(&extension.uri));
    let options = flumen::ConsumerOptions::new(video, capabilities);
    room.engine.consume(receiver, options).unwrap();
    let mut bytes = Vec::new();
    write_remb(&mut bytes, 1, bitrate, &[2]);
    room.arrive_bytes(receiver, &bytes);
    room.tick();
    (room, receiver)
}

#[test]
fn a_receiver_may_tell_the_bitrate_itself() {
    let (room, receiver) = told_by_remb(1_234_432);
    let stats = room.engine.transport_stats(receiver).unwrap();
    assert_eq!(stats.available_outgoing_bitrate, Some(1_234_432));
    for (absurd, bound) in [(0, 30_000), (u64::MAX >> 1, 1_000_000_000)] {
        let (room, receiver) = told_by_remb(absurd);
        let stats = room.engine.transport_stats(receiver).unwrap();
        assert_eq!(stats.available_outgoing_bitrate, Some(bound));
    }
}

#[test]
fn bounds_hold_whatever_is_told() {
    let (mut room, receiver) = told_by_remb(1_000_000);
    let available = |room: &mut Room| {
        room.tick();
        room.engine.transport_stats(receiver).unwrap()
    };
    room.engine
        .set_max_outgoing_bitrate(receiver, 400_000)
        .unwrap();
    let stats = available(&mut room);
    assert_eq!(stats.available_outgoing_bitrate, Some(400_000));
    assert_eq!(stats.max_outgoing_bitrate, Some(400_000));
    room.engine.set_max_outgoing_bitrate(receiver, 0).unwrap();
    room.engine
        .set_min_outgoing_bitrate(receiver, 2_000_000)
        .unwrap();
    let stats = available(&mut room);
    assert_eq!(stats.available_outgoing_bitrate, Some(2_000_000));
    assert_eq!(
        (stats.max_outgoing_bitrate, stats.min_outgoing_bitrate),
        (None, Some(2_000_000))
    );
    room.engine.set_min_outgoing_bitrate(receiver, 0).unwrap();
    let stats = available(&mut room);
    assert_eq!(stats.available_outgoing_bitrate, Some(1_000_000));
}

#[test]
fn bounds_that_make_no_sense_are_refused() {
    let mut room = Room::new();
    let receiver = room.plain(address(6_000));
    let error = fails(&mut room, |room| {
        room.engine.set_max_outgoing_bitrate(receiver, 29_999)
    });
    assert_eq!(error, LimitBitrateError::BelowFloor(29_999));
    let error = fails(&mut room, |room| {
        room.engine.set_min_outgoing_bitrate(receiver, 1)
    });
    assert_eq!(error, LimitBitrateError::BelowFloor(1));
    // Both can be set before there is a consumer.
    room.engine
        .set_max_outgoing_bitrate(receiver, 500_000)
        .unwrap();
    let error = fails(&mut room, |room| {
        room.engine.set_min_outgoing_bitrate(receiver, 500_001)
    });
    let (max, min) = (500_000, 500_001);
    assert_eq!(error, LimitBitrateError::Contradiction { max, min });
    room.engine
        .set_min_outgoing_bitrate(receiver, 500_000)
        .unwrap();
    let error = fails(&mut room, |room| {
        room.engine.set_max_outgoing_bitrate(receiver, 499_999)
    });
    let (max, min) = (499_999, 500_000);
    assert_eq!(error, LimitBitrateError::Contradiction { max, min });
    let direct = room.direct();
    let error = fails(&mut room, |room| {
        room.engine.set_max_outgoing_bitrate(direct, 500_000)
    });
    assert_eq!(error, LimitBitrateError::Unsupported);
    room.engine.close_transport(receiver).unwrap();
    let error = fails(&mut room, |room| {
        room.engine.set_min_outgoing_bitrate(receiver, 0)
    });
    assert!(matches!(error, LimitBitrateError::Closed(_)));
}

/// Believes that a path carries what arrives, and a hundred bits a second more for each packet sent.
#[derive(Default)]
struct Own {
    sent: u64,
    reported: u64,
}

impl BandwidthEstimator for Own {
    fn receive(&mut self, report: PathReport<'_>, _now: Time) {
        match report {
            PathReport::Sent(_) => self.sent += 1,
            PathReport::Feedback(reports) => self.reported += reports.len() as u64,
            _ => {}
        }
    }

    fn estimate(&mut self, _wanted: u64, _now: Time) -> PathEstimate {
        PathEstimate::starting_at(1_000_000 * self.reported + self.sent)
    }
}

#[test]
fn an_application_may_bring_an_estimator_of_its_own() {
    let own = |builder: flumen::Builder| builder.bandwidth_estimator(|_, _| Box::<Own>::default());
    let mut downlink = Downlink::with(bottleneck(10_000_000), own);
    let packet = |number| Packet::new(96, number, 2_222, VP8_KEY_FRAME);
    for number in 1..=3 {
        downlink.room.arrive(downlink.sender, &packet(number));
    }
    downlink.room.tick();
    let mut bytes = Vec::new();
    let arrival = |sequence_number, time| Arrival {
        sequence_number,
        time,
    };
    // The first two arrived; of the third one nothing is told; the fourth was never sent.
    let told = [arrival(0, Some(4)), arrival(1, None), arrival(3, Some(9))];
    write_transport_feedback(&mut bytes, 1, 2, 0, &told);
    downlink.room.arrive_bytes(downlink.receiver, &bytes);
    downlink.room.arrive_bytes(downlink.receiver, &bytes);
    downlink.room.tick();
    assert_eq!(downlink.available(), 3_000_003);
}

#[test]
fn padding_is_a_stream_of_its_own_that_is_never_sent_again() {
    let mut downlink = Downlink::without_retransmissions(bottleneck(5_000_000));
    downlink.want(2_500_000);
    let types = [TraceType::Probation];
    downlink
        .room
        .engine
        .trace_transport(downlink.receiver, &types)
        .unwrap();
    downlink.run(seconds(2), |_| 250_000);
    let events = downlink.room.engine.drain_events();
    let traced = events
        .iter()
        .filter(|event| event.name() == "trace")
        .count() as u64;
    let stats = downlink
        .room
        .engine
        .transport_stats(downlink.receiver)
        .unwrap();
    assert_eq!(
        stats.probation_bytes_sent,
        traced * Probation::PACKET_BYTES as u64
    );
    assert!(traced > 0);
    assert_eq!(downlink.probation_bytes, downlink.padding_bytes);
}

#[test]
fn padding_is_what_was_sent_before_where_that_can_be_sent_again() {
    let mut downlink = Downlink::new(bottleneck(5_000_000));
    downlink.want(2_500_000);
    let available = downlink.run(seconds(3), |_| 250_000);
    assert!(available.last().unwrap() >= &2_000_000, "{available:?}");
    assert_eq!(downlink.probation_bytes, 0);
    assert!(downlink.padding_bytes > 0);
    let stats = downlink.room.engine.transport_stats(downlink.receiver);
    let stats = stats.unwrap();
    assert!(stats.probation_bytes_sent >= downlink.padding_bytes);
    assert_eq!(stats.rtx_bytes_sent, 0, "nobody asked for it");
}
