//! Each datagram finds its transport, by the socket and the address it came from.

use std::net::SocketAddr;

use bevy_ecs::entity::Entity;
use bevy_ecs::query::Has;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::event::{Event, Pending, RtcpTupleChanged, TupleChanged};
use flumen_components::wire::{PacketKind, RtpHeader, classify, rtcp, sctp};
use flumen_components::{
    Connected, Datagram, Discard, Inbox, Ledger, LocalAddresses, Now, Origin, Path, Role,
    RtcpArrival, RtcpIn, RtpArrival, RtpIn, SctpArrival, SctpIn, SctpStreams, Sockets, Subject,
    Traffic, TransportId,
};

/// What claiming writes.
#[derive(SystemParam)]
pub(crate) struct Claims<'w, 's> {
    paths: Query<'w, 's, (&'static mut Path, &'static mut Traffic, Has<SctpStreams>)>,
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
        if let Err(reason) = claims.claim(datagram, bytes, &sockets) {
            ledger.discard(reason);
        }
    }
}

impl Claims<'_, '_> {
    fn claim(
        &mut self,
        datagram: &Datagram,
        bytes: &[u8],
        sockets: &Sockets,
    ) -> Result<(), Discard> {
        let candidate = candidate(datagram.origin, sockets).ok_or(Discard::UnknownSource)?;
        self.count(candidate.transport, bytes.len());
        if datagram.truncated {
            return Err(Discard::Truncated);
        }
        let content = content(bytes)?;
        self.admit(candidate, &content, bytes)?;
        self.keep(datagram, candidate, content);
        Ok(())
    }

    fn count(&mut self, transport: Entity, bytes: usize) {
        if let Ok((_, mut traffic, _)) = self.paths.get_mut(transport) {
            traffic.received.add(bytes as u64, self.now.time);
        }
    }

    /// Checks that the datagram came the way and from the address it must, and learns the address
    /// in comedia mode.
    fn admit(
        &mut self,
        candidate: Candidate,
        content: &Content,
        bytes: &[u8],
    ) -> Result<(), Discard> {
        let paths = self.paths.get_mut(candidate.transport);
        let (mut path, _, has_sctp) = paths.map_err(|_| Discard::UnknownSource)?;
        match (content, candidate.role) {
            (Content::Rtp(_), Role::Rtcp) => return Err(Discard::RtpOnRtcpSocket),
            (Content::Rtcp, Role::Rtp) if !path.rtcp_mux => return Err(Discard::RtcpOnRtpSocket),
            (Content::Sctp, role) if !has_sctp || role == Role::Rtcp => {
                return Err(Discard::UnexpectedSctp);
            }
            _ => {}
        }
        let Some(source) = candidate.source else {
            return Ok(());
        };
        match path.link(candidate.role).remote() {
            Some(remote) if remote == source => Ok(()),
            None if path.comedia => {
                if matches!(content, Content::Sctp) && sctp::check(bytes).is_err() {
                    return Err(Discard::MalformedSctp);
                }
                path.set_remote(candidate.role, source);
                self.announce(candidate, source);
                Ok(())
            }
            _ => Err(Discard::UnknownSource),
        }
    }

    fn announce(&mut self, candidate: Candidate, source: SocketAddr) {
        let about = candidate.transport;
        self.connected.0.push((about, candidate.role));
        let Ok((&id, addresses)) = self.names.get(about) else {
            return;
        };
        let subject = Subject::Transport(id);
        self.pending.0.push(match candidate.role {
            Role::Rtp => {
                let tuple = addresses.rtp.tuple(Some(source));
                Event::from(TupleChanged {
                    about,
                    subject,
                    tuple,
                })
            }
            Role::Rtcp => {
                let tuple = addresses.rtcp.tuple(Some(source));
                Event::from(RtcpTupleChanged {
                    about,
                    subject,
                    tuple,
                })
            }
        });
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
