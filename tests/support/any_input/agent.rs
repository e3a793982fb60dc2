//! An ICE agent and a peer that does as it likes.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::Time;
use flumen::components::wire::stun::{BINDING, Class, Message, Role, Writer};
use flumen::ice::{Agent, Config, Credentials, State};
use flumen::stun::IntegrityKey;

/// What a peer does by ways that are numbers: the agent knows no more of them than it may, sends by
/// one that it knows, and says so by its state.
pub fn agent(choices: &[u8]) {
    let config = Config::default();
    let mut agent = Agent::new(config, Credentials::new("first", "password"));
    let mut now = Time::ZERO;
    let mut out = Vec::new();
    for choice in choices.chunks_exact(2) {
        let [what, way] = [choice[0], choice[1] % 16];
        match what % 8 {
            0..=3 => {
                let bytes = check(choice, now);
                let message = Message::parse(&bytes).expect("it was written well");
                let from = (way, SocketAddr::from(([192, 0, 2, way], 9)));
                let _ = agent.receive(now, from, &message, &mut out);
            }
            4 => _ = agent.hear(now, way),
            5 => now += Duration::from_millis(u64::from(choice[1]) * 200),
            6 => agent.forget(now, way),
            _ => agent.restart(Credentials::new(NAMES[usize::from(way % 2)], "password")),
        }
        agent.advance(now);
        assert!(agent.tuples().count() <= config.tuples);
        let selected = agent.selected();
        assert!(selected.is_none_or(|selected| agent.knows(selected)));
        let is_found = matches!(agent.state(), State::Connected | State::Completed);
        assert_eq!(selected.is_some(), is_found);
    }
}

const NAMES: [&str; 2] = ["first", "second"];

fn check(choice: &[u8], now: Time) -> Vec<u8> {
    let [what, way] = [choice[0], choice[1]];
    let mut bytes = Vec::new();
    let mut id = [0; 12];
    id[..8].copy_from_slice(&now.as_nanos().to_be_bytes());
    id[8..10].copy_from_slice(choice);
    let mut writer = Writer::new(&mut bytes, Class::Request, BINDING, id);
    let name = NAMES[usize::from(what >> 3 & 1)];
    writer.username(format!("{name}:peer").as_bytes());
    if what & 0x10 != 0 {
        writer.use_candidate();
    }
    if what & 0x20 != 0 {
        writer.nomination(u32::from(way >> 4));
    }
    if what & 0xC0 == 0xC0 {
        writer.role(Role::Controlled, 1);
    }
    IntegrityKey::new("password").seal(writer);
    bytes
}
