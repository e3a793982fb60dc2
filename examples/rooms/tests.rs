//! What one client may take, as others see it: limits, asked for over HTTP.

mod client;

use std::io::{ErrorKind, Read};
use std::time::Duration;

use serde_json::json;

use crate::limits::Limits;
use client::{Running, answer, request};

const BRIEF: Duration = Duration::from_millis(100);

#[test]
fn a_request_that_is_too_long_is_refused() {
    let server = Running::with(Limits {
        body_bytes: 2_000,
        ..Limits::default()
    });
    for (path, kind) in [
        ("/rpc", "application/json"),
        ("/whip/main", "application/sdp"),
        ("/whep/main", "application/sdp"),
    ] {
        let (status, _) = server.ask("POST", path, kind, &"x".repeat(2_001));
        assert_eq!(status, 413, "{path}");
        let (status, _) = server.ask("POST", path, kind, &"x".repeat(2_000));
        assert_eq!(status, 400, "{path}");
    }
    let capabilities = server.rpc("getRouterRtpCapabilities", &json!({}));
    assert_eq!(capabilities.0, 200);
}

#[test]
fn who_sends_half_a_request_is_not_waited_for() {
    let server = Running::with(Limits {
        headers: BRIEF,
        body: BRIEF,
        ..Limits::default()
    });
    let half_a_head = server.say("GET / HTTP/1.1\r\nhost: ");
    let whole = request("POST", "/rpc", "application/json", &"x".repeat(500));
    let half_a_body = server.say(&whole[..whole.len() - 1]);
    assert_eq!(server.ask("GET", "/", "", "").0, 200);
    assert_eq!(answer(half_a_body).0, 408);
    // It is closed, with an answer or without.
    answer(half_a_head);
}

#[test]
fn more_connections_than_there_may_be_wait_for_others_to_end() {
    let server = Running::with(Limits {
        connections: 2,
        ..Limits::default()
    });
    let mut listeners = ["one", "two"].map(|room| server.listen(room)).into_iter();
    for listener in listeners.as_mut_slice() {
        assert_eq!(listener.next("publishers"), json!([]));
    }
    let mut third = server.say(&request("GET", "/", "", ""));
    third.set_read_timeout(Some(BRIEF)).unwrap();
    let waits = third.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(waits, Err(ErrorKind::WouldBlock));
    third.set_read_timeout(None).unwrap();
    drop(listeners.next());
    assert_eq!(answer(third).0, 200);
}

#[test]
fn there_are_no_more_rooms_than_there_may_be() {
    let server = Running::with(Limits {
        rooms: 2,
        ..Limits::default()
    });
    for count in 0..10 {
        // Nobody stays in these.
        let data = json!({ "room": format!("seen-{count}") });
        assert_eq!(server.rpc("getRouterRtpCapabilities", &data).0, 200);
    }
    assert_eq!(server.transport("first").0, 200);
    let mut listener = server.listen("second");
    assert_eq!(listener.next("publishers"), json!([]));
    let (status, error) = server.transport("third");
    assert_eq!((status, error), (503, json!("there are too many rooms")));
    assert_eq!(server.ask("GET", "/events/third", "", "").0, 503);
    assert_eq!(server.transport("first").0, 200);
}

#[test]
fn rooms_have_short_and_plain_names() {
    let server = Running::with(Limits::default());
    for name in ["", "a room", "../main", "é", &"x".repeat(65)] {
        assert_eq!(server.transport(name).0, 400, "{name:?}");
    }
    assert_eq!(server.transport(&"x".repeat(64)).0, 200);
}

#[test]
fn transports_that_nobody_comes_by_make_room_for_others() {
    let server = Running::with(Limits {
        transports: 2,
        coming: Duration::ZERO,
        ..Limits::default()
    });
    let all = [server.transport("one"), server.transport("two")];
    let status = |of: usize| server.rpc("getStats", &json!({ "id": all[of].1["id"] })).0;
    assert_eq!([status(0), status(1)], [200; 2], "there is room for them");
    assert_eq!(server.transport("two").0, 200);
    assert_eq!([status(0), status(1)], [404, 200]);
}

#[test]
fn transports_whose_clients_may_be_coming_make_no_room() {
    let server = Running::with(Limits {
        transports: 2,
        ..Limits::default()
    });
    let (first, second) = (server.transport("one"), server.transport("two"));
    assert_eq!((first.0, second.0), (200, 200));
    let (status, error) = server.transport("two");
    let full = json!("there are too many transports");
    assert_eq!((status, error), (503, full));
}

#[test]
fn there_is_no_more_on_transports_than_there_may_be() {
    let server = Running::with(Limits {
        parts: 3,
        ..Limits::default()
    });
    let (_, transport) = server.transport("main");
    for stream in 0..3 {
        assert_eq!(server.produce_data(&transport, stream).0, 200);
    }
    let (status, error) = server.produce_data(&transport, 3);
    let full = json!("there are too many producers and consumers");
    assert_eq!((status, error), (503, full));
}

/// What waits for it is bounded: of 6 MB it gets the beginning, and who sends in the end.
#[test]
fn a_listener_that_does_not_read_misses_news_and_not_the_state() {
    const SENDERS: u16 = 300;
    const LATER: u16 = 100;
    let server = Running::with(Limits {
        waiting_events: 4,
        ..Limits::default()
    });
    let mut listener = server.listen("main");
    assert_eq!(listener.next("publishers"), json!([]));
    let mut last = json!(null);
    for _ in 0..SENDERS {
        let (_, transport) = server.transport("main");
        assert_eq!(server.produce_data(&transport, 0).0, 200);
        last = transport;
    }
    for stream in 1..=LATER {
        assert_eq!(server.produce_data(&last, stream).0, 200);
    }
    let chat = server.produce_data(&last, LATER + 1).1["id"].clone();
    let is_last = |news: &serde_json::Value| {
        let mut senders = news.as_array().unwrap().iter();
        senders.any(|one| one["dataProducerId"] == chat)
    };
    let mut heard = 1;
    let news = loop {
        let news = listener.next("publishers");
        if is_last(&news) {
            break news;
        }
        heard += 1;
    };
    assert_eq!(news.as_array().unwrap().len(), usize::from(SENDERS));
    assert!(heard < SENDERS + LATER, "all of {heard} were kept for it");
}
