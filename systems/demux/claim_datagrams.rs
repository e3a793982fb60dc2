//! Each datagram finds its transport, by the socket and the address it came from.

use std::net::SocketAddr;

use bevy_ecs::entity::Entity;
use bevy_ecs::query::{Has, QueryData};
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::event::{Event, Pending, RtcpTupleChanged, TupleChanged, UnknownSourceSeen};
use flumen_components::wire::{PacketKind, RtpHeader, classify, rtcp, sctp};
use flumen_components::{
    Agenda, Datagram, Discard, Following, IceAgent, IceTuple, Inbox, Ledger, LocalAddresses,
    MovedSessions, Now, Origin, Path, Role, RtcpArrival, RtcpIn, RtpArrival, RtpIn, SctpArrival,
    SctpIn, SctpStreams, Sockets, SrtpSession, Subject, Time, Traffic, TransportId, Tuple,
};

use super::answer_checks::of_session;
use crate::discards::TransportDiscards;

/// What a datagram must get past, and where it is counted: looked up once for each.
#[derive(QueryData)]
#[query_data(mutable)]
pub(crate) struct Way {
    path: &'static mut Path,
    traffic: &'static mut Traffic,
    following: Option<&'static mut Following>,
    session: Option<&'static mut SrtpSession>,
    has_sctp: Has<SctpStreams>,
    agent: Option<&'static mut IceAgent>,
}

/// What claiming writes.
#[derive(SystemParam)]
pub(crate) struct Claims<'w, 's> {
    ways: Query<'w, 's, Way>,
    pub(super) rtp: ResMut<'w, RtpIn>,
    rtcp: ResMut<'w, RtcpIn>,
    sctp: ResMut<'w, SctpIn>,
    sockets: Res<'w, Sockets>,
}

/// What becomes of datagrams besides rows: what is counted and told of them.
#[derive(SystemParam)]
pub(crate) struct Tellings<'w, 's> {
    discards: TransportDiscards<'w, 's>,
    names: Query<'w, 's, (&'static TransportId, &'static LocalAddresses)>,
    ledger: ResMut<'w, Ledger>,
    pub(super) agenda: ResMut<'w, Agenda>,
    pub(super) pending: ResMut<'w, Pending>,
    pub(super) now: Res<'w, Now>,
}

/// A datagram that a transport may own.
#[derive(Clone, Copy)]
struct Candidate {
    transport: Entity,
    role: Role,
    /// Where it came from; none for what the application sent itself.
    tuple: Option<IceTuple>,
}

/// What a datagram holds, checked.
enum Content {
    Rtp(RtpHeader),
    Rtcp,
    /// Not checked yet: an association does that itself.
    Sctp,
}

/// Where a datagram comes from, as a transport sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// From where its remote address is, or from the application.
    Known,
    /// From where it may be, which is learnt if the datagram is valid.
    New(SocketAddr),
}

/// Gives every datagram of the inbox to its transport, or counts why it has none.
pub(super) fn claim_datagrams(
    inbox: &mut Inbox,
    claims: &mut Claims<'_, '_>,
    tellings: &mut Tellings<'_, '_>,
) {
    claims.rtp.0.clear();
    claims.rtcp.0.clear();
    for index in 0..inbox.datagrams().len() {
        let datagram = inbox.datagrams()[index];
        if is_of_session(&datagram, &inbox.bytes()[datagram.range()], &claims.sockets) {
            continue;
        }
        tellings.ledger.enter(datagram.origin);
        let Some(candidate) = candidate(datagram.origin, &claims.sockets) else {
            tellings.ledger.discard(Discard::UnknownSource);
            continue;
        };
        let bytes = inbox.datagram_mut(index);
        if let Err(reason) = claims.claim(datagram, bytes, candidate, tellings) {
            tellings.discard(candidate.transport, reason);
        }
    }
}

/// STUN and DTLS of WebRTC transports were taken in already.
fn is_of_session(datagram: &Datagram, bytes: &[u8], sockets: &Sockets) -> bool {
    let kind = classify(bytes).filter(|kind| kind.is_of_session());
    kind.is_some_and(|kind| of_session(datagram, bytes, kind, sockets).is_some())
}

impl Claims<'_, '_> {
    fn claim(
        &mut self,
        mut datagram: Datagram,
        bytes: &mut [u8],
        candidate: Candidate,
        tellings: &mut Tellings<'_, '_>,
    ) -> Result<(), Discard> {
        let now = tellings.now.time;
        let way = self.ways.get_mut(candidate.transport);
        let mut way = way.map_err(|_| Discard::UnknownSource)?;
        way.traffic.received.add(bytes.len() as u64, now);
        if datagram.truncated {
            return Err(Discard::Truncated);
        }
        let kind = kind(bytes)?;
        let (source, content);
        if way.is_protected(candidate, kind) {
            // Nobody but the peer can make a packet count as one that came.
            source = way.admit(candidate, kind, tellings)?;
            datagram.len = way.open(kind, bytes)? as u32;
            content = self::content(kind, &bytes[..datagram.len as usize])?;
        } else {
            content = self::content(kind, bytes)?;
            source = way.admit(candidate, kind, tellings)?;
        }
        match source {
            Source::Known => way.hear(candidate, now, &mut tellings.agenda.moved_sessions),
            Source::New(_) if matches!(content, Content::Sctp) && sctp::check(bytes).is_err() => {
                return Err(Discard::MalformedSctp);
            }
            Source::New(source) => {
                way.learn(candidate.role, source, now);
                tellings.announce(candidate, source);
            }
        }
        self.keep(&datagram, candidate, content);
        Ok(())
    }

    fn keep(&mut self, datagram: &Datagram, candidate: Candidate, content: Content) {
        let &Datagram { start, len, .. } = datagram;
        let Candidate {
            transport, role, ..
        } = candidate;
        match content {
            Content::Rtp(header) => self.rtp.0.push(RtpArrival {
                start,
                len,
                transport,
                header,
            }),
            Content::Rtcp => self.rtcp.0.push(RtcpArrival {
                start,
                len,
                transport,
                role,
            }),
            Content::Sctp => self.sctp.0.push(SctpArrival {
                start,
                len,
                transport,
            }),
        }
    }
}

impl WayItem<'_, '_> {
    /// RTP and RTCP from the network is sealed, on a transport with SRTP.
    fn is_protected(&self, candidate: Candidate, kind: PacketKind) -> bool {
        matches!(kind, PacketKind::Rtp | PacketKind::Rtcp)
            && candidate.tuple.is_some()
            && self.session.is_some()
    }

    /// Opens a packet in place; the length that it has then.
    fn open(&mut self, kind: PacketKind, bytes: &mut [u8]) -> Result<usize, Discard> {
        let session = self.session.as_mut();
        session.ok_or(Discard::SrtpKeysMissing)?.open(kind, bytes)
    }

    /// Checks that the datagram came the way and from the address it must.
    fn admit(
        &mut self,
        candidate: Candidate,
        kind: PacketKind,
        tellings: &mut Tellings<'_, '_>,
    ) -> Result<Source, Discard> {
        if self.agent.is_some() {
            // By which ways it may come was decided by checks. SCTP comes in DTLS, or is not the
            // peer's.
            return match kind {
                PacketKind::Sctp => Err(Discard::UnexpectedSctp),
                _ => Ok(Source::Known),
            };
        }
        match (kind, candidate.role) {
            (PacketKind::Rtp, Role::Rtcp) => return Err(Discard::RtpOnRtcpSocket),
            (PacketKind::Rtcp, Role::Rtp) if !self.path.rtcp_mux => {
                return Err(Discard::RtcpOnRtpSocket);
            }
            (PacketKind::Sctp, role) if !self.has_sctp || role == Role::Rtcp => {
                return Err(Discard::UnexpectedSctp);
            }
            _ => {}
        }
        let Some(IceTuple { remote: source, .. }) = candidate.tuple else {
            return Ok(Source::Known);
        };
        let role = candidate.role;
        let remote = self.path.link(role).remote();
        if remote == Some(source) {
            return Ok(Source::Known);
        }
        let vacant = match &mut self.following {
            Some(following) => following.may_be_taken(role, tellings.now.time),
            None => remote.is_none(),
        };
        if !(self.path.comedia && vacant) {
            if remote.is_some() {
                tellings.tell_of_stranger(candidate, source);
            }
            return Err(Discard::UnknownSource);
        }
        Ok(Source::New(source))
    }

    /// The source of a transport that may get another is there yet, or is another one already.
    fn hear(&mut self, candidate: Candidate, now: Time, moved: &mut MovedSessions) {
        let Some(tuple) = candidate.tuple else {
            return;
        };
        if let Some(following) = &mut self.following {
            following.hear(candidate.role, now);
        }
        if let Some(agent) = &mut self.agent {
            let before = agent.selected();
            agent.hear(now, tuple);
            if agent.selected() != before {
                agent.list(candidate.transport, moved);
            }
        }
    }

    /// Learns the remote address in comedia mode.
    fn learn(&mut self, role: Role, source: SocketAddr, now: Time) {
        let remote = self.path.link(role).remote();
        self.path.set_remote(role, source);
        if let Some(following) = &mut self.following {
            match remote {
                None => following.hear(role, now),
                Some(_) => following.take(role, now),
            }
        }
    }
}

impl Tellings<'_, '_> {
    pub(super) fn discard(&mut self, transport: Entity, reason: Discard) {
        self.discards.discard(&mut self.ledger, transport, reason);
    }

    fn announce(&mut self, candidate: Candidate, source: SocketAddr) {
        let about = candidate.transport;
        self.agenda.connected.0.push((about, candidate.role));
        if let Ok(mut discards) = self.discards.0.get_mut(about) {
            discards.told_of_stranger = false;
        }
        let Some((subject, tuple)) = self.tuple(candidate, source) else {
            return;
        };
        self.pending.0.push(match candidate.role {
            Role::Rtp => Event::from(TupleChanged {
                about,
                subject,
                tuple,
            }),
            Role::Rtcp => Event::from(RtcpTupleChanged {
                about,
                subject,
                tuple,
            }),
        });
    }

    /// A sender that was started anew is such a stranger, and nothing else would tell of it.
    fn tell_of_stranger(&mut self, candidate: Candidate, source: SocketAddr) {
        let about = candidate.transport;
        let Ok(mut discards) = self.discards.0.get_mut(about) else {
            return;
        };
        if std::mem::replace(&mut discards.told_of_stranger, true) {
            return;
        }
        let Some((subject, tuple)) = self.tuple(candidate, source) else {
            return;
        };
        let seen = UnknownSourceSeen {
            about,
            subject,
            tuple,
        };
        self.pending.0.push(seen.into());
    }

    fn tuple(&self, candidate: Candidate, source: SocketAddr) -> Option<(Subject, Tuple)> {
        let (&id, addresses) = self.names.get(candidate.transport).ok()?;
        let local = match candidate.role {
            Role::Rtp => &addresses.rtp,
            Role::Rtcp => &addresses.rtcp,
        };
        Some((Subject::Transport(id), local.tuple(Some(source))))
    }
}

fn candidate(origin: Origin, sockets: &Sockets) -> Option<Candidate> {
    match origin {
        Origin::Direct { transport } | Origin::Injected { transport } => Some(Candidate {
            transport,
            role: Role::Rtp,
            tuple: None,
        }),
        Origin::Network { socket, source } => {
            let (transport, role) = sockets.receiver(socket, source)?;
            Some(Candidate {
                transport,
                role,
                tuple: Some(IceTuple {
                    socket,
                    remote: source,
                }),
            })
        }
    }
}

/// The protocol of a datagram, or why it is none that anybody takes.
fn kind(bytes: &[u8]) -> Result<PacketKind, Discard> {
    if bytes.is_empty() {
        return Err(Discard::Empty);
    }
    match classify(bytes).ok_or(Discard::Unclassified)? {
        PacketKind::Stun => Err(Discard::UnexpectedStun),
        PacketKind::Dtls => Err(Discard::UnexpectedDtls),
        kind => Ok(kind),
    }
}

/// What a datagram holds, or why it holds nothing of use. RTCP is of use when one packet of it is:
/// the others are counted where it is received.
fn content(kind: PacketKind, bytes: &[u8]) -> Result<Content, Discard> {
    match kind {
        PacketKind::Rtp => match RtpHeader::parse(bytes) {
            Ok(header) => Ok(Content::Rtp(header)),
            Err(_) => Err(Discard::MalformedRtp),
        },
        PacketKind::Rtcp if rtcp::packets(bytes).any(|packet| packet.is_ok()) => Ok(Content::Rtcp),
        PacketKind::Rtcp => Err(Discard::MalformedRtcp),
        _ => Ok(Content::Sctp),
    }
}
