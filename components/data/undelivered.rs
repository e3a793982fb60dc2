//! Why a message does not reach a data consumer.

use crate::tick::counts::reasons;

reasons! {
    /// Why a message was accepted by no data producer. Part of the data ledger.
    MessageDiscard {
        /// The data producer was gone before the tick that would have routed the message.
        DataProducerClosed = "dataProducerClosed",
        /// It came on an SCTP stream that no data producer receives.
        UnknownStream = "unknownStream",
        /// It asks to open a data channel that cannot be: it is malformed, its stream is in use or
        /// the engine's to open, or its names are too long (RFC 8832 section 5.1).
        UnwantedChannel = "unwantedChannel",
        /// It came over SCTP and was longer than the transport takes.
        TooLarge = "tooLarge",
    }
}

reasons! {
    /// Why an accepted message was not delivered to a data consumer. Part of the data ledger.
    MessageWithheld {
        /// The data producer is paused.
        DataProducerPaused = "dataProducerPaused",
        /// The data consumer is paused.
        DataConsumerPaused = "dataConsumerPaused",
        /// The data consumer did not subscribe to the subchannel that is required.
        RequiredSubchannel = "requiredSubchannel",
        /// The data consumer subscribed to the subchannel that is ignored.
        IgnoredSubchannel = "ignoredSubchannel",
        /// The data consumer subscribed to none of the subchannels of the message.
        NoSubchannel = "noSubchannel",
        /// Longer than the data consumer's transport sends.
        TooLarge = "tooLarge",
        /// The application did not collect what the direct transport delivered.
        DirectQueueFull = "directQueueFull",
        /// The SCTP association of the data consumer is not connected.
        NotConnected = "notConnected",
        /// As many bytes or messages of the association or of the stream as may wait for the peer
        /// do so.
        SendBufferFull = "sendBufferFull",
        /// SCTP carries no message without bytes.
        Empty = "empty",
        /// The peer takes fewer streams than the one of the data consumer.
        NoStream = "noStream",
    }
}
