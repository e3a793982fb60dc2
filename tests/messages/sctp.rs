//! Messages between two engines over SCTP: states, both directions, sizes, and how it ends.

use std::time::Duration;

use flumen::{
    ConnectOptions, DataConsumerOptions, DataKind, Discard, Listen, ListenInfo, Message,
    MessageDiscard, MessageWithheld, PlainTransportOptions, ReliabilityOverrides, SctpOptions,
    SctpState, SctpStreamParameters, SendMessageError, Subject,
};
use flumen_sim::Loss;
use flumen_tests::{Bridge, GOOD, Room, Trunk, address};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

/// A trunk whose association is connected, and a way from the first room to the second.
fn connected() -> (Trunk, Bridge) {
    let mut trunk = Trunk::new();
    let bridge = trunk.bridge(0, 0);
    trunk.settle();
    assert_eq!(state(&trunk, 0), SctpState::Connected);
    (trunk, bridge)
}

fn state(trunk: &Trunk, at: usize) -> SctpState {
    let state = trunk.rooms[at].engine.sctp_state(trunk.transports[at]);
    state.unwrap().expect("it has SCTP")
}

fn say(trunk: &mut Trunk, at: usize, bridge: Bridge, message: &Message<'_>) {
    let engine = &mut trunk.rooms[at].engine;
    engine.send_message(bridge.data_producer, message).unwrap();
}

/// The states that room `at` told of.
fn states_told(trunk: &mut Trunk, at: usize) -> Vec<String> {
    let subject = Subject::Transport(trunk.transports[at]);
    let events = trunk.rooms[at].engine.drain_events();
    let told = events.iter().filter(|event| event.subject() == subject);
    let told = told.filter(|event| event.name() == "sctpstatechange");
    told.map(|event| {
        serde_json::to_value(event).unwrap()["data"]
            .as_str()
            .unwrap()
            .to_string()
    })
    .collect()
}

#[test]
fn messages_cross_with_their_identifiers() {
    let (mut trunk, bridge) = connected();
    let under = |ppid, payload| Message {
        ppid: Some(ppid),
        ..Message::binary(payload)
    };
    let rows: [(Message<'_>, u32, &[u8]); 8] = [
        (Message::text("hello"), 51, b"hello"),
        (Message::text(""), 56, b" "),
        (Message::binary(&[0, 255]), 53, &[0, 255]),
        (Message::binary(&[]), 57, &[0]),
        (under(50, &[3]), 50, &[3]),
        (under(52, &[1, 2]), 52, &[1, 2]),
        (under(54, b"part"), 54, b"part"),
        (under(1_000_000, b"own"), 1_000_000, b"own"),
    ];
    for (message, ..) in &rows {
        say(&mut trunk, 0, bridge, message);
    }
    trunk.run_for(SECOND);
    let expected = rows.map(|(_, ppid, payload)| (bridge.consumer, ppid, payload.to_vec()));
    assert_eq!(trunk.rooms[1].messages(), expected);
}

/// The first room takes one stream, which is reset for whom it had.
#[test]
fn the_first_messages_of_a_data_consumer_wait_for_the_reset_of_its_stream() {
    let one = |builder: flumen::Builder| builder.sctp_inbound_streams(1);
    let mut trunk = Trunk::with(one, SctpOptions::default());
    let mut bridge = trunk.bridge(1, 0);
    trunk.settle();
    let mut expected = Vec::new();
    for round in 0..5 {
        for count in 0..3 {
            let text = format!("{round}.{count}");
            say(&mut trunk, 1, bridge, &Message::text(&text));
            expected.push((bridge.consumer, 51, text.into_bytes()));
        }
        trunk.tick(trunk.rooms[1].now);
        let engine = &mut trunk.rooms[1].engine;
        engine.close_data_consumer(bridge.sends).unwrap();
        bridge.sends = trunk.send(1, bridge.data_producer);
    }
    trunk.run_for(10 * SECOND);
    assert_eq!(trunk.rooms[0].messages(), expected);
    let ledger = trunk.rooms[1].engine.data_ledger();
    assert_eq!(ledger.withheld.total(), 0);
}

#[test]
fn both_directions_share_one_association() {
    let (mut trunk, there) = connected();
    let back = trunk.bridge(1, 0);
    say(&mut trunk, 0, there, &Message::text("ping"));
    say(&mut trunk, 1, back, &Message::text("pong"));
    trunk.run_for(SECOND);
    assert_eq!(
        trunk.rooms[1].messages(),
        [(there.consumer, 51, b"ping".to_vec())]
    );
    assert_eq!(
        trunk.rooms[0].messages(),
        [(back.consumer, 51, b"pong".to_vec())]
    );
}

#[test]
fn the_association_begins_once_it_is_needed_and_tells_each_state() {
    let mut trunk = Trunk::new();
    trunk.run_for(SECOND);
    assert_eq!([0, 1].map(|at| state(&trunk, at)), [SctpState::New; 2]);
    assert_eq!(trunk.rooms[0].engine.data_ledger().received, 0);
    let data_producer = trunk.receive(0, SctpStreamParameters::new(0));
    trunk.tick(trunk.rooms[0].now);
    assert_eq!(state(&trunk, 0), SctpState::Connecting);
    trunk.settle();
    assert_eq!(
        [0, 1].map(|at| state(&trunk, at)),
        [SctpState::Connected; 2]
    );
    assert_eq!(states_told(&mut trunk, 0), ["connecting", "connected"]);
    assert_eq!(states_told(&mut trunk, 1), ["connected"], "it was asked");
    assert!(!trunk.rooms[0].engine.closed(data_producer));
    let stats = trunk.rooms[0]
        .engine
        .transport_stats(trunk.transports[0])
        .unwrap();
    assert_eq!(
        serde_json::to_value(stats).unwrap()["sctpState"],
        "connected"
    );
}

#[test]
fn a_transport_that_is_connected_later_begins_then() {
    let mut room = Room::new();
    let transport = room.plain_sctp(SctpOptions::default());
    room.receive_stream(transport, SctpStreamParameters::new(0));
    room.tick();
    assert_eq!(room.engine.sctp_state(transport), Ok(Some(SctpState::New)));
    room.connect(transport);
    room.tick();
    assert_eq!(
        room.engine.sctp_state(transport),
        Ok(Some(SctpState::Connecting))
    );
    assert_eq!(room.received().len(), 1, "an INIT leaves");
}

#[test]
fn both_ends_may_ask_at_once() {
    let mut trunk = Trunk::new();
    let [there, back] = [0, 1].map(|from| trunk.bridge(from, 0));
    trunk.settle();
    assert_eq!(
        [0, 1].map(|at| state(&trunk, at)),
        [SctpState::Connected; 2]
    );
    say(&mut trunk, 0, there, &Message::text("x"));
    say(&mut trunk, 1, back, &Message::text("y"));
    trunk.run_for(SECOND);
    assert_eq!([0, 1].map(|at| trunk.rooms[at].messages().len()), [1, 1]);
}

#[test]
fn a_client_that_restarts_at_its_address_is_heard_again() {
    let mut trunk = Trunk::new();
    let bridges = [0, 1].map(|from| trunk.bridge(from, 0));
    trunk.settle();
    states_told(&mut trunk, 0);
    // It is gone without a word.
    // With the old seed it would ask with the very bytes that have been answered.
    trunk.rooms[1] = Room::with(|builder| builder.seed([9; 32]));
    trunk.transports[1] = trunk.rooms[1].plain_sctp(SctpOptions::default());
    trunk.rooms[1].connect(trunk.transports[1]);
    let anew = trunk.transports[1];
    let hears = trunk.rooms[1].receive_stream(anew, SctpStreamParameters::new(0));
    let outward = trunk.rooms[1].direct();
    trunk.rooms[1].consume_data(outward, hears, &[]);
    let inward = trunk.rooms[1].direct();
    let speaks = trunk.rooms[1].produce_data(inward);
    trunk.send(1, speaks);
    trunk.settle();
    assert_eq!(states_told(&mut trunk, 0), ["connecting", "connected"]);
    say(&mut trunk, 0, bridges[0], &Message::text("there"));
    let back = Message::text("back");
    trunk.rooms[1].engine.send_message(speaks, &back).unwrap();
    trunk.run_for(SECOND);
    assert_eq!([0, 1].map(|at| trunk.rooms[at].messages().len()), [1, 1]);
}

#[test]
fn an_address_is_learnt_from_sctp_and_not_from_what_only_looks_like_it() {
    let mut peer = Room::new();
    let asking = peer.plain_sctp(SctpOptions::default());
    peer.receive_stream(asking, SctpStreamParameters::new(0));
    peer.connect(asking);
    peer.tick();
    let init = peer.received().remove(0).bytes;
    let mut room = Room::new();
    let options = PlainTransportOptions {
        comedia: true,
        sctp: Some(SctpOptions::default()),
        ..PlainTransportOptions::new(Listen::Own(ListenInfo::new(address(0).ip())))
    };
    let transport = room
        .engine
        .create_plain_transport(room.router, options)
        .unwrap();
    let local = room.local(transport);
    let mut broken = init.clone();
    *broken.last_mut().unwrap() ^= 1;
    room.wire.inject(local, address(6_666), &broken);
    room.tick();
    assert_eq!(room.engine.ledger().discarded[Discard::MalformedSctp], 1);
    assert_eq!(
        room.engine.tuple(transport).unwrap().unwrap().remote_port,
        None
    );
    room.wire.inject(local, address(7_777), &init);
    room.tick();
    assert_eq!(
        room.engine.tuple(transport).unwrap().unwrap().remote_port,
        Some(7_777)
    );
    let answers = room.received();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].to, address(7_777));
}

#[test]
fn what_is_sent_before_the_association_is_connected_goes_nowhere() {
    let mut trunk = Trunk::new();
    let bridge = trunk.bridge(0, 0);
    say(&mut trunk, 0, bridge, &Message::text("early"));
    trunk.settle();
    assert_eq!(trunk.rooms[1].messages(), []);
    let engine = &mut trunk.rooms[0].engine;
    assert_eq!(
        engine.data_ledger().withheld[MessageWithheld::NotConnected],
        1
    );
    let stats = engine.data_consumer_stats(bridge.sends).unwrap();
    assert_eq!(stats.messages_sent, 0);
}

#[test]
fn a_message_as_long_as_allowed_arrives_and_a_longer_one_is_not_sent() {
    let options = SctpOptions {
        max_send_message_size: Some(262_144),
        ..SctpOptions::default()
    };
    let mut trunk = Trunk::with(|builder| builder, options);
    let bridge = trunk.bridge(0, 0);
    trunk.settle();
    let large: Vec<u8> = (0..262_144).map(|index| (index % 251) as u8).collect();
    say(&mut trunk, 0, bridge, &Message::binary(&large));
    trunk.run_for(10 * SECOND);
    let got = trunk.rooms[1].messages();
    assert_eq!(got.len(), 1);
    assert!(got[0].2 == large, "to the byte");
    let engine = &mut trunk.rooms[0].engine;
    let longer = vec![0; 262_145];
    let sent = engine.send_message_to(bridge.sends, &Message::binary(&longer));
    let (len, max) = (262_145, 262_144);
    assert_eq!(sent, Err(flumen::SendMessageToError::TooLong { len, max }));
}

#[test]
fn a_message_longer_than_the_receiver_takes_is_dropped_there() {
    let options = SctpOptions {
        max_receive_message_size: Some(100),
        ..SctpOptions::default()
    };
    let mut trunk = Trunk::with(|builder| builder, options);
    let bridge = trunk.bridge(1, 0);
    trunk.settle();
    for len in [101, 100] {
        say(&mut trunk, 1, bridge, &Message::binary(&vec![7; len]));
    }
    trunk.run_for(SECOND);
    assert_eq!(
        trunk.rooms[0].messages(),
        [(bridge.consumer, 53, vec![7; 100])]
    );
    let engine = &trunk.rooms[0].engine;
    assert_eq!(engine.data_ledger().discarded[MessageDiscard::TooLarge], 1);
    let stats = engine.data_producer_stats(bridge.receives).unwrap();
    assert_eq!(stats.messages_received, 1);
}

#[test]
fn a_stream_without_a_data_producer_is_nobodys() {
    let (mut trunk, bridge) = connected();
    trunk.rooms[1]
        .engine
        .close_data_producer(bridge.receives)
        .unwrap();
    say(&mut trunk, 0, bridge, &Message::text("x"));
    trunk.run_for(SECOND);
    let ledger = trunk.rooms[1].engine.data_ledger();
    assert_eq!(ledger.discarded[MessageDiscard::UnknownStream], 1);
    trunk.receive(1, SctpStreamParameters::new(0));
    say(&mut trunk, 0, bridge, &Message::text("x"));
    trunk.run_for(SECOND);
    assert_eq!(
        trunk.rooms[1].engine.data_ledger().accepted,
        1,
        "it is free again"
    );
}

#[test]
fn what_is_unordered_without_limits_is_reliable() {
    let mut trunk = Trunk::new();
    let bridge = trunk.bridge(0, 9);
    let options = DataConsumerOptions {
        reliability: ReliabilityOverrides {
            ordered: Some(false),
            ..ReliabilityOverrides::default()
        },
        ..DataConsumerOptions::new(bridge.data_producer)
    };
    let engine = &mut trunk.rooms[0].engine;
    let unordered = engine.consume_data(trunk.transports[0], options).unwrap();
    engine.close_data_consumer(bridge.sends).unwrap();
    let parameters = engine.data_consumer_parameters(unordered).unwrap();
    let stream = parameters.sctp_stream_parameters.unwrap();
    assert_eq!((stream.stream_id, stream.ordered), (1, Some(false)));
    trunk.receive(1, SctpStreamParameters::new(1));
    trunk.settle();
    trunk.ways.set_link(GOOD.loss(Loss::percent(20)));
    for _ in 0..100 {
        say(&mut trunk, 0, bridge, &Message::text("x"));
        trunk.run_for(Duration::from_millis(5));
    }
    trunk.run_for(60 * SECOND);
    assert_eq!(trunk.rooms[1].engine.data_ledger().accepted, 100);
}

#[test]
fn what_has_few_retransmissions_is_abandoned_and_the_rest_goes_on() {
    let mut trunk = Trunk::new();
    let bridge = trunk.bridge(0, 9);
    let options = DataConsumerOptions {
        reliability: ReliabilityOverrides {
            max_retransmits: Some(0),
            ..ReliabilityOverrides::default()
        },
        ..DataConsumerOptions::new(bridge.data_producer)
    };
    let transport = trunk.transports[0];
    trunk.rooms[0]
        .engine
        .consume_data(transport, options)
        .unwrap();
    trunk.rooms[0]
        .engine
        .close_data_consumer(bridge.sends)
        .unwrap();
    trunk.receive(1, SctpStreamParameters::new(1));
    trunk.settle();
    trunk.ways.set_link(GOOD.loss(Loss::percent(30)));
    for _ in 0..200 {
        say(&mut trunk, 0, bridge, &Message::text("x"));
        trunk.run_for(Duration::from_millis(50));
    }
    trunk.ways.set_link(GOOD);
    trunk.run_for(60 * SECOND);
    let accepted = trunk.rooms[1].engine.data_ledger().accepted;
    assert!((100..190).contains(&accepted), "{accepted} of 200 arrived");
    say(&mut trunk, 0, bridge, &Message::text("last"));
    trunk.run_for(SECOND);
    assert_eq!(trunk.rooms[1].engine.data_ledger().accepted, accepted + 1);
}

#[test]
fn closing_a_transport_aborts_its_association() {
    let (mut trunk, bridge) = connected();
    let back = trunk.bridge(1, 5);
    trunk.settle();
    for room in &mut trunk.rooms {
        room.engine.drain_events();
    }
    trunk.rooms[0]
        .engine
        .close_transport(trunk.transports[0])
        .unwrap();
    trunk.rooms[0].engine.check_ledger().unwrap();
    let last_words = trunk.rooms[0].received();
    assert_eq!(last_words.len(), 1, "they leave before the socket closes");
    let local = trunk.rooms[1].local(trunk.transports[1]);
    trunk.rooms[1]
        .wire
        .inject(local, address(5_000), &last_words[0].bytes);
    trunk.rooms[1].tick();
    assert_eq!(state(&trunk, 1), SctpState::Failed);
    assert_eq!(states_told(&mut trunk, 1), ["failed"]);
    assert!(!trunk.rooms[1].engine.closed(bridge.receives));
    trunk.rooms[1].say(back.data_producer, &Message::text("x"));
    let ledger = trunk.rooms[1].engine.data_ledger();
    assert_eq!(ledger.withheld[MessageWithheld::NotConnected], 1);
    trunk.rooms[1]
        .wire
        .inject(local, address(5_000), &last_words[0].bytes);
    trunk.rooms[1].tick();
    assert_eq!(
        trunk.rooms[1].engine.ledger().discarded[Discard::SctpClosed],
        1
    );
}

#[test]
fn an_association_that_nobody_answers_fails() {
    let mut trunk = Trunk::new();
    trunk.ways.set_link(GOOD.loss(Loss::percent(100)));
    trunk.bridge(0, 0);
    trunk.run_for(600 * SECOND);
    assert_eq!(state(&trunk, 0), SctpState::Failed);
    assert_eq!(states_told(&mut trunk, 0), ["connecting", "failed"]);
}

#[test]
fn transports_close_in_every_state_of_their_association() {
    for span in [0, 1, 11, 21, 31, 500, 40_000] {
        let mut trunk = Trunk::new();
        let bridge = trunk.bridge(0, 0);
        trunk.run_for(Duration::from_millis(span));
        say(&mut trunk, 0, bridge, &Message::text("x"));
        trunk.tick(trunk.rooms[0].now);
        trunk.rooms[0]
            .engine
            .close_transport(trunk.transports[0])
            .unwrap();
        for _ in 0..3 {
            trunk.rooms[0].tick();
        }
        assert!(trunk.rooms[0].engine.closed(bridge.sends));
        assert!(!trunk.rooms[0].engine.closed(bridge.data_producer));
    }
}

#[test]
fn only_direct_data_producers_take_messages_from_the_application() {
    let (mut trunk, bridge) = connected();
    let sent = trunk.rooms[1]
        .engine
        .send_message(bridge.receives, &Message::text("x"));
    assert_eq!(sent, Err(SendMessageError::NotDirect));
}

#[test]
fn sctp_where_there_is_none_is_unexpected() {
    let (mut trunk, _) = connected();
    let plain = trunk.rooms[0].plain(address(5_500));
    let local = trunk.rooms[0].local(plain);
    let bytes = [&[0x13, 0x88, 0x13, 0x88][..], &[0; 20]].concat();
    trunk.rooms[0].wire.inject(local, address(5_500), &bytes);
    trunk.rooms[0].tick();
    assert_eq!(
        trunk.rooms[0].engine.ledger().discarded[Discard::UnexpectedSctp],
        1
    );
    assert_eq!(trunk.rooms[0].engine.sctp_state(plain), Ok(None));
    assert_eq!(trunk.rooms[0].engine.sctp_parameters(plain), Ok(None));
}

#[test]
fn parameters_are_told_to_the_peer() {
    let (trunk, bridge) = connected();
    let engine = &trunk.rooms[0].engine;
    let told = engine.sctp_parameters(trunk.transports[0]).unwrap();
    assert_eq!(
        serde_json::to_value(told).unwrap(),
        json!({
            "port": 5000, "OS": 65535, "MIS": 1024, "maxMessageSize": 262144,
            "maxSendMessageSize": 262144, "maxReceiveMessageSize": 262144,
            "sendBufferSize": 2000000, "perStreamSendQueueLimit": 2000000,
            "maxReceiverWindowBufferSize": 5242880, "isDataChannel": false,
        })
    );
    let told = engine.data_consumer_parameters(bridge.sends).unwrap();
    assert_eq!(told.kind, DataKind::Sctp);
    assert_eq!(
        serde_json::to_value(told).unwrap(),
        json!({
            "type": "sctp", "label": "", "protocol": "",
            "sctpStreamParameters": { "streamId": 0, "ordered": true },
        })
    );
}

#[test]
fn transports_on_a_shared_socket_have_associations_of_their_own() {
    let mut room = Room::new();
    let socket = room
        .engine
        .open_socket(&ListenInfo::at(address(9_000)))
        .unwrap();
    let transports = [7_000, 7_001].map(|port| {
        let options = PlainTransportOptions {
            sctp: Some(SctpOptions::default()),
            ..PlainTransportOptions::new(Listen::Shared(socket))
        };
        let transport = room
            .engine
            .create_plain_transport(room.router, options)
            .unwrap();
        let to = ConnectOptions {
            ip: Some(address(0).ip()),
            port: Some(port),
            ..ConnectOptions::default()
        };
        room.engine.connect(transport, &to).unwrap();
        room.receive_stream(transport, SctpStreamParameters::new(0));
        transport
    });
    room.tick();
    let inits = room.received();
    let to: Vec<_> = inits.iter().map(|init| init.to).collect();
    assert_eq!(to, [address(7_000), address(7_001)]);
    assert_ne!(inits[0].bytes, inits[1].bytes, "tags are their own");
    room.engine.close_transport(transports[0]).unwrap();
    assert_eq!(
        room.engine.sctp_state(transports[1]),
        Ok(Some(SctpState::Connecting))
    );
}
