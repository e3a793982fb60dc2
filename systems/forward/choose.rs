//! Whether a consumer gets a packet, and as which number.

use flumen_components::{Arrival, Emission, MediaPacket, Withheld};

/// A packet that a consumer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its outgoing sequence number.
    pub(super) sequence: u16,
    /// It begins a run with a key frame, of which later packets may have come before it.
    pub(super) begins_key_frame: bool,
}

/// The outgoing sequence number of a packet, or why it is not forwarded.
///
/// What is withheld from an active consumer is taken out of its sequence, so that it sees no gap.
pub(super) fn choose(
    emission: &mut Emission,
    packet: &MediaPacket,
    dtx: bool,
) -> Result<Choice, Withheld> {
    let number = packet.header.sequence_number;
    // The sender came back with another SSRC: its numbers and its pictures begin anew.
    let newest = emission.newest;
    let replaced = newest.is_some_and(|newest| newest.stream != packet.stream);
    emission.sync_required |= replaced;
    if replaced || packet.arrival == Arrival::Resync {
        emission.sequence.restart(number.wrapping_sub(1));
    }
    if !emission.payload_types.contains(packet.payload_type) {
        emission.sequence.drop(number);
        return Err(Withheld::PayloadTypeNotNegotiated);
    }
    if emission.sync_required && emission.waits_for_key_frame && !packet.key_frame {
        return Err(Withheld::AwaitingKeyFrame);
    }
    if packet.header.payload_len == 0 {
        emission.sequence.drop(number);
        return Err(Withheld::PaddingOnly);
    }
    if dtx && emission.ignore_dtx {
        emission.sequence.drop(number);
        return Err(Withheld::Dtx);
    }
    if packet.duplicate && emission.resends && !emission.sync_required {
        return Err(Withheld::Duplicate);
    }
    let begins = emission.sync_required;
    if begins {
        // No run begins with what belongs before it: a straggler, or its last packet once more.
        let old = packet.arrival == Arrival::Late || number == emission.sequence.max_input();
        if old && !emission.sequence.is_news(number) {
            return Err(too_late(emission));
        }
        emission.sync_required = false;
        emission.sequence.restart(number.wrapping_sub(1));
    }
    match emission.sequence.input(number) {
        Some(sequence) => Ok(Choice {
            sequence,
            begins_key_frame: begins && emission.waits_for_key_frame,
        }),
        None => Err(too_late(emission)),
    }
}

/// Takes a packet that nobody gets out of a consumer's sequence.
pub(super) fn pass_over(emission: &mut Emission, packet: &MediaPacket) {
    let number = packet.header.sequence_number;
    if packet.arrival == Arrival::Resync {
        emission.sequence.restart(number.wrapping_sub(1));
    }
    // Who waits for a key frame begins anew, maybe with a packet before this one.
    if !emission.sync_required {
        emission.sequence.drop(number);
    }
}

pub(super) fn too_late(emission: &mut Emission) -> Withheld {
    emission.discarded += 1;
    Withheld::TooLate
}
