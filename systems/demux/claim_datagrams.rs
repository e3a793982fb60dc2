//! Each datagram finds its transport, by the socket and the address it came from.

use std::net::SocketAddr;

use bevy_ecs::entity::Entity;
use bevy_ecs::query::Has;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::event::{Event, Pending, RtcpTupleChanged, TupleChanged, UnknownSourceSeen};
use flumen_components::wire::{PacketKind, RtpHeader, classify, rtcp, sctp};
use flumen_components::{
    Connected, Datagram, Discard, Following, Inbox, Ledger, LocalAddresses, Now, Origin, Path,
    Role, RtcpArrival, RtcpIn, RtpArrival, RtpIn, SctpArrival, SctpIn, SctpStreams, Sockets,
    Subject, Traffic, TransportId, Tuple,
};

use crate::discards::TransportDiscards;

/// What a datagram must get past, and where it is counted.
type Way = (
    &'static mut Path,
    &'static mut Traffic,
    Option<&'static mut Following>,
    Has<SctpStreams>,
);

/// What claiming writes.
#[derive(SystemParam)]
pub(crate) struct Claims<'w, 's> {
    ways: Query<'w, 's, Way>,
    discards: TransportDiscards<'w, 's>,
    names: Query<'w, 's, (&'static TransportId, &'static LocalAddresses)>,
    rtp: ResMut<'w, RtpIn>,
    rtcp: ResMut<'w, RtcpIn>,
    sctp: ResMut<'w, SctpIn>,
    connected: ResMut<'w, Connected>,
    pending: ResMut<'w, Pending>,
    now: Res<'w, Now>,
}

/// A datagram that a transport may own.
#[derive(Clone, Copy)]
struct Candidate {
    transport: Entity,
    role: Role,
    /// The remote address; none for what the application sent itself.
    source: Option<SocketAddr>,
}

/// What a datagram holds, checked.
enum Content {
    Rtp(RtpHeader),
    Rtcp,
    /// Not checked yet: an association does that itself.
    Sctp,
}

/// Gives every datagram of the inbox to its transport, or counts why it has none.
pub(crate) fn claim_datagrams(
    inbox: Res<'_, Inbox>,
    sockets: Res<'_, Sockets>,
    mut claims: Claims<'_, '_>,
    mut ledger: ResMut<'_, Ledger>,
) {
    claims.rtp.0.clear();
    claims.rtcp.0.clear();
    claims.sctp.0.clear();
    for datagram in inbox.datagrams() {
        ledger.enter(datagram.origin);
        let bytes = &inbox.bytes()[datagram.range()];
        let Some(candidate) = candidate(datagram.origin, &sockets) else {
            ledger.discard(Discard::UnknownSource);
            continue;
        };
        if let Err(reason) = claims.claim(datagram, bytes, candidate) {
            let discards = &mut claims.discards;
            discards.discard(&mut ledger, candidate.transport, reason);
        }
    }
}

impl Claims<'_, '_> {
    fn claim(
        &mut self,
        datagram: &Datagram,
        bytes: &[u8],
        candidate: Candidate,
    ) -> Result<(), Discard> {
        let (role, now) = (candidate.role, self.now.time);
        let way = self.ways.get_mut(candidate.transport);
        let (path, mut traffic, following, has_sctp) = way.map_err(|_| Discard::UnknownSource)?;
        traffic.received.add(bytes.len() as u64, now);
        if datagram.truncated {
            return Err(Discard::Truncated);
        }
        let content = content(bytes)?;
        check_way(&content, role, &path, has_sctp)?;
        match candidate.source {
            Some(source) if path.link(role).remote() != Some(source) => {
                self.admit(candidate, source, &content, bytes)?;
            }
            Some(_) => following.map_or((), |mut following| following.hear(role, now)),
            None => {}
        }
        self.keep(datagram, candidate, content);
        Ok(())
    }

    /// Learns the address that the datagram came from, in comedia mode.
    fn admit(
        &mut self,
        candidate: Candidate,
        source: SocketAddr,
        content: &Content,
        bytes: &[u8],
    ) -> Result<(), Discard> {
        let way = self.ways.get_mut(candidate.transport);
        let (mut path, _, mut following, _) = way.map_err(|_| Discard::UnknownSource)?;
        let (role, now) = (candidate.role, self.now.time);
        let remote = path.link(role).remote();
        let vacant = match &mut following {
            Some(following) => following.may_be_taken(role, now),
            None => remote.is_none(),
        };
        if !(path.comedia && vacant) {
            if remote.is_some() {
                self.tell_of_stranger(candidate, source);
            }
            return Err(Discard::UnknownSource);
        }
        if matches!(content, Content::Sctp) && sctp::check(bytes).is_err() {
            return Err(Discard::MalformedSctp);
        }
        path.set_remote(role, source);
        if let Some(following) = &mut following {
            match remote {
                None => following.hear(role, now),
                Some(_) => following.take(role, now),
            }
        }
        self.announce(candidate, source);
        Ok(())
    }

    fn announce(&mut self, candidate: Candidate, source: SocketAddr) {
        let about = candidate.transport;
        self.connected.0.push((about, candidate.role));
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

fn candidate(origin: Origin, sockets: &Sockets) -> Option<Candidate> {
    match origin {
        Origin::Direct { transport } | Origin::Injected { transport } => Some(Candidate {
            transport,
            role: Role::Rtp,
            source: None,
        }),
        Origin::Network { socket, source } => {
            let (transport, role) = sockets.receiver(socket, source)?;
            Some(Candidate {
                transport,
                role,
                source: Some(source),
            })
        }
    }
}

/// What a datagram holds, or why it holds nothing of use. RTCP is of use when one packet of it is:
/// the others are counted where it is received.
fn content(bytes: &[u8]) -> Result<Content, Discard> {
    if bytes.is_empty() {
        return Err(Discard::Empty);
    }
    match classify(bytes).ok_or(Discard::Unclassified)? {
        PacketKind::Stun => Err(Discard::UnexpectedStun),
        PacketKind::Dtls => Err(Discard::UnexpectedDtls),
        PacketKind::Sctp => Ok(Content::Sctp),
        PacketKind::Rtp => match RtpHeader::parse(bytes) {
            Ok(header) => Ok(Content::Rtp(header)),
            Err(_) => Err(Discard::MalformedRtp),
        },
        PacketKind::Rtcp if rtcp::packets(bytes).any(|packet| packet.is_ok()) => Ok(Content::Rtcp),
        PacketKind::Rtcp => Err(Discard::MalformedRtcp),
    }
}

/// Checks that a datagram came the way it must.
fn check_way(content: &Content, role: Role, path: &Path, has_sctp: bool) -> Result<(), Discard> {
    match (content, role) {
        (Content::Rtp(_), Role::Rtcp) => Err(Discard::RtpOnRtcpSocket),
        (Content::Rtcp, Role::Rtp) if !path.rtcp_mux => Err(Discard::RtcpOnRtpSocket),
        (Content::Sctp, role) if !has_sctp || role == Role::Rtcp => Err(Discard::UnexpectedSctp),
        _ => Ok(()),
    }
}
