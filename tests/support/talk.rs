//! An association inside the DTLS connection of a peer.

use flumen::sctp::{Association, Output, UserMessage};

use crate::peer::Peer;
use crate::room::Room;

/// Lets the association of a peer go on inside its DTLS connection; messages that came.
pub fn talk(room: &Room, peer: &mut Peer, association: &mut Association) -> Vec<UserMessage> {
    for payload in std::mem::take(&mut peer.payloads) {
        association
            .receive(room.now, &payload)
            .expect("it is for it");
    }
    if association
        .next_timeout()
        .is_some_and(|due| due <= room.now)
    {
        association.advance(room.now);
    }
    let mut out = Output::default();
    association.poll(room.now, &mut out);
    for datagram in out.datagrams() {
        peer.send_payload(room, datagram);
    }
    out.messages
}
