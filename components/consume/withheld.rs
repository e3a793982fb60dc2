//! Why an accepted packet does not reach a consumer.

use crate::tick::counts::reasons;

reasons! {
    /// Why an accepted packet was not forwarded to a consumer. Part of the egress ledger.
    Withheld {
        /// The producer is paused.
        ProducerPaused = "producerPaused",
        /// The consumer is paused.
        ConsumerPaused = "consumerPaused",
        /// The consumer's transport has no remote address yet.
        NotConnected = "notConnected",
        /// The consumer did not negotiate the payload type.
        PayloadTypeNotNegotiated = "payloadTypeNotNegotiated",
        /// The consumer starts with a key frame, and this is not one.
        AwaitingKeyFrame = "awaitingKeyFrame",
        /// It carries no payload.
        PaddingOnly = "paddingOnly",
        /// Silence of a discontinuous transmission, which the consumer ignores.
        Dtx = "dtx",
        /// It came before, and the consumer sends again what its receiver misses.
        Duplicate = "duplicate",
        /// It is of a layer that the consumer does not get.
        OtherLayer = "otherLayer",
        /// Its frame needs one that was withheld.
        Undecodable = "undecodable",
        /// It arrived so late that its place in the outgoing sequence is gone.
        TooLate = "tooLate",
    }
}
