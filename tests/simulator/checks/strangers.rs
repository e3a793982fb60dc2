//! A peer gets packets and reports of its own consumers and producers alone.

use flumen::components::Probation;
use flumen::components::wire::classify::PacketKind;
use flumen::components::wire::rtcp::{RtcpPacket, packets};

use super::streams::peer_of;
use super::{Check, Sent};

#[derive(Clone)]
pub(super) struct Strangers;

impl Check for Strangers {
    fn name(&self) -> &'static str {
        "strangers"
    }

    fn fork(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(self.clone()))
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        match sent.kind {
            Some(PacketKind::Rtp) => known(sent),
            Some(PacketKind::Rtcp) => reports(sent),
            _ => Ok(()),
        }
    }
}

fn known(sent: &Sent<'_>) -> Result<(), String> {
    let Some(rtp) = sent.rtp else {
        return Err(format!("{} gets malformed RTP", sent.to));
    };
    if sent.stream.is_none() && rtp.ssrc != Probation::SSRC {
        return Err(format!(
            "{} gets SSRC {} of no consumer of it",
            sent.to, rtp.ssrc
        ));
    }
    Ok(())
}

/// The SSRCs that a compound says something of as a sender of them.
pub(super) fn senders(compound: &[u8]) -> Vec<u32> {
    // Who only reports has a name, too.
    let (mut ssrcs, mut reporter) = (Vec::new(), None);
    for packet in packets(compound).flatten() {
        match packet {
            RtcpPacket::SenderReport(report) => ssrcs.push(report.info.ssrc),
            RtcpPacket::ReceiverReport(report) => reporter = Some(report.sender_ssrc),
            RtcpPacket::SourceDescription(names) => {
                let named = names.chunks().map(|chunk| chunk.ssrc);
                ssrcs.extend(named.filter(|ssrc| Some(*ssrc) != reporter));
            }
            RtcpPacket::Bye(bye) => ssrcs.extend(bye.sources()),
            _ => {}
        }
    }
    ssrcs
}

/// What is reported is of consumers of the peer; reports and requests are about what it sends itself.
fn reports(sent: &Sent<'_>) -> Result<(), String> {
    if let Some(ssrc) = sent.foreign {
        return Err(format!(
            "{} is told of SSRC {ssrc} of no consumer of it",
            sent.to
        ));
    }
    for packet in packets(sent.bytes) {
        let Ok(packet) = packet else {
            return Err(format!("{} gets malformed RTCP", sent.to));
        };
        match packet {
            RtcpPacket::ReceiverReport(report) => {
                report
                    .blocks()
                    .try_for_each(|block| own(sent, block.ssrc))?;
            }
            RtcpPacket::Nack(nack) => own(sent, nack.media_ssrc)?,
            RtcpPacket::Pli(pli) => own(sent, pli.media_ssrc)?,
            RtcpPacket::Fir(fir) => fir.entries().try_for_each(|entry| own(sent, entry.ssrc))?,
            RtcpPacket::Remb(remb) => remb.ssrcs().try_for_each(|ssrc| own(sent, ssrc))?,
            _ => {}
        }
    }
    Ok(())
}

fn own(sent: &Sent<'_>, ssrc: u32) -> Result<(), String> {
    match peer_of(ssrc) {
        Some(peer) if peer as usize != sent.to.index() => {
            Err(format!("{} is told of SSRC {ssrc} of peer {peer}", sent.to))
        }
        _ => Ok(()),
    }
}
