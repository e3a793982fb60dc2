//! What an application can change, once each: to be recorded and done again.

use std::borrow::Cow;

use flumen_components::trace::TraceType;
use flumen_components::{AppData, Content, DtlsParameters, Message};
use flumen_systems::control::ConnectOptions;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::listen::ListenInfo;
use crate::recording::Command;

/// Declares the verbs, and how each is done again with the arguments that were recorded.
macro_rules! commands {
    ($payload:ident; $($verb:ident: $arguments:tt $(as $kind:ty)? => $method:ident($($argument:expr),*);)+) => {
        /// A method that changes something.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Verb {
            $($verb,)+
        }

        impl Verb {
            /// What a recording calls it.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$verb => stringify!($verb),)+
                }
            }
        }

        /// Does `command` again.
        ///
        /// # Errors
        ///
        /// Why not: what is recorded succeeded then.
        pub(crate) fn repeat(engine: &mut Engine, command: &Command) -> Result<(), String> {
            let $payload = &command.payload[..];
            match command.verb.as_str() {
                $(stringify!($verb) => {
                    let $arguments $(: $kind)? = serde_json::from_slice(&command.arguments)
                        .map_err(|error| error.to_string())?;
                    let done = engine.$method($($argument),*);
                    done.map(drop).map_err(|error| error.to_string())
                })+
                _ => Err("this engine has no such method".into()),
            }
        }
    };
}

commands! { payload;
    CreateRouter: codecs as Vec<_> => create_router_with(&codecs, AppData::default());
    UpdateMediaCodecs: (router, codecs) as (_, Vec<_>) => update_media_codecs(router, &codecs);
    CloseRouter: router => close_router(router);
    OpenSocket: info as ListenInfo => open_socket_with(&info, AppData::default());
    CloseSocket: socket => close_socket(socket);
    CreatePlainTransport: (router, options) => create_plain_transport(router, options);
    CreateDirectTransport: (router, options) => create_direct_transport_with(router, options);
    Connect: (transport, options) as (_, ConnectOptions) => connect(transport, &options);
    SetMaxIncomingBitrate: (transport, bitrate) => set_max_incoming_bitrate(transport, bitrate);
    SetMaxOutgoingBitrate: (transport, bitrate) => set_max_outgoing_bitrate(transport, bitrate);
    SetMinOutgoingBitrate: (transport, bitrate) => set_min_outgoing_bitrate(transport, bitrate);
    TraceTransport: (transport, types) as (_, Vec<TraceType>) => trace_transport(transport, &types);
    CloseTransport: transport => close_transport(transport);
    CreateWebRtcServer: infos as Vec<ListenInfo> => create_webrtc_server(&infos, AppData::default());
    CloseWebRtcServer: server => close_webrtc_server(server);
    CreateWebRtcTransport: (router, options) => create_webrtc_transport(router, options);
    ConnectWebRtc: (transport, remote) as (_, DtlsParameters) => connect_webrtc(transport, &remote);
    RestartIce: transport => restart_ice(transport);
    SetDtlsIdentity: (certificate, key) as (Vec<u8>, Zeroizing<Vec<u8>>) => show_identity(&certificate, &key);
    Produce: (transport, options) => produce(transport, options);
    PauseProducer: producer => pause_producer(producer);
    ResumeProducer: producer => resume_producer(producer);
    TraceProducer: (producer, types) as (_, Vec<TraceType>) => trace_producer(producer, &types);
    Send: producer => send(producer, payload);
    SendRtcp: transport => send_rtcp(transport, payload);
    CloseProducer: producer => close_producer(producer);
    Consume: (transport, options) => consume(transport, options);
    PauseConsumer: consumer => pause_consumer(consumer);
    ResumeConsumer: consumer => resume_consumer(consumer);
    RequestKeyFrame: consumer => request_key_frame(consumer);
    SetPreferredLayers: (consumer, layers) => set_preferred_layers(consumer, layers);
    SetPriority: (consumer, priority) => set_priority(consumer, priority);
    TraceConsumer: (consumer, types) as (_, Vec<TraceType>) => trace_consumer(consumer, &types);
    CloseConsumer: consumer => close_consumer(consumer);
    ProduceData: (transport, options) => produce_data(transport, options);
    SendMessage: (producer, head) as (_, Head<'_>) => send_message(producer, &head.message(payload));
    PauseDataProducer: producer => pause_data_producer(producer);
    ResumeDataProducer: producer => resume_data_producer(producer);
    CloseDataProducer: producer => close_data_producer(producer);
    ConsumeData: (transport, options) => consume_data(transport, options);
    PauseDataConsumer: consumer => pause_data_consumer(consumer);
    ResumeDataConsumer: consumer => resume_data_consumer(consumer);
    SendMessageTo: (consumer, head) as (_, Head<'_>) => offer_message_to(consumer, &head.message(payload));
    SetBufferedAmountLowThreshold: (consumer, bytes) => set_buffered_amount_low_threshold(consumer, bytes);
    SetSubchannels: (consumer, subchannels) as (_, Vec<u16>) => set_subchannels(consumer, &subchannels);
    AddSubchannel: (consumer, subchannel) => add_subchannel(consumer, subchannel);
    RemoveSubchannel: (consumer, subchannel) => remove_subchannel(consumer, subchannel);
    CloseDataConsumer: consumer => close_data_consumer(consumer);
    CreateAudioLevelObserver: (router, options) => create_audio_level_observer(router, options);
    CreateActiveSpeakerObserver: (router, options) => create_active_speaker_observer(router, options);
    AddProducer: (observer, producer) => add_producer(observer, producer);
    RemoveProducer: (observer, producer) => remove_producer(observer, producer);
    PauseObserver: observer => pause_observer(observer);
    ResumeObserver: observer => resume_observer(observer);
    CloseObserver: observer => close_observer(observer);
}

/// Changes.
impl Engine {
    /// Does what the application asks for, behind what it sent.
    pub(crate) fn change<A: Serialize, T, E>(
        &mut self,
        verb: Verb,
        arguments: A,
        act: impl FnOnce(&mut Self, A) -> Result<T, E>,
    ) -> Result<T, E> {
        self.settle();
        self.undivided(verb, arguments, act)
    }

    /// Does something that is not to be left half done: if a request panics in it, the world is in
    /// doubt. The next tick is due.
    pub(crate) fn undivided<A: Serialize, T, E>(
        &mut self,
        verb: Verb,
        arguments: A,
        act: impl FnOnce(&mut Self, A) -> Result<T, E>,
    ) -> Result<T, E> {
        self.undivided_with(verb, arguments, &[], act)
    }

    /// The same with an argument of many bytes.
    pub(crate) fn undivided_with<A: Serialize, T, E>(
        &mut self,
        verb: Verb,
        arguments: A,
        payload: &[u8],
        act: impl FnOnce(&mut Self, A) -> Result<T, E>,
    ) -> Result<T, E> {
        let _span = tracing::debug_span!("command", verb = verb.name()).entered();
        self.network.attempted(verb.name(), &arguments, payload);
        let before = std::mem::replace(&mut self.in_doubt, true);
        let result = act(self, arguments);
        self.in_doubt = before;
        self.asked = true;
        self.network.concluded(result.is_ok());
        result
    }
}

/// A message without what it says, which is the payload of its command.
#[derive(Serialize, Deserialize)]
pub(crate) struct Head<'a> {
    is_text: bool,
    ppid: Option<u32>,
    subchannels: Cow<'a, [u16]>,
    required: Option<u16>,
    ignored: Option<u16>,
}

impl<'a> Head<'a> {
    /// The head of `message`, and what it says.
    pub(crate) fn of(message: &Message<'a>) -> (Self, &'a [u8]) {
        let (is_text, payload) = match message.content {
            Content::Text(text) => (true, text.as_bytes()),
            Content::Binary(bytes) => (false, bytes),
        };
        let head = Self {
            is_text,
            ppid: message.ppid,
            subchannels: message.subchannels.into(),
            required: message.required_subchannel,
            ignored: message.ignored_subchannel,
        };
        (head, payload)
    }

    fn message<'b>(&'b self, payload: &'b [u8]) -> Message<'b> {
        let text = || std::str::from_utf8(payload).unwrap_or_default();
        Message {
            content: match self.is_text {
                true => Content::Text(text()),
                false => Content::Binary(payload),
            },
            ppid: self.ppid,
            subchannels: &self.subchannels,
            required_subchannel: self.required,
            ignored_subchannel: self.ignored,
        }
    }
}
