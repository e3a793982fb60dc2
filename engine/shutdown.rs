//! The end of an engine.

use std::time::Duration;

use flumen_components::{Event, Ledger, SctpAssociation};

use crate::engine::{Engine, TickError};

/// What an engine leaves behind.
#[derive(Debug)]
pub struct Remains {
    /// The events that were not drained, down to the last `close`.
    pub events: Vec<Event>,
    /// Where every datagram has gone.
    pub ledger: Ledger,
}

/// How long the end of a recording may take to be written, at least.
const LAST_WRITE: Duration = Duration::from_secs(1);

impl Engine {
    /// Sends what waits, for at most `patience`, then closes everything, with events: datagrams for
    /// sockets that take none, packets for their turn, messages for peers to take them. The last of a
    /// recording is waited for as long again, or a second.
    ///
    /// Dropping an engine instead never blocks: what waits is lost, and nobody is told.
    ///
    /// # Errors
    ///
    /// See [`TickError`].
    pub fn shutdown(mut self, patience: Duration) -> Result<Remains, TickError> {
        let deadline = self.clock() + patience;
        self.tick(self.clock())?;
        while self.is_sending() && self.clock() < deadline {
            self.turn(Some(deadline.since(self.clock())))?;
        }
        self.close_all();
        self.finish_recording(patience.max(LAST_WRITE));
        let events = self.drain_events();
        Ok(Remains {
            events,
            ledger: self.ledger().clone(),
        })
    }

    /// Something waits to be sent: for a socket, for its turn, or for a peer to take it.
    fn is_sending(&mut self) -> bool {
        let mut associations = self.world.query::<&SctpAssociation>();
        let mut associations = associations.iter(&self.world);
        self.waiting() > 0
            || self.ledger().paced > 0
            || associations.any(|association| association.buffered() > 0)
    }
}
