//! What reaches a WebRTC transport before anything is known of who sent it.

use std::net::SocketAddr;

use flumen::Time;
use flumen::components::wire::dcep::Open;
use flumen::components::wire::stun::Message;
use flumen::ice::{Agent, Config, Credentials, State};

/// A message: what is not signed is not answered and changes nothing, and what opens a channel can be
/// written again.
pub fn stun(bytes: &[u8]) {
    if let Ok(message) = Message::parse(bytes) {
        let mut agent = Agent::new(Config::default(), Credentials::new("name", "a password"));
        let mut out = Vec::new();
        let from = (0_u8, SocketAddr::from(([192, 0, 2, 1], 9)));
        let refused = agent.receive(Time::ZERO, from, &message, &mut out);
        assert!(refused.is_err() && out.is_empty());
        assert_eq!((agent.state(), agent.tuples().count()), (State::New, 0));
    }
    if let Some(open) = Open::parse(bytes) {
        let mut again = Vec::new();
        open.write(&mut again);
        assert_eq!(Open::parse(&again), Some(open));
    }
}
