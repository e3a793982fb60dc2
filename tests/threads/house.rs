//! A room with something of everything that leaves.

use std::time::Duration;

use flumen::components::wire::rtcp::write_nack;
use flumen::rtp_parameters::MediaKind;
use flumen::srtp::CryptoSuite;
use flumen::{
    Builder, ConnectOptions, Listen, ListenInfo, PlainTransportOptions, Refusal, TransportId,
};
use flumen_tests::feedback::pli;
use flumen_tests::{
    Packet, Room, VP8_DELTA_FRAME, VP8_KEY_FRAME, address, opus, rtp_to, vp8, with_retransmissions,
};

/// Several people send, and everybody gets everything: on sockets of their own, on a shared one, with
/// SRTP and without, paced and not.
pub(crate) struct House {
    pub(crate) room: Room,
    senders: Vec<TransportId>,
    receivers: Vec<Receiver>,
}

struct Receiver {
    transport: TransportId,
    port: u16,
    /// What the first video has for SSRC here.
    ssrc: u32,
}

const SENDERS: u16 = 3;
const RECEIVERS: u16 = 12;

impl House {
    /// A house whose engine has so many threads, all of which are woken for next to nothing, and seals
    /// little at a time. Of those who receive, most have SRTP if anybody has.
    pub(crate) fn new(threads: usize, suite: Option<CryptoSuite>) -> Self {
        Self::with(suite, |builder| many(builder, threads))
    }

    pub(crate) fn with(
        suite: Option<CryptoSuite>,
        configure: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let room = Room::with(configure);
        let mut house = Self {
            room,
            senders: Vec::new(),
            receivers: Vec::new(),
        };
        let info = ListenInfo::at(address(4_000));
        let shared = house.room.engine.open_socket(&info).unwrap();
        let mut producers = Vec::new();
        for index in 0..SENDERS {
            let (sender, ssrc) = (house.room.plain(address(5_000 + index)), ssrc(index));
            let video = with_retransmissions(vp8(ssrc));
            producers.push(house.room.produce(sender, MediaKind::Video, video));
            let audio = opus(ssrc + 5_000);
            producers.push(house.room.produce(sender, MediaKind::Audio, audio));
            house.senders.push(sender);
        }
        for index in 0..RECEIVERS {
            let port = 6_000 + 2 * index;
            let listen = match index % 3 {
                0 => Listen::Own(ListenInfo::new(address(0).ip())),
                _ => Listen::Shared(shared),
            };
            let suite = suite.filter(|_| index % 4 != 1);
            let transport = house.join(listen, port, suite);
            let consumers: Vec<_> = producers
                .iter()
                .map(|&producer| house.room.consume(transport, producer))
                .collect();
            let parameters = house.room.engine.consumer_parameters(consumers[0]);
            let ssrc = parameters.unwrap().encodings[0].ssrc.unwrap();
            house.receivers.push(Receiver {
                transport,
                port,
                ssrc,
            });
        }
        let paced = house.receivers[3].transport;
        let engine = &mut house.room.engine;
        engine.set_max_outgoing_bitrate(paced, 500_000).unwrap();
        house
    }

    fn join(&mut self, listen: Listen, port: u16, suite: Option<CryptoSuite>) -> TransportId {
        let plain = PlainTransportOptions::new(listen);
        let options = match suite {
            None => plain,
            Some(suite) => PlainTransportOptions {
                enable_srtp: true,
                srtp_crypto_suite: suite,
                ..plain
            },
        };
        let Room { engine, router, .. } = &mut self.room;
        let transport = engine.create_plain_transport(*router, options).unwrap();
        match suite {
            None => {
                let to = ConnectOptions::from(address(port));
                engine.connect(transport, &to).unwrap();
            }
            Some(_) => self.room.join_sealed(transport, address(port)),
        }
        transport
    }

    /// Who receives.
    pub(crate) fn receivers(&self) -> impl Iterator<Item = TransportId> {
        self.receivers.iter().map(|receiver| receiver.transport)
    }

    /// A while in which nothing happens but media.
    pub(crate) fn live_on(&mut self) {
        for tick in 151..=200 {
            self.talk(tick);
            self.room.tick_after(Duration::from_millis(10));
            self.room.received();
        }
    }

    /// Some seconds, in which sockets block, receivers refuse, and ask again for what was lost.
    pub(crate) fn live(&mut self) {
        for tick in 1..=150_u16 {
            self.talk(tick);
            self.happen(tick);
            self.room.tick_after(Duration::from_millis(10));
            self.ask(tick);
        }
    }

    fn talk(&mut self, tick: u16) {
        for (index, &sender) in (0..).zip(&self.senders) {
            for packet in 0..2 {
                let number = tick * 2 + packet;
                self.room.arrive(sender, &picture(number, ssrc(index)));
            }
            let voice = Packet::new(111, tick, ssrc(index) + 5_000, b"voice");
            self.room.arrive(sender, &voice.with_extension(1, &[0x85]));
        }
    }

    fn happen(&mut self, tick: u16) {
        let own = self.room.local(self.receivers[0].transport);
        let shared = address(4_000);
        match tick {
            20 => self.room.wire.block_after(own, 3),
            30 => self.room.wire.block_after(shared, 17),
            33 => self.room.wire.unblock(shared),
            40 => self.room.wire.unblock(own),
            50..60 => {
                let to = address(self.receivers[usize::from(tick % 10)].port);
                self.room.wire.refuse_next(to, Refusal::Unreachable);
            }
            70 => {
                let closing = self.receivers.pop().unwrap().transport;
                self.room.engine.close_transport(closing).unwrap();
            }
            _ => {}
        }
    }

    /// A receiver has lost its latest packet, or wants a key frame.
    fn ask(&mut self, tick: u16) {
        let received = self.room.received();
        let asking = &self.receivers[usize::from(tick) % self.receivers.len()];
        let got = rtp_to(&received, address(asking.port));
        let latest = got.iter().rev().find(|packet| packet.ssrc == asking.ssrc);
        if let Some(packet) = latest {
            let mut nack = Vec::new();
            write_nack(&mut nack, 1, asking.ssrc, [packet.sequence]);
            self.room.arrive_bytes(asking.transport, &nack);
        }
        if tick.is_multiple_of(40) {
            self.room.arrive_bytes(asking.transport, &pli(asking.ssrc));
        }
    }
}

/// So many threads, for the least that can be divided.
pub(crate) fn many(builder: Builder, threads: usize) -> Builder {
    let builder = builder.sealed_bytes(6_000).datagrams_per_thread(1);
    builder.threads(threads)
}

fn ssrc(sender: u16) -> u32 {
    2_000 + u32::from(sender)
}

fn picture(number: u16, ssrc: u32) -> Packet {
    let frame = match number % 50 {
        2 => VP8_KEY_FRAME,
        _ => VP8_DELTA_FRAME,
    };
    let mut payload = frame.to_vec();
    payload.resize(200 + usize::from(number % 9) * 60, 0x5a);
    Packet::new(96, number, ssrc, &payload)
}
