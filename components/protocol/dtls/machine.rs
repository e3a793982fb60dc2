//! A handshake from its first ClientHello to its end, whichever library makes it.

use std::time::{Duration, Instant};

use flumen_wire::dtls::{ClientHello, write_message};

use super::attempt::{Attempt, Setting};
use super::fingerprint::Expected;
use super::gate::{Gate, Sorted, Stage};
use super::hellos::Hellos;
use super::library::{Agreed, Broken, Yield};
use super::{
    Config, ConnectError, Event, Failure, Identity, Output, Parameters, Refused, Role, SendError,
    State, Versions,
};
use crate::{Generator, Time};

pub(super) struct Machine {
    pub(super) setting: Setting,
    pub(super) state: State,
    pub(super) role: Option<Role>,
    pub(super) expected: Option<Expected>,
    pub(super) may_begin: bool,
    gate: Gate,
    hellos: Hellos,
    attempt: Option<Attempt>,
    beginnings: u8,
    begun_at: Time,
    /// What seems to have gone wrong, and when it is believed.
    trouble: Option<(Failure, Time)>,
    /// When a client begins anew.
    again_at: Option<Time>,
    deadline: Option<Time>,
    agreed: Option<Agreed>,
    pub(super) certificate: Option<Vec<u8>>,
    yielded: Yield,
}

impl Machine {
    pub(super) fn new(
        config: &Config,
        identity: &Identity,
        epoch: Instant,
        generator: Generator,
    ) -> Self {
        Self {
            gate: Gate::new(config),
            setting: Setting {
                config: config.clone(),
                identity: identity.clone(),
                epoch,
                generator,
            },
            state: State::New,
            role: None,
            expected: None,
            may_begin: false,
            hellos: Hellos::default(),
            attempt: None,
            beginnings: 0,
            begun_at: Time::ZERO,
            trouble: None,
            again_at: None,
            deadline: None,
            agreed: None,
            certificate: None,
            yielded: Yield::default(),
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn local_role(&self) -> Option<Role> {
        self.role
    }

    pub(super) fn remote_certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    pub(super) fn connect(&mut self, now: Time, remote: &Parameters) -> Result<Role, ConnectError> {
        if self.expected.is_some() {
            return Err(ConnectError::AlreadyConnected);
        }
        self.expected = Some(Expected::new(&remote.fingerprints)?);
        let role = match (remote.role, self.role) {
            (Role::Client, _) | (Role::Auto, Some(Role::Server)) => Role::Server,
            (Role::Server | Role::Auto, _) => Role::Client,
        };
        if role == Role::Client && self.role == Some(Role::Server) {
            self.give_up_attempt();
            (self.beginnings, self.deadline) = (0, None);
        }
        self.role = Some(role);
        self.begin_if_ready(now);
        self.verify(now);
        Ok(role)
    }

    pub(super) fn start(&mut self, now: Time) {
        self.may_begin = true;
        self.begin_if_ready(now);
    }

    /// A client begins as soon as it is known that it is one, and there is a path; a server waits.
    fn begin_if_ready(&mut self, now: Time) {
        if !self.may_begin || self.is_over() || self.attempt.is_some() || self.agreed.is_some() {
            return;
        }
        match self.role {
            Some(Role::Client) => self.begin_as_client(now),
            Some(Role::Server) => self.tell_connecting(),
            _ => {}
        }
    }

    fn begin_as_client(&mut self, now: Time) {
        let wants_1_3 = self.trouble_is(PROTOCOL_VERSION) && self.may_speak_1_3();
        self.begin(now);
        let begun = Attempt::client(&mut self.setting, now, wants_1_3, &mut self.yielded);
        self.take_begun(now, begun);
    }

    fn begin_as_server(&mut self, now: Time, hello: &[u8]) {
        self.role = Some(Role::Server);
        self.begin(now);
        match ClientHello::parse(hello).map(|read| Attempt::server(&mut self.setting, now, &read)) {
            Ok(begun) => {
                self.take_begun(now, begun);
                self.hand_over(now, hello);
            }
            Err(_) => self.begin_trouble(now, Failure::Broken("no ClientHello".to_owned())),
        }
    }

    fn begin(&mut self, now: Time) {
        self.give_up_attempt();
        self.tell_connecting();
        self.beginnings = self.beginnings.saturating_add(1);
        self.begun_at = now;
        (self.trouble, self.again_at) = (None, None);
        self.gate.count_anew(now);
        let timeout = self.setting.config.handshake_timeout();
        self.deadline.get_or_insert(now + timeout);
    }

    fn take_begun(&mut self, now: Time, begun: Result<Attempt, Broken>) {
        match begun {
            Ok(attempt) => self.attempt = Some(attempt),
            Err(Broken(failure)) => self.begin_trouble(now, failure),
        }
    }

    pub(super) fn receive(&mut self, now: Time, datagram: &[u8]) -> Result<(), Refused> {
        if self.is_over() {
            return Err(Refused::Closed);
        }
        let stage = Stage {
            is_client: self.role == Some(Role::Client),
            speaks_1_3: self.attempt.as_ref().map(Attempt::speaks_1_3),
            is_agreed: self.is_agreed(),
        };
        let sorted = self.gate.sort(now, datagram, stage)?;
        self.take_sorted(now, sorted);
        Ok(())
    }

    fn take_sorted(&mut self, now: Time, sorted: Sorted<'_>) {
        let limit = self.setting.config.client_hello_bytes.into();
        for fragment in &sorted.hellos {
            if let Some(hello) = self.hellos.complete(fragment, limit) {
                self.take_hello(now, &hello);
            }
        }
        if sorted.passes {
            self.pass(now);
        }
        // Before anything is under way nobody has a reason for one.
        if let Some(alert) = sorted.alert.filter(|_| self.attempt.is_some()) {
            self.begin_trouble(now, Failure::Alert(alert));
        }
    }

    /// The same ClientHello again goes to the library; another begins anew, unless what is under way
    /// is to be waited for: either may be a forgery.
    fn take_hello(&mut self, now: Time, hello: &[u8]) {
        let Ok(read) = ClientHello::parse(hello) else {
            return;
        };
        let attempt = self.attempt.as_ref();
        if attempt.is_some_and(|attempt| attempt.answers(read.random)) {
            self.hand_over(now, hello);
        } else if now >= self.begun_at + self.patience() {
            self.begin_as_server(now, hello);
        }
    }

    /// How long a server waits for what has begun: for the time in which an answer is repeated if
    /// nothing came of it, and never without end, since what came may be forged as well.
    fn patience(&self) -> Duration {
        let config = &self.setting.config;
        let for_this = match &self.attempt {
            Some(attempt) if attempt.has_gone_on => config.grace(),
            Some(_) => config.retransmission(),
            None => Duration::ZERO,
        };
        match self.beginnings <= config.new_beginnings {
            true => for_this,
            false => config.grace(),
        }
    }

    /// Hands a whole ClientHello to the library.
    fn hand_over(&mut self, now: Time, hello: &[u8]) {
        let mut record = Vec::with_capacity(hello.len() + 25);
        write_message(1, 0, hello, self.gate.next_sequence(), &mut record);
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        let driven = attempt.library.receive(now, &record, &mut self.yielded);
        self.take_yield(now, driven);
    }

    fn pass(&mut self, now: Time) {
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        attempt.has_gone_on = true;
        if matches!(self.trouble, Some((Failure::Alert(_), _))) {
            (self.trouble, self.again_at) = (None, None);
        }
        let driven = attempt
            .library
            .receive(now, self.gate.passed(), &mut self.yielded);
        self.take_yield(now, driven);
    }

    fn take_yield(&mut self, now: Time, driven: Result<(), Broken>) {
        if let Some(agreed) = self.yielded.agreed.take() {
            self.agreed = Some(agreed);
            self.forget_deadlines();
            self.gate.count_anew(now);
            self.verify(now);
        }
        self.bound_early_data();
        if std::mem::take(&mut self.yielded.is_closed) {
            self.close(now);
        }
        if let Err(Broken(failure)) = driven {
            self.take_broken(now, failure);
        }
    }

    /// What the peer sends before it is known whom to expect waits, to a limit.
    fn bound_early_data(&mut self) {
        let limit = self.setting.config.early_bytes as usize;
        if self.state != State::Connected && self.yielded.out.payload_bytes() > limit {
            self.yielded.out.drop_payloads();
        }
    }

    fn take_broken(&mut self, now: Time, failure: Failure) {
        if self.is_over() {
            return;
        }
        if self.is_agreed() {
            return self.fail(failure);
        }
        self.attempt = None;
        self.begin_trouble(now, failure);
    }

    /// Something that ends a handshake if the handshake does not go on, or begin anew. It is nothing
    /// to one that is over.
    fn begin_trouble(&mut self, now: Time, failure: Failure) {
        if self.is_agreed() || self.is_over() {
            return;
        }
        let config = &self.setting.config;
        let asks_in_1_2 = self.attempt.as_ref().is_some_and(|it| !it.speaks_1_3());
        let is_worth_another = self.attempt.is_none()
            || (failure == Failure::Alert(PROTOCOL_VERSION) && asks_in_1_2 && self.may_speak_1_3());
        if self.role == Some(Role::Client)
            && is_worth_another
            && self.beginnings <= config.new_beginnings
        {
            self.again_at.get_or_insert(now + config.retransmission());
        }
        self.trouble.get_or_insert((failure, now + config.grace()));
    }

    fn may_speak_1_3(&self) -> bool {
        self.setting.config.versions != Versions::Only1_2
    }

    fn trouble_is(&self, alert: u8) -> bool {
        matches!(&self.trouble, Some((Failure::Alert(told), _)) if *told == alert)
    }

    /// Looks at the peer's certificate once there is one and something to compare it with.
    fn verify(&mut self, now: Time) {
        let (Some(expected), Some(agreed)) = (&self.expected, &mut self.agreed) else {
            return;
        };
        if self.state != State::Connecting {
            return;
        }
        if !expected.matches(&agreed.certificate) {
            self.say_goodbye(now);
            return self.fail(Failure::Fingerprint);
        }
        let keys = agreed.keys.take();
        self.certificate = Some(std::mem::take(&mut agreed.certificate));
        self.state = State::Connected;
        self.yielded.out.events.push(Event::Connected(keys));
    }

    pub(super) fn send(&mut self, now: Time, data: &[u8]) -> Result<(), SendError> {
        let attempt = self
            .attempt
            .as_mut()
            .filter(|_| self.state == State::Connected);
        let attempt = attempt.ok_or(SendError::NotConnected)?;
        if data.len() + RECORD_OVERHEAD > self.setting.config.mtu.into() {
            return Err(SendError::TooLong);
        }
        let driven = attempt.library.send(now, data, &mut self.yielded);
        let is_sent = driven.is_ok();
        self.take_yield(now, driven);
        is_sent.then_some(()).ok_or(SendError::Failed)
    }

    pub(super) fn close(&mut self, now: Time) {
        if self.is_over() {
            return;
        }
        self.say_goodbye(now);
        self.end(State::Closed, Event::Closed);
    }

    fn say_goodbye(&mut self, now: Time) {
        if let Some(attempt) = self.attempt.as_mut().filter(|_| self.agreed.is_some()) {
            attempt.library.close(now, &mut self.yielded);
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.end(State::Failed, Event::Failed(failure));
    }

    fn end(&mut self, state: State, event: Event) {
        self.state = state;
        self.attempt = None;
        self.hellos = Hellos::default();
        self.forget_deadlines();
        self.yielded.out.events.push(event);
    }

    fn forget_deadlines(&mut self) {
        (self.trouble, self.again_at, self.deadline) = (None, None, None);
    }

    pub(super) fn next_timeout(&self) -> Option<Time> {
        let library = self
            .attempt
            .as_ref()
            .and_then(|attempt| attempt.library.next_timeout());
        let trouble = self.trouble.as_ref().map(|(_, at)| *at);
        [library, trouble, self.again_at, self.deadline]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn advance(&mut self, now: Time) {
        if self.again_at.is_some_and(|at| at <= now) {
            self.begin_as_client(now);
        }
        if let Some(attempt) = &mut self.attempt {
            let driven = attempt.library.advance(now, &mut self.yielded);
            self.take_yield(now, driven);
        }
        if let Some((failure, _)) = self.trouble.take_if(|(_, at)| *at <= now) {
            self.fail(failure);
        }
        if self.deadline.is_some_and(|at| at <= now) {
            self.run_out_of_time();
        }
    }

    /// Nobody is waited for without end. A server that nobody has answered has heard a ClientHello, which
    /// may be a forgery: it is where it was before.
    fn run_out_of_time(&mut self) {
        let has_gone_on = self.attempt.as_ref().is_none_or(|it| it.has_gone_on);
        if self.role == Some(Role::Server) && !has_gone_on {
            self.give_up_attempt();
            self.beginnings = 0;
            return self.forget_deadlines();
        }
        let trouble = self.trouble.take().map(|(failure, _)| failure);
        self.fail(trouble.unwrap_or(Failure::TimedOut));
    }

    pub(super) fn poll(&mut self, _: Time, out: &mut Output) {
        let with_payloads = self.certificate.is_some();
        let connects = |event: &Event| matches!(event, Event::Connected(_));
        let connects = self.yielded.out.events.iter().any(connects);
        self.yielded.out.move_to(out, with_payloads);
        if connects {
            // What a handshake takes is far more than what is sent afterwards.
            self.yielded.out = Output::default();
            self.hellos = Hellos::default();
        }
    }

    fn tell_connecting(&mut self) {
        if self.state == State::New {
            self.state = State::Connecting;
            self.yielded.out.events.push(Event::Connecting);
        }
    }

    fn give_up_attempt(&mut self) {
        self.attempt = None;
        self.agreed = None;
        self.yielded.agreed = None;
        self.yielded.out.drop_payloads();
    }

    /// Takes no handshake any more.
    pub(super) fn agree_to_nothing(&mut self) {
        self.agreed = Some(Agreed {
            certificate: Vec::new(),
            keys: None,
        });
    }

    /// As client it says hello anew; a server waits, but not for ever.
    pub(super) fn begin_again(&mut self, now: Time) {
        let timeout = self.setting.config.handshake_timeout();
        self.deadline = Some(now + timeout);
        self.begin_if_ready(now);
    }

    fn is_agreed(&self) -> bool {
        self.agreed.is_some()
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Failed | State::Closed)
    }
}

/// The alert of an end that does not speak the other's version (RFC 8446 section 6.2).
const PROTOCOL_VERSION: u8 = 70;

/// Bytes that a record of data has besides: header, nonce and tag.
const RECORD_OVERHEAD: usize = 13 + 8 + 16;
