//! The datagrams of an association, as a connection that the library reads and writes.

use std::any::Any;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Notify;
use webrtc_util::{Conn, Error, Result};

use super::super::PORT;

/// The library wants an address and uses it for nothing.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);

/// What has arrived and what is to leave.
#[derive(Default)]
pub(super) struct Connection {
    arrived: Mutex<VecDeque<Bytes>>,
    leaving: Mutex<Vec<Vec<u8>>>,
    arrival: Notify,
    is_closed: AtomicBool,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connection {
    /// A packet for the library.
    pub(super) fn arrive(&self, packet: Bytes) {
        lock(&self.arrived).push_back(packet);
        self.arrival.notify_one();
    }

    /// The packets of the library.
    pub(super) fn leave(&self, each: &mut dyn FnMut(&[u8])) {
        lock(&self.leaving)
            .drain(..)
            .for_each(|packet| each(&packet));
    }

    /// Ends the tasks that read from it.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.arrival.notify_one();
    }
}

#[async_trait]
impl Conn for Connection {
    async fn connect(&self, _: SocketAddr) -> Result<()> {
        Ok(())
    }

    async fn recv(&self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            if self.is_closed.load(Ordering::Relaxed) {
                return Err(Error::ErrAlreadyClosed);
            }
            let packet = lock(&self.arrived).pop_front();
            if let Some(packet) = packet {
                let length = packet.len().min(buffer.len());
                buffer[..length].copy_from_slice(&packet[..length]);
                return Ok(length);
            }
            self.arrival.notified().await;
        }
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr)> {
        Ok((self.recv(buffer).await?, NOBODY))
    }

    async fn send(&self, packet: &[u8]) -> Result<usize> {
        lock(&self.leaving).push(packet.to_vec());
        Ok(packet.len())
    }

    async fn send_to(&self, packet: &[u8], _: SocketAddr) -> Result<usize> {
        self.send(packet).await
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        Ok(NOBODY)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    async fn close(&self) -> Result<()> {
        Connection::close(self);
        Ok(())
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}
