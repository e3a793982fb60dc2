//! Every reason of the data ledger happens: no message vanishes, none is counted twice.

use std::fmt::Debug;

use flumen::{
    Counts, DataConsumerId, DataLedger, DataProducerId, Message, MessageDiscard, MessageWithheld,
    Reason,
};
use flumen_tests::Room;

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
            engine.close_data_producer(data_producer).unwrap();
        }
        reason => panic!("nothing triggers {reason:?}"),
    }
    room.tick();
    room
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
        reason => panic!("nothing triggers {reason:?}"),
    }
    room.say(data_producer, &message);
    room
}
