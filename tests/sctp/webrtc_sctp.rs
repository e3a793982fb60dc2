//! An engine whose transports speak SCTP with `webrtc-sctp`, and one that does with the default.

use std::time::Duration;

use flumen::sctp::Stack;
use flumen::{Message, SctpOptions, SctpState, SendMessageToError};
use flumen_tests::Trunk;

const SECOND: Duration = Duration::from_secs(1);

fn trunk() -> Trunk {
    let stack = |builder: flumen::Builder| builder.sctp_stack(Stack::WebRtcSctp);
    Trunk::with(stack, SctpOptions::default())
}

#[test]
fn messages_cross_between_the_two_libraries_both_ways() {
    let mut trunk = trunk();
    let bridges = [trunk.bridge(0, 0), trunk.bridge(1, 0)];
    trunk.settle();
    for (at, bridge) in bridges.into_iter().enumerate() {
        let engine = &trunk.rooms[at].engine;
        let state = engine.sctp_state(trunk.transports[at]);
        assert_eq!(state, Ok(Some(SctpState::Connected)));
        let long = vec![at as u8; 100_000];
        for message in [Message::text("hello"), Message::binary(&long)] {
            let engine = &mut trunk.rooms[at].engine;
            engine.send_message(bridge.data_producer, &message).unwrap();
        }
    }
    trunk.run_for(5 * SECOND);
    for (at, bridge) in bridges.into_iter().enumerate() {
        let got = trunk.rooms[1 - at].messages();
        let expected = [
            (bridge.consumer, 51, b"hello".to_vec()),
            (bridge.consumer, 53, vec![at as u8; 100_000]),
        ];
        assert!(got == expected, "from room {at}: {} messages", got.len());
    }
}

#[test]
fn what_the_library_would_never_send_is_refused() {
    let mut trunk = trunk();
    let bridge = trunk.bridge(0, 0);
    trunk.settle();
    let engine = &mut trunk.rooms[0].engine;
    let (len, max) = (131_073, 131_072);
    let told = engine.sctp_parameters(trunk.transports[0]).unwrap();
    assert_eq!(told.map(|told| told.max_send_message_size), Some(131_072));
    let sent = engine.send_message_to(bridge.sends, &Message::binary(&vec![0; len]));
    assert_eq!(sent, Err(SendMessageToError::TooLong { len, max }));
}

#[test]
fn a_run_with_it_is_not_recorded() {
    let (backend, _wire) = flumen::Loopback::new();
    let builder = flumen::Engine::builder().backend(backend);
    let builder = builder.sctp_stack(Stack::WebRtcSctp);
    let refused = builder.record_to(std::io::sink()).build();
    assert!(matches!(refused, Err(flumen::BuildError::NotRepeatable(_))));
}

#[test]
fn a_run_with_it_that_goes_on_is_not_recorded() {
    let builder = || flumen::Engine::builder().backend(flumen::Loopback::new().0);
    let mut engine = builder().sctp_stack(Stack::WebRtcSctp).build().unwrap();
    let snapshot = engine.snapshot().unwrap();
    let refused = builder().record_to(std::io::sink()).restore(&snapshot);
    let Err(flumen::RestoreError::Build(error)) = refused else {
        panic!("it must fail");
    };
    assert!(matches!(error, flumen::BuildError::NotRepeatable(_)));
    assert!(builder().restore(&snapshot).is_ok());
}
