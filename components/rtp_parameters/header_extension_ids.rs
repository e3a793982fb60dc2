//! Which id a peer gave to which header extension.

use super::{HeaderExtension, RtpHeaderExtensionParameters};

/// The ids under which header extensions arrive from, or leave to, a peer; nothing for those that
/// were not negotiated.
///
/// A transport has one for what it receives, and learns from every producer it is given: what a
/// later one says about a URI replaces what an earlier one said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderExtensionIds {
    /// [`HeaderExtension::Mid`].
    pub mid: Option<u8>,
    /// [`HeaderExtension::Rid`].
    pub rid: Option<u8>,
    /// [`HeaderExtension::RepairedRid`].
    pub rrid: Option<u8>,
    /// [`HeaderExtension::AbsSendTime`].
    pub abs_send_time: Option<u8>,
    /// [`HeaderExtension::TransportSequence`].
    pub transport_cc: Option<u8>,
    /// [`HeaderExtension::AudioLevel`].
    pub audio_level: Option<u8>,
    /// [`HeaderExtension::DependencyDescriptor`].
    pub dependency_descriptor: Option<u8>,
    /// [`HeaderExtension::VideoOrientation`].
    pub video_orientation: Option<u8>,
    /// [`HeaderExtension::TransmissionOffset`].
    pub toffset: Option<u8>,
    /// [`HeaderExtension::AbsCaptureTime`].
    pub abs_capture_time: Option<u8>,
    /// [`HeaderExtension::PlayoutDelay`].
    pub playout_delay: Option<u8>,
    /// [`HeaderExtension::PacketId`].
    pub packet_id: Option<u8>,
}

crate::snapshot::state! {
    struct HeaderExtensionIds {
        mid, rid, rrid, abs_send_time, transport_cc, audio_level, dependency_descriptor,
        video_orientation, toffset, abs_capture_time, playout_delay, packet_id
    }
}

impl HeaderExtensionIds {
    /// No extension has an id.
    pub const NONE: Self = Self {
        mid: None,
        rid: None,
        rrid: None,
        abs_send_time: None,
        transport_cc: None,
        audio_level: None,
        dependency_descriptor: None,
        video_orientation: None,
        toffset: None,
        abs_capture_time: None,
        playout_delay: None,
        packet_id: None,
    };

    /// The ids `extensions` state.
    pub fn of(extensions: &[RtpHeaderExtensionParameters]) -> Self {
        let mut ids = Self::default();
        ids.learn(extensions);
        ids
    }

    /// Takes over the ids `extensions` state. Unknown URIs are passed over.
    pub fn learn(&mut self, extensions: &[RtpHeaderExtensionParameters]) {
        for stated in extensions {
            if let Some(extension) = HeaderExtension::from_uri(&stated.uri) {
                *self.slot(extension) = Some(stated.id);
            }
        }
    }

    fn slot(&mut self, extension: HeaderExtension) -> &mut Option<u8> {
        match extension {
            HeaderExtension::Mid => &mut self.mid,
            HeaderExtension::Rid => &mut self.rid,
            HeaderExtension::RepairedRid => &mut self.rrid,
            HeaderExtension::AbsSendTime => &mut self.abs_send_time,
            HeaderExtension::TransportSequence => &mut self.transport_cc,
            HeaderExtension::AudioLevel => &mut self.audio_level,
            HeaderExtension::DependencyDescriptor => &mut self.dependency_descriptor,
            HeaderExtension::VideoOrientation => &mut self.video_orientation,
            HeaderExtension::TransmissionOffset => &mut self.toffset,
            HeaderExtension::AbsCaptureTime => &mut self.abs_capture_time,
            HeaderExtension::PlayoutDelay => &mut self.playout_delay,
            HeaderExtension::PacketId => &mut self.packet_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::router_id;
    use super::*;

    fn stated(extension: HeaderExtension, id: u8) -> RtpHeaderExtensionParameters {
        RtpHeaderExtensionParameters::new(extension.uri(), id)
    }

    #[test]
    fn every_extension_has_a_place_of_its_own() {
        let all = HeaderExtension::ALL.map(|known| stated(known, router_id(known)));
        let mut ids = HeaderExtensionIds::of(&all);
        for known in HeaderExtension::ALL {
            assert_eq!(*ids.slot(known), Some(router_id(known)));
        }
    }

    #[test]
    fn a_later_producer_overwrites_what_it_states_and_nothing_else() {
        let mut ids = HeaderExtensionIds::of(&[
            stated(HeaderExtension::Mid, 4),
            stated(HeaderExtension::Rid, 5),
        ]);
        ids.learn(&[
            stated(HeaderExtension::Mid, 9),
            RtpHeaderExtensionParameters::new("urn:nobody:knows", 3),
        ]);
        assert_eq!((ids.mid, ids.rid, ids.rrid), (Some(9), Some(5), None));
    }
}
