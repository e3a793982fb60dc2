//! Names that one needs, out of modules that are imported whole.

use std::any::type_name;

use flumen_embedder::whole::{self, *};

/// What paused, as a system sees it: the event and the component.
fn count(events: Query<'_, '_, &Paused>, now: Query<'_, '_, &PausedByOwner>) -> usize {
    let paused = now.iter().filter(|paused| paused.0).count();
    events.iter().count() + paused
}

#[test]
fn modules_that_are_imported_whole_name_one_thing_each() {
    let system = IntoSystem::into_system(count);
    assert!(system.name().contains("count"));
    let named = [
        (type_name::<whole::Event>(), "event::Event"),
        (type_name::<whole::Message<'_>>(), "message::Message"),
        (type_name::<whole::Messages>(), "messages::Messages"),
        (type_name::<whole::Discard>(), "discard::Discard"),
        (
            type_name::<whole::ConsumerOptions>(),
            "consume::ConsumerOptions",
        ),
        (
            type_name::<whole::ConsumerRequest>(),
            "consumer::ConsumerRequest",
        ),
        (type_name::<whole::Outgoing>(), "outbox::Outgoing"),
        (
            type_name::<whole::OutgoingMessage>(),
            "command::OutgoingMessage",
        ),
        (type_name::<whole::SendError>(), "send::SendError"),
        (type_name::<whole::SendRefused>(), "error::SendRefused"),
        (
            type_name::<whole::AssociationEvent>(),
            "event::AssociationEvent",
        ),
        (type_name::<whole::UserMessage>(), "event::UserMessage"),
        (type_name::<whole::Resumed>(), "event::Resumed"),
        (
            type_name::<whole::ResumedStreams>(),
            "silence::ResumedStreams",
        ),
    ];
    for (name, expected) in named {
        assert!(name.contains(expected), "{name} is {expected}");
    }
}
