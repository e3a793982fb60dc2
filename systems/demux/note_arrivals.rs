//! When packets arrive is noted, for the senders that are told of it.

use bevy_ecs::system::{Query, Res, ResMut};
use flumen_components::wire::extension::{parse_abs_send_time, parse_transport_sequence};
use flumen_components::{
    Agenda, BandwidthFeedback, Deadlines, FeedbackMethod, Inbox, IncomingLimit, Listener, Now,
    RtpIn,
};

/// Notes every RTP packet of a transport whose path is measured: whatever becomes of it, it took up
/// bandwidth.
pub(crate) fn note_arrivals(
    rtp: Res<'_, RtpIn>,
    inbox: Res<'_, Inbox>,
    mut transports: Query<'_, '_, (&Listener, &IncomingLimit, &mut BandwidthFeedback)>,
    mut agenda: ResMut<'_, Agenda>,
    mut deadlines: ResMut<'_, Deadlines>,
    now: Res<'_, Now>,
) {
    for arrival in &rtp.0 {
        let transport = arrival.transport;
        let Ok((listener, limit, mut feedback)) = transports.get_mut(transport) else {
            continue;
        };
        let start = arrival.start as usize;
        let bytes = &inbox.bytes()[start..start + arrival.len as usize];
        let value = |id: Option<u8>| arrival.header.extension(bytes, id?);
        match &mut feedback.method {
            FeedbackMethod::TransportCc(transport_cc) => {
                let value = value(listener.extensions.transport_cc);
                let Some(number) = value.and_then(parse_transport_sequence) else {
                    continue;
                };
                transport_cc.arrivals.receive(number, now.time);
                feedback.arm(transport, now.time, &mut deadlines);
            }
            FeedbackMethod::Remb(remb) => {
                let value = value(listener.extensions.abs_send_time);
                let Some(sent) = value.and_then(parse_abs_send_time) else {
                    continue;
                };
                remb.estimate.receive(sent, arrival.len, now.time);
                let told = remb.tell(limit, now.time);
                let told = told.map(|bitrate| (transport, bitrate));
                agenda.estimates.0.extend(told);
            }
        }
        feedback.media_ssrc = arrival.header.ssrc;
    }
}
