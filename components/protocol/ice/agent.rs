//! The agent.

mod state;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use flumen_wire::stun::{BINDING, Class, Message, Role, Writer};

use super::repeats::{Repeats, Seen};
use super::tuple::Tuple;
use super::{Answered, Config, Credentials, Refused, State};
use crate::stun::IntegrityKey;
use crate::time::Time;

/// An ICE-lite agent with one component. `T` is a way to the peer: a local and a remote address.
///
/// A way is known once an authenticated check came by it. Which of them is selected:
///
/// - the first one, until the peer nominates one;
/// - then the one nominated last, until something else than checks has come by it;
/// - then another one if its NOMINATION is higher than any before, if it was nominated later and
///   packets come by it, if it was nominated and the selected one is silent, or if packets come by
///   it and none by the selected one.
///
/// So a peer that nominates with every check does not send media back and forth, and one that is
/// behind a NAT that gave it another port is followed with its next check.
#[derive(Clone, Debug)]
pub struct Agent<T> {
    config: Config,
    current: Credentials,
    /// Those before a restart, until the peer nominates under the current ones.
    previous: Option<Credentials>,
    state: State,
    /// The newest one last.
    tuples: Vec<Tuple<T>>,
    selected: Option<T>,
    /// The highest NOMINATION that was followed.
    renomination: Option<u32>,
    nominations: u64,
    repeats: Repeats<T>,
    heard_at: Time,
    switches: Switches,
    /// The way by which the newest part of a handshake came.
    shakes_hands_by: Option<T>,
}

/// How often another way was selected of late.
#[derive(Clone, Copy, Debug, Default)]
struct Switches {
    since: Time,
    count: u32,
    /// Bytes that left by ways which have not been proven since.
    unproven: u32,
}

/// Switches, and what they had sent to anybody, are counted over so long.
const SWITCH_WINDOW: Duration = Duration::from_secs(10);

/// What a check says of the way it came by.
#[derive(Clone, Copy)]
struct Nomination {
    /// NOMINATION.
    value: Option<u32>,
    /// Under credentials that were not nominated under before.
    restarts: bool,
}

impl<T: Copy + PartialEq> Agent<T> {
    /// An agent that waits for checks.
    pub fn new(config: Config, credentials: Credentials) -> Self {
        Self {
            config,
            current: credentials,
            previous: None,
            state: State::New,
            tuples: Vec::new(),
            selected: None,
            renomination: None,
            nominations: 0,
            repeats: Repeats::default(),
            heard_at: Time::ZERO,
            switches: Switches::default(),
            shakes_hands_by: None,
        }
    }

    /// How far it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// The way to send by.
    pub fn selected(&self) -> Option<T> {
        self.selected
    }

    /// What the peer is to name and sign its checks with.
    pub fn credentials(&self) -> &Credentials {
        &self.current
    }

    /// The user names that are answered to.
    pub fn usernames(&self) -> impl Iterator<Item = &str> {
        let all = [Some(&self.current), self.previous.as_ref()];
        all.into_iter().flatten().map(Credentials::username)
    }

    /// The known ways, the newest one last.
    pub fn tuples(&self) -> impl Iterator<Item = T> {
        self.tuples.iter().map(|known| known.tuple)
    }

    /// Whether an authenticated check came by `tuple`.
    pub fn knows(&self, tuple: T) -> bool {
        self.position(tuple).is_some()
    }

    /// Begins anew with other credentials. Everything goes on by the old ways, and those who use the
    /// old credentials are answered, until the peer nominates under the new ones.
    pub fn restart(&mut self, credentials: Credentials) {
        let before = std::mem::replace(&mut self.current, credentials);
        self.previous.get_or_insert(before);
        self.renomination = None;
    }

    /// Whether `tuple` leads to the peer of this agent, and did so a moment ago: then what another one
    /// is told to have come by it is a forgery.
    pub fn holds(&self, now: Time, tuple: T) -> bool {
        self.find(tuple).is_some_and(|known| known.is_held(now))
    }

    /// Takes in a message that came from `source` by `tuple`, and appends its answer to `out`.
    ///
    /// # Errors
    ///
    /// See [`Refused`]; nothing has changed then, and nothing is answered.
    pub fn receive(
        &mut self,
        now: Time,
        (tuple, source): (T, SocketAddr),
        message: &Message<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Answered<T>, Refused> {
        let key = self.authenticate(message)?;
        let seen = self.repeats.note(message.transaction_id(), tuple);
        if seen == Seen::Elsewhere {
            return Err(Refused::Repeated);
        }
        let mut answered = Answered {
            added: false,
            evicted: None,
            retired: None,
        };
        if let Some((code, reason)) = fault(message) {
            fail(message, code, reason, &key, out);
            return Ok(answered);
        }
        if seen == Seen::Never {
            answered = self.heed(now, tuple, message);
        }
        let mut answer = Writer::new(out, Class::Success, BINDING, message.transaction_id());
        answer.mapped(source);
        key.seal(answer);
        Ok(answered)
    }

    /// Something other than a check came by `tuple` and was authenticated. True when that way is
    /// known.
    pub fn hear(&mut self, now: Time, tuple: T) -> bool {
        let Some(position) = self.position(tuple) else {
            return false;
        };
        self.heard_at = now;
        let heard = &mut self.tuples[position];
        if !heard.proven {
            self.switches.unproven = self.switches.unproven.saturating_sub(heard.sent);
        }
        (heard.heard_at, heard.alive_at, heard.proven) = (now, Some(now), true);
        if self.selected != Some(tuple) {
            let heard = &self.tuples[position];
            let selected = self.selected.and_then(|selected| self.find(selected));
            if selected.is_none_or(|selected| selected.yields_to_used(heard, now)) {
                self.switch(now, tuple);
            }
        }
        true
    }

    /// A handshake goes on by `tuple`: until media has come by a way, the peer's is the one by which
    /// it shakes hands.
    pub fn follow(&mut self, now: Time, tuple: T) {
        if self.knows(tuple) {
            self.shakes_hands_by = Some(tuple);
        }
        let selected = self.selected.and_then(|selected| self.find(selected));
        let is_settled = selected.is_some_and(|selected| selected.proven);
        if self.selected != Some(tuple) && !is_settled && self.knows(tuple) {
            self.switch(now, tuple);
        }
    }

    /// The way by which the newest part of a handshake came: whoever completes it has received what was
    /// sent there.
    pub fn shakes_hands_by(&self) -> Option<T> {
        self.shakes_hands_by
    }

    /// Notes that `bytes` are to leave by `tuple`; false when they must not: see
    /// [`Config::unproven_bytes`].
    pub fn charge(&mut self, tuple: T, bytes: u32) -> bool {
        let Some(position) = self.position(tuple) else {
            return false;
        };
        let known = &mut self.tuples[position];
        if known.proven {
            return true;
        }
        let [sent, in_all] =
            [known.sent, self.switches.unproven].map(|it| it.saturating_add(bytes));
        let fits = sent.max(in_all) <= self.config.unproven_bytes;
        if fits {
            (known.sent, self.switches.unproven) = (sent, in_all);
        }
        fits
    }

    /// Whether something besides checks has come by the selected way.
    pub fn is_proven(&self) -> bool {
        let selected = self.selected.and_then(|selected| self.find(selected));
        selected.is_some_and(|selected| selected.proven)
    }

    /// When silence ends what there is, unless something comes.
    pub fn next_timeout(&self) -> Option<Time> {
        let timeout = self.config.consent_timeout?;
        matches!(self.state, State::Connected | State::Completed).then(|| self.heard_at + timeout)
    }

    /// Time has passed. When nothing came for too long, the ways that are forgotten.
    pub fn advance(&mut self, now: Time) -> Vec<T> {
        if self.next_timeout().is_none_or(|timeout| timeout > now) {
            return Vec::new();
        }
        self.lose();
        self.tuples.drain(..).map(|known| known.tuple).collect()
    }

    /// A way is no more: a connection was closed, or another agent has it.
    pub fn forget(&mut self, now: Time, tuple: T) {
        self.tuples.retain(|known| known.tuple != tuple);
        if self.selected != Some(tuple) {
            return;
        }
        let next = self
            .tuples
            .iter()
            .max_by_key(|known| (known.nominated, known.heard_at));
        match next.map(|next| next.tuple) {
            Some(next) => {
                self.renew_switches(now);
                self.select(now, next);
            }
            None => self.lose(),
        }
    }

    /// Nothing is selected any more: whatever the peer nominates next counts.
    fn lose(&mut self) {
        (self.selected, self.state) = (None, State::Disconnected);
        self.renomination = None;
    }

    /// Ends it: nothing is answered from now on.
    pub fn close(&mut self) {
        (self.selected, self.state) = (None, State::Closed);
        self.tuples.clear();
    }

    /// The key of a request that was made with it.
    fn authenticate(&self, message: &Message<'_>) -> Result<IntegrityKey, Refused> {
        if message.class != Class::Request || self.state == State::Closed {
            return Err(Refused::NoRequest);
        }
        let user = message.receiver().ok_or(Refused::UnknownUser)?;
        let credentials = [Some(&self.current), self.previous.as_ref()];
        let named = |known: &&Credentials| known.username().as_bytes() == user;
        let credentials = credentials.into_iter().flatten().find(named);
        let credentials = credentials.ok_or(Refused::UnknownUser)?;
        match credentials.key.verifies(message) {
            true => Ok(credentials.key.clone()),
            false => Err(Refused::Unauthenticated),
        }
    }

    /// What follows from a check.
    fn heed(&mut self, now: Time, tuple: T, message: &Message<'_>) -> Answered<T> {
        self.heard_at = now;
        let (added, evicted) = self.remember(now, tuple);
        let under_current = message.receiver() == Some(self.current.username().as_bytes());
        let nomination = Nomination {
            // After a restart the peer counts anew, and what is late yet must not outdo it.
            value: message.nomination.filter(|_| under_current),
            restarts: under_current && self.previous.is_some(),
        };
        let mut retired = None;
        if message.nomination.is_some() || message.use_candidate {
            self.nominate(now, tuple, nomination);
            if nomination.restarts && self.selected == Some(tuple) {
                retired = self.previous.take().map(|before| before.username().into());
            }
        } else if matches!(self.state, State::New | State::Disconnected) {
            self.renew_switches(now);
            self.select(now, tuple);
        } else if self.was_nominated_early(now, tuple) {
            self.switch(now, tuple);
        }
        Answered {
            added,
            evicted,
            retired,
        }
    }

    fn remember(&mut self, now: Time, tuple: T) -> (bool, Option<T>) {
        if let Some(position) = self.position(tuple) {
            self.tuples[position].heard_at = now;
            return (false, None);
        }
        let mut evicted = None;
        if self.tuples.len() >= self.config.tuples {
            let unselected = |known: &Tuple<T>| self.selected != Some(known.tuple);
            let oldest = self.tuples.iter().position(unselected);
            evicted = oldest.map(|oldest| self.tuples.remove(oldest).tuple);
        }
        self.tuples.push(Tuple::new(tuple, now));
        (true, evicted)
    }

    fn nominate(&mut self, now: Time, tuple: T, nomination: Nomination) {
        let is_outdone = |value| self.renomination.is_some_and(|highest| value <= highest);
        if nomination.value.is_some_and(is_outdone) {
            return;
        }
        self.nominations += 1;
        let Some(position) = self.position(tuple) else {
            return;
        };
        self.tuples[position].nominated = self.nominations;
        let selected = self.selected.and_then(|selected| self.find(selected));
        let at_once = nomination.value.is_some()
            || nomination.restarts
            || self.state != State::Completed
            || selected.is_none_or(|selected| selected.yields_to_nominated(now));
        if self.selected != Some(tuple) && at_once {
            self.switch(now, tuple);
        }
        if self.selected == Some(tuple) {
            self.renomination = nomination.value.or(self.renomination);
        }
        self.state = State::Completed;
    }

    /// It was nominated behind the one that is selected, which did not yield then and does now: a peer
    /// may nominate once.
    fn was_nominated_early(&self, now: Time, tuple: T) -> bool {
        let Some(selected) = self.selected.and_then(|selected| self.find(selected)) else {
            return false;
        };
        let nominated = self.find(tuple).map_or(0, |known| known.nominated);
        nominated > selected.nominated && selected.yields_to_nominated(now)
    }

    /// Selects another way than before, unless that happens too often.
    fn switch(&mut self, now: Time, tuple: T) {
        self.renew_switches(now);
        let switches = &mut self.switches;
        if self.selected.is_none() || switches.count < self.config.switches {
            switches.count += 1;
            self.select(now, tuple);
        }
    }

    fn renew_switches(&mut self, now: Time) {
        if now.since(self.switches.since) >= SWITCH_WINDOW {
            self.switches = Switches {
                since: now,
                ..Switches::default()
            };
        }
    }

    /// It has its time to be used from now on.
    fn select(&mut self, now: Time, tuple: T) {
        self.selected = Some(tuple);
        if matches!(self.state, State::New | State::Disconnected) {
            self.state = State::Connected;
        }
        if let Some(position) = self.position(tuple) {
            self.tuples[position].alive_at = Some(now);
        }
    }

    fn position(&self, tuple: T) -> Option<usize> {
        self.tuples.iter().position(|known| known.tuple == tuple)
    }

    fn find(&self, tuple: T) -> Option<&Tuple<T>> {
        self.tuples.iter().find(|known| known.tuple == tuple)
    }
}

/// What is wrong with an authenticated request.
fn fault(message: &Message<'_>) -> Option<(u16, &'static str)> {
    if message.method != BINDING {
        return Some((400, "Bad Request"));
    }
    if message.unknown.is_some() {
        return Some((420, "Unknown Attribute"));
    }
    // A lite agent is never the one that nominates (RFC 8445 section 6.1.1).
    let conflict = message.role == Some(Role::Controlled);
    conflict.then_some((487, "Role Conflict"))
}

fn fail(message: &Message<'_>, code: u16, reason: &str, key: &IntegrityKey, out: &mut Vec<u8>) {
    let mut answer = Writer::new(out, Class::Error, message.method, message.transaction_id());
    answer.error(code, reason);
    if let Some(unknown) = message.unknown.filter(|_| code == 420) {
        answer.unknown(unknown);
    }
    key.seal(answer);
}
