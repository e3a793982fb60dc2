//! A conversation that must not change whatever a stranger does, and that stranger's place.

use std::net::SocketAddr;

use flumen::rtp_parameters::MediaKind;
use flumen::{Builder, ProducerId, TransportId};

use crate::packet::{Packet, VP8_DELTA_FRAME, VP8_KEY_FRAME};
use crate::parameters::opus;
use crate::room::{Received, Room};

/// The stranger's remote address.
pub const STRANGER: SocketAddr = local(7_000);

/// A sender of audio and video and two receivers; beside them, on a transport of its own, a
/// stranger with a producer, and a consumer of its own video.
pub struct Victims {
    /// The room.
    pub room: Room,
    /// The victims' sender.
    pub sender: TransportId,
    /// What it shows.
    pub video: ProducerId,
    /// The stranger's transport.
    pub stranger: TransportId,
    /// The SSRC that the stranger's consumer sends with.
    pub stranger_gets: u32,
    sequence: u16,
}

const SENDER: SocketAddr = local(5_000);

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

impl Default for Victims {
    fn default() -> Self {
        Self::with(|builder| builder)
    }
}

impl Victims {
    /// In a room whose engine is built with more.
    pub fn with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        Self::inside(Room::with(configure))
    }

    /// In a room.
    pub fn inside(mut room: Room) -> Self {
        let sender = room.plain(SENDER);
        let audio = room.produce(sender, MediaKind::Audio, opus(1_111));
        let video = room.produce_video(sender, 2_222);
        for port in [6_000, 6_001] {
            let receiver = room.plain(local(port));
            room.consume(receiver, audio);
            room.consume(receiver, video);
        }
        let stranger = room.plain(STRANGER);
        let own = room.produce_video(stranger, 3_333);
        let consumer = room.consume(stranger, own);
        let parameters = room.engine.consumer_parameters(consumer);
        let ssrc = parameters.expect("it is open").encodings[0].ssrc;
        Self {
            stranger_gets: ssrc.expect("a consumer has one"),
            room,
            sender,
            video,
            stranger,
            sequence: 100,
        }
    }

    /// The victims' packets of one tick arrive: with and without extensions, in both forms.
    pub fn talk(&mut self) {
        for _ in 0..3 {
            self.sequence += 1;
            let number = self.sequence;
            let voice = Packet::new(111, number, 1_111, b"voice").with_extension(1, &[0x85]);
            self.room.arrive(self.sender, &voice);
            let key_frame = number.is_multiple_of(10);
            let payload = if key_frame {
                VP8_KEY_FRAME
            } else {
                VP8_DELTA_FRAME
            };
            let mut frame = Packet::new(96, number, 2_222, payload);
            if number.is_multiple_of(2) {
                frame = frame.with_extension(3, &[1]);
                frame.two_byte = number.is_multiple_of(4);
            }
            self.room.arrive(self.sender, &frame);
        }
    }

    /// The stranger sends `bytes` to its transport.
    pub fn attack(&self, bytes: &[u8]) {
        let to = self.room.local(self.stranger);
        self.room.wire.inject(to, STRANGER, bytes);
    }

    /// Ticks, and returns what the engine sent to anybody but the stranger.
    pub fn tick(&mut self) -> Vec<Received> {
        self.room.tick();
        let mut received = self.room.received();
        received.retain(|datagram| datagram.to != STRANGER);
        received
    }

    /// What the victims get in `ticks` ticks while the stranger does `act` before each of them.
    pub fn get_while(&mut self, ticks: u32, mut act: impl FnMut(&Self, u32)) -> Vec<Vec<Received>> {
        let mut tick = |index| {
            act(self, index);
            self.talk();
            self.tick()
        };
        (0..ticks).map(&mut tick).collect()
    }
}

/// Asserts that the victims get the same in every one of `ticks` ticks whether the stranger acts or
/// not; returns them after the attack.
///
/// # Panics
///
/// When they do not.
pub fn unharmed(ticks: u32, act: impl FnMut(&Victims, u32)) -> Victims {
    let (mut calm, mut attacked) = (Victims::default(), Victims::default());
    let expected = calm.get_while(ticks, |_, _| {});
    let sent: usize = expected.iter().map(Vec::len).sum();
    assert!(sent > 5 * ticks as usize, "the victims get something");
    assert!(
        attacked.get_while(ticks, act) == expected,
        "a stranger changed what others get"
    );
    attacked
}
