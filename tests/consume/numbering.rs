//! Payload types and header extension ids of a consumer are the router's, or its receiver's.

use std::time::Duration;

use flumen::components::wire::rtcp::write_nack;
use flumen::rtp_parameters::{MediaKind, NumberedBy, RtpCapabilities, RtpParameters};
use flumen::{ConsumerId, ConsumerOptions, TransportId};
use flumen_tests::{
    Packet, Room, SENDER, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address, encoding_of, vp8_rtx,
};

/// Where the one who numbers itself listens, and the one who does as the router does.
const OWN: u16 = 7_001;
const ROUTER: u16 = 7_002;

/// What a client offers: other numbers than any router's.
fn offered(mut capabilities: RtpCapabilities) -> RtpCapabilities {
    let renamed = |number: i64| number - 60;
    for codec in &mut capabilities.codecs {
        let number = codec.preferred_payload_type.unwrap();
        codec.preferred_payload_type = Some(renamed(number.into()) as u8);
        if let Some(apt) = codec.apt() {
            codec.parameters.insert("apt", renamed(apt.into()));
        }
    }
    for extension in &mut capabilities.header_extensions {
        // Above 14, which only the two-byte form holds.
        extension.preferred_id += 14;
    }
    capabilities
}

struct Rooms {
    room: Room,
    sender: TransportId,
    receiver: TransportId,
    own: ConsumerId,
    router: ConsumerId,
}

impl Rooms {
    fn new() -> Self {
        let mut room = Room::new();
        let sender = room.plain(address(SENDER));
        let parameters = vp8_rtx(vec![encoding_of(SSRC)]);
        let producer = room.produce(sender, MediaKind::Video, parameters);
        let receiver = room.plain(address(OWN));
        let options = ConsumerOptions {
            numbered_by: NumberedBy::Receiver,
            ..ConsumerOptions::new(producer, offered(room.capabilities()))
        };
        let own = room.engine.consume(receiver, options).unwrap();
        let other = room.plain(address(ROUTER));
        let router = room.consume(other, producer);
        Self {
            room,
            sender,
            receiver,
            own,
            router,
        }
    }

    fn parameters(&self, consumer: ConsumerId) -> RtpParameters {
        self.room.engine.consumer_parameters(consumer).unwrap()
    }

    fn send(&mut self, sequence: u16, payload: &[u8]) -> (Packet, Packet) {
        self.room
            .arrive(self.sender, &Packet::new(96, sequence, SSRC, payload));
        self.room.tick();
        let got = self.room.received();
        let of = |port| {
            let mut mine = got.iter().filter(|datagram| datagram.to == address(port));
            Packet::parse(&mine.next().unwrap().bytes)
        };
        (of(OWN), of(ROUTER))
    }
}

/// Payload types of media and of retransmissions, what these say they repeat, and ids.
fn numbers(parameters: &RtpParameters) -> (u8, u8, Option<u8>, Vec<u8>) {
    let [media, rtx] = &parameters.codecs[..] else {
        panic!("{:?}", parameters.codecs);
    };
    let extensions = parameters.header_extensions.iter().map(|one| one.id);
    (
        media.payload_type,
        rtx.payload_type,
        rtx.apt(),
        extensions.collect(),
    )
}

#[test]
fn a_receiver_that_numbers_is_told_its_own_numbers() {
    let rooms = Rooms::new();
    let (media, rtx, apt, ids) = numbers(&rooms.parameters(rooms.router));
    let own = numbers(&rooms.parameters(rooms.own));
    let ids = ids.iter().map(|id| id + 14).collect();
    assert_eq!(apt, Some(media));
    assert_eq!(own, (media - 60, rtx - 60, Some(media - 60), ids));
}

#[test]
fn packets_carry_the_numbers_of_their_receiver() {
    let mut rooms = Rooms::new();
    let (own, router) = rooms.send(1, VP8_KEY_FRAME);
    assert_eq!(own.payload_type, router.payload_type - 60);
    assert_eq!(own.payload, router.payload);
    let ids = |packet: &Packet| {
        packet
            .extensions
            .iter()
            .map(|(id, _)| *id)
            .collect::<Vec<_>>()
    };
    let expected: Vec<u8> = ids(&router).iter().map(|id| id + 14).collect();
    assert_eq!(ids(&own), expected);
    assert!(own.two_byte && !router.two_byte);
}

#[test]
fn what_is_sent_again_has_them_too() {
    let mut rooms = Rooms::new();
    rooms.send(1, VP8_KEY_FRAME);
    let (lost, _) = rooms.send(2, VP8_DELTA_FRAME);
    let mut nack = Vec::new();
    write_nack(&mut nack, 1, lost.ssrc, [lost.sequence]);
    rooms.room.arrive_bytes(rooms.receiver, &nack);
    rooms.room.tick_after(Duration::from_millis(1));
    let again = rooms.room.rtp_to(address(OWN)).remove(0);
    let (_, rtx, _, _) = numbers(&rooms.parameters(rooms.own));
    assert_eq!(again.payload_type, rtx);
    assert_eq!(again.payload[..2], lost.sequence.to_be_bytes());
    assert_eq!(again.extensions.len(), lost.extensions.len());
}

#[test]
fn an_extension_is_had_under_any_number_but_not_under_none() {
    let mut room = Room::new();
    let sender = room.plain(address(SENDER));
    let producer = room.produce(sender, MediaKind::Video, vp8_rtx(vec![encoding_of(SSRC)]));
    let receiver = room.plain(address(OWN));
    let mut capabilities = offered(room.capabilities());
    capabilities
        .header_extensions
        .retain(|one| one.uri.ends_with("sdes:mid"));
    capabilities
        .codecs
        .retain(|codec| codec.mime_type != "video/rtx");
    let options = ConsumerOptions {
        numbered_by: NumberedBy::Receiver,
        ..ConsumerOptions::new(producer, capabilities)
    };
    let consumer = room.engine.consume(receiver, options).unwrap();
    let parameters = room.engine.consumer_parameters(consumer).unwrap();
    let uris: Vec<&str> = parameters
        .header_extensions
        .iter()
        .map(|one| one.uri.as_str())
        .collect();
    assert_eq!(uris, ["urn:ietf:params:rtp-hdrext:sdes:mid"]);
    assert_eq!(
        (parameters.codecs.len(), parameters.encodings[0].rtx),
        (1, None)
    );
}
