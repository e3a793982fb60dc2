//! What a client offers, in SDP.

use std::cell::RefCell;

use flumen::rtp_parameters::NumberedBy;
use flumen::{
    ConsumerId, ConsumerOptions, DtlsRole, ProducerId, ProducerOptions, SctpOptions, TransportId,
    WebRtcTransportOptions,
};
use flumen_sdp::{Answer, Carries, Known, Local, Offer, Sctp};

use crate::room::Room;

/// Offers that share an engine, which takes longer to make than most are taken.
const TOGETHER: usize = 1_000;

/// A text: it is refused, or the engine takes what it can of it, and the answer can be read as an
/// offer of the same sections.
pub fn sdp(bytes: &[u8]) {
    thread_local! {
        static SHARED: RefCell<Option<(usize, Room)>> = const { RefCell::new(None) };
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(offer) = Offer::parse(&text) {
        let shared = SHARED.take().filter(|(taken, _)| *taken < TOGETHER);
        let (taken, mut room) = shared.unwrap_or_default();
        Taken::of(&offer, &mut room).answer();
        room.engine.drain_events();
        SHARED.set(Some((taken + 1, room)));
    }
}

/// What the engine made of a section.
enum Made {
    Nothing,
    Receives(ProducerId),
    Sends(ConsumerId),
    Data(Sctp),
}

/// An offer and what was made of it.
struct Taken<'a> {
    offer: &'a Offer,
    room: &'a mut Room,
    transport: TransportId,
    made: Vec<Made>,
}

impl<'a> Taken<'a> {
    fn of(offer: &'a Offer, room: &'a mut Room) -> Self {
        let transport = room.webrtc_with(|options| WebRtcTransportOptions {
            sctp: Some(SctpOptions::default()),
            ..options
        });
        let mut taken = Self {
            offer,
            room,
            transport,
            made: Vec::new(),
        };
        for index in 0..offer.sections().len() {
            let made = taken.take(index).unwrap_or(Made::Nothing);
            taken.made.push(made);
        }
        taken
    }

    fn take(&mut self, index: usize) -> Option<Made> {
        let section = &self.offer.sections()[index];
        if !section.is_usable {
            return None;
        }
        match section.carries {
            Carries::Media(_) if section.sends => self.receive(index),
            Carries::Media(_) if section.receives => self.send(index),
            Carries::Data => self.offer.sctp().ok()?.map(Made::Data),
            _ => None,
        }
    }

    fn receive(&mut self, index: usize) -> Option<Made> {
        let Carries::Media(kind) = self.offer.sections()[index].carries else {
            return None;
        };
        let sent = self
            .offer
            .sent(index, &self.room.capabilities(), Known::default());
        let options = ProducerOptions::new(kind, sent.ok()?);
        let made = self.room.engine.produce(self.transport, options);
        made.ok().map(Made::Receives)
    }

    /// It gets what it sends itself, if it can receive that.
    fn send(&mut self, index: usize) -> Option<Made> {
        let section = &self.offer.sections()[index];
        let capabilities = self.offer.capabilities(index).ok()?;
        let produced = self.made.iter().find_map(|made| match made {
            Made::Receives(id) => Some(*id),
            _ => None,
        })?;
        let options = ConsumerOptions {
            mid: Some(section.mid.clone()),
            numbered_by: NumberedBy::Receiver,
            ..ConsumerOptions::new(produced, capabilities)
        };
        let made = self.room.engine.consume(self.transport, options);
        made.ok().map(Made::Sends)
    }

    /// Both sides are told of each other, and the transport goes.
    fn answer(self) {
        self.room.tick();
        if let Ok(remote) = self.offer.remote() {
            // Fingerprints may be none.
            let _ = self
                .room
                .engine
                .connect_webrtc(self.transport, &remote.dtls);
        }
        let text = self.write();
        let again = Offer::parse(&text).expect("an answer can be read");
        let mids = |offer: &Offer| -> Vec<String> {
            let sections = offer.sections().iter();
            sections.map(|section| section.mid.clone()).collect()
        };
        assert_eq!(mids(&again), mids(self.offer));
        let closed = self.room.engine.close_transport(self.transport);
        closed.expect("it is open");
        self.room.tick();
    }

    fn write(&self) -> String {
        let engine = &self.room.engine;
        let told = |id: ProducerId| engine.producer_parameters(id).expect("it is open");
        let sends = |id: ConsumerId| engine.consumer_parameters(id).expect("it is open");
        let sent = self.made.iter().map(|made| match *made {
            Made::Sends(id) => Some(sends(id)),
            _ => None,
        });
        let sent: Vec<_> = sent.collect();
        let answers: Vec<Answer<'_>> = self
            .made
            .iter()
            .zip(&sent)
            .map(|(made, sent)| match *made {
                Made::Nothing => Answer::Rejected,
                Made::Receives(id) => Answer::Receives(told(id)),
                Made::Sends(_) => Answer::Sends {
                    parameters: sent.as_ref().expect("it is sent"),
                    stream: "stream",
                    track: "track",
                },
                Made::Data(sctp) => Answer::Data(sctp),
            })
            .collect();
        let ice = engine.ice_parameters(self.transport).expect("it is open");
        let candidates = engine.ice_candidates(self.transport).expect("it is open");
        let mut dtls = engine
            .dtls_parameters(self.transport)
            .expect("it is open")
            .clone();
        dtls.role = DtlsRole::Server;
        let local = Local {
            ice: &ice,
            candidates: &candidates,
            dtls: &dtls,
        };
        let text = self.offer.answer(&local, &answers);
        text.expect("what was made can be answered")
    }
}
