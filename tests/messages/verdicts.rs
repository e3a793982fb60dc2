//! Systems of an application veto, rewrite and add messages, with closed ledgers.

use flumen::components::{DataMessages, Now};
use flumen::ecs as bevy_ecs;
use flumen::ecs::entity::Entity;
use flumen::ecs::error::Result;
use flumen::ecs::query::With;
use flumen::ecs::resource::Resource;
use flumen::ecs::schedule::IntoScheduleConfigs;
use flumen::ecs::system::{Query, Res, ScheduleSystem};
use flumen::{
    DataConsumerId, DataProducerId, Message, MessageWithheld, Setup, Slot, Stage, TickError, Time,
    VerdictError, Veto,
};
use flumen_tests::{Room, Trunk};

#[derive(Resource, Clone, Copy)]
struct Own(Veto);

fn register(setup: &mut Setup) {
    let own = Own(setup.veto("own"));
    setup.world_mut().insert_resource(own);
}

struct Talk {
    room: Room,
    data_producer: DataProducerId,
    consumers: [DataConsumerId; 2],
}

fn talk<M>(
    stage: Stage,
    slot: Slot,
    systems: impl IntoScheduleConfigs<ScheduleSystem, M> + 'static,
) -> Talk {
    let mut room = Room::with(|builder| builder.plugin(register).add_systems(stage, slot, systems));
    let direct = room.direct();
    let data_producer = room.produce_data(direct);
    let consumers = [&[7][..], &[]].map(|wanted| room.consume_data(direct, data_producer, wanted));
    Talk {
        room,
        data_producer,
        consumers,
    }
}

impl Talk {
    /// What the first data consumer gets when `texts` are sent in one tick.
    fn carry(&mut self, texts: &[&str]) -> Vec<String> {
        for text in texts {
            let message = Message::text(text);
            self.room
                .engine
                .send_message(self.data_producer, &message)
                .unwrap();
        }
        self.room.tick();
        let got = self.room.messages().into_iter();
        let first = got.filter(|got| got.0 == self.consumers[0]);
        first.map(|got| String::from_utf8(got.2).unwrap()).collect()
    }

    fn own(&self) -> Veto {
        self.room.engine.world().resource::<Own>().0
    }
}

fn veto_bad(mut messages: DataMessages<'_, '_>, own: Res<'_, Own>) -> Result {
    for index in 0..messages.len() {
        if messages
            .get(index)
            .is_some_and(|message| message.payload == b"bad")
        {
            messages.veto(index, own.0)?;
        }
    }
    Ok(())
}

#[test]
fn a_message_vetoed_before_receive_is_discarded_by_name() {
    for stage in [Stage::Ingest, Stage::Demux] {
        let mut talk = talk(stage, Slot::After, veto_bad);
        assert_eq!(talk.carry(&["one", "bad", "two"]), ["one", "two"]);
        let ledger = talk.room.engine.data_ledger();
        assert_eq!((ledger.discarded[talk.own()], ledger.accepted), (1, 2));
        let stats = talk.room.engine.data_producer_stats(talk.data_producer);
        assert_eq!(stats.unwrap().messages_received, 2);
    }
}

#[test]
fn a_message_vetoed_after_receive_is_withheld_from_everybody_by_name() {
    for (stage, slot) in [
        (Stage::Receive, Slot::After),
        (Stage::Forward, Slot::Before),
    ] {
        let mut talk = talk(stage, slot, veto_bad);
        assert_eq!(talk.carry(&["one", "bad", "two"]), ["one", "two"]);
        let ledger = talk.room.engine.data_ledger();
        assert_eq!((ledger.withheld[talk.own()], ledger.accepted), (2, 3));
        let told = serde_json::to_value(ledger).unwrap();
        assert_eq!(told["withheld"]["own"], 2);
    }
}

fn shout(mut messages: DataMessages<'_, '_>) -> Result {
    for index in 0..messages.len() {
        let Some(message) = messages.get(index) else {
            continue;
        };
        let (ppid, loud) = (message.ppid, [message.payload, b"!"].concat());
        messages.rewrite(index, ppid, &loud.to_ascii_uppercase())?;
    }
    Ok(())
}

#[test]
fn a_message_is_rewritten_for_everybody_who_gets_it() {
    for stage in [Stage::Demux, Stage::Receive, Stage::Score] {
        let mut talk = talk(stage, Slot::After, shout);
        assert_eq!(talk.carry(&["one", "two"]), ["ONE!", "TWO!"]);
        let stats = talk.room.engine.data_producer_stats(talk.data_producer);
        assert_eq!(stats.unwrap().messages_received, 2);
    }
}

#[test]
fn what_comes_over_sctp_is_decided_on_too() {
    let configure = |builder: flumen::Builder| {
        builder
            .plugin(register)
            .add_systems(Stage::Receive, Slot::After, (veto_bad, shout).chain())
    };
    let mut trunk = Trunk::with(configure, flumen::SctpOptions::default());
    // It is the first room that is built with more.
    let bridge = trunk.bridge(1, 0);
    trunk.settle();
    for text in ["one", "bad"] {
        let engine = &mut trunk.rooms[1].engine;
        engine
            .send_message(bridge.data_producer, &Message::text(text))
            .unwrap();
    }
    trunk.settle();
    let got: Vec<_> = trunk.rooms[0]
        .messages()
        .into_iter()
        .map(|got| got.2)
        .collect();
    assert_eq!(got, [b"ONE!"]);
    assert_eq!(trunk.rooms[0].engine.data_ledger().withheld.total(), 1);
}

/// Adds a message to subchannel 7, in the first tick.
fn add_once(
    mut messages: DataMessages<'_, '_>,
    data_producers: Query<'_, '_, Entity, With<DataProducerId>>,
    now: Res<'_, Now>,
) -> Result {
    for data_producer in data_producers.iter().filter(|_| now.tick == 1) {
        let message = Message {
            subchannels: &[9, 7],
            ..Message::text("added")
        };
        messages.inject(data_producer, &message)?;
    }
    Ok(())
}

#[test]
fn an_added_message_is_routed_like_any_other_and_counted_apart() {
    for stage in [Stage::Ingest, Stage::Demux, Stage::Receive, Stage::Score] {
        let mut talk = talk(stage, Slot::After, add_once);
        assert_eq!(talk.carry(&["sent"]), ["sent", "added"], "{stage}");
        let ledger = talk.room.engine.data_ledger();
        assert_eq!(
            (ledger.received, ledger.injected, ledger.accepted),
            (1, 1, 2)
        );
        assert_eq!(ledger.withheld[MessageWithheld::NoSubchannel], 1);
        let stats = talk.room.engine.data_producer_stats(talk.data_producer);
        assert_eq!(stats.unwrap().messages_received, 1, "it was not received");
    }
}

#[test]
fn a_message_added_after_flush_is_one_of_the_next_tick() {
    for stage in [Stage::Flush, Stage::Emit] {
        let mut talk = talk(stage, Slot::After, add_once);
        assert_eq!(talk.carry(&[]), [""; 0]);
        assert!(talk.room.engine.wants_tick());
        assert_eq!(talk.carry(&["sent"]), ["added", "sent"]);
    }
}

#[test]
fn an_added_message_can_be_vetoed_before_and_after_receive() {
    for stage in [Stage::Demux, Stage::Receive] {
        let veto_added = |mut messages: DataMessages<'_, '_>, own: Res<'_, Own>| {
            for index in 0..messages.len() {
                messages.veto(index, own.0).unwrap();
                assert_eq!(
                    messages.veto(index, own.0),
                    Err(VerdictError::NoSuchRow(index))
                );
            }
        };
        let mut talk = talk(stage, Slot::After, (add_once, veto_added).chain());
        assert_eq!(talk.carry(&[]), [""; 0]);
        let ledger = talk.room.engine.data_ledger();
        assert_eq!((ledger.injected, ledger.withheld[talk.own()]), (1, 2));
    }
}

#[test]
fn between_forward_and_flush_nothing_can_be_decided() {
    fn veto(mut messages: DataMessages<'_, '_>, own: Res<'_, Own>) -> Result {
        messages.veto(0, own.0)?;
        Ok(())
    }
    for system in ["veto", "add_once"] {
        let mut talk = match system {
            "veto" => talk(Stage::Forward, Slot::After, veto),
            _ => talk(Stage::Protect, Slot::Before, add_once),
        };
        let engine = &mut talk.room.engine;
        engine
            .send_message(talk.data_producer, &Message::text("x"))
            .unwrap();
        match engine.tick(Time::from_millis(1)) {
            Err(TickError::Poisoned { system: failed, .. }) => assert_eq!(failed, system),
            other => panic!("{other:?}"),
        }
    }
}
