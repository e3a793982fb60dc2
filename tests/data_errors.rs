//! Bad arguments about data give a specific error and change nothing.

use flumen::components::Id;
use flumen::{
    ConsumeDataError, DataConsumerOptions, DataProducerOptions, Message, ProduceDataError,
    SctpStreamParameters, SctpStreamParametersError, SendMessageError,
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
