//! What happens in a room, told to who listens: server-sent events.

use hyper::body::Bytes;
use serde::Serialize;
use tokio::sync::broadcast;

/// What a room tells.
pub(crate) struct News {
    listeners: broadcast::Sender<Bytes>,
}

impl News {
    /// News of which so many wait for a listener.
    pub(crate) fn new(waiting_max: usize) -> Self {
        Self {
            listeners: broadcast::Sender::new(waiting_max),
        }
    }

    /// Tells an event to all who listen now.
    pub(crate) fn tell(&self, name: &str, data: &impl Serialize) {
        // Nobody has to listen.
        let _ = self.listeners.send(event(name, data));
    }

    /// What is told from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Bytes> {
        self.listeners.subscribe()
    }

    /// Nobody listens.
    pub(crate) fn is_unheard(&self) -> bool {
        self.listeners.receiver_count() == 0
    }
}

/// An event as it is sent.
pub(crate) fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".into());
    format!("event: {name}\ndata: {data}\n\n").into()
}
