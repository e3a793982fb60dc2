//! The JSON interface: `{"method": ..., "data": ...}`, answered by `{"data": ...}` or
//! `{"error": ...}`, shaped for mediasoup-client.

use std::fmt::Display;

use flumen::rtp_parameters::{MediaKind, RtpCapabilities, RtpParameters};
use flumen::{
    ConsumerId, ConsumerOptions, DataConsumerOptions, DataProducerId, DataProducerOptions,
    DtlsParameters, Engine, PreferredLayers, ProducerId, ProducerOptions, SctpOptions,
    SctpStreamParameters, TransportId,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Refusal;
use crate::house::House;
use crate::media::Media;

/// What can be asked.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "method",
    content = "data",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Asked {
    GetRouterRtpCapabilities {
        #[serde(default = "main_room")]
        room: String,
    },
    CreateWebRtcTransport {
        #[serde(default = "main_room")]
        room: String,
        #[serde(default)]
        enable_sctp: bool,
    },
    ConnectWebRtcTransport {
        transport_id: TransportId,
        dtls_parameters: DtlsParameters,
    },
    RestartIce {
        transport_id: TransportId,
    },
    Produce {
        transport_id: TransportId,
        kind: MediaKind,
        rtp_parameters: RtpParameters,
        #[serde(default)]
        app_data: Value,
    },
    Consume {
        transport_id: TransportId,
        producer_id: ProducerId,
        rtp_capabilities: RtpCapabilities,
    },
    ResumeConsumer {
        consumer_id: ConsumerId,
    },
    PauseConsumer {
        consumer_id: ConsumerId,
    },
    CloseConsumer {
        consumer_id: ConsumerId,
    },
    PauseProducer {
        producer_id: ProducerId,
    },
    ResumeProducer {
        producer_id: ProducerId,
    },
    CloseProducer {
        producer_id: ProducerId,
    },
    SetPreferredLayers {
        consumer_id: ConsumerId,
        #[serde(flatten)]
        layers: PreferredLayers,
    },
    RequestKeyFrame {
        consumer_id: ConsumerId,
    },
    ProduceData {
        transport_id: TransportId,
        sctp_stream_parameters: SctpStreamParameters,
        #[serde(default)]
        label: String,
        #[serde(default)]
        protocol: String,
    },
    ConsumeData {
        transport_id: TransportId,
        data_producer_id: DataProducerId,
    },
    GetStats {
        id: String,
    },
}

fn main_room() -> String {
    "main".into()
}

/// Understands what is asked; data that is missing is empty.
///
/// # Errors
///
/// It is no request.
pub(crate) fn parse(body: &[u8]) -> Result<Asked, Refusal> {
    let mut asked: Value = serde_json::from_slice(body).map_err(Refusal::bad)?;
    if let Some(asked) = asked.as_object_mut() {
        let data = asked.entry("data").or_insert(Value::Null);
        if data.is_null() {
            *data = json!({});
        }
    }
    serde_json::from_value(asked).map_err(Refusal::bad)
}

/// Does what is asked.
///
/// # Errors
///
/// Why it cannot be done.
pub(crate) fn answer(
    house: &mut House,
    engine: &mut Engine,
    media: &Media,
    asked: Asked,
) -> Result<Value, Refusal> {
    use Asked::*;
    match asked {
        GetRouterRtpCapabilities { room } => {
            let router = house.enter(engine, &room)?.router;
            told(engine.rtp_capabilities(router))
        }
        CreateWebRtcTransport { room, enable_sctp } => {
            let sctp = enable_sctp.then(SctpOptions::default);
            let transport = house.open(engine, media, &room, sctp)?;
            describe(engine, transport)
        }
        ConnectWebRtcTransport {
            transport_id,
            dtls_parameters,
        } => {
            let connected = engine.connect_webrtc(transport_id, &dtls_parameters);
            if connected.is_ok() {
                house.expect(engine, transport_id);
            }
            done(connected.map(drop))
        }
        RestartIce { transport_id } => told(engine.restart_ice(transport_id)),
        Produce {
            transport_id,
            kind,
            rtp_parameters,
            app_data,
        } => {
            let options = ProducerOptions::new(kind, rtp_parameters);
            let id = house.produce(engine, transport_id, options)?;
            house.publish(engine, transport_id, app_data["name"].as_str());
            Ok(json!({ "id": id }))
        }
        Consume {
            transport_id,
            producer_id,
            rtp_capabilities,
        } => {
            let options = ConsumerOptions {
                paused: true,
                ..ConsumerOptions::new(producer_id, rtp_capabilities)
            };
            consume(house, engine, transport_id, options)
        }
        ResumeConsumer { consumer_id } => done(engine.resume_consumer(consumer_id)),
        PauseConsumer { consumer_id } => done(engine.pause_consumer(consumer_id)),
        CloseConsumer { consumer_id } => done(engine.close_consumer(consumer_id)),
        PauseProducer { producer_id } => done(engine.pause_producer(producer_id)),
        ResumeProducer { producer_id } => done(engine.resume_producer(producer_id)),
        CloseProducer { producer_id } => done(engine.close_producer(producer_id)),
        SetPreferredLayers {
            consumer_id,
            layers,
        } => done(engine.set_preferred_layers(consumer_id, layers)),
        RequestKeyFrame { consumer_id } => done(engine.request_key_frame(consumer_id)),
        ProduceData {
            transport_id,
            sctp_stream_parameters,
            label,
            protocol,
        } => {
            let options = DataProducerOptions {
                sctp_stream_parameters: Some(sctp_stream_parameters),
                label,
                protocol,
                ..DataProducerOptions::default()
            };
            let id = house.produce_data(engine, transport_id, options)?;
            house.publish(engine, transport_id, None);
            Ok(json!({ "id": id }))
        }
        ConsumeData {
            transport_id,
            data_producer_id,
        } => consume_data(house, engine, transport_id, data_producer_id),
        GetStats { id } => stats(engine, &id),
    }
}

/// What a client needs to know of a transport.
pub(crate) fn describe(engine: &Engine, id: TransportId) -> Result<Value, Refusal> {
    Ok(json!({
        "id": id,
        "iceParameters": engine.ice_parameters(id).map_err(Refusal::missing)?,
        "iceCandidates": engine.ice_candidates(id).map_err(Refusal::missing)?,
        "dtlsParameters": engine.dtls_parameters(id).map_err(Refusal::missing)?,
        "sctpParameters": engine.sctp_parameters(id).map_err(Refusal::missing)?,
    }))
}

fn consume(
    house: &mut House,
    engine: &mut Engine,
    transport: TransportId,
    options: ConsumerOptions,
) -> Result<Value, Refusal> {
    let producer = options.producer_id;
    let id = house.consume(engine, transport, options)?;
    Ok(json!({
        "id": id,
        "producerId": producer,
        "kind": engine.consumer_kind(id).map_err(Refusal::missing)?,
        "rtpParameters": engine.consumer_parameters(id).map_err(Refusal::missing)?,
    }))
}

fn consume_data(
    house: &mut House,
    engine: &mut Engine,
    transport: TransportId,
    producer: DataProducerId,
) -> Result<Value, Refusal> {
    let id = house.consume_data(engine, transport, DataConsumerOptions::new(producer))?;
    let parameters = engine
        .data_consumer_parameters(id)
        .map_err(Refusal::missing)?;
    Ok(json!({
        "id": id,
        "dataProducerId": producer,
        "sctpStreamParameters": parameters.sctp_stream_parameters,
        "label": parameters.label,
        "protocol": parameters.protocol,
    }))
}

/// Statistics of whatever has that identifier.
fn stats(engine: &Engine, id: &str) -> Result<Value, Refusal> {
    fn of<I: std::str::FromStr, T: serde::Serialize, E>(
        id: &str,
        look: impl Fn(I) -> Result<T, E>,
    ) -> Option<Value> {
        serde_json::to_value(look(id.parse().ok()?).ok()?).ok()
    }
    of(id, |id| engine.consumer_stats(id))
        .or_else(|| of(id, |id| engine.producer_stats(id)))
        .or_else(|| of(id, |id| engine.transport_stats(id)))
        .or_else(|| of(id, |id| engine.data_consumer_stats(id)))
        .or_else(|| of(id, |id| engine.data_producer_stats(id)))
        .ok_or_else(|| Refusal::missing("nothing has that id"))
}

fn told<T: serde::Serialize, E: Display>(answer: Result<T, E>) -> Result<Value, Refusal> {
    let answer = answer.map_err(Refusal::bad)?;
    serde_json::to_value(answer).map_err(Refusal::bad)
}

fn done<E: Display>(answer: Result<(), E>) -> Result<Value, Refusal> {
    answer.map(|()| json!({})).map_err(Refusal::bad)
}
