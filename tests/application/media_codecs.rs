//! The codecs of a router are replaced: for producers made from then on.

use flumen::rtp_parameters::{MediaKind, RtpCodecCapability};
use flumen::{ConsumerOptions, ProduceError, ProducerOptions, UpdateMediaCodecsError};
use flumen_tests::{Packet, Room, VP8_KEY_FRAME, address, fails, media_codecs, opus, vp8};

fn vp9() -> RtpCodecCapability {
    RtpCodecCapability::new(MediaKind::Video, "video/VP9", 90_000)
}

#[test]
fn who_is_there_goes_on_and_new_ones_meet_the_new_codecs() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Video, vp8(1));
    let before = room.capabilities();
    let receiver = room.plain(address(6_000));
    room.consume(receiver, producer);
    let router = room.router;
    room.engine.update_media_codecs(router, &[vp9()]).unwrap();
    let kinds: Vec<_> = room.capabilities().codecs;
    let names: Vec<_> = kinds.iter().map(|codec| codec.mime_type.as_str()).collect();
    assert_eq!(names, ["video/VP9", "video/rtx"]);
    // What was there is forwarded, and who negotiated before may consume it.
    let late = room.plain(address(6_100));
    let options = ConsumerOptions::new(producer, before);
    room.engine.consume(late, options).unwrap();
    room.arrive(sender, &Packet::new(96, 1, 1, VP8_KEY_FRAME));
    room.tick();
    let received = room.received();
    for port in [6_000, 6_100] {
        let got = received
            .iter()
            .filter(|datagram| datagram.to == address(port));
        assert!(got.count() > 0, "{port}");
    }
    // What is new has the new codecs.
    let options = ProducerOptions::new(MediaKind::Video, vp8(2));
    let error = fails(&mut room, |room| room.engine.produce(sender, options));
    assert!(matches!(error, ProduceError::Mapping(_)), "{error}");
    let options = ProducerOptions::new(MediaKind::Audio, opus(3));
    fails(&mut room, |room| room.engine.produce(sender, options));
    room.produce(sender, MediaKind::Video, flumen_tests::video("VP9", 4));
}

#[test]
fn codecs_that_make_no_sense_change_nothing() {
    let mut room = Room::new();
    let before = room.capabilities();
    let nonsense = RtpCodecCapability::new(MediaKind::Video, "video/none", 90_000);
    let error = fails(&mut room, |room| {
        let router = room.router;
        room.engine.update_media_codecs(router, &[nonsense])
    });
    assert!(matches!(error, UpdateMediaCodecsError::Capabilities(_)));
    assert_eq!(room.capabilities(), before);
    let router = room.router;
    room.engine.close_router(router).unwrap();
    let error = room.engine.update_media_codecs(router, &media_codecs());
    assert!(matches!(error, Err(UpdateMediaCodecsError::Closed(_))));
}
