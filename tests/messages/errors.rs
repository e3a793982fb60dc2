//! Bad arguments about data give a specific error and change nothing.

use flumen::components::Id;
use flumen::{
    Closed, ConsumeDataError, CreateTransportError, DataConsumerOptions, DataProducerOptions,
    Listen, ListenInfo, Message, NotSctp, OpenTransportError, PlainTransportOptions,
    ProduceDataError, SctpOptions, SctpOptionsError, SctpStreamParameters,
    SctpStreamParametersError, SendMessageError, SendMessageToError,
};
use flumen_tests::{Room, address, fails};

fn on_stream(stream: SctpStreamParameters) -> DataProducerOptions {
    DataProducerOptions {
        sctp_stream_parameters: Some(stream),
        ..DataProducerOptions::default()
    }
}

#[test]
fn an_identifier_is_given_once() {
    let mut room = Room::new();
    let transport = room.direct();
    let id = flumen::DataProducerId::from_random(5);
    let named = DataProducerOptions {
        id: Some(id),
        ..DataProducerOptions::default()
    };
    let produce = |room: &mut Room| room.engine.produce_data(transport, named.clone());
    assert_eq!(produce(&mut room), Ok(id));
    assert_eq!(fails(&mut room, produce), ProduceDataError::IdInUse(id));
    room.engine.close_data_producer(id).unwrap();
    assert_eq!(
        produce(&mut room),
        Ok(id),
        "one that was closed may be used again"
    );
}

#[test]
fn a_transport_without_sctp_carries_no_messages() {
    let mut room = Room::new();
    let plain = room.plain(address(5_000));
    let direct = room.direct();
    let data_producer = room.produce_data(direct);
    let error = fails(&mut room, |room| {
        room.engine
            .produce_data(plain, DataProducerOptions::default())
    });
    assert_eq!(error, ProduceDataError::ParametersMissing);
    let error = fails(&mut room, |room| {
        let stream = SctpStreamParameters::new(1);
        room.engine.produce_data(plain, on_stream(stream))
    });
    assert_eq!(error, ProduceDataError::SctpNotEnabled);
    let error = fails(&mut room, |room| {
        let options = DataConsumerOptions::new(data_producer);
        room.engine.consume_data(plain, options)
    });
    assert_eq!(error, ConsumeDataError::SctpNotEnabled);
}

#[test]
fn streams_that_make_no_sense_are_refused_by_name() {
    use SctpStreamParametersError as E;
    let base = SctpStreamParameters::new(1);
    let (timed, counted) = (Some(100), Some(2));
    let rows = [
        (
            SctpStreamParameters::new(65_535),
            E::StreamIdTooHigh(65_535),
        ),
        (
            SctpStreamParameters {
                max_packet_life_time: timed,
                max_retransmits: counted,
                ..base
            },
            E::TwoLimits,
        ),
        (
            SctpStreamParameters {
                ordered: Some(true),
                max_packet_life_time: timed,
                ..base
            },
            E::OrderedWithLimit,
        ),
        (
            SctpStreamParameters {
                ordered: Some(true),
                max_retransmits: counted,
                ..base
            },
            E::OrderedWithLimit,
        ),
    ];
    let mut room = Room::new();
    let plain = room.plain(address(5_000));
    for (stream, expected) in rows {
        let error = fails(&mut room, |room| {
            room.engine.produce_data(plain, on_stream(stream))
        });
        assert_eq!(error, ProduceDataError::Parameters(expected));
    }
    let direct = room.direct();
    let ignored = on_stream(SctpStreamParameters::new(65_535));
    let data_producer = room.engine.produce_data(direct, ignored).unwrap();
    let parameters = room.engine.data_producer_parameters(data_producer).unwrap();
    assert_eq!(parameters.sctp_stream_parameters, None);
}

#[test]
fn a_stream_that_the_peer_cannot_send_on_is_refused() {
    let mut room = Room::with(|builder| builder.sctp_inbound_streams(20));
    let transport = room.plain_sctp(SctpOptions::default());
    let on = |stream| on_stream(SctpStreamParameters::new(stream));
    let error = fails(&mut room, |room| {
        room.engine.produce_data(transport, on(20))
    });
    let too_high = ProduceDataError::StreamIdTooHigh {
        stream: 20,
        streams: 20,
    };
    assert_eq!(error, too_high);
    assert!(room.engine.produce_data(transport, on(19)).is_ok());
}

#[test]
fn parameters_of_clients_are_read_as_they_send_them() {
    let read = serde_json::from_str::<SctpStreamParameters>;
    let stream = read(r#"{ "streamId": 3, "maxRetransmits": 0 }"#).unwrap();
    assert_eq!((stream.stream_id, stream.max_retransmits), (3, Some(0)));
    for malformed in [
        r#"{ "ordered": true }"#,
        r#"{ "streamId": "1" }"#,
        r#"{ "streamId": 65536 }"#,
        r#"{ "streamId": 1, "ordered": 1 }"#,
        r#"{ "streamId": 1, "maxPacketLifeTime": "long" }"#,
        r#"{ "streamId": 1, "maxRetransmits": -1 }"#,
        "7",
    ] {
        assert!(read(malformed).is_err(), "{malformed}");
    }
}

#[test]
fn a_data_producer_of_another_router_is_not_found() {
    let mut room = Room::new();
    let here = room.direct();
    let data_producer = room.produce_data(here);
    let codecs = flumen_tests::media_codecs();
    room.router = room.engine.create_router(&codecs).unwrap();
    let elsewhere = room.direct();
    let error = fails(&mut room, |room| {
        let options = DataConsumerOptions::new(data_producer);
        room.engine.consume_data(elsewhere, options)
    });
    assert_eq!(error, ConsumeDataError::NotFound(data_producer));
}

#[test]
fn a_message_is_as_long_as_its_transport_takes() {
    let mut room = Room::new();
    let [default, small] = [room.direct(), room.direct_for(4)];
    for (transport, max) in [(default, 262_144), (small, 4)] {
        let data_producer = room.produce_data(transport);
        let mut send = |len| {
            let bytes = vec![1; len];
            room.engine
                .send_message(data_producer, &Message::binary(&bytes))
        };
        assert_eq!(send(max), Ok(()));
        let len = max + 1;
        assert_eq!(send(len), Err(SendMessageError::TooLong { len, max }));
        room.tick();
        let stats = room.engine.data_producer_stats(data_producer).unwrap();
        assert_eq!(stats.messages_received, 1, "what is refused is not counted");
    }
}

#[test]
fn what_waits_for_the_next_tick_is_bounded_for_each_transport() {
    let mut room = Room::with(|builder| {
        builder
            .messages_per_transport(2)
            .message_bytes_per_transport(20)
    });
    let [one, other] = [(), ()].map(|()| {
        let transport = room.direct();
        room.produce_data(transport)
    });
    let send = |room: &mut Room, len| {
        let bytes = vec![1; len];
        let message = Message {
            subchannels: &[1, 2],
            ..Message::binary(&bytes)
        };
        room.engine.send_message(one, &message)
    };
    let full = Err(SendMessageError::Full);
    assert_eq!(
        [1, 1, 1].map(|len| send(&mut room, len)),
        [Ok(()), Ok(()), full.clone()]
    );
    assert_eq!(room.engine.send_message(other, &Message::text("x")), Ok(()));
    room.tick();
    assert_eq!(
        [17, 16, 1].map(|len| send(&mut room, len)),
        [full.clone(), Ok(()), full]
    );
}

#[test]
fn a_stream_has_one_data_producer() {
    let mut room = Room::new();
    let transport = room.plain_sctp(SctpOptions::default());
    let stream = SctpStreamParameters::new(3);
    let data_producer = room.receive_stream(transport, stream);
    let again = |room: &mut Room| room.engine.produce_data(transport, on_stream(stream));
    let error = fails(&mut room, again);
    assert_eq!(error, ProduceDataError::StreamIdInUse(3));
    room.engine.close_data_producer(data_producer).unwrap();
    again(&mut room).unwrap();
}

#[test]
fn overrides_that_make_no_sense_are_refused() {
    let mut room = Room::new();
    let transport = room.plain_sctp(SctpOptions::default());
    let data_producer = room.receive_stream(transport, SctpStreamParameters::new(0));
    let error = fails(&mut room, |room| {
        let mut options = DataConsumerOptions::new(data_producer);
        options.reliability.max_packet_life_time = Some(1);
        options.reliability.max_retransmits = Some(1);
        room.engine.consume_data(transport, options)
    });
    let expected = SctpStreamParametersError::TwoLimits;
    assert_eq!(error, ConsumeDataError::Parameters(expected));
}

#[test]
fn streams_run_out() {
    let mut room = Room::new();
    let transport = room.plain_sctp(SctpOptions::default());
    let direct = room.direct();
    let data_producer = room.produce_data(direct);
    let consume = |room: &mut Room| {
        let options = DataConsumerOptions::new(data_producer);
        room.engine.consume_data(transport, options)
    };
    let all: Vec<_> = (0..65_535).map(|_| consume(&mut room).unwrap()).collect();
    assert_eq!(fails(&mut room, consume), ConsumeDataError::NoStreamId);
    room.engine.close_data_consumer(all[77]).unwrap();
    let next = consume(&mut room).unwrap();
    let parameters = room.engine.data_consumer_parameters(next).unwrap();
    assert_eq!(parameters.sctp_stream_parameters.unwrap().stream_id, 77);
}

#[test]
fn sizes_of_an_association_are_within_the_limits() {
    let mut room = Room::with(|builder| builder.sctp_stream_queue_bytes(1_000));
    let create = |room: &mut Room, limit| {
        let listen = Listen::Own(ListenInfo::new(address(0).ip()));
        let sctp = SctpOptions {
            sctp_per_stream_send_queue_limit: Some(limit),
            ..SctpOptions::default()
        };
        let options = PlainTransportOptions {
            sctp: Some(sctp),
            ..PlainTransportOptions::new(listen)
        };
        room.engine.create_plain_transport(room.router, options)
    };
    for (limit, expected) in [
        (0, SctpOptionsError::Zero("sctpPerStreamSendQueueLimit")),
        (
            1_001,
            SctpOptionsError::AboveLimit {
                name: "sctpPerStreamSendQueueLimit",
                value: 1_001,
                max: 1_000,
            },
        ),
    ] {
        let error = fails(&mut room, |room| create(room, limit));
        let CreateTransportError::Open(OpenTransportError::Sctp(error)) = error else {
            panic!("{error:?}");
        };
        assert_eq!(error, expected);
    }
    create(&mut room, 1_000).unwrap();
}

#[test]
fn a_data_consumer_on_a_direct_transport_has_no_buffer() {
    let mut room = Room::new();
    let direct = room.direct();
    let data_producer = room.produce_data(direct);
    let consumer = room.consume_data(direct, data_producer, &[]);
    let error = fails(&mut room, |room| room.engine.buffered_amount(consumer));
    assert_eq!(error, NotSctp::Direct);
    let error = fails(&mut room, |room| {
        room.engine.set_buffered_amount_low_threshold(consumer, 1)
    });
    assert_eq!(error, NotSctp::Direct);
    let error = fails(&mut room, |room| {
        room.engine.send_message_to(consumer, &Message::text("x"))
    });
    assert_eq!(error, SendMessageToError::NotSctp(NotSctp::Direct));
    room.engine.close_data_consumer(consumer).unwrap();
    let closed = NotSctp::Closed(Closed::new(consumer));
    assert_eq!(room.engine.buffered_amount(consumer), Err(closed));
}
