//! The DTLS connections of WebRTC transports, and what becomes of what they yield.

use bevy_ecs::entity::Entity;
use bevy_ecs::query::Has;
use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};
use flumen_components::event::{DtlsStateChanged, Pending};
use flumen_components::{
    Agenda, Control, Deadlines, Destination, Discard, DtlsConnection, DtlsState, IceAgent,
    IceTuple, Inbox, Ledger, Limits, Now, Outbox, Outgoing, Refusal, SctpArrival, SctpIn,
    SctpStreams, SrtpSession, Subject, TransportId,
};
use flumen_protocol::dtls::{Event, Output, Refused};

use crate::discards::TransportDiscards;

/// A session with what belongs to it.
type Parts = (
    &'static mut IceAgent,
    &'static mut DtlsConnection,
    &'static mut SrtpSession,
    &'static TransportId,
    Has<SctpStreams>,
);

/// The sessions, and where goes what they yield.
#[derive(SystemParam)]
pub(crate) struct Sessions<'w, 's> {
    all: Query<'w, 's, Parts>,
    pub(crate) discards: TransportDiscards<'w, 's>,
    pub(crate) ledger: ResMut<'w, Ledger>,
    outbox: ResMut<'w, Outbox>,
    sctp: ResMut<'w, SctpIn>,
    agenda: ResMut<'w, Agenda>,
    pending: ResMut<'w, Pending>,
    deadlines: ResMut<'w, Deadlines>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
    out: Local<'s, Output>,
}

impl Sessions<'_, '_> {
    /// Hands a datagram that came by `tuple` to the connection of `transport`, and counts what became
    /// of it.
    pub(crate) fn receive(
        &mut self,
        transport: Entity,
        tuple: IceTuple,
        datagram: &[u8],
    ) -> Result<(), Discard> {
        let found = self.all.get_mut(transport);
        let (mut agent, mut dtls, ..) = found.map_err(|_| Discard::UnexpectedDtls)?;
        dtls.receive(self.now.time, datagram).map_err(reason)?;
        self.ledger.consumed[Control::Dtls] += 1;
        if dtls.state() != DtlsState::Connected {
            agent.follow(self.now.time, tuple);
        }
        Ok(())
    }

    /// Fires the timers of connections of which a deadline has passed.
    pub(crate) fn fire(&mut self, inbox: &mut Inbox) {
        let now = self.now.time;
        for index in 0..self.deadlines.fired().len() {
            let (transport, due) = self.deadlines.fired()[index];
            // A deadline may outlive its transport.
            if due == flumen_components::Due::Dtls
                && let Ok((_, mut dtls, ..)) = self.all.get_mut(transport)
                && dtls.fire(now)
            {
                dtls.advance(now);
                self.poll(transport, None, inbox);
            }
        }
    }

    /// Goes on with the connections of transports that moved: their handshakes begin once their
    /// peers are found.
    pub(crate) fn go_on(&mut self, inbox: &mut Inbox) {
        for index in 0..self.agenda.moved_sessions.0.len() {
            let transport = self.agenda.moved_sessions.0[index];
            if let Ok((agent, mut dtls, ..)) = self.all.get_mut(transport) {
                if agent.selected().is_some() {
                    dtls.start(self.now.time);
                }
                self.poll(transport, None, inbox);
            }
        }
    }

    /// Takes out what the connection of `transport` has to yield, after something came by `heard`.
    pub(crate) fn poll(&mut self, transport: Entity, heard: Option<IceTuple>, inbox: &mut Inbox) {
        let now = self.now.time;
        let found = self.all.get_mut(transport);
        let Ok((mut agent, mut dtls, mut srtp, &id, has_sctp)) = found else {
            return;
        };
        self.out.clear();
        dtls.poll(now, &mut self.out);
        dtls.arm(transport, &mut self.deadlines);
        let connected = matches!(self.out.events.last(), Some(Event::Connected(_)));
        let tells = connected || self.out.payloads().len() > 0;
        // A handshake may be over before it is said whom it is to be with.
        if let Some(tuple) = heard.or(agent.shakes_hands_by()).filter(|_| tells) {
            agent.hear(now, tuple);
        }
        agent.list(transport, &mut self.agenda.moved_sessions);
        send(
            &self.out,
            (transport, &mut agent),
            &mut self.outbox,
            &mut self.ledger,
        );
        for event in self.out.events.drain(..) {
            match &event {
                Event::Connected(Some(keys)) => {
                    srtp.set_keys(&keys.remote, &keys.local, &self.limits);
                }
                // Nothing is taken from a peer, nor sealed for it, that is not there any more.
                Event::Closed | Event::Failed(_) => *srtp = SrtpSession::default(),
                _ => {}
            }
            let changed = DtlsStateChanged {
                about: transport,
                subject: Subject::Transport(id),
                dtls_state: state(&event),
            };
            self.pending.0.push(changed.into());
        }
        self.unwrap(transport, has_sctp, inbox);
    }

    /// What connections carry are SCTP packets (RFC 8261).
    fn unwrap(&mut self, transport: Entity, has_sctp: bool, inbox: &mut Inbox) {
        for payload in self.out.payloads() {
            self.ledger.unwrapped += 1;
            let start = inbox.append(payload).filter(|_| has_sctp);
            let Some(start) = start else {
                let reason = Discard::UnexpectedSctp;
                self.discards.discard(&mut self.ledger, transport, reason);
                continue;
            };
            let len = payload.len() as u32;
            self.sctp.0.push(SctpArrival {
                start,
                len,
                transport,
            });
        }
    }
}

fn reason(refused: Refused) -> Discard {
    match refused {
        Refused::Closed => Discard::DtlsClosed,
        _ => Discard::UnwantedDtls,
    }
}

fn state(event: &Event) -> DtlsState {
    match event {
        Event::Connecting => DtlsState::Connecting,
        Event::Connected(_) => DtlsState::Connected,
        Event::Failed(_) => DtlsState::Failed,
        Event::Closed => DtlsState::Closed,
    }
}

/// Puts the datagrams of a connection among those that leave, by the selected way; without one they
/// are lost, as on any path that fails, and the connection sends them again.
pub(crate) fn send(
    out: &Output,
    (transport, agent): (Entity, &mut IceAgent),
    outbox: &mut Outbox,
    ledger: &mut Ledger,
) {
    let Some(tuple) = agent.selected() else {
        return;
    };
    let to = Destination {
        transport,
        socket: tuple.socket,
        address: tuple.remote,
    };
    for datagram in out.datagrams() {
        ledger.generated += 1;
        if !agent.charge(tuple, datagram.len() as u32) {
            ledger.refused[Refusal::Unproven] += 1;
            continue;
        }
        let start = outbox.headers.len() as u32;
        outbox.headers.extend_from_slice(datagram);
        outbox.push_to(to, Outgoing::generated(start, datagram.len() as u16));
    }
}
