//! What an engine sends, as it is before it is sealed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flumen::{Engine, View};

/// What was sent since somebody looked.
#[derive(Default)]
pub(super) struct Sent {
    rows: Vec<(SocketAddr, usize)>,
    bytes: Vec<u8>,
}

/// Where an engine's datagrams are told of.
pub(super) struct Departures(Arc<Mutex<Sent>>);

impl Departures {
    /// Is told of all that `engine` sends from here on.
    pub(super) fn of(engine: &mut Engine) -> Self {
        let sent = Arc::<Mutex<Sent>>::default();
        let told = Arc::clone(&sent);
        engine.watch(View::Opened, move |passage| {
            if passage.outgoing {
                let mut sent = lock(&told);
                sent.bytes.extend_from_slice(passage.bytes);
                sent.rows.push((passage.remote, passage.bytes.len()));
            }
        });
        Self(sent)
    }

    /// Takes what was sent; give it back with [`recycle`](Self::recycle).
    pub(super) fn take(&self) -> Sent {
        std::mem::take(&mut *lock(&self.0))
    }

    /// Keeps the memory.
    pub(super) fn recycle(&self, mut sent: Sent) {
        sent.rows.clear();
        sent.bytes.clear();
        *lock(&self.0) = sent;
    }
}

impl Sent {
    /// Every datagram, and where to, in order.
    pub(super) fn each(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let mut rest = &self.bytes[..];
        self.rows.iter().map(move |&(to, len)| {
            let (datagram, behind) = rest.split_at(len);
            rest = behind;
            (to, datagram)
        })
    }
}

/// Nothing panics half way through a change.
fn lock(sent: &Mutex<Sent>) -> MutexGuard<'_, Sent> {
    sent.lock().unwrap_or_else(PoisonError::into_inner)
}
