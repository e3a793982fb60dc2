//! Every reason of the data ledger happens: no message vanishes, none is counted twice.

use std::fmt::Debug;
use std::time::Duration;

use flumen::{
    Builder, Counts, DataConsumerId, DataLedger, DataProducerId, Message, MessageDiscard,
    MessageWithheld, Reason, SctpOptions,
};
use flumen_tests::{Bridge, Channels, Room, Trunk};

/// Makes each reason happen once, in a room of its own. A new reason fails until something triggers
/// it.
fn each_happens_once<R: Reason + Debug>(of: fn(&DataLedger) -> &Counts<R>, trigger: fn(R) -> Room) {
    for &reason in R::ALL {
        let room = trigger(reason);
        let counts = of(room.engine.data_ledger());
        assert_eq!(counts[reason], 1, "{reason:?} among {counts:?}");
    }
}

#[test]
fn every_reason_to_discard_a_message_happens() {
    each_happens_once(|ledger| &ledger.discarded, discard);
}

#[test]
fn every_reason_to_withhold_a_message_happens() {
    each_happens_once(|ledger| &ledger.withheld, withhold);
}

/// A data producer, and a data consumer on another transport, which subscribed to subchannel 1.
fn talk(mut room: Room) -> (Room, DataProducerId, DataConsumerId) {
    let (inward, outward) = (room.direct(), room.direct_for(4));
    let data_producer = room.produce_data(inward);
    let consumer = room.consume_data(outward, data_producer, &[1]);
    (room, data_producer, consumer)
}

fn discard(reason: MessageDiscard) -> Room {
    let (mut room, data_producer, _) = talk(Room::new());
    match reason {
        MessageDiscard::DataProducerClosed => {
            let engine = &mut room.engine;
            engine
                .send_message(data_producer, &Message::text("x"))
                .unwrap();
            // Closing it would let the message act first.
            let entity = engine.entity(data_producer).unwrap();
            engine.world_mut().despawn(entity);
        }
        MessageDiscard::UnknownStream => return unknown_stream(),
        MessageDiscard::UnwantedChannel => {
            let mut channels = Channels::new();
            channels.open(1, "a DTLS server opens the odd ones");
            return channels.room;
        }
        MessageDiscard::TooLarge => return longer_than_is_taken(),
        reason => panic!("nothing triggers {reason:?}"),
    }
    room.tick();
    room
}

const SECOND: Duration = Duration::from_secs(1);

fn unknown_stream() -> Room {
    let mut trunk = Trunk::new();
    // It sends on stream 0.
    let bridge = trunk.bridge(0, 7);
    trunk.settle();
    trunk.rooms[0].say(bridge.data_producer, &Message::text("x"));
    trunk.carry(0);
    trunk.run_for(SECOND);
    let [_, room] = trunk.rooms;
    room
}

fn longer_than_is_taken() -> Room {
    let (mut trunk, bridge) = trunk_to_first(
        |builder| builder,
        SctpOptions {
            max_receive_message_size: Some(4),
            ..SctpOptions::default()
        },
    );
    trunk.rooms[1].say(bridge.data_producer, &Message::text("12345"));
    trunk.carry(1);
    trunk.run_for(SECOND);
    let [room, _] = trunk.rooms;
    room
}

/// A way from the second room to the first, which is built with more, and its transport with
/// `options`.
fn trunk_to_first(
    configure: impl FnOnce(Builder) -> Builder,
    options: SctpOptions,
) -> (Trunk, Bridge) {
    let mut trunk = Trunk::with(configure, options);
    let bridge = trunk.bridge(1, 0);
    trunk.settle();
    (trunk, bridge)
}

fn withhold(reason: MessageWithheld) -> Room {
    let limited = Room::with(|builder| builder.delivered_messages_per_transport(1));
    let (mut room, data_producer, consumer) = talk(limited);
    let mut message = Message::text("x");
    match reason {
        MessageWithheld::DataProducerPaused => {
            room.engine.pause_data_producer(data_producer).unwrap();
        }
        MessageWithheld::DataConsumerPaused => room.engine.pause_data_consumer(consumer).unwrap(),
        MessageWithheld::RequiredSubchannel => message.required_subchannel = Some(2),
        MessageWithheld::IgnoredSubchannel => message.ignored_subchannel = Some(1),
        MessageWithheld::NoSubchannel => message.subchannels = &[2],
        MessageWithheld::TooLarge => message = Message::text("12345"),
        MessageWithheld::DirectQueueFull => room.say(data_producer, &message),
        MessageWithheld::NotConnected => {
            let mut trunk = Trunk::new();
            let early = trunk.bridge(0, 0);
            let [mut room, _] = trunk.rooms;
            room.say(early.data_producer, &message);
            return room;
        }
        MessageWithheld::SendBufferFull | MessageWithheld::Empty => {
            return refused_by_the_association(reason);
        }
        MessageWithheld::NoStream => return without_a_stream(),
        reason => panic!("nothing triggers {reason:?}"),
    }
    room.say(data_producer, &message);
    room
}

fn refused_by_the_association(reason: MessageWithheld) -> Room {
    let small = SctpOptions {
        sctp_send_buffer_size: Some(1),
        ..SctpOptions::default()
    };
    let mut trunk = Trunk::with(|builder| builder, small);
    let bridge = trunk.bridge(0, 0);
    trunk.settle();
    let [mut room, _] = trunk.rooms;
    let (times, payload): (_, &[u8]) = match reason {
        MessageWithheld::Empty => (1, b""),
        // The first one fills it.
        _ => (2, b"x"),
    };
    let message = Message {
        ppid: Some(53),
        ..Message::binary(payload)
    };
    for _ in 0..times {
        room.say(bridge.data_producer, &message);
    }
    room
}

/// The receiver takes one stream. Before the two ends have agreed, nobody knows that there is no
/// second one.
fn without_a_stream() -> Room {
    let one = |builder: Builder| builder.sctp_inbound_streams(1);
    let mut trunk = Trunk::with(one, SctpOptions::default());
    trunk.bridge(1, 0);
    let inward = trunk.rooms[1].direct();
    let data_producer = trunk.rooms[1].produce_data(inward);
    trunk.send(1, data_producer);
    trunk.settle();
    let [_, mut room] = trunk.rooms;
    room.say(data_producer, &Message::text("x"));
    room
}
