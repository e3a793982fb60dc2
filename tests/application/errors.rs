//! Bad arguments give a specific error and change nothing: the same call with good ones succeeds.

use RtpParametersError as E;
use flumen::rtp_parameters::{
    ConsumerParametersError, MappingError, MediaKind, RtpCapabilities, RtpCodecParameters,
    RtpParameters, RtpParametersError,
};
use flumen::{
    ConsumeError, ConsumerOptions, ProduceError, ProducerOptions, SendError, TransportId,
};
use flumen_tests::{
    Call, Room, address, encoding, encoding_named, encoding_of, fails, opus, vp8, vp8_rtx,
};

fn produce(
    room: &mut Room,
    transport: TransportId,
    parameters: RtpParameters,
) -> Result<flumen::ProducerId, ProduceError> {
    let kind = MediaKind::Video;
    let options = ProducerOptions::new(kind, parameters);
    room.engine.produce(transport, options)
}

fn refusal(parameters: RtpParameters) -> ProduceError {
    let mut room = Room::new();
    let transport = room.direct();
    let error = fails(&mut room, |room| produce(room, transport, parameters));
    produce(&mut room, transport, vp8(1)).unwrap();
    error
}

/// Why parameters that were good until `change` are refused.
fn with(change: fn(&mut RtpParameters)) -> E {
    let mut parameters = vp8_rtx(vec![encoding_of(1)]);
    change(&mut parameters);
    match refusal(parameters) {
        ProduceError::Parameters(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn codecs_that_make_no_sense_are_refused_by_name() {
    assert_eq!(with(|p| p.codecs.clear()), E::NoCodecs);
    assert!(matches!(
        with(|p| p.codecs[0].mime_type = "text/x".into()),
        E::MimeTypeInvalid { .. }
    ));
    assert!(matches!(
        with(|p| p.codecs[0].mime_type = "audio/opus".into()),
        E::KindMismatch { .. }
    ));
    let error = with(|p| p.codecs[0].payload_type = 128);
    assert!(matches!(
        error,
        E::PayloadTypeOutOfRange { payload_type: 128 } | E::AptUnknown { .. }
    ));
    assert_eq!(
        with(|p| p.codecs[1].payload_type = 96),
        E::PayloadTypeDuplicated { payload_type: 96 }
    );
    assert!(matches!(
        with(|p| p.codecs[0].clock_rate = 0),
        E::ClockRateZero { .. }
    ));
}

#[test]
fn retransmissions_that_make_no_sense_are_refused_by_name() {
    assert!(matches!(
        with(|p| _ = p.codecs[1].parameters.insert("apt", "x")),
        E::AptNotANumber { .. }
    ));
    assert!(matches!(
        with(|p| _ = p.codecs[1].parameters.remove("apt")),
        E::AptMissing { .. }
    ));
    assert!(matches!(
        with(|p| _ = p.codecs[1].parameters.insert("apt", 50)),
        E::AptUnknown { apt: 50, .. }
    ));
    assert!(matches!(
        with(|p| _ = p.codecs[1].parameters.insert("apt", 97)),
        E::AptIsRepair { apt: 97, .. }
    ));
}

#[test]
fn names_that_make_no_sense_are_refused_by_name() {
    assert!(matches!(
        with(|p| p.header_extensions[0].id = 0),
        E::HeaderExtensionIdZero { .. }
    ));
    assert_eq!(
        with(|p| p.header_extensions[0].id = 10),
        E::HeaderExtensionIdDuplicated { id: 10 }
    );
    let error = with(|p| p.encodings[0].codec_payload_type = Some(50));
    assert_eq!(error, E::CodecPayloadTypeUnknown { payload_type: 50 });
    assert_eq!(
        with(|p| p.encodings[0].ssrc = None),
        E::EncodingUnidentified { index: 0 }
    );
    assert_eq!(with(|p| p.encodings.clear()), E::NoEncodings);
    assert_eq!(
        with(|p| p.encodings.push(encoding())),
        E::EncodingUnidentified { index: 1 }
    );
    assert_eq!(
        with(|p| p.encodings.push(encoding_of(1))),
        E::SsrcDuplicated { ssrc: 1 }
    );
    let error = with(|p| p.encodings = vec![encoding_named("a"), encoding_named("a")]);
    assert_eq!(error, E::RidDuplicated { rid: "a".into() });
    let error = with(|p| p.encodings = vec![encoding_named("a b")]);
    assert_eq!(error, E::RidInvalid { rid: "a b".into() });
    assert!(matches!(
        with(|p| p.mid = Some("m".repeat(256))),
        E::MidTooLong { .. }
    ));
    let error = with(|p| {
        p.encodings.push(encoding_of(2));
        p.encodings[1].scalability_mode = Some("L2T1".into());
    });
    assert!(matches!(error, E::SimulcastAndSvc { .. }));
}

#[test]
fn a_repair_codec_alone_is_no_media() {
    let mut parameters = vp8(1);
    parameters.codecs[0].mime_type = "video/ulpfec".into();
    let error = refusal(parameters);
    assert_eq!(
        error,
        ProduceError::Parameters(RtpParametersError::NoMediaCodec)
    );
}

#[test]
fn a_codec_that_cannot_be_used_this_way_is_refused() {
    let mut parameters = flumen_tests::video("VC1", 1);
    parameters.encodings.push(encoding_of(2));
    let error = refusal(parameters);
    let ProduceError::Parameters(RtpParametersError::CodecUnsupportedForType { mime_type, .. }) =
        error
    else {
        panic!("{error:?}");
    };
    assert_eq!(mime_type, "video/VC1");
}

#[test]
fn a_codec_that_the_router_does_not_have_is_refused() {
    let error = refusal(flumen_tests::video("VC1", 1));
    let ProduceError::Mapping(MappingError::CodecUnsupported {
        payload_type: 96, ..
    }) = error
    else {
        panic!("{error:?}");
    };
}

#[test]
fn names_that_another_producer_has_are_refused() {
    let mut room = Room::new();
    let transport = room.direct();
    let mut first = vp8_rtx(vec![encoding_of(10)]);
    first.encodings[0].rtx = Some(flumen::rtp_parameters::RtpEncodingRtx { ssrc: 11 });
    first.mid = Some("m".into());
    let id = room.produce(transport, MediaKind::Video, first.clone());
    for taken in [10, 11] {
        let error = fails(&mut room, |room| produce(room, transport, vp8(taken)));
        assert_eq!(error, ProduceError::SsrcInUse(taken));
    }
    let mut other = vp8(20);
    other.mid = Some("m".into());
    let error = fails(&mut room, |room| produce(room, transport, other.clone()));
    assert_eq!(error, ProduceError::MidInUse("m".into()));
    let mut options = ProducerOptions::new(MediaKind::Video, vp8(20));
    options.id = Some(id);
    let error = fails(&mut room, |room| room.engine.produce(transport, options));
    assert_eq!(error, ProduceError::IdInUse(id));
    // Elsewhere the same names are free, and here once their owner closed.
    let elsewhere = room.direct();
    produce(&mut room, elsewhere, first.clone()).unwrap();
    room.engine.close_producer(id).unwrap();
    produce(&mut room, transport, first).unwrap();
}

#[test]
fn a_rid_without_a_mid_must_be_new_to_the_transport() {
    let mut room = Room::new();
    let transport = room.direct();
    let mut parameters = vp8(1);
    parameters.encodings = vec![encoding_named("r0")];
    produce(&mut room, transport, parameters.clone()).unwrap();
    let error = fails(&mut room, |room| {
        produce(room, transport, parameters.clone())
    });
    assert_eq!(error, ProduceError::RidInUse("r0".into()));
    parameters.mid = Some("b".into());
    produce(&mut room, transport, parameters).unwrap();
}

#[test]
fn consuming_fails_by_name() {
    let mut call = Call::video();
    let (receiver, producer) = (call.receiver, call.producer);
    let capabilities = call.room.capabilities();
    let good = ConsumerOptions::new(producer, capabilities.clone());
    let room = &mut call.room;
    let none = ConsumerOptions::new(producer, RtpCapabilities::default());
    let error = fails(room, |room| room.engine.consume(receiver, none));
    let sentence = "no compatible media codec: \
                    video/VP8: mimeType is video/VP8, supported is nothing";
    assert_eq!(error.to_string(), sentence);
    for mid in [String::new(), "m".repeat(256)] {
        let mut options = good.clone();
        options.mid = Some(mid.clone());
        let error = fails(room, |room| room.engine.consume(receiver, options));
        assert_eq!(
            error,
            ConsumeError::Parameters(ConsumerParametersError::MidInvalid { mid })
        );
    }
    let mut malformed = capabilities;
    malformed.codecs[0].mime_type = "opus".into();
    let options = ConsumerOptions::new(producer, malformed);
    let error = fails(room, |room| room.engine.consume(receiver, options));
    assert!(matches!(
        error,
        ConsumeError::Parameters(ConsumerParametersError::Capabilities(_))
    ));
    room.engine.consume(receiver, good).unwrap();
}

#[test]
fn only_producers_of_the_same_router_can_be_consumed() {
    let mut call = Call::audio();
    let options = ConsumerOptions::new(call.producer, call.room.capabilities());
    let elsewhere = call
        .room
        .engine
        .create_router(&flumen_tests::media_codecs())
        .unwrap();
    let transport = call.room.engine.create_direct_transport(elsewhere).unwrap();
    let consume = |room: &mut Room| room.engine.consume(transport, options.clone());
    assert_eq!(
        fails(&mut call.room, consume),
        ConsumeError::NotFound(call.producer)
    );
    call.room.engine.close_producer(call.producer).unwrap();
    let receiver = call.receiver;
    let consume = |room: &mut Room| room.engine.consume(receiver, options.clone());
    assert_eq!(
        fails(&mut call.room, consume),
        ConsumeError::NotFound(call.producer)
    );
}

#[test]
fn sending_needs_a_direct_transport_and_room() {
    let mut room = Room::with(|builder| builder.direct_sends_per_tick(2));
    let plain = room.plain(address(5_000));
    let direct = room.direct();
    let [far, near] = [(plain, 1), (direct, 2)]
        .map(|(transport, ssrc)| room.produce(transport, MediaKind::Audio, opus(ssrc)));
    let error = fails(&mut room, |room| room.engine.send(far, &[0x80; 20]));
    assert_eq!(error, SendError::NotDirect);
    let error = fails(&mut room, |room| room.engine.send_rtcp(plain, &[0x80; 20]));
    assert_eq!(error, SendError::NotDirect);
    let error = fails(&mut room, |room| {
        room.engine.send(near, &vec![0x80; 65_536])
    });
    assert_eq!(
        error,
        SendError::TooLong {
            len: 65_536,
            max: 65_535
        }
    );
    let error = fails(&mut room, |room| {
        room.engine.send_rtcp(direct, &vec![0x80; 1_601])
    });
    assert_eq!(
        error,
        SendError::TooLong {
            len: 1_601,
            max: 1_600
        }
    );
    for sequence in [1, 2] {
        let packet = flumen_tests::Packet::new(111, sequence, 2, b"x");
        room.engine.send(near, &packet.bytes()).unwrap();
    }
    assert_eq!(room.engine.send(near, &[0x80; 20]), Err(SendError::Full(2)));
    room.tick();
    assert_eq!(room.engine.ledger().accepted, 2);
    room.engine.send(near, &[0x80; 20]).unwrap();
}

#[test]
fn a_codec_without_its_retransmission_on_the_router_is_refused() {
    // Audio has no RTX codec in any router.
    let mut parameters = opus(1);
    let mut rtx = RtpCodecParameters {
        mime_type: "audio/rtx".into(),
        payload_type: 112,
        clock_rate: 48_000,
        ..RtpCodecParameters::default()
    };
    rtx.parameters.insert("apt", 111);
    parameters.codecs.push(rtx);
    let mut room = Room::new();
    let transport = room.direct();
    let options = ProducerOptions::new(MediaKind::Audio, parameters);
    let error = fails(&mut room, |room| room.engine.produce(transport, options));
    assert!(matches!(
        error,
        ProduceError::Mapping(MappingError::RtxUnsupported { .. })
    ));
}
