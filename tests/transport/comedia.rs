//! Transports that learn where their sender is, and what becomes of a second one.

use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::{
    ConsumerId, CreateTransportError, Discard, Event, Listen, ListenInfo, OpenTransportError,
    PlainTransportOptions, ProducerId, TransportId, Tuple, event,
};
use flumen_tests::feedback::packet as rtcp;
use flumen_tests::{Packet, Room, address, fails, opus};

const SSRC: u32 = 2_222;
const FIRST: u16 = 5_000;
const SECOND: u16 = 5_100;
const RECEIVER: u16 = 6_000;
const AFTER: Duration = Duration::from_secs(2);

/// A sender's transport in comedia mode, and a consumer elsewhere.
struct Show {
    room: Room,
    sender: TransportId,
    producer: ProducerId,
    consumer: ConsumerId,
}

fn options(follow_after: Option<Duration>) -> PlainTransportOptions {
    PlainTransportOptions {
        comedia: true,
        follow_after,
        ..PlainTransportOptions::new(Listen::Own(ListenInfo::new(address(0).ip())))
    }
}

impl Show {
    fn new(options: PlainTransportOptions) -> Self {
        let mut room = Room::new();
        let sender = room.engine.create_plain_transport(room.router, options);
        let sender = sender.unwrap();
        let producer = room.produce(sender, MediaKind::Audio, opus(SSRC));
        let receiver = room.plain(address(RECEIVER));
        let consumer = room.consume(receiver, producer);
        room.engine.drain_events();
        Self {
            room,
            sender,
            producer,
            consumer,
        }
    }

    /// A packet with this sequence number comes from a port; what leaves for the receiver then.
    fn send(&mut self, port: u16, sequence: u16) -> Vec<Packet> {
        let bytes = Packet::new(111, sequence, SSRC, b"a").bytes();
        let local = self.room.local(self.sender);
        self.room.wire.inject(local, address(port), &bytes);
        self.room.tick();
        self.room.rtp_to(address(RECEIVER))
    }

    /// RTCP of a sender comes from a port, to the RTCP port if there is one.
    fn report(&mut self, port: u16) {
        let tuple = self.room.engine.rtcp_tuple(self.sender).unwrap();
        let local = tuple.and_then(|tuple| tuple.local());
        let local = local.unwrap_or_else(|| self.room.local(self.sender));
        let report = rtcp(0x80, 200, &[SSRC, 0, 0, 0, 0, 0]);
        self.room.wire.inject(local, address(port), &report);
        self.room.tick();
    }

    fn tuples(&mut self) -> Vec<(&'static str, Option<u16>)> {
        let told = |event: Event| {
            let port = |tuple: &Tuple| tuple.remote().map(|remote| remote.port());
            match &event {
                Event::TupleChanged(event::TupleChanged { tuple, .. })
                | Event::RtcpTupleChanged(event::RtcpTupleChanged { tuple, .. })
                | Event::UnknownSourceSeen(event::UnknownSourceSeen { tuple, .. }) => {
                    Some((event.name(), port(tuple)))
                }
                _ => None,
            }
        };
        let events = self.room.engine.drain_events();
        events.into_iter().filter_map(told).collect()
    }

    fn strangers(&self) -> u64 {
        let stats = self.room.engine.transport_stats(self.sender).unwrap();
        stats.discarded[Discard::UnknownSource]
    }
}

#[test]
fn a_second_sender_is_counted_and_told_once() {
    let mut show = Show::new(options(None));
    assert_eq!(show.send(FIRST, 1).len(), 1);
    assert_eq!(show.tuples(), [("tuple", Some(FIRST))]);
    for sequence in 2..5 {
        assert!(show.send(SECOND, sequence).is_empty());
    }
    // However long the first one has been silent.
    show.room.tick_after(Duration::from_secs(3_600));
    assert!(show.send(SECOND, 5).is_empty());
    assert_eq!(show.tuples(), [("unknownsource", Some(SECOND))]);
    assert_eq!(show.strangers(), 4);
    let json = serde_json::to_value(show.room.engine.transport_stats(show.sender).unwrap());
    let counts = serde_json::json!({"unknownSource": 4});
    assert_eq!(json.unwrap()["discarded"], counts);
}

#[test]
fn who_connected_by_hand_hears_of_strangers_too() {
    let mut room = Room::new();
    let transport = room.plain(address(FIRST));
    room.engine.drain_events();
    let bytes = Packet::new(111, 1, SSRC, b"a").bytes();
    for _ in 0..2 {
        let local = room.local(transport);
        room.wire.inject(local, address(SECOND), &bytes);
        room.tick();
    }
    assert_eq!(room.event_names(), ["unknownsource"]);
    // Before it is connected there is nobody to be mistaken for.
    let transport = room.unconnected();
    room.engine.drain_events();
    let local = room.local(transport);
    room.wire.inject(local, address(SECOND), &bytes);
    room.tick();
    assert!(room.event_names().is_empty());
}

#[test]
fn a_new_source_is_followed_once_the_old_one_was_silent_for_so_long() {
    let mut show = Show::new(options(Some(AFTER)));
    let first = show.send(FIRST, 1);
    show.room.tick_after(AFTER - Duration::from_millis(2));
    assert!(
        show.send(SECOND, 30_000).is_empty(),
        "not silent for long enough"
    );
    assert_eq!(
        show.tuples(),
        [("tuple", Some(FIRST)), ("unknownsource", Some(SECOND))]
    );
    // A sender that was started anew has other sequence numbers; its receivers see one stream.
    show.send(SECOND, 30_001);
    let second = show.send(SECOND, 30_002);
    assert_eq!(show.tuples(), [("tuple", Some(SECOND))]);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].ssrc, first[0].ssrc);
    assert!(second[0].sequence.wrapping_sub(first[0].sequence) < 5);
    assert!(show.room.engine.score(show.producer).unwrap()[0].score > 0);
    assert!(!show.room.engine.closed(show.consumer));
    // Now the first one is the stranger, which is told anew.
    assert!(show.send(FIRST, 3).is_empty());
    assert_eq!(show.tuples(), [("unknownsource", Some(FIRST))]);
}

#[test]
fn a_sender_that_is_heard_of_in_time_is_never_left() {
    let mut show = Show::new(options(Some(AFTER)));
    show.send(FIRST, 1);
    for _ in 0..20 {
        show.room.tick_after(AFTER - Duration::from_millis(10));
        show.report(FIRST);
        assert!(show.send(SECOND, 9).is_empty());
    }
    assert_eq!(show.strangers(), 20);
}

#[test]
fn rtcp_on_a_port_of_its_own_moves_with_its_sender() {
    let split = PlainTransportOptions {
        rtcp_mux: false,
        ..options(Some(AFTER))
    };
    let mut show = Show::new(split);
    show.send(FIRST, 1);
    show.report(FIRST + 1);
    let learnt = [("tuple", Some(FIRST)), ("rtcptuple", Some(FIRST + 1))];
    assert_eq!(show.tuples(), learnt);
    // RTCP that goes on keeps a sender whose media pauses.
    show.room.tick_after(AFTER);
    show.report(FIRST + 1);
    assert!(show.send(SECOND, 2).is_empty());
    show.report(SECOND + 1);
    let strangers = [("unknownsource", Some(SECOND))];
    assert_eq!(show.tuples(), strangers, "whichever way it tries");
    // Whichever comes first opens the other.
    show.room.tick_after(AFTER);
    show.report(SECOND + 1);
    assert_eq!(show.send(SECOND, 2).len(), 1);
    let moved = [("rtcptuple", Some(SECOND + 1)), ("tuple", Some(SECOND))];
    assert_eq!(show.tuples(), moved);
}

#[test]
fn following_needs_comedia_and_a_silence() {
    use OpenTransportError::{FollowAfterZero, FollowWithoutComedia};
    let mut room = Room::new();
    let without = PlainTransportOptions {
        comedia: false,
        ..options(Some(AFTER))
    };
    let zero = options(Some(Duration::ZERO));
    for (options, expected) in [(without, FollowWithoutComedia), (zero, FollowAfterZero)] {
        let error = fails(&mut room, |room| {
            let router = room.router;
            room.engine.create_plain_transport(router, options)
        });
        assert!(
            matches!(&error, CreateTransportError::Open(open) if *open == expected),
            "{error}"
        );
    }
}
