//! A system that fails poisons the engine: nothing runs on what it left behind.

use flumen::components::Messages;
use flumen::ecs::error::Result as SystemResult;
use flumen::ecs::system::{Local, Res};
use flumen::{Engine, HandleError, Ledger, Message, Slot, Stage, TickError, Time, event};
use flumen_tests::{Packet, Room, VP8_KEY_FRAME};

fn stumble(ledger: Res<'_, Ledger>) {
    assert!(ledger.received < 1, "cannot stand datagrams");
}

fn give_up(ledger: Res<'_, Ledger>) -> SystemResult {
    match ledger.received {
        0 => Ok(()),
        _ => Err("gave up".into()),
    }
}

/// Which system failed, and what it said.
fn poison(tick: Result<(), TickError>) -> (String, String) {
    match tick {
        Err(TickError::Poisoned { system, message }) => (system, message),
        other => panic!("the tick is not poisoned: {other:?}"),
    }
}

fn make_a_packet_arrive(room: &mut Room) {
    let sender = room.plain(([127, 0, 0, 1], 5_000).into());
    room.arrive(sender, &Packet::new(96, 1, 2_222, VP8_KEY_FRAME));
}

#[test]
fn a_panicking_system_is_named_in_this_tick_and_all_later_ones() {
    let mut room = Room::with(|builder| builder.add_systems(Stage::Score, Slot::After, stumble));
    room.tick();
    let ticks = room.engine.ticks();
    make_a_packet_arrive(&mut room);
    for tick in 2..5 {
        let (system, message) = poison(room.engine.tick(Time::from_millis(tick)));
        assert_eq!(system, "stumble");
        assert!(message.contains("cannot stand datagrams"), "{message}");
    }
    poison(room.engine.turn(None));
    assert_eq!(room.engine.ticks(), ticks);
}

#[test]
fn a_system_that_returns_an_error_is_named_too() {
    let mut room = Room::with(|builder| builder.add_systems(Stage::Emit, Slot::Before, give_up));
    room.tick();
    make_a_packet_arrive(&mut room);
    let (system, message) = poison(room.engine.tick(Time::from_millis(2)));
    assert_eq!(system, "give_up");
    assert!(message.contains("gave up"), "{message}");
}

fn stumble_once(messages: Res<'_, Messages>, mut stumbled: Local<'_, bool>) {
    let stumbles = !messages.rows().is_empty() && !*stumbled;
    *stumbled |= stumbles;
    assert!(!stumbles, "cannot stand messages");
}

#[test]
fn a_system_that_fails_over_what_was_sent_before_a_request_is_named_by_the_tick() {
    for by_handle in [false, true] {
        let mut room =
            Room::with(|builder| builder.add_systems(Stage::Demux, Slot::After, stumble_once));
        let transport = room.direct();
        let data_producer = room.produce_data(transport);
        let act = move |engine: &mut Engine| {
            let sent = engine.send_message(data_producer, &Message::text("x"));
            (sent, engine.pause_data_producer(data_producer))
        };
        if by_handle {
            room.engine.handle().request(act).unwrap();
        } else {
            assert_eq!(act(&mut room.engine), (Ok(()), Ok(())));
        }
        let (system, message) = poison(room.engine.tick(Time::from_millis(1)));
        assert_eq!(system, "stumble_once");
        assert!(message.contains("cannot stand messages"), "{message}");
        assert_eq!(room.engine.ticks(), 0);
    }
}

#[test]
fn a_panicking_observer_poisons_the_engine() {
    let mut room = Room::new();
    let sender = room.plain(([127, 0, 0, 1], 5_000).into());
    let producer = room.produce_video(sender, 2_222);
    room.engine
        .observe(producer, |_: &event::ScoreChanged| panic!("no scores here"))
        .unwrap();
    room.arrive(sender, &Packet::new(96, 1, 2_222, VP8_KEY_FRAME));
    let (_, message) = poison(room.engine.tick(Time::from_millis(2)));
    assert!(message.contains("no scores here"), "{message}");
}

#[test]
fn what_was_known_can_still_be_read() {
    let mut room = Room::with(|builder| builder.add_systems(Stage::Score, Slot::After, stumble));
    make_a_packet_arrive(&mut room);
    poison(room.engine.tick(Time::from_millis(1)));
    assert_eq!(room.engine.ledger().received, 1);
    assert!(room.event_names().contains(&"newtransport"));
    poison(room.engine.shutdown(std::time::Duration::ZERO).map(|_| ()));
}

#[test]
fn nobody_waits_for_a_poisoned_engine() {
    let mut room = Room::with(|builder| builder.add_systems(Stage::Score, Slot::After, stumble));
    let handle = room.engine.handle();
    let in_the_tick = handle.request(|engine| engine.ticks()).unwrap();
    make_a_packet_arrive(&mut room);
    poison(room.engine.tick(Time::from_millis(1)));
    assert_eq!(in_the_tick.wait(), Ok(0));
    let Err(HandleError::Poisoned { system, .. }) = handle.request(|_| ()).map(|_| ()) else {
        panic!("whoever asks learns why there is no answer");
    };
    assert_eq!(system, "stumble");
    assert!(handle.wake().is_err());
}
