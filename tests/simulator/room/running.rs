//! How time passes in a room.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use flumen::components::wire::classify::{PacketKind, classify};
use flumen::{Digest, Time};

use super::{EVENTS_MAX, Room};
use crate::checks::Broken;
use crate::network::Toward;
use crate::peer_id::PeerId;
use crate::sending::{Datagram, Out};
use crate::session::nominal_len;

/// So many ticks there are at one time at most, or something asks for another in each of them.
const TICKS_AT_ONCE: u32 = 10_000;

impl Room {
    /// Lets `span` pass.
    ///
    /// # Panics
    ///
    /// When a rule is broken, with the seed and the time.
    pub fn run_for(&mut self, span: Duration) {
        if let Err(broken) = self.try_run_for(span) {
            panic!("{broken}");
        }
    }

    /// Lets `span` pass, or stops at the first rule that is broken.
    ///
    /// # Errors
    ///
    /// Which rule, when, and under which seed; again and again once one was broken.
    pub fn try_run_for(&mut self, span: Duration) -> Result<(), Broken> {
        let end = self.now + span;
        self.verdict()?;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
            self.verdict()?;
        }
        self.now = end;
        Ok(())
    }

    /// Lets time pass until `is_done`, `span` at most; whether it was.
    ///
    /// # Panics
    ///
    /// When a rule is broken.
    pub fn run_until(&mut self, span: Duration, mut is_done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + span;
        while !is_done(self) {
            let Some(next) = self.next().filter(|next| *next <= end) else {
                self.now = end;
                return is_done(self);
            };
            self.now = self.now.max(next);
            self.step();
            if let Some(broken) = &self.broken {
                panic!("{broken}");
            }
        }
        true
    }

    pub(super) fn verdict(&self) -> Result<(), Broken> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// When something happens next.
    fn next(&self) -> Option<Time> {
        let stations = self.stations.iter().map(|station| station.due).min();
        let flights = self.network.next();
        let at_once = self.engine.wants_tick().then_some(self.now);
        let engine = self.engine.next_deadline();
        [stations, flights, at_once, engine, self.tick_due]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due now.
    fn step(&mut self) {
        self.arrive();
        self.act();
        let is_due = |due: Option<Time>| due.is_some_and(|due| due <= self.now);
        if is_due(self.tick_due) || is_due(self.engine.next_deadline()) || self.engine.wants_tick()
        {
            self.tick();
        }
    }

    /// What has come through the network is where it was sent to.
    fn arrive(&mut self) {
        while let Some((toward, bytes)) = self.network.arrival(self.now) {
            match toward {
                Toward::Engine { peer, packet } => {
                    if let Some(packet) = packet {
                        self.checks.supply.arrive(packet);
                    }
                    let server = self.stations[peer.0].server;
                    self.inject(server, peer.address(), &bytes);
                }
                Toward::Peer { peer, is_double } => {
                    let mut out = std::mem::take(&mut self.out);
                    let (station, datagram) = (&mut self.stations[peer.0], &bytes);
                    let taken = station.receive(self.now, (datagram, is_double), &mut out);
                    self.note(taken.map_err(|what| ("sealing", format!("{peer} gets {what}"))));
                    self.out = self.send_up(peer, out);
                }
            }
            self.network.recycle(bytes);
        }
    }

    fn inject(&mut self, server: SocketAddr, from: SocketAddr, datagram: &[u8]) {
        self.wire.inject(server, from, datagram);
        let free = self.last_tick.map_or(self.now, |last| last + self.gather);
        self.tick_due.get_or_insert(free.max(self.now));
    }

    /// Lets a datagram arrive at once where a peer reaches the engine, as if it came from `source`:
    /// from that peer itself, or from anybody who forges it.
    pub fn forge(&mut self, source: SocketAddr, toward: PeerId, datagram: &[u8]) {
        let server = self.stations[toward.0].server;
        self.inject(server, source, datagram);
    }

    /// Peers do what is due.
    fn act(&mut self) {
        for peer in 0..self.stations.len() {
            if self.stations[peer].due <= self.now {
                let mut out = std::mem::take(&mut self.out);
                self.stations[peer].act(self.now, &mut out);
                self.out = self.send_up(PeerId(peer), out);
            }
        }
    }

    /// Puts what a peer sends on its link.
    fn send_up(&mut self, peer: PeerId, mut out: Out) -> Out {
        let station = &mut self.stations[peer.0];
        for Datagram { bytes, packet } in out.drain(..) {
            if let Some(packet) = packet {
                self.checks.supply.send(packet);
            }
            let len = nominal_len(&bytes, station.session.as_ref());
            for due in station.up.send(self.now, len).arrivals() {
                let toward = Toward::Engine { peer, packet };
                self.network.send(due, toward, &bytes);
            }
        }
        out
    }

    /// The engine ticks, and what it did is checked.
    pub(super) fn tick(&mut self) {
        self.tick_due = None;
        let before = self.last_tick.replace(self.now);
        self.ticks_at_once = match before == Some(self.now) {
            true => self.ticks_at_once + 1,
            false => 1,
        };
        if let Err(error) = self.engine.tick(self.now) {
            return self.note(Err(("the engine itself", error.to_string())));
        }
        self.hear();
        self.take_sent();
        let checked = self.checks.ticked(&self.engine);
        self.note(checked);
        if self.ticks_at_once > TICKS_AT_ONCE {
            let what =
                format!("after {TICKS_AT_ONCE} ticks the engine still wants another at once");
            self.note(Err(("standstill", what)));
        }
    }

    pub(super) fn hear(&mut self) {
        for event in self.engine.drain_events() {
            let checked = self.checks.told(&event);
            self.note(checked);
            self.hear_of_association(&event);
            self.hear_of_pause(&event);
            self.hear_of_consumer(&event);
            if self.events.len() >= EVENTS_MAX {
                self.events.pop_front();
            }
            self.events.push_back((self.now, event));
        }
    }

    /// What the engine has sent is checked, and put on the links of its receivers.
    pub(super) fn take_sent(&mut self) {
        let sent = self.departures.take();
        for (to, datagram) in sent.each() {
            let peer = self.peer_at(to);
            self.hash(peer, to, datagram);
            let checked = self
                .checks
                .sent(&self.engine, self.now, (to, peer), datagram);
            self.note(checked);
        }
        self.departures.recycle(sent);
        let wire = self.wire.clone();
        wire.for_each_sent(|_, to, datagram| {
            let Some(peer) = self.peer_at(to) else { return };
            let station = &mut self.stations[peer.0];
            let len = nominal_len(datagram, station.session.as_ref());
            let fate = station.down.send(self.now, len);
            let is_double = fate.is_double();
            for due in fate.arrivals() {
                let toward = Toward::Peer { peer, is_double };
                self.network.send(due, toward, datagram);
            }
        });
    }

    fn peer_at(&self, address: SocketAddr) -> Option<PeerId> {
        PeerId::at(address).filter(|peer| peer.0 < self.stations.len())
    }

    fn hash(&mut self, peer: Option<PeerId>, to: SocketAddr, datagram: &[u8]) {
        // What a handshake draws from the operating system is not the same in every run.
        let datagram = match classify(datagram) {
            Some(PacketKind::Dtls) => &[],
            _ => datagram,
        };
        let mut aside = Digest::default();
        let own = match peer {
            Some(peer) => &mut self.stations[peer.0].digest,
            None => &mut aside,
        };
        own.write_u64(self.now.as_nanos());
        own.write_u64(datagram.len() as u64);
        own.write(datagram);
        match to.ip() {
            IpAddr::V4(ip) => self.digest.write(&ip.octets()),
            IpAddr::V6(ip) => self.digest.write(&ip.octets()),
        }
        self.digest.write_u64(to.port().into());
        self.digest.write_u64(own.finish());
    }

    fn note(&mut self, checked: Result<(), (&'static str, String)>) {
        if let (Err((check, what)), None) = (checked, &self.broken) {
            self.broken = Some(self.broken_by(check, what));
        }
    }

    pub(super) fn broken_by(&self, check: &'static str, what: String) -> Broken {
        Broken {
            check,
            what,
            at: self.now,
            seed: self.seed,
        }
    }
}
