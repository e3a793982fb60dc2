//! The SCTP associations of transports, and what becomes of what they yield.

use crate::discards::TransportDiscards;
use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};
use bytes::Bytes;
use flumen_components::event::{
    BufferedAmountLow, DataChannelClosed, DataChannelOpened, Pending, SctpStateChanged,
};
use flumen_components::wire::ppid;
use flumen_components::{
    Agenda, BufferedAmountLowThreshold, Control, DataChannel, DataConsumerId, DataLedger,
    Deadlines, Destination, Discard, DtlsConnection, DtlsState, Due, EarlyMessage, Event, IceAgent,
    Ledger, Limits, Link, MessageDiscard, Messages, Now, Outbox, Outgoing, Path, SctpAssociation,
    SctpSchedule, SctpState, SctpStreams, Subject, Time, TransportId,
};
use flumen_protocol::dtls;
use flumen_protocol::sctp::{self, Association, Output, Refused, UserMessage};

use crate::channels::{Channels, Request, acknowledgement};
use crate::sessions;

/// An association with what belongs to it.
type Parts<'a> = (
    &'a mut SctpAssociation,
    &'a mut SctpSchedule,
    &'a mut SctpStreams,
    &'a Path,
    &'a TransportId,
    Option<&'a mut IceAgent>,
    Option<&'a mut DtlsConnection>,
);

/// Takes a message in, for a data producer.
pub(crate) type Take = fn(&mut Messages, Entity, u32, Bytes);

/// The associations, and where goes what they yield.
#[derive(SystemParam)]
pub(crate) struct Associations<'w, 's> {
    all: Query<'w, 's, Parts<'static>>,
    data_consumers: Query<'w, 's, (&'static DataConsumerId, &'static BufferedAmountLowThreshold)>,
    agenda: ResMut<'w, Agenda>,
    messages: ResMut<'w, Messages>,
    data_ledger: ResMut<'w, DataLedger>,
    outbox: ResMut<'w, Outbox>,
    discards: TransportDiscards<'w, 's>,
    ledger: ResMut<'w, Ledger>,
    pending: ResMut<'w, Pending>,
    deadlines: ResMut<'w, Deadlines>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
    out: Local<'s, Output>,
    wrapped: Local<'s, dtls::Output>,
}

impl Associations<'_, '_> {
    /// Hands a datagram to the association of `transport`, and counts what became of it.
    pub(crate) fn receive(&mut self, transport: Entity, datagram: &[u8]) {
        let Ok((mut association, mut schedule, ..)) = self.all.get_mut(transport) else {
            let reason = Discard::UnexpectedSctp;
            return self.discards.discard(&mut self.ledger, transport, reason);
        };
        self.agenda.stirred.add(transport, &mut schedule);
        match association.receive(self.now.time, datagram) {
            Ok(()) => self.ledger.consumed[Control::Sctp] += 1,
            Err(refused) => {
                let reason = reason(refused);
                self.discards.discard(&mut self.ledger, transport, reason);
            }
        }
    }

    /// Fires the timers of associations of which a deadline has passed.
    pub(crate) fn fire(&mut self) {
        let now = self.now.time;
        for &(entity, due) in self.deadlines.fired() {
            if due != Due::Sctp {
                continue;
            }
            // A deadline may outlive its transport.
            let Ok((mut association, mut schedule, ..)) = self.all.get_mut(entity) else {
                continue;
            };
            if schedule.fire(now) {
                association.advance(now);
                self.agenda.stirred.add(entity, &mut schedule);
            }
        }
    }

    /// Ways have just opened.
    pub(crate) fn stir_connected(&mut self) {
        let Agenda {
            connected, stirred, ..
        } = &mut *self.agenda;
        for &(transport, _) in &connected.0 {
            if let Ok((_, mut schedule, ..)) = self.all.get_mut(transport) {
                stirred.add(transport, &mut schedule);
            }
        }
    }

    /// Takes out what the associations have that something was done to, in the order in which it
    /// was done. `take` puts messages where they are routed.
    pub(crate) fn poll(&mut self, take: Take) {
        for index in 0..self.agenda.stirred.0.len() {
            self.poll_one(self.agenda.stirred.0[index], take);
        }
        self.agenda.stirred.0.clear();
    }

    fn poll_one(&mut self, about: Entity, take: Take) {
        let now = self.now.time;
        let Ok((mut association, mut schedule, mut streams, path, &id, agent, connection)) =
            self.all.get_mut(about)
        else {
            return;
        };
        schedule.unlist();
        let is_wanted = path.is_connected() && !streams.is_empty();
        if is_wanted && association.state() == SctpState::New {
            association.connect(now);
        }
        let name_bytes = self.limits.data_channel_name_bytes;
        let early_bytes = self.limits.early_message_bytes;
        let channels = connection
            .as_deref()
            .map(|connection| connection.local_role());
        let mut follower = Follower {
            about,
            id,
            now,
            association: &mut association.0,
            streams: &mut streams,
            channels: channels.map(|role| Channels::of(role, name_bytes)),
            data_consumers: &self.data_consumers,
            pending: &mut self.pending,
            ledger: &mut self.data_ledger,
            early_bytes,
            has_more: true,
        };
        for (it, message) in follower.awaited() {
            take(&mut self.messages, it, message.ppid, message.payload);
        }
        self.out.clear();
        while std::mem::take(&mut follower.has_more) {
            follower.association.poll(now, &mut self.out);
            for message in self.out.messages.drain(..) {
                if let Some((it, message)) = follower.accept(message) {
                    take(&mut self.messages, it, message.ppid, message.payload);
                }
            }
            for event in self.out.events.drain(..) {
                follower.follow(event);
            }
        }
        let (outbox, ledger) = (&mut *self.outbox, &mut *self.ledger);
        match agent.zip(connection) {
            None => send(&self.out, about, path.rtp, outbox, ledger),
            Some((mut agent, mut connection)) => {
                if wrap(now, &self.out, &mut connection, &mut self.wrapped) == Wrapped::NotAll {
                    agent.list(about, &mut self.agenda.moved_sessions);
                }
                connection.arm(about, &mut self.deadlines);
                sessions::send(&self.wrapped, (about, &mut agent), outbox, ledger);
            }
        }
        let next = association.next_timeout();
        if schedule.arm(next)
            && let Some(next) = next
        {
            self.deadlines.set(next, about, Due::Sctp);
        }
    }
}

fn reason(refused: Refused) -> Discard {
    match refused {
        Refused::Malformed(_) => Discard::MalformedSctp,
        Refused::Closed => Discard::SctpClosed,
        _ => Discard::UnwantedSctp,
    }
}

fn discard(ledger: &mut DataLedger, reason: MessageDiscard) {
    ledger.received += 1;
    ledger.discarded[reason] += 1;
}

/// What follows from what happened to an association.
struct Follower<'a, 'w, 's> {
    about: Entity,
    id: TransportId,
    now: Time,
    association: &'a mut Association,
    streams: &'a mut SctpStreams,
    /// What of them the peer may open; none when they are no data channels.
    channels: Option<Channels>,
    data_consumers:
        &'a Query<'w, 's, (&'static DataConsumerId, &'static BufferedAmountLowThreshold)>,
    pending: &'a mut Pending,
    ledger: &'a mut DataLedger,
    /// Bytes of messages that may wait for their data producers.
    early_bytes: usize,
    /// The association has more to say.
    has_more: bool,
}

impl Follower<'_, '_, '_> {
    /// The data producer that a message is for; what is for none is counted, or asks for a channel.
    fn accept(&mut self, message: UserMessage) -> Option<(Entity, UserMessage)> {
        if let Some(channels) = self.channels
            && message.ppid == ppid::DCEP
        {
            let request = channels.request(&message, self.streams);
            self.answer(message.stream, request);
            return None;
        }
        let Some(&it) = self.streams.incoming.get(&message.stream) else {
            self.keep(message);
            return None;
        };
        Some((it, message))
    }

    /// A channel that the peer has just opened may be somebody's soon.
    fn keep(&mut self, message: UserMessage) {
        let is_open = self.streams.is_open(message.stream);
        let early = EarlyMessage {
            stream: message.stream,
            ppid: message.ppid,
            payload: message.payload,
        };
        if !(is_open && self.streams.early.keep(early, self.early_bytes)) {
            discard(self.ledger, MessageDiscard::UnknownStream);
        }
    }

    /// What waited for data producers that are there now.
    fn awaited(&mut self) -> Vec<(Entity, EarlyMessage)> {
        let SctpStreams {
            incoming, early, ..
        } = &mut *self.streams;
        let taken = early.take(|stream| incoming.contains_key(&stream));
        let whose = |message: EarlyMessage| Some((*incoming.get(&message.stream)?, message));
        taken.into_iter().filter_map(whose).collect()
    }

    fn answer(&mut self, stream: u16, request: Request) {
        match request {
            Request::Nothing => return,
            Request::Refused => self.refuse(stream),
            Request::Open(channel) => {
                let sent = self.association.send(self.now, &acknowledgement(stream));
                // A peer that takes fewer streams than it opens, say, would wait for it in vain.
                if sent.is_ok() {
                    self.tell_opened(channel);
                } else {
                    self.streams.shut(stream);
                    self.refuse(stream);
                }
            }
        }
        self.has_more = true;
    }

    fn tell_opened(&mut self, channel: DataChannel) {
        let opened = DataChannelOpened {
            about: self.about,
            subject: Subject::Transport(self.id),
            channel,
        };
        self.pending.0.push(opened.into());
    }

    fn refuse(&mut self, stream: u16) {
        discard(self.ledger, MessageDiscard::UnwantedChannel);
        self.streams.abandon(stream);
        self.association.reset_stream(stream);
    }

    /// The peer closed a channel: so does this end, unless it did so first (RFC 8831 section 6.7).
    fn close_channel(&mut self, stream_id: u16) {
        if self.channels.is_none() {
            return;
        }
        let Some(is_answer) = self.streams.shut(stream_id) else {
            return;
        };
        self.tell_closed(stream_id);
        if !is_answer {
            self.association.reset_stream(stream_id);
            self.has_more = true;
        }
    }

    fn tell_closed(&mut self, stream_id: u16) {
        for _ in self.streams.early.take(|stream| stream == stream_id) {
            discard(self.ledger, MessageDiscard::UnknownStream);
        }
        let closed = DataChannelClosed {
            about: self.about,
            subject: Subject::Transport(self.id),
            stream_id,
        };
        self.pending.0.push(closed.into());
    }

    fn follow(&mut self, event: sctp::AssociationEvent) {
        match event {
            sctp::AssociationEvent::Streams { outbound, .. } => self.streams.agree(outbound),
            sctp::AssociationEvent::StateChanged(state) => self.tell_state(state),
            sctp::AssociationEvent::BufferedAmountLow { stream, buffered } => {
                let told = self.buffered_amount_low(stream, buffered);
                self.pending.0.extend(told);
            }
            sctp::AssociationEvent::ResetByPeer { stream } => self.close_channel(stream),
            sctp::AssociationEvent::TooLong { .. } => {
                discard(self.ledger, MessageDiscard::TooLarge);
            }
            // On a plain transport, streams are the application's to reset and to know of.
            _ => {}
        }
    }

    fn tell_state(&mut self, state: SctpState) {
        let changed = SctpStateChanged {
            about: self.about,
            subject: Subject::Transport(self.id),
            state,
        };
        self.pending.0.push(changed.into());
        match state {
            SctpState::Connected => self.set_thresholds(),
            // No channel outlives its association.
            _ => {
                for stream in self.streams.shut_all() {
                    self.tell_closed(stream);
                }
            }
        }
    }

    /// What a threshold is can be said to a connected association alone.
    fn set_thresholds(&mut self) {
        for (stream, data_consumer) in self.streams.senders() {
            if let Ok((_, threshold)) = self.data_consumers.get(data_consumer) {
                let bytes = threshold.0 as usize;
                self.association.set_low_threshold(stream, bytes);
            }
        }
    }

    fn buffered_amount_low(&self, stream: u16, buffered: usize) -> Option<Event> {
        let about = self.streams.sender(stream)?;
        let (&id, _) = self.data_consumers.get(about).ok()?;
        let event = BufferedAmountLow {
            about,
            subject: Subject::DataConsumer(id),
            buffered_amount: buffered as u64,
        };
        Some(event.into())
    }
}

/// Whether a connection took what it was to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapped {
    /// It did.
    All,
    /// It is over, or was not there. What it has to tell of that, if anything, it still has.
    NotAll,
}

/// Puts the datagrams of an association into those of a DTLS connection (RFC 8261). What it does not
/// take is lost, and the association sends it again.
pub(crate) fn wrap(
    now: Time,
    out: &Output,
    connection: &mut DtlsConnection,
    wrapped: &mut dtls::Output,
) -> Wrapped {
    wrapped.clear();
    if out.datagrams().len() == 0 {
        return Wrapped::All;
    }
    for datagram in out.datagrams() {
        // Refusals show in the state; what is too long the association was told not to make.
        let _ = connection.send(now, datagram);
    }
    if connection.state() != DtlsState::Connected {
        return Wrapped::NotAll;
    }
    connection.poll(now, wrapped);
    Wrapped::All
}

/// Puts the datagrams of an association among those that leave. Without a remote address there is
/// nobody to send to; that cannot be, since nothing was received and nobody was asked then.
pub(crate) fn send(
    out: &Output,
    transport: Entity,
    link: Link,
    outbox: &mut Outbox,
    ledger: &mut Ledger,
) {
    let Link::Udp {
        socket,
        remote: Some(address),
    } = link
    else {
        return;
    };
    if out.datagrams().len() == 0 {
        return;
    }
    outbox.destinations.push(Destination {
        transport,
        socket,
        address,
    });
    let destination = outbox.destinations.len() as u32 - 1;
    for datagram in out.datagrams() {
        let start = outbox.headers.len() as u32;
        outbox.headers.extend_from_slice(datagram);
        let row = Outgoing::generated(start, datagram.len() as u16);
        outbox.rows.push(Outgoing { destination, ..row });
        ledger.generated += 1;
    }
}
