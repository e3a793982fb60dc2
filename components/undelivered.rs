//! Why a message does not reach a data consumer.

use crate::counts::reasons;

reasons! {
    /// Why a message was accepted by no data producer. Part of the data ledger.
    MessageDiscard {
        /// The data producer closed before the tick that would have routed the message.
        DataProducerClosed = "dataProducerClosed",
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
    }
}
