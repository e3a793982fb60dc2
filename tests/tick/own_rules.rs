//! The example `house_rules`: a filter, a rewriter and an injector together, with closed ledgers.

use std::time::Duration;

use flumen::Message;
use flumen::rtp_parameters::MediaKind;
use flumen_tests::{Packet, RECEIVER, Room, SENDER, address, opus};
use serde_json::json;

use super::rules::{Announcement, Chat, house_rules};

const SPEAKER: u32 = 1;
const ANNOUNCER: u32 = 2;

#[test]
fn a_filter_a_rewriter_and_an_injector_leave_the_ledgers_closed() {
    let mut room = Room::with(|builder| builder.plugin(house_rules));
    let sender = room.plain(address(SENDER));
    let receiver = room.plain(address(RECEIVER));
    let [speaker, announcer] =
        [SPEAKER, ANNOUNCER].map(|ssrc| room.produce(sender, MediaKind::Audio, opus(ssrc)));
    for producer in [speaker, announcer] {
        room.consume(receiver, producer);
    }
    let direct = room.direct();
    let chat = room.produce_data(direct);
    room.consume_data(direct, chat, &[]);
    let announcement = Announcement {
        payload_type: 111,
        ssrc: ANNOUNCER,
        packets_left: 3,
        next_at: room.now,
    };
    let [announcer, chat_entity] = [
        room.engine.entity(announcer).unwrap(),
        room.engine.entity(chat).unwrap(),
    ];
    let world = room.engine.world_mut();
    world.entity_mut(announcer).insert(announcement);
    world.entity_mut(chat_entity).insert(Chat);

    for (number, payload) in [(1, &b"hello"[..]), (2, b"x"), (3, b"world")] {
        room.arrive(sender, &Packet::new(111, number, SPEAKER, payload));
    }
    for text in ["HELLO", "damn"] {
        room.engine
            .send_message(chat, &Message::text(text))
            .unwrap();
    }
    room.tick();
    for _ in 0..6 {
        room.tick_after(Duration::from_millis(10));
    }

    let left = room.rtp_to(address(RECEIVER));
    let payloads: Vec<_> = left.iter().map(|packet| &packet.payload[..]).collect();
    assert_eq!(
        payloads,
        [&b"olleh"[..], b"dlrow", b"gnod", b"gnod", b"gnod"]
    );
    assert!(left.iter().all(|packet| packet.marker));
    assert_eq!(left[1].sequence, left[0].sequence.wrapping_add(1), "no gap");
    let messages: Vec<_> = room.messages().into_iter().map(|got| got.2).collect();
    assert_eq!(messages, [&b"hello"[..], b"the announcement is over"]);

    let ledger = serde_json::to_value(room.engine.ledger()).unwrap();
    assert_eq!(
        (&ledger["received"], &ledger["injected"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(ledger["withheld"], json!({ "tooShort": 1 }));
    let ledger = serde_json::to_value(room.engine.data_ledger()).unwrap();
    assert_eq!(
        (&ledger["received"], &ledger["injected"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(ledger["withheld"], json!({ "rude": 1 }));
}
