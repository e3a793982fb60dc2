//! Systems of an application veto, rewrite and add packets and datagrams, with closed ledgers.

use std::time::Duration;

use flumen::components::wire::rtcp::write_nack;
use flumen::components::{
    Datagrams, Departures, Inbox, Media, Moment, Now, Origin, Outbox, OutgoingKind, Packets,
    RtcpIn, Touched,
};
use flumen::ecs as bevy_ecs;
use flumen::ecs::entity::Entity;
use flumen::ecs::error::Result;
use flumen::ecs::query::With;
use flumen::ecs::resource::Resource;
use flumen::ecs::schedule::IntoScheduleConfigs;
use flumen::ecs::system::{Query, Res, ResMut, ScheduleSystem};
use flumen::rtp_parameters::MediaKind;
use flumen::{
    BuildError, ConsumerId, Engine, Ledger, Loopback, ProducerId, Setup, Slot, Stage, TickError,
    TransportId, Veto, VetoError,
};
use flumen_tests::feedback::pli;
use flumen_tests::{
    Packet, RECEIVER, Room, SENDER, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, WIDE, address,
    encoding_of, opus, vp8_rtx,
};
use proptest::prelude::*;

/// The application's own reason.
#[derive(Resource, Clone, Copy)]
struct Own(Veto);

fn register(setup: &mut Setup) {
    let own = Own(setup.veto("own"));
    setup.world_mut().insert_resource(own);
}

/// Audio with a system of the application's.
struct Call {
    room: Room,
    sender: TransportId,
    producer: ProducerId,
}

fn call<M>(
    stage: Stage,
    slot: Slot,
    systems: impl IntoScheduleConfigs<ScheduleSystem, M> + 'static,
) -> Call {
    let room = Room::with(|builder| builder.plugin(register).add_systems(stage, slot, systems));
    in_room(room)
}

fn in_room(mut room: Room) -> Call {
    let sender = room.plain(address(SENDER));
    let producer = room.produce(sender, MediaKind::Audio, opus(SSRC));
    let receiver = room.plain(address(RECEIVER));
    room.consume(receiver, producer);
    Call {
        room,
        sender,
        producer,
    }
}

impl Call {
    /// What leaves for the receiver when `payloads` arrive in one tick.
    fn carry(&mut self, first: u16, payloads: &[&[u8]]) -> Vec<Packet> {
        for (number, payload) in (first..).zip(payloads) {
            let packet = Packet::new(111, number, SSRC, payload);
            self.room.arrive(self.sender, &packet);
        }
        self.room.tick();
        self.room.rtp_to(address(RECEIVER))
    }

    fn own(&self) -> Veto {
        self.room.engine.world().resource::<Own>().0
    }

    fn ledger(&self) -> &Ledger {
        self.room.engine.ledger()
    }

    /// Who failed, and what it said.
    fn poison(&mut self) -> (String, String) {
        let packet = Packet::new(111, 1, SSRC, b"good");
        self.room.arrive(self.sender, &packet);
        self.room.arrive_bytes(self.sender, &pli(SSRC));
        self.room.now += Duration::from_millis(1);
        match self.room.engine.tick(self.room.now) {
            Err(TickError::Poisoned { system, message }) => (system, message),
            Ok(()) => panic!("nothing was found"),
            Err(other) => panic!("{other}"),
        }
    }
}

fn payloads(packets: &[Packet]) -> Vec<&[u8]> {
    packets.iter().map(|packet| &packet.payload[..]).collect()
}

fn numbers(packets: &[Packet]) -> Vec<u16> {
    let first = packets[0].sequence;
    let number = |packet: &Packet| packet.sequence.wrapping_sub(first);
    packets.iter().map(number).collect()
}

/// Vetoes packets whose payload is "bad".
fn veto_bad(mut packets: Packets<'_, '_>, own: Res<'_, Own>) -> Result {
    for index in 0..packets.len() {
        if packets
            .get(index)
            .is_some_and(|packet| packet.payload() == b"bad")
        {
            packets.veto(index, own.0)?;
        }
    }
    Ok(())
}

const BEFORE_FORWARD: [(Stage, Slot); 4] = [
    (Stage::Receive, Slot::After),
    (Stage::Score, Slot::Before),
    (Stage::Score, Slot::After),
    (Stage::Forward, Slot::Before),
];

#[test]
fn a_packet_vetoed_after_receive_leaves_no_gap_and_is_withheld_by_name() {
    for (stage, slot) in BEFORE_FORWARD {
        let mut call = call(stage, slot, veto_bad);
        let mut left = call.carry(1, &[b"one", b"bad", b"two"]);
        left.extend(call.carry(4, &[b"bad", b"bad"]));
        left.extend(call.carry(6, &[b"three"]));
        assert_eq!(payloads(&left), [&b"one"[..], b"two", b"three"]);
        assert_eq!(numbers(&left), [0, 1, 2]);
        assert_eq!(call.ledger().accepted, 6);
        assert_eq!(call.ledger().withheld[call.own()], 3);
        let told = serde_json::to_value(call.ledger()).unwrap();
        assert_eq!(told["withheld"]["own"], 3);
        assert_eq!(call.ledger().withheld.total(), 3);
    }
}

#[test]
fn a_packet_vetoed_before_receive_is_discarded_and_its_stream_misses_it() {
    for (stage, slot) in [(Stage::Demux, Slot::After), (Stage::Receive, Slot::Before)] {
        let mut call = call(stage, slot, veto_bad);
        let left = call.carry(1, &[b"one", b"bad", b"two"]);
        assert_eq!(numbers(&left), [0, 2]);
        assert_eq!(call.ledger().discarded[call.own()], 1);
        let stats = call.room.engine.transport_stats(call.sender).unwrap();
        assert_eq!(stats.discarded[call.own()], 1);
        assert_eq!(call.ledger().accepted, 2);
        let told = serde_json::to_value(call.ledger()).unwrap();
        assert_eq!(told["discarded"]["own"], 1);
    }
}

#[test]
fn a_packet_that_was_vetoed_is_not_sent_again() {
    let vetoing = |builder: flumen::Builder| {
        let system = veto_bad;
        builder
            .plugin(register)
            .add_systems(Stage::Forward, Slot::Before, system)
    };
    let mut room = Room::with(vetoing);
    let sender = room.plain(address(SENDER));
    let producer = room.produce(sender, MediaKind::Video, vp8_rtx(vec![encoding_of(SSRC)]));
    let receiver = room.plain(address(RECEIVER));
    room.consume(receiver, producer);
    // What overtakes the first packet of a key frame is sent behind it; not so what was vetoed.
    for (number, payload) in [
        (12, &b"bad"[..]),
        (13, VP8_DELTA_FRAME),
        (11, VP8_KEY_FRAME),
    ] {
        room.arrive(sender, &Packet::new(96, number, SSRC, payload));
        room.tick();
    }
    let left = room.rtp_to(address(RECEIVER));
    assert_eq!(payloads(&left), [VP8_KEY_FRAME, VP8_DELTA_FRAME]);
}

#[test]
fn a_key_frame_begins_a_run_though_a_vetoed_packet_overtook_it() {
    let mut room = Room::with(|builder| {
        let builder = builder.plugin(register);
        builder.add_systems(Stage::Receive, Slot::After, veto_bad)
    });
    let sender = room.plain(address(SENDER));
    let producer = room.produce(sender, MediaKind::Video, vp8_rtx(vec![encoding_of(SSRC)]));
    let receiver = room.plain(address(RECEIVER));
    let consumer = room.consume(receiver, producer);
    let mut carry = |number, payload| {
        room.arrive(sender, &Packet::new(96, number, SSRC, payload));
        room.tick();
        room.engine.pause_consumer(consumer).unwrap();
        room.engine.resume_consumer(consumer).unwrap();
        room.rtp_to(address(RECEIVER)).len()
    };
    assert_eq!(carry(1, VP8_KEY_FRAME), 1);
    assert_eq!(carry(3, b"bad"), 0);
    assert_eq!(carry(2, VP8_KEY_FRAME), 1);
}

/// Rewrites packets whose payload is "old".
fn rewrite_old(mut packets: Packets<'_, '_>) -> Result {
    for index in 0..packets.len() {
        if packets
            .get(index)
            .is_some_and(|packet| packet.payload() == b"old")
        {
            packets.rewrite(index, |draft| {
                draft.set_payload(b"brand new");
                draft.payload_mut()[0] = b'B';
                draft.set_marker(true);
                draft.set_timestamp(77);
                draft.set_extension(1, Some(&[0x55]));
            })?;
        }
    }
    Ok(())
}

#[test]
fn a_packet_is_rewritten_for_everybody_who_gets_it() {
    for (stage, slot) in [
        (Stage::Demux, Slot::After),
        (Stage::Receive, Slot::After),
        (Stage::Forward, Slot::Before),
    ] {
        let mut call = call(stage, slot, rewrite_old);
        let left = call.carry(1, &[b"same", b"old", b"same"]);
        let expected = [&b"same"[..], b"Brand new", b"same"];
        assert_eq!(payloads(&left), expected);
        assert_eq!(numbers(&left), [0, 1, 2]);
        assert!(left[1].marker && left[1].timestamp == 77);
        let values = left[1].extensions.iter().map(|(_, value)| &value[..]);
        assert!(values.clone().any(|value| value == [0x55]), "{values:?}");
    }
}

#[test]
fn a_receiver_that_asks_again_gets_what_was_rewritten() {
    let mut room = Room::with(|builder| {
        builder.add_systems(
            Stage::Receive,
            Slot::After,
            |mut packets: Packets<'_, '_>| {
                for index in 0..packets.len() {
                    let done = packets.rewrite(index, |draft| draft.payload_mut()[1] ^= 0xff);
                    done.unwrap();
                }
            },
        )
    });
    let sender = room.plain(address(SENDER));
    let producer = room.produce(sender, MediaKind::Video, vp8_rtx(vec![encoding_of(SSRC)]));
    let receiver = room.plain(address(RECEIVER));
    let consumer = room.consume(receiver, producer);
    room.arrive(sender, &Packet::new(96, 9, SSRC, VP8_KEY_FRAME));
    room.tick();
    let left = room.rtp_to(address(RECEIVER)).remove(0);
    let mut expected = VP8_KEY_FRAME.to_vec();
    expected[1] ^= 0xff;
    assert_eq!(left.payload, expected);
    let ssrc = room.engine.consumer_parameters(consumer).unwrap().encodings[0].ssrc;
    let mut nack = Vec::new();
    write_nack(&mut nack, 1, ssrc.unwrap(), [left.sequence]);
    room.arrive_bytes(receiver, &nack);
    room.tick();
    let again = room.rtp_to(address(RECEIVER)).remove(0);
    assert_eq!(again.payload[2..], expected);
}

#[derive(Resource, Default)]
struct Seen(Vec<Vec<u8>>);

#[test]
fn who_reads_the_datagram_sees_what_arrived() {
    fn read(inbox: Res<'_, Inbox>, mut seen: ResMut<'_, Seen>) {
        let bytes = |row: &flumen::components::Datagram| inbox.bytes()[row.range()][12..].to_vec();
        seen.0 = inbox.datagrams().iter().map(bytes).collect();
    }
    let mut room = Room::with(|builder| {
        builder
            .add_systems(Stage::Receive, Slot::After, rewrite_old)
            .add_systems(Stage::Protect, Slot::After, read)
    });
    room.engine.world_mut().init_resource::<Seen>();
    let mut call = in_room(room);
    call.carry(1, &[b"old", b"same"]);
    let seen = &call.room.engine.world().resource::<Seen>().0;
    assert_eq!(*seen, [b"old".to_vec(), b"same".to_vec()]);
}

#[test]
fn a_rewrite_that_makes_no_packet_changes_nothing() {
    fn overdo(mut packets: Packets<'_, '_>, mut seen: ResMut<'_, Seen>) {
        for index in 0..packets.len() {
            let long = packets.rewrite(index, |draft| draft.set_payload(&[0; 65_530]));
            let zero = packets.rewrite(index, |draft| draft.set_extension(0, Some(b"x")));
            for error in [long.unwrap_err(), zero.unwrap_err()] {
                seen.0.push(error.to_string().into_bytes());
            }
        }
    }
    let mut call = call(Stage::Receive, Slot::After, overdo);
    call.room.engine.world_mut().init_resource::<Seen>();
    assert_eq!(payloads(&call.carry(1, &[b"kept"])), [b"kept"]);
    let seen = &call.room.engine.world().resource::<Seen>().0;
    let expected = [
        "longer than 65535 bytes",
        "extension id 0 is reserved for padding",
    ];
    assert_eq!(*seen, expected.map(|text| text.as_bytes().to_vec()));
}

/// Adds one packet, in the first tick.
fn add_once(
    mut packets: Packets<'_, '_>,
    producers: Query<'_, '_, Entity, With<ProducerId>>,
    now: Res<'_, Now>,
) -> Result {
    if now.tick == 1 {
        for producer in producers {
            packets.inject(producer, &Packet::new(111, 2, SSRC, b"added").bytes())?;
        }
    }
    Ok(())
}

#[test]
fn an_added_packet_is_one_of_its_stream_and_counted_apart() {
    let before = [(Stage::Ingest, Slot::After), (Stage::Demux, Slot::Before)];
    for (stage, slot) in before {
        let mut call = call(stage, slot, add_once);
        let left = call.carry(1, &[b"arrived"]);
        assert_eq!(payloads(&left), [&b"arrived"[..], b"added"]);
        let ledger = call.ledger();
        assert_eq!(
            (ledger.received, ledger.injected, ledger.accepted),
            (1, 1, 2)
        );
        assert!(!call.room.engine.wants_tick());
    }
}

#[test]
fn a_packet_added_later_in_a_tick_is_one_of_the_next() {
    for stage in [
        Stage::Receive,
        Stage::Forward,
        Stage::Protect,
        Stage::Flush,
        Stage::Emit,
    ] {
        let mut call = call(stage, Slot::After, add_once);
        assert_eq!(call.carry(1, &[]), []);
        assert!(call.room.engine.wants_tick(), "{stage}: it is not slept on");
        assert_eq!(payloads(&call.carry(2, &[])), [b"added"], "{stage}");
    }
}

#[test]
fn an_added_packet_that_is_none_is_refused() {
    fn add(
        mut packets: Packets<'_, '_>,
        producers: Query<'_, '_, Entity, With<ProducerId>>,
        mut seen: ResMut<'_, Seen>,
    ) {
        let good = Packet::new(111, 1, SSRC, b"x").bytes();
        for producer in producers {
            let errors = [
                packets.inject(Entity::PLACEHOLDER, &good),
                packets.inject(producer, &good[..11]),
                packets.inject(producer, &good),
                packets.inject(producer, &good),
            ];
            let told = errors.map(|error| error.map_or_else(|e| e.to_string(), |()| "ok".into()));
            seen.0 = told.map(String::into_bytes).to_vec();
        }
    }
    let room = Room::with(|builder| {
        builder
            .direct_sends_per_transport(1)
            .add_systems(Stage::Demux, Slot::Before, add)
    });
    let mut call = in_room(room);
    call.room.engine.world_mut().init_resource::<Seen>();
    call.carry(1, &[]);
    let seen = &call.room.engine.world().resource::<Seen>().0;
    let expected = [
        "the entity is no producer",
        "shorter than an RTP header",
        "ok",
        "as much as one tick takes is there already",
    ];
    assert_eq!(*seen, expected.map(|text| text.as_bytes().to_vec()));
    assert_eq!(call.ledger().injected, 1);
}

#[test]
fn a_datagram_is_vetoed_whatever_it_is() {
    fn ban(mut datagrams: Datagrams<'_>, own: Res<'_, Own>) -> Result {
        let banned = address(5_666);
        datagrams.veto_if(own.0, |datagram, bytes| {
            let is_banned = |source| source == banned;
            let banned =
                matches!(datagram.origin, Origin::Network { source, .. } if is_banned(source));
            banned || bytes.ends_with(b"bad")
        })?;
        Ok(())
    }
    let mut call = call(Stage::Demux, Slot::Before, ban);
    let here = call.room.local(call.sender);
    call.room.wire.inject(here, address(5_666), &[0, 1, 0, 0]);
    assert_eq!(payloads(&call.carry(1, &[b"good", b"bad"])), [b"good"]);
    let ledger = call.ledger();
    assert_eq!(ledger.discarded[call.own()], 2);
    assert_eq!((ledger.received, ledger.discarded.total()), (3, 2));
}

#[test]
fn what_is_about_to_leave_is_vetoed_for_one_receiver() {
    fn mute(mut departures: Departures<'_>, own: Res<'_, Own>) -> Result {
        departures.veto_if(own.0, |datagram| {
            datagram.kind == OutgoingKind::Audio && datagram.payload == b"bad"
        })?;
        Ok(())
    }
    for stage in [Stage::Forward, Stage::Feedback, Stage::Protect] {
        let mut call = call(stage, Slot::After, mute);
        let direct = call.room.direct();
        call.room.consume(direct, call.producer);
        let left = call.carry(1, &[b"one", b"bad", b"two"]);
        assert_eq!(numbers(&left), [0, 2], "its number was given");
        assert_eq!(call.ledger().refused[call.own()], 2);
        let mut delivered = 0;
        call.room.engine.drain_deliveries(|_| delivered += 1);
        assert_eq!(delivered, 2);
    }
}

/// Whom packets whose payload is "bad" are kept from.
#[derive(Resource)]
struct Deaf(Entity);

fn keep_bad_from(
    mut packets: Packets<'_, '_>,
    own: Res<'_, Own>,
    deaf: Option<Res<'_, Deaf>>,
) -> Result {
    let Some(deaf) = deaf else {
        return Ok(());
    };
    for index in 0..packets.len() {
        let packet = packets.get(index);
        if packet.is_some_and(|packet| packet.payload() == b"bad") {
            packets.veto_for(index, deaf.0, own.0)?;
            // A second time it is the same, and counted once.
            packets.veto_for(index, deaf.0, own.0)?;
        }
    }
    Ok(())
}

#[test]
fn a_packet_is_kept_from_one_consumer_which_sees_no_gap() {
    for (stage, slot) in [
        (Stage::Receive, Slot::After),
        (Stage::Forward, Slot::Before),
    ] {
        let mut call = call(stage, slot, keep_bad_from);
        let other = call.room.plain(address(RECEIVER + 1));
        let deaf = call.room.consume(other, call.producer);
        let deaf = call.room.engine.entity(deaf).unwrap();
        call.room.engine.world_mut().insert_resource(Deaf(deaf));
        for first in [1, 4] {
            for (number, payload) in (first..).zip([&b"one"[..], b"bad", b"two"]) {
                let packet = Packet::new(111, number, SSRC, payload);
                call.room.arrive(call.sender, &packet);
            }
            call.room.tick();
            let left = call.room.received();
            let to = |port| {
                let to = address(port);
                let of = left.iter().filter(|datagram| datagram.to == to);
                of.map(|datagram| Packet::parse(&datagram.bytes))
                    .collect::<Vec<_>>()
            };
            let (heard, spared) = (to(RECEIVER), to(RECEIVER + 1));
            assert_eq!(payloads(&heard), [&b"one"[..], b"bad", b"two"]);
            assert_eq!(payloads(&spared), [&b"one"[..], b"two"]);
            assert_eq!(numbers(&spared), [0, 1], "no gap");
        }
        assert_eq!(call.ledger().withheld[call.own()], 2);
    }
}

#[test]
fn a_packet_that_comes_late_is_kept_from_one_consumer_when_it_asks_for_it_too() {
    let mut room = Room::with(|builder| {
        let builder = builder.plugin(register);
        builder.add_systems(Stage::Forward, Slot::Before, keep_bad_from)
    });
    let sender = room.plain(address(SENDER));
    let producer = room.produce(sender, MediaKind::Video, vp8_rtx(vec![encoding_of(SSRC)]));
    let to = [RECEIVER, RECEIVER + 1].map(|port| room.plain(address(port)));
    let consumers = to.map(|transport| room.consume(transport, producer));
    let deaf = room.engine.entity(consumers[1]).unwrap();
    room.engine.world_mut().insert_resource(Deaf(deaf));
    // What is late leaves a hole, which a receiver asks for.
    let mut first = None;
    for (number, payload) in [(1, VP8_KEY_FRAME), (3, VP8_DELTA_FRAME), (2, b"bad")] {
        room.arrive(sender, &Packet::new(96, number, SSRC, payload));
        room.tick();
        let sent = room.rtp_to(address(RECEIVER + 1));
        first = first.or(sent.first().map(|packet| packet.sequence));
    }
    let hole = first.unwrap().wrapping_add(1);
    let parameters = room.engine.consumer_parameters(consumers[1]).unwrap();
    let mut nack = Vec::new();
    write_nack(&mut nack, 1, parameters.encodings[0].ssrc.unwrap(), [hole]);
    room.arrive_bytes(to[1], &nack);
    room.tick();
    // It is told that nothing comes under that number.
    let again = room.rtp_to(address(RECEIVER + 1));
    assert_eq!(payloads(&again), [&hole.to_be_bytes()[..]]);
    assert_eq!(
        room.engine.ledger().withheld[room.engine.world().resource::<Own>().0],
        1
    );
}

#[test]
fn a_packet_is_kept_from_consumers_of_its_producer_alone() {
    let mut call = call(Stage::Receive, Slot::After, keep_bad_from);
    let stranger = call.room.engine.entity(call.producer).unwrap();
    call.room.engine.world_mut().insert_resource(Deaf(stranger));
    call.room
        .arrive(call.sender, &Packet::new(111, 1, SSRC, b"bad"));
    let (system, message) = call.poison();
    assert_eq!(system, "keep_bad_from");
    assert!(
        message.contains("no consumer of the packet's producer"),
        "{message}"
    );
}

#[test]
fn a_verdict_at_the_wrong_moment_is_an_error_of_its_system() {
    fn refuse(mut departures: Departures<'_>, own: Res<'_, Own>) -> Result {
        departures.veto_if(own.0, |_| true)?;
        Ok(())
    }
    fn ban(mut datagrams: Datagrams<'_>, own: Res<'_, Own>) -> Result {
        datagrams.veto_if(own.0, |_, _| true)?;
        Ok(())
    }
    fn veto(mut packets: Packets<'_, '_>, own: Res<'_, Own>) -> Result {
        packets.veto(0, own.0)?;
        Ok(())
    }
    fn keep(
        mut packets: Packets<'_, '_>,
        own: Res<'_, Own>,
        consumers: Query<'_, '_, Entity, With<ConsumerId>>,
    ) -> Result {
        packets.veto_for(0, consumers.iter().next().unwrap(), own.0)?;
        Ok(())
    }
    let calls = [
        ("veto", call(Stage::Forward, Slot::After, veto)),
        ("veto", call(Stage::Demux, Slot::Before, veto)),
        ("keep", call(Stage::Demux, Slot::After, keep)),
        ("keep", call(Stage::Forward, Slot::After, keep)),
        ("veto", call(Stage::Emit, Slot::Before, veto)),
        ("ban", call(Stage::Demux, Slot::After, ban)),
        ("refuse", call(Stage::Forward, Slot::Before, refuse)),
        ("refuse", call(Stage::Flush, Slot::After, refuse)),
    ];
    for (name, mut call) in calls {
        let (system, message) = call.poison();
        assert_eq!(system, name);
        assert!(message.contains("cannot be decided"), "{message}");
    }
}

#[test]
fn a_row_that_is_vetoed_is_there_for_nobody_after() {
    fn count(packets: Packets<'_, '_>, mut seen: ResMut<'_, Seen>) {
        let there = (0..packets.len()).filter_map(|index| packets.get(index));
        seen.0 = there.map(|packet| packet.payload().to_vec()).collect();
    }
    let systems = (veto_bad, count).chain();
    let mut call = call(Stage::Receive, Slot::After, systems);
    call.room.engine.world_mut().init_resource::<Seen>();
    // The last one is too far from the others to be accepted.
    call.carry(1, &[b"one", b"bad"]);
    let far = Packet::new(111, 30_000, SSRC, b"far");
    call.room.arrive(call.sender, &far);
    call.carry(3, &[b"two", b"bad"]);
    let seen = &call.room.engine.world().resource::<Seen>().0;
    assert_eq!(*seen, [b"two".to_vec()]);
}

#[test]
fn a_system_that_leaves_the_batch_broken_is_told_so_by_name() {
    fn clear_media(mut media: ResMut<'_, Media>) {
        media.0.clear();
    }
    fn displace(mut media: ResMut<'_, Media>) {
        media.0[0].start = u32::MAX - 9_000;
    }
    fn lengthen(mut media: ResMut<'_, Media>) {
        media.0[0].header.payload_len += 1;
    }
    fn clear_rtcp(mut rtcp: ResMut<'_, RtcpIn>) {
        rtcp.0.clear();
    }
    fn unlink(mut touched: ResMut<'_, Touched>) {
        touched.streams[0].first = 99;
    }
    fn encircle(mut media: ResMut<'_, Media>) {
        media.0[0].next = Some(0);
    }
    fn clear_outbox(mut outbox: ResMut<'_, Outbox>) {
        outbox.rows.clear();
    }
    fn redirect(mut outbox: ResMut<'_, Outbox>) {
        outbox.rows[0].destination = 99;
    }
    fn misplace(mut outbox: ResMut<'_, Outbox>) {
        outbox.rows[0].payload_start = u32::MAX;
    }
    fn behead(mut outbox: ResMut<'_, Outbox>) {
        outbox.headers.clear();
    }
    fn count_twice(mut ledger: ResMut<'_, Ledger>) {
        ledger.accepted += 1;
    }
    use Stage::{Demux, Feedback, Forward, Receive, Score};
    let calls = [
        ("clear_media", call(Demux, Slot::After, clear_media)),
        ("clear_media", call(Score, Slot::Before, clear_media)),
        ("displace", call(Receive, Slot::After, displace)),
        ("displace", call(Receive, Slot::Before, displace)),
        ("lengthen", call(Receive, Slot::Before, lengthen)),
        ("clear_rtcp", call(Demux, Slot::After, clear_rtcp)),
        ("unlink", call(Receive, Slot::After, unlink)),
        ("encircle", call(Receive, Slot::After, encircle)),
        ("clear_outbox", call(Forward, Slot::After, clear_outbox)),
        ("redirect", call(Feedback, Slot::After, redirect)),
        ("misplace", call(Forward, Slot::After, misplace)),
        ("behead", call(Feedback, Slot::After, behead)),
        ("count_twice", call(Receive, Slot::After, count_twice)),
    ];
    for (name, mut call) in calls {
        let (system, message) = call.poison();
        assert_eq!(system, name, "{message}");
        assert!(!message.contains("index"), "{message}");
    }
}

#[test]
fn of_several_systems_the_one_that_broke_it_is_named() {
    fn harmless(_: Res<'_, Media>) {}
    fn harmful(mut media: ResMut<'_, Media>) {
        media.0.clear();
    }
    let room = Room::with(|builder| {
        builder
            .add_systems(Stage::Receive, Slot::After, harmless)
            .add_systems(Stage::Receive, Slot::After, harmful)
            .add_systems(Stage::Receive, Slot::After, harmless)
    });
    assert_eq!(in_room(room).poison().0, "harmful");
}

#[test]
fn reasons_have_names_of_their_own() {
    let build = |names: &'static [&'static str]| {
        let plugin = move |setup: &mut Setup| {
            for &name in names {
                setup.veto(name);
            }
        };
        let builder = Engine::builder().backend(Loopback::new().0);
        match builder.plugin(plugin).build() {
            Err(BuildError::Veto(error)) => Err(error),
            Err(other) => panic!("{other}"),
            Ok(_) => Ok(()),
        }
    };
    assert_eq!(build(&["own", "other", "own"]), Ok(()));
    assert_eq!(build(&[""]), Err(VetoError::Nameless));
    for taken in [
        "truncated",
        "producerPaused",
        "queueFull",
        "noSubchannel",
        "unknownStream",
    ] {
        let names: &'static [&'static str] = Box::leak(Box::new([taken]));
        assert_eq!(build(names), Err(VetoError::Taken(taken)));
    }
    let many: Vec<&'static str> = (0..33).map(|n| &*format!("own{n}").leak()).collect();
    assert_eq!(build(&many[..32].to_vec().leak()[..]), Ok(()));
    assert_eq!(build(many.leak()), Err(VetoError::TooMany("own32")));
}

/// What a system does with a packet, by its first byte.
fn rule(mut packets: Packets<'_, '_>, moment: Res<'_, Moment>, own: Res<'_, Own>) -> Result {
    for index in 0..packets.len() {
        let first = packets.get(index).map(|packet| packet.payload()[0]);
        match (first, *moment) {
            (Some(1), Moment::Claimed) | (Some(2), Moment::Accepted) => {
                packets.veto(index, own.0)?;
            }
            (Some(3), _) => packets.rewrite(index, |draft| {
                draft.set_extension(WIDE, Some(&[1, 2]));
                draft.set_payload(&[0, 3, 3]);
            })?,
            _ => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_is_decided_the_ledgers_close_and_receivers_see_no_gap_but_real_loss(
        ticks in prop::collection::vec(prop::collection::vec(0_u8..5, 0..6), 1..12),
    ) {
        let mut call = in_room(Room::with(|builder| {
            builder
                .plugin(register)
                .add_systems(Stage::Receive, Slot::Before, rule)
                .add_systems(Stage::Forward, Slot::Before, rule)
        }));
        let mut number = 1_u16;
        let (mut expected, mut sent) = (Vec::new(), Vec::new());
        let mut place = 0_u16;
        for tick in ticks {
            let rows: Vec<[u8; 2]> = tick.iter().map(|&kind| [kind, 9]).collect();
            let arrived: Vec<&[u8]> = rows.iter().map(|row| &row[..]).collect();
            sent.extend(call.carry(number, &arrived));
            number += arrived.len() as u16;
            for kind in tick {
                match kind {
                    1 => place += 1,
                    2 => {}
                    _ => {
                        expected.push((place, if kind == 3 { vec![0, 3, 3] } else { vec![kind, 9] }));
                        place += 1;
                    }
                }
            }
        }
        let first = sent.first().map_or(0, |packet| packet.sequence);
        let skipped = expected.first().map_or(0, |row| row.0);
        let got: Vec<_> = sent
            .into_iter()
            .map(|packet| (packet.sequence.wrapping_sub(first) + skipped, packet.payload))
            .collect();
        prop_assert_eq!(got, expected);
    }
}
