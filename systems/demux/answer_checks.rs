//! Connectivity checks are answered, and say where peers are.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::wire::stun::Message;
use flumen_components::wire::{PacketKind, classify};
use flumen_components::{
    Agenda, Control, Datagram, Deadlines, Destination, Discard, IceAgent, IceListeners, IceTuple,
    Inbox, Ledger, Limits, Now, Origin, Outbox, Outgoing, Sockets, Traffic,
};
use flumen_protocol::ice::{Answered, Refused};

use crate::discards::TransportDiscards;

/// What answering writes.
#[derive(SystemParam)]
pub(crate) struct Checks<'w, 's> {
    agents: Query<
        'w,
        's,
        (
            &'static mut IceAgent,
            &'static mut Traffic,
            &'static IceListeners,
        ),
    >,
    discards: TransportDiscards<'w, 's>,
    sockets: ResMut<'w, Sockets>,
    outbox: ResMut<'w, Outbox>,
    ledger: ResMut<'w, Ledger>,
    agenda: ResMut<'w, Agenda>,
    deadlines: ResMut<'w, Deadlines>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Why a message was discarded, and on whose account, if anybody's.
type Fault = (Option<Entity>, Discard);

/// Answers every authenticated check of this tick, and nothing else that is STUN.
pub(crate) fn answer_checks(inbox: Res<'_, Inbox>, mut checks: Checks<'_, '_>) {
    let mut strangers = 0;
    for datagram in inbox.datagrams() {
        let bytes = &inbox.bytes()[datagram.range()];
        let Some(tuple) = of_session(datagram, bytes, PacketKind::Stun, &checks.sockets) else {
            continue;
        };
        checks.ledger.enter(datagram.origin);
        let outcome = match datagram.truncated {
            true => Err((checks.owner(tuple), Discard::Truncated)),
            false => checks.take(tuple, bytes, &mut strangers),
        };
        match outcome {
            Ok(()) => checks.ledger.consumed[Control::Stun] += 1,
            Err((None, reason)) => checks.ledger.discard(reason),
            Err((Some(transport), reason)) => {
                checks
                    .discards
                    .discard(&mut checks.ledger, transport, reason);
            }
        }
    }
}

/// Where a datagram of `kind` came from, when it came to a socket of WebRTC transports.
pub(super) fn of_session(
    datagram: &Datagram,
    bytes: &[u8],
    kind: PacketKind,
    sockets: &Sockets,
) -> Option<IceTuple> {
    if classify(bytes) != Some(kind) {
        return None;
    }
    let Origin::Network { socket, source } = datagram.origin else {
        return None;
    };
    sockets.ice(socket)?;
    let remote = source;
    Some(IceTuple { socket, remote })
}

impl Checks<'_, '_> {
    fn owner(&self, tuple: IceTuple) -> Option<Entity> {
        self.sockets
            .ice(tuple.socket)?
            .remotes
            .get(&tuple.remote)
            .copied()
    }

    fn take(&mut self, tuple: IceTuple, bytes: &[u8], strangers: &mut u32) -> Result<(), Fault> {
        let known = self.owner(tuple);
        let message = Message::parse(bytes).map_err(|_| (known, Discard::MalformedStun))?;
        let receivers = self.sockets.ice(tuple.socket);
        let named = message.receiver().zip(receivers);
        // A NAT may give the port of a peer that left to another one, whose check it is some time later.
        let named = named.and_then(|(username, receivers)| receivers.named(username));
        let Some(transport) = named else {
            let is_request = message.is_check();
            let reason = if is_request {
                Discard::UnknownUsername
            } else {
                Discard::UnwantedStun
            };
            return Err((known, reason));
        };
        if let Some(other) = known.filter(|&known| known != transport)
            && self.holds(other, tuple)
        {
            return Err((Some(transport), Discard::TakenTuple));
        }
        let strangers = (known != Some(transport)).then_some(strangers);
        let answered = self.answer(transport, tuple, &message, strangers);
        answered.map_err(|reason| (Some(transport), reason))
    }

    fn holds(&self, transport: Entity, tuple: IceTuple) -> bool {
        let agent = self.agents.get(transport);
        agent.is_ok_and(|(agent, ..)| agent.holds(self.now.time, tuple))
    }

    fn answer(
        &mut self,
        transport: Entity,
        tuple: IceTuple,
        message: &Message<'_>,
        strangers: Option<&mut u32>,
    ) -> Result<(), Discard> {
        let found = self.agents.get_mut(transport);
        let (mut agent, mut traffic, listeners) = found.map_err(|_| Discard::UnknownUsername)?;
        let now = self.now.time;
        traffic.received.add(message.bytes().len() as u64, now);
        let (tick, limit) = (self.now.tick, self.limits.stun_checks_per_transport);
        let by_its_way = agent.holds(now, tuple);
        if !agent.may_check(tick, by_its_way, limit) {
            return Err(Discard::TooManyChecks);
        }
        // What one transport is not to read takes nothing from the others.
        if let Some(strangers) = strangers {
            *strangers += 1;
            if *strangers > self.limits.stun_checks_per_tick {
                return Err(Discard::TooManyChecks);
            }
        }
        let start = self.outbox.headers.len();
        let from = (tuple, tuple.remote);
        let answered = agent.receive(now, from, message, &mut self.outbox.headers);
        let answered = answered.map_err(reason)?;
        let len = (self.outbox.headers.len() - start) as u16;
        let to = Destination {
            transport,
            socket: tuple.socket,
            address: tuple.remote,
        };
        self.outbox
            .push_to(to, Outgoing::generated(start as u32, len));
        self.ledger.generated += 1;
        agent.arm(transport, &mut self.deadlines);
        agent.list(transport, &mut self.agenda.moved_sessions);
        for username in answered.retired.iter() {
            forget_username(&mut self.sockets, listeners, username);
        }
        self.enter(transport, tuple, &answered);
        Ok(())
    }

    /// What comes by a new way is the transport's from now on, and nobody else's.
    fn enter(&mut self, transport: Entity, tuple: IceTuple, answered: &Answered<IceTuple>) {
        if let Some(evicted) = answered.evicted {
            forget_tuple(&mut self.sockets, evicted, transport);
        }
        if !answered.added {
            return;
        }
        let Some(receivers) = self.sockets.ice_mut(tuple.socket) else {
            return;
        };
        if let Some(connections) = &mut receivers.connections {
            connections.prove(tuple.remote);
        }
        let before = receivers.remotes.insert(tuple.remote, transport);
        if let Some(before) = before.filter(|&before| before != transport)
            && let Ok((mut agent, ..)) = self.agents.get_mut(before)
        {
            agent.forget(self.now.time, tuple);
            agent.list(before, &mut self.agenda.moved_sessions);
        }
    }

    /// Takes peers for gone of which nothing has come for too long.
    fn expire(&mut self) {
        for &(transport, due) in self.deadlines.fired() {
            // A deadline may outlive its transport.
            if due == flumen_components::Due::IceConsent
                && let Ok((mut agent, ..)) = self.agents.get_mut(transport)
            {
                agent.disarm();
                for tuple in agent.advance(self.now.time) {
                    forget_tuple(&mut self.sockets, tuple, transport);
                }
                agent.list(transport, &mut self.agenda.moved_sessions);
            }
        }
        for &transport in &self.agenda.moved_sessions.0 {
            if let Ok((mut agent, ..)) = self.agents.get_mut(transport) {
                agent.arm(transport, &mut self.deadlines);
            }
        }
    }
}

/// Looks after peers that have been silent.
pub(crate) fn watch_consent(mut checks: Checks<'_, '_>) {
    checks.expire();
}

/// What comes by `tuple` is not `transport`'s any more; a connection is closed.
pub(crate) fn forget_tuple(sockets: &mut Sockets, tuple: IceTuple, transport: Entity) {
    if let Some(receivers) = sockets.ice_mut(tuple.socket)
        && receivers.remotes.get(&tuple.remote) == Some(&transport)
    {
        receivers.remotes.remove(&tuple.remote);
        sockets.hang_up(tuple);
    }
}

/// Nothing that names `username` is answered any more.
pub(crate) fn forget_username(sockets: &mut Sockets, listeners: &IceListeners, username: &str) {
    for listener in &listeners.all {
        if let Some(receivers) = sockets.ice_mut(listener.socket) {
            receivers.usernames.remove(username);
        }
    }
}

fn reason(refused: Refused) -> Discard {
    match refused {
        Refused::NoRequest => Discard::UnwantedStun,
        Refused::UnknownUser => Discard::UnknownUsername,
        Refused::Repeated => Discard::RepeatedCheck,
        _ => Discard::UnauthenticatedCheck,
    }
}
