use std::net::SocketAddr;

use flumen_wire::stun::{BINDING, Class, Message, Role, TransactionId, Writer};

use super::*;
use crate::Generator;

type Way = u8;
type Outcome = Result<Answered<Way>, Refused>;

/// An agent, and a peer that asks it by ways that are numbers.
struct Case {
    agent: Agent<Way>,
    generator: Generator,
    now: Time,
    answer: Vec<u8>,
}

/// What a check carries besides what every check carries.
#[derive(Clone, Copy, Default)]
struct Check {
    user: Option<&'static str>,
    password: Option<&'static str>,
    use_candidate: bool,
    nomination: Option<u32>,
    controlled: bool,
    id: Option<TransactionId>,
    unknown: bool,
    method: Option<u16>,
}

const PLAIN: Check = Check {
    user: None,
    password: None,
    use_candidate: false,
    nomination: None,
    controlled: false,
    id: None,
    unknown: false,
    method: None,
};
const NOMINATING: Check = Check {
    use_candidate: true,
    ..PLAIN
};

fn source(way: Way) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 1_000 + u16::from(way)))
}

impl Case {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        Self {
            agent: Agent::new(config, Credentials::new("old-name", "old-password")),
            generator: Generator::new([3; 32], 0),
            now: Time::from_secs(100),
            answer: Vec::new(),
        }
    }

    fn wait(&mut self, millis: u64) -> &mut Self {
        self.now += Duration::from_millis(millis);
        self
    }

    fn ask(&mut self, way: Way, check: Check) -> Outcome {
        let id = check.id.unwrap_or_else(|| {
            let bytes = self.generator.bits().to_be_bytes();
            *bytes.first_chunk().unwrap()
        });
        let mut bytes = Vec::new();
        let method = check.method.unwrap_or(BINDING);
        let mut writer = Writer::new(&mut bytes, Class::Request, method, id);
        let user = check.user.unwrap_or("old-name");
        writer.username(format!("{user}:peer").as_bytes());
        if check.use_candidate {
            writer.use_candidate();
        }
        if let Some(value) = check.nomination {
            writer.nomination(value);
        }
        if check.unknown {
            writer.attribute(0x7000, b"what?");
        }
        let role = [Role::Controlling, Role::Controlled][usize::from(check.controlled)];
        writer.role(role, 1);
        IntegrityKey::new(check.password.unwrap_or("old-password")).seal(writer);
        self.receive(way, &bytes)
    }

    fn receive(&mut self, way: Way, bytes: &[u8]) -> Outcome {
        self.answer.clear();
        let message = Message::parse(bytes).unwrap();
        let from = (way, source(way));
        self.agent
            .receive(self.now, from, &message, &mut self.answer)
    }

    /// Asks, and is answered with success.
    fn check(&mut self, way: Way, check: Check) -> Answered<Way> {
        let answered = self.ask(way, check).unwrap();
        let answer = Message::parse(&self.answer).unwrap();
        assert_eq!(answer.class, Class::Success);
        assert_eq!(answer.mapped, Some(source(way)));
        let password = check.password.unwrap_or("old-password");
        assert!(IntegrityKey::new(password).verifies(&answer));
        answered
    }

    fn hear(&mut self, way: Way) -> bool {
        self.agent.hear(self.now, way)
    }

    fn stands(&self) -> (State, Option<Way>) {
        (self.agent.state(), self.agent.selected())
    }
}

#[test]
fn the_first_way_is_taken_and_the_nominated_one_kept() {
    let mut case = Case::new();
    assert_eq!(case.stands(), (State::New, None));
    assert!(case.check(1, PLAIN).added);
    assert_eq!(case.stands(), (State::Connected, Some(1)));
    assert!(!case.check(1, PLAIN).added);
    case.check(2, PLAIN);
    assert_eq!(case.stands(), (State::Connected, Some(1)), "only stored");
    case.check(2, NOMINATING);
    assert_eq!(case.stands(), (State::Completed, Some(2)));
    case.check(1, PLAIN);
    assert_eq!(case.stands(), (State::Completed, Some(2)));
}

#[test]
fn an_aggressive_first_check_completes_at_once() {
    let mut case = Case::new();
    case.check(1, NOMINATING);
    assert_eq!(case.stands(), (State::Completed, Some(1)));
}

#[test]
fn before_any_media_the_last_nominated_way_wins() {
    let mut case = Case::new();
    for way in [1, 2, 1, 3] {
        case.check(way, NOMINATING);
        assert_eq!(case.agent.selected(), Some(way));
    }
    case.agent.follow(case.now, 2);
    assert_eq!(case.agent.selected(), Some(2), "hands are shaken there");
    case.agent.follow(case.now, 9);
    assert_eq!(case.agent.selected(), Some(2), "no check came by that");
    case.hear(2);
    case.agent.follow(case.now, 1);
    assert_eq!(case.agent.selected(), Some(2));
}

#[test]
fn a_peer_that_nominates_with_every_check_does_not_move_its_media() {
    let mut case = Case::new();
    for way in [1, 2] {
        case.check(way, NOMINATING);
    }
    case.hear(2);
    for _ in 0..20 {
        case.wait(100).hear(2);
        for way in [1, 2] {
            case.check(way, NOMINATING);
            assert_eq!(case.agent.selected(), Some(2));
        }
    }
}

#[test]
fn media_by_a_way_that_was_nominated_later_moves_it_at_once() {
    let mut case = Case::new();
    case.check(1, NOMINATING);
    case.hear(1);
    case.check(2, NOMINATING);
    assert_eq!(case.agent.selected(), Some(1));
    assert!(case.hear(2));
    assert_eq!(case.agent.selected(), Some(2));
    case.wait(10).hear(1);
    assert_eq!(
        case.agent.selected(),
        Some(2),
        "a late packet moves nothing"
    );
}

#[test]
fn a_nat_that_gives_another_port_is_followed() {
    for check in [NOMINATING, PLAIN] {
        let mut case = Case::new();
        case.check(1, NOMINATING);
        case.hear(1);
        assert!(!case.wait(900).hear(2), "nothing is known of it");
        assert_eq!(case.agent.selected(), Some(1));
        case.check(2, check);
        case.hear(2);
        assert_eq!(case.agent.selected(), Some(2));
    }
}

#[test]
fn a_silent_way_loses_to_a_nominated_one_by_which_nothing_came() {
    let mut case = Case::new();
    case.check(1, NOMINATING);
    case.hear(1);
    case.wait(2_900).check(2, NOMINATING);
    assert_eq!(case.agent.selected(), Some(1));
    case.wait(100).check(2, NOMINATING);
    assert_eq!(case.agent.selected(), Some(2));
}

#[test]
fn only_a_higher_nomination_moves_and_moves_at_once() {
    let mut case = Case::new();
    let nominated = |value| Check {
        nomination: Some(value),
        ..PLAIN
    };
    for (way, value, selected) in [(1, 5, 1), (2, 5, 1), (2, 4, 1), (2, 6, 2), (1, 7, 1)] {
        case.check(way, nominated(value));
        case.hear(1);
        assert_eq!(case.agent.selected(), Some(selected), "{way} {value}");
    }
}

#[test]
fn what_is_not_signed_is_never_answered_and_changes_nothing() {
    let mut case = Case::new();
    let cases = [
        (Some("nobody"), None, Refused::UnknownUser),
        (None, Some("guessed"), Refused::Unauthenticated),
        (Some("peer:old-name"), None, Refused::UnknownUser),
        (Some(""), None, Refused::UnknownUser),
    ];
    for (user, password, refused) in cases {
        let check = Check {
            user,
            password,
            ..NOMINATING
        };
        assert_eq!(case.ask(1, check), Err(refused));
        assert!(case.answer.is_empty());
    }
    let mut bare = Vec::new();
    Writer::new(&mut bare, Class::Request, BINDING, [1; 12]).username(b"old-name:peer");
    assert_eq!(case.receive(1, &bare), Err(Refused::Unauthenticated));
    for class in [Class::Indication, Class::Success, Class::Error] {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes, class, BINDING, [1; 12]);
        writer.username(b"old-name:peer");
        IntegrityKey::new("old-password").seal(writer);
        assert_eq!(case.receive(1, &bytes), Err(Refused::NoRequest));
    }
    assert!(case.answer.is_empty());
    assert_eq!(case.stands(), (State::New, None));
    assert_eq!(case.agent.tuples().count(), 0);
}

#[test]
fn faults_of_signed_requests_are_told_and_change_nothing() {
    let mut case = Case::new();
    let controlled = Check {
        controlled: true,
        ..NOMINATING
    };
    let unknown = Check {
        unknown: true,
        ..NOMINATING
    };
    let method = Check {
        method: Some(3),
        ..NOMINATING
    };
    for (check, code) in [(controlled, 487), (unknown, 420), (method, 400)] {
        case.ask(1, check).unwrap();
        let answer = Message::parse(&case.answer).unwrap();
        assert_eq!((answer.class, answer.error), (Class::Error, Some(code)));
        assert!(IntegrityKey::new("old-password").verifies(&answer));
        assert_eq!(case.stands(), (State::New, None));
    }
}

#[test]
fn a_check_that_was_caught_moves_nothing() {
    let mut case = Case::new();
    let check = Check {
        id: Some([7; 12]),
        ..NOMINATING
    };
    case.check(1, check);
    case.check(1, check);
    assert_eq!(case.ask(2, check), Err(Refused::Repeated));
    assert!(case.answer.is_empty());
    assert_eq!(case.stands(), (State::Completed, Some(1)));
    assert!(!case.agent.knows(2));
}

#[test]
fn of_too_many_ways_the_oldest_that_is_not_selected_goes() {
    let mut case = Case::new();
    case.check(1, NOMINATING);
    case.hear(1);
    for way in 2..=8 {
        assert_eq!(case.check(way, PLAIN).evicted, None);
    }
    assert_eq!(case.check(9, PLAIN).evicted, Some(2));
    assert_eq!(case.check(10, PLAIN).evicted, Some(3));
    assert_eq!(case.agent.tuples().count(), 8);
    assert_eq!(case.agent.selected(), Some(1));
}

#[test]
fn anything_authenticated_is_consent_and_silence_ends_it() {
    let mut case = Case::new();
    assert_eq!(case.agent.next_timeout(), None);
    case.check(1, NOMINATING);
    case.wait(29_000).hear(1);
    assert_eq!(
        case.agent.next_timeout(),
        Some(case.now + Duration::from_secs(30))
    );
    case.wait(29_999);
    assert!(case.agent.advance(case.now).is_empty());
    case.wait(1);
    assert_eq!(case.agent.advance(case.now), [1]);
    assert_eq!(case.stands(), (State::Disconnected, None));
    assert!(!case.hear(1));
    case.check(1, PLAIN);
    assert_eq!(case.stands(), (State::Connected, Some(1)));
}

#[test]
fn without_a_timeout_nothing_ends() {
    let mut case = Case::with(Config {
        consent_timeout: None,
        ..Config::default()
    });
    case.check(1, NOMINATING);
    assert!(case.agent.next_timeout().is_none());
    assert!(
        case.wait(1 << 40)
            .agent
            .advance(Time::from_secs(1 << 30))
            .is_empty()
    );
}

#[test]
fn a_restart_keeps_the_old_way_until_the_new_one_is_nominated() {
    let new = |check| Check {
        user: Some("new-name"),
        password: Some("new-password"),
        ..check
    };
    let mut case = Case::new();
    case.check(1, NOMINATING);
    case.hear(1);
    case.agent
        .restart(Credentials::new("new-name", "new-password"));
    assert_eq!(
        case.agent.usernames().collect::<Vec<_>>(),
        ["new-name", "old-name"]
    );
    case.check(1, NOMINATING);
    assert_eq!(case.check(2, new(PLAIN)).retired, None);
    assert_eq!(case.stands(), (State::Completed, Some(1)));
    case.hear(1);
    let retired = case.check(2, new(NOMINATING)).retired;
    assert_eq!(retired.as_deref(), Some("old-name"));
    assert_eq!(case.stands(), (State::Completed, Some(2)));
    assert_eq!(case.ask(1, NOMINATING), Err(Refused::UnknownUser));
}

#[test]
fn a_second_restart_keeps_what_is_in_use() {
    let mut case = Case::new();
    case.check(1, NOMINATING);
    for name in ["never-used", "new-name"] {
        case.agent.restart(Credentials::new(name, "new-password"));
    }
    case.check(1, PLAIN);
    let unused = Check {
        user: Some("never-used"),
        password: Some("new-password"),
        ..PLAIN
    };
    assert_eq!(case.ask(1, unused), Err(Refused::UnknownUser));
}

#[test]
fn a_way_gets_little_before_something_has_come_by_it() {
    let mut case = Case::with(Config {
        unproven_bytes: 1_000,
        ..Config::default()
    });
    assert!(!case.agent.charge(1, 1), "it is not known");
    case.check(1, NOMINATING);
    assert!(case.agent.charge(1, 600) && case.agent.charge(1, 400));
    assert!(!case.agent.charge(1, 1) && !case.agent.is_proven());
    case.check(1, NOMINATING);
    assert!(!case.agent.charge(1, 1), "a check proves nothing");
    case.hear(1);
    assert!(case.agent.charge(1, 1 << 20) && case.agent.is_proven());
}

#[test]
fn ways_are_changed_so_often_and_no_more() {
    let mut case = Case::with(Config {
        switches: 3,
        ..Config::default()
    });
    for (value, selected) in [(1, 1), (2, 2), (3, 1), (4, 1), (5, 1)] {
        let check = Check {
            nomination: Some(value),
            ..PLAIN
        };
        case.check(if value % 2 == 1 { 1 } else { 2 }, check);
        assert_eq!(case.agent.selected(), Some(selected), "{value}");
    }
    let check = Check {
        nomination: Some(6),
        ..PLAIN
    };
    case.wait(10_000).check(2, check);
    assert_eq!(case.agent.selected(), Some(2));
}

#[test]
fn a_connection_that_closes_leaves_the_next_best_way() {
    let mut case = Case::new();
    for way in [1, 2] {
        case.check(way, NOMINATING);
    }
    case.check(3, PLAIN);
    case.agent.forget(case.now, 2);
    assert_eq!(case.stands(), (State::Completed, Some(1)));
    case.agent.forget(case.now, 1);
    assert_eq!(case.stands(), (State::Completed, Some(3)));
    case.agent.forget(case.now, 3);
    assert_eq!(case.stands(), (State::Disconnected, None));
}

#[test]
fn a_closed_agent_answers_nothing() {
    let mut case = Case::new();
    case.check(1, NOMINATING);
    case.agent.close();
    assert_eq!(case.stands(), (State::Closed, None));
    assert_eq!(case.ask(1, NOMINATING), Err(Refused::NoRequest));
}

fn renominating(value: u32) -> Check {
    Check {
        nomination: Some(value),
        ..PLAIN
    }
}

#[test]
fn a_nomination_counts_whatever_it_is_when_nothing_is_selected() {
    for value in [4, 5] {
        let mut case = Case::new();
        case.check(1, renominating(5));
        assert_eq!(case.stands(), (State::Completed, Some(1)));
        case.wait(31_000);
        let now = case.now;
        assert_eq!(case.agent.advance(now), [1]);
        assert_eq!(case.stands(), (State::Disconnected, None));
        case.check(2, renominating(value));
        assert_eq!(case.stands(), (State::Completed, Some(2)));
        case.agent.forget(now, 2);
        case.check(3, renominating(value));
        assert_eq!(case.stands(), (State::Completed, Some(3)));
    }
}

#[test]
fn a_late_nomination_under_the_old_name_does_not_outdo_those_under_the_new_one() {
    let mut case = Case::new();
    case.check(1, renominating(2));
    assert!(case.hear(1));
    case.agent
        .restart(Credentials::new("new-name", "new-password"));
    case.check(1, renominating(5));
    let under_new = Check {
        user: Some("new-name"),
        password: Some("new-password"),
        ..renominating(1)
    };
    let answered = case.check(2, under_new);
    assert_eq!(case.stands(), (State::Completed, Some(2)));
    assert_eq!(answered.retired.as_deref(), Some("old-name"));
}

#[test]
fn a_nomination_that_came_too_soon_counts_when_it_is_repeated() {
    let config = Config {
        switches: 1,
        ..Config::default()
    };
    let mut case = Case::with(config);
    case.check(1, renominating(1));
    assert!(case.hear(1));
    case.agent
        .restart(Credentials::new("new-name", "new-password"));
    let under_new = Check {
        user: Some("new-name"),
        password: Some("new-password"),
        ..renominating(1)
    };
    let answered = case.check(2, under_new);
    assert_eq!(case.agent.selected(), Some(1), "one switch is allowed");
    assert_eq!(answered.retired, None);
    let answered = case.wait(10_000).check(2, under_new);
    assert_eq!(case.agent.selected(), Some(2));
    assert_eq!(answered.retired.as_deref(), Some("old-name"));
}

#[test]
fn all_unproven_ways_of_a_while_get_no_more_than_one() {
    let mut case = Case::new();
    let limit = case.agent.config.unproven_bytes;
    let spend = |case: &mut Case, way| (0..).take_while(|_| case.agent.charge(way, 1_024)).count();
    let mut sent = 0;
    for way in 1..=12 {
        case.check(way, renominating(way.into()));
        assert_eq!(case.agent.selected(), Some(way));
        sent += spend(&mut case, way) as u32 * 1_024;
    }
    assert_eq!(sent, limit);
    case.wait(10_000).check(20, renominating(20));
    assert_eq!(spend(&mut case, 20) as u32 * 1_024, limit);
    assert!(case.hear(20), "nobody else got that");
    case.check(21, renominating(21));
    assert_eq!(spend(&mut case, 21) as u32 * 1_024, limit);
}

#[test]
fn a_nomination_that_came_too_early_counts_once_the_other_way_is_silent() {
    let mut case = Case::new();
    case.check(1, NOMINATING);
    assert!(case.hear(1));
    // It is nominated once, and then only asked.
    case.wait(1_000).check(2, NOMINATING);
    assert_eq!(case.agent.selected(), Some(1));
    case.wait(1_000).check(2, PLAIN);
    assert_eq!(case.agent.selected(), Some(1));
    case.wait(1_000).check(2, PLAIN);
    assert_eq!(case.agent.selected(), Some(2));
    // One that was never nominated does not count.
    case.wait(5_000).check(3, PLAIN);
    assert_eq!(case.agent.selected(), Some(2));
}

#[test]
fn a_peer_that_comes_back_gets_as_much_as_a_new_one() {
    let mut case = Case::new();
    let limit = case.agent.config.unproven_bytes;
    case.check(1, NOMINATING);
    assert!(case.agent.charge(1, limit) && !case.agent.charge(1, 1));
    case.wait(31_000);
    let gone = case.agent.advance(case.now);
    assert_eq!(case.stands(), (State::Disconnected, None), "{gone:?}");
    case.wait(60_000).check(2, PLAIN);
    assert_eq!(case.agent.selected(), Some(2));
    assert!(case.agent.charge(2, limit));
}
