//! Systems of an application that decide on packets and messages.

use flumen::components::{DataMessages, Draft, Packets};
use flumen::ecs::entity::Entity;
use flumen::ecs::query::With;
use flumen::ecs::system::Query;
use flumen::rtp_parameters::MediaKind;
use flumen::{DataProducerId, Message, ProducerId, Setup, Slot, Stage};
use flumen_tests::{Packet, Room, opus};

use super::{WARM_UP, address, allocations};

#[test]
fn systems_that_veto_rewrite_and_add_allocate_nothing() {
    let mut room = Room::with(|builder| builder.plugin(meddle));
    room.wire.set_recording(false);
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Audio, opus(1_111));
    for port in 6_000..6_003 {
        let receiver = room.plain(address(port));
        room.consume(receiver, producer);
    }
    let direct = room.direct();
    let chat = room.produce_data(direct);
    room.consume_data(direct, chat, &[]);
    let mut number = 60_000_u16;
    let mut step = || {
        for _ in 0..4 {
            // Every fifth number is the system's own.
            number = number.wrapping_add(1 + u16::from(number % 5 == 3));
            room.arrive(
                sender,
                &Packet::new(111, number, 1_111, &number.to_be_bytes()),
            );
            room.engine
                .send_message(chat, &Message::text("chat"))
                .unwrap();
        }
        let now = room.now + std::time::Duration::from_millis(20);
        room.now = now;
        let made = allocations(|| room.engine.tick(now).unwrap());
        room.engine.check_ledger().unwrap();
        room.engine.drain_messages(|_| {});
        made
    };
    for _ in 0..WARM_UP {
        step();
    }
    let made: u64 = (0..200).map(|_| step()).sum();
    assert_eq!(made, 0);
    let (ledger, data) = (room.engine.ledger(), room.engine.data_ledger());
    assert!(ledger.injected > 400 && ledger.withheld.vetoes().count() == 1);
    assert!(data.injected > 400 && data.withheld.vetoes().count() == 1);
}

fn meddle(setup: &mut Setup) {
    let veto = setup.veto("meddled");
    let inject = |mut packets: Packets<'_, '_>,
                  mut messages: DataMessages<'_, '_>,
                  producers: Query<'_, '_, Entity, With<ProducerId>>,
                  chats: Query<'_, '_, Entity, With<DataProducerId>>| {
        const ADDED: [u8; 13] = [0x80, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0x04, 0x57, 9];
        for producer in producers {
            packets.inject(producer, &ADDED).unwrap();
        }
        for chat in chats {
            messages.inject(chat, &Message::binary(&[1])).unwrap();
        }
    };
    let decide = move |mut packets: Packets<'_, '_>, mut messages: DataMessages<'_, '_>| {
        for index in 0..packets.len() {
            let odd = packets
                .get(index)
                .map(|packet| packet.header.sequence_number % 2 == 1);
            match odd {
                Some(true) => packets.veto(index, veto).unwrap(),
                Some(false) => {
                    let change = |draft: &mut Draft<'_>| {
                        draft.set_payload(b"rewritten");
                        draft.set_extension(1, Some(&[7]));
                    };
                    packets.rewrite(index, change).unwrap();
                }
                None => {}
            }
        }
        for index in 0..messages.len() {
            if index % 2 == 0 {
                messages.veto(index, veto).unwrap();
            } else {
                messages.rewrite(index, 53, b"rewritten").unwrap();
            }
        }
    };
    setup.add_systems(Stage::Demux, Slot::Before, inject);
    setup.add_systems(Stage::Forward, Slot::Before, decide);
}
