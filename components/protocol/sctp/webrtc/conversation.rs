//! The task of an association: the handshake, then one message after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use webrtc_sctp::association::{self, Association};
use webrtc_sctp::chunk::chunk_payload_data::PayloadProtocolIdentifier;
use webrtc_sctp::stream::{ReliabilityType, Stream};

use super::super::identifiers;
use super::super::library::{Occurrence, Side};
use super::super::{Config, OutgoingMessage, PORT, Reliability};
use super::connection::Connection;

/// What a task is asked for.
pub(super) enum Command {
    Write(OutgoingMessage),
    ShutDown,
}

/// Where a task puts what it has to tell.
#[derive(Default)]
pub(super) struct Desk {
    told: Mutex<VecDeque<Occurrence>>,
    lanes: Mutex<BTreeMap<u16, Lane>>,
    is_closed: AtomicBool,
}

/// What is buffered on a stream.
#[derive(Default)]
pub(super) struct Lane {
    stream: Option<Arc<Stream>>,
    /// Bytes that the library has not taken over.
    pub(super) waiting: usize,
}

impl Lane {
    /// Bytes that wait, or are not acknowledged.
    pub(super) fn buffered(&self) -> usize {
        let stream = self.stream.as_ref();
        self.waiting + stream.map_or(0, |stream| stream.buffered_amount())
    }
}

impl Desk {
    pub(super) fn lanes(&self) -> MutexGuard<'_, BTreeMap<u16, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self) -> Option<Occurrence> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.pop_front()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    fn tell(&self, occurrence: Occurrence) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.push_back(occurrence);
    }
}

/// One association from its handshake to its end.
pub(super) async fn converse(
    config: Config,
    side: Side,
    connection: Arc<Connection>,
    desk: Arc<Desk>,
    mut orders: UnboundedReceiver<Command>,
) {
    let longest = config.max_receive_message_size as usize + identifiers::LEN;
    let own = association::Config {
        net_conn: connection,
        max_receive_buffer_size: config.receive_window,
        max_message_size: (config.max_send_message_size).saturating_add(identifiers::LEN as u32),
        mtu: u32::from(config.mtu),
        name: String::new(),
        remote_port: PORT,
        local_port: PORT,
    };
    let association = match side {
        Side::Client => Association::client(own).await,
        Side::Server => Association::server(own).await,
    };
    let Ok(association) = association else {
        desk.tell(Occurrence::HandshakeFailed);
        return;
    };
    desk.tell(Occurrence::Connected);
    let mut talk = Talk {
        association,
        desk: Arc::clone(&desk),
        longest,
        readers: JoinSet::new(),
    };
    talk.go_on(&mut orders).await;
    desk.is_closed.store(true, Ordering::Relaxed);
}

/// An association that is connected.
struct Talk {
    association: Association,
    desk: Arc<Desk>,
    longest: usize,
    readers: JoinSet<()>,
}

impl Talk {
    async fn go_on(&mut self, orders: &mut UnboundedReceiver<Command>) {
        loop {
            tokio::select! {
                biased;
                accepted = self.association.accept_stream() => match accepted {
                    Some(stream) => self.attend(stream),
                    None => return,
                },
                order = orders.recv() => match order {
                    Some(Command::Write(message)) => self.write(&message).await,
                    Some(Command::ShutDown) => return self.shut_down().await,
                    None => return,
                },
            }
        }
    }

    /// The peer may begin streams until it has heard of it.
    async fn shut_down(&mut self) {
        let association = &self.association;
        let ending = association.shutdown();
        tokio::pin!(ending);
        loop {
            tokio::select! {
                biased;
                Some(stream) = association.accept_stream() => {
                    attend(stream, &self.desk, self.longest, &mut self.readers);
                }
                // Fails if it has ended by itself.
                _ = &mut ending => return,
            }
        }
    }

    fn attend(&mut self, stream: Arc<Stream>) {
        attend(stream, &self.desk, self.longest, &mut self.readers);
    }

    fn known(&self, stream: u16) -> Option<Arc<Stream>> {
        let lanes = self.desk.lanes();
        lanes.get(&stream).and_then(|lane| lane.stream.clone())
    }

    /// The stream to write on; `None` once it has ended.
    async fn stream(&mut self, id: u16, ppid: PayloadProtocolIdentifier) -> Option<Arc<Stream>> {
        if self.known(id).is_none()
            && let Ok(opened) = self.association.open_stream(id, ppid).await
        {
            self.attend(opened);
        }
        // If it could not be opened, the peer has just opened it.
        while self.known(id).is_none() {
            let accepted = self.association.accept_stream().await?;
            self.attend(accepted);
        }
        self.known(id)
    }

    /// Hands one message over; waits while the library has no room.
    async fn write(&mut self, message: &OutgoingMessage) {
        let ppid = PayloadProtocolIdentifier::from(message.ppid);
        if let Some(stream) = self.stream(message.stream, ppid).await {
            let (kind, value) = match message.reliability {
                Reliability::Reliable => (ReliabilityType::Reliable, 0),
                Reliability::Lifetime(millis) => (ReliabilityType::Timed, u32::from(millis)),
                Reliability::Retransmits(times) => (ReliabilityType::Rexmit, u32::from(times)),
            };
            stream.set_reliability_params(!message.ordered, kind, value);
            // Fails once it has ended, which is told by itself.
            let _ = stream.write_sctp(&message.payload, ppid).await;
        }
        let mut lanes = self.desk.lanes();
        lanes.entry(message.stream).or_default().waiting -= message.payload.len();
    }
}

/// Reads `stream` from here on.
fn attend(stream: Arc<Stream>, desk: &Arc<Desk>, longest: usize, readers: &mut JoinSet<()>) {
    let id = stream.stream_identifier();
    let lane = Arc::clone(&stream);
    desk.lanes().entry(id).or_default().stream = Some(lane);
    readers.spawn(read(stream, longest, Arc::clone(desk)));
}

/// Reads one stream to its end.
async fn read(stream: Arc<Stream>, longest: usize, desk: Arc<Desk>) {
    let id = stream.stream_identifier();
    let mut buffer = vec![0; longest];
    loop {
        match stream.read_sctp(&mut buffer).await {
            // A stream that was closed reads as empty messages, which SCTP does not have.
            Ok((0, _)) => return,
            Ok((length, ppid)) => desk.tell(Occurrence::Message {
                stream: id,
                ppid: match ppid {
                    PayloadProtocolIdentifier::Unknown => 0,
                    known => known as u32,
                },
                payload: Bytes::copy_from_slice(&buffer[..length]),
            }),
            // The only error there is: the buffer is too short, and the message is gone.
            Err(_) => desk.tell(Occurrence::TooLong { stream: id }),
        }
    }
}
