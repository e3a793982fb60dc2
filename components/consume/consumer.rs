//! Consumers: media that leaves a router.

use std::sync::Arc;

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};
use smallvec::SmallVec;

use crate::rtp_parameters::{MediaKind, RtpParameters};
use crate::snapshot::{self, Roster};
use crate::wire::state::{Malformed, Reader, State, Writer};

/// What hangs a consumer into the world. Its identifier is a [`ConsumerId`](crate::ConsumerId)
/// beside it.
#[derive(Component, Clone, Debug)]
pub struct Consumer {
    /// Audio or video.
    pub kind: MediaKind,
    /// The producer it consumes.
    pub producer: Entity,
    /// The transport it sends on.
    pub transport: Entity,
    /// The producer is paused.
    pub producer_paused: bool,
    /// Its position in the producer's [`Routes`](crate::Routes).
    pub route: u32,
}

crate::snapshot::state! { struct Consumer { kind, producer, transport, producer_paused, route } }

/// What a consumer was made with: never touched by the forwarding path. What is the same for many
/// consumers, which is all but names and numbers, they have together.
#[derive(Component, Clone, Debug)]
pub struct ConsumerParameters {
    /// Without MID, and with zeros in place of SSRCs.
    common: Arc<RtpParameters>,
    mid: Option<Box<str>>,
    encodings: SmallVec<[Ssrcs; 1]>,
}

/// The SSRCs of an encoding: of media, and of retransmissions.
#[derive(Clone, Copy, Debug)]
struct Ssrcs {
    media: Option<u32>,
    rtx: u32,
}

impl ConsumerParameters {
    /// Those of a consumer that sends `rtp`, which has in common what it can with one of `others`.
    pub fn new<'a>(mut rtp: RtpParameters, others: impl IntoIterator<Item = &'a Self>) -> Self {
        let mid = rtp.mid.take().map(String::into_boxed_str);
        let encodings = rtp.encodings.iter_mut().map(|encoding| Ssrcs {
            media: encoding.ssrc.replace(0),
            rtx: encoding
                .rtx
                .as_mut()
                .map_or(0, |rtx| std::mem::take(&mut rtx.ssrc)),
        });
        let encodings = encodings.collect();
        let known = others.into_iter().find(|other| *other.common == rtp);
        Self {
            common: known.map_or_else(|| Arc::new(rtp), |other| other.common.clone()),
            mid,
            encodings,
        }
    }

    /// What it sends.
    pub fn rtp(&self) -> RtpParameters {
        let mut rtp = RtpParameters::clone(&self.common);
        rtp.mid = self.mid.as_deref().map(str::to_owned);
        for (encoding, ssrcs) in rtp.encodings.iter_mut().zip(&self.encodings) {
            encoding.ssrc = ssrcs.media;
            if let Some(rtx) = &mut encoding.rtx {
                rtx.ssrc = ssrcs.rtx;
            }
        }
        rtp
    }

    /// What of it others may have in common: all but MID and SSRCs, which are not those it sends.
    pub fn common(&self) -> &RtpParameters {
        &self.common
    }

    /// The SSRC of retransmissions, when they have a stream of their own.
    pub fn rtx_ssrc(&self) -> Option<u32> {
        let has_rtx = self.common.encodings.first()?.rtx.is_some();
        has_rtx.then_some(self.encodings.first()?.rtx)
    }
}

impl State<Roster> for ConsumerParameters {
    fn save(&self, out: &mut Writer<Roster>) {
        self.rtp().save(out);
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        let own = Self::new(State::load(from)?, []);
        let bytes = snapshot::save(&*own.common);
        let common = from.context.common.entry(bytes).or_insert(own.common);
        Ok(Self {
            common: common.clone(),
            ..own
        })
    }
}

/// The producer that a consumer consumes.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = Consumers)]
pub struct ConsumesFrom(pub Entity);

crate::snapshot::state! { struct ConsumesFrom(it) }

/// The consumers of a producer, in no order. The fan-out reads [`Routes`](crate::Routes) instead.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = ConsumesFrom)]
pub struct Consumers(EntityHashSet);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::{RtpEncodingParameters, RtpEncodingRtx};

    fn rtp(mid: &str, ssrc: u32, rtx: Option<u32>) -> RtpParameters {
        RtpParameters {
            mid: Some(mid.to_owned()),
            encodings: vec![RtpEncodingParameters {
                ssrc: Some(ssrc),
                rtx: rtx.map(|ssrc| RtpEncodingRtx { ssrc }),
                ..RtpEncodingParameters::default()
            }],
            ..RtpParameters::default()
        }
    }

    #[test]
    fn consumers_have_in_common_all_but_names_and_numbers() {
        let first = ConsumerParameters::new(rtp("0", 7, Some(8)), []);
        let second = ConsumerParameters::new(rtp("1", 9, Some(10)), [&first]);
        let third = ConsumerParameters::new(rtp("1", 9, None), [&first, &second]);
        assert!(Arc::ptr_eq(&first.common, &second.common));
        assert!(!Arc::ptr_eq(&first.common, &third.common));
        let told = [&first, &second, &third].map(|it| (it.rtp(), it.rtx_ssrc()));
        let expected = [
            (rtp("0", 7, Some(8)), Some(8)),
            (rtp("1", 9, Some(10)), Some(10)),
            (rtp("1", 9, None), None),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn they_have_it_in_common_where_a_snapshot_goes_on() {
        let all = [("0", 7, Some(8)), ("1", 9, Some(10)), ("1", 9, None)];
        let all = all.map(|(mid, ssrc, rtx)| ConsumerParameters::new(rtp(mid, ssrc, rtx), []));
        let mut out = Writer::new(Roster::default());
        all.iter().for_each(|one| one.save(&mut out));
        let mut from = Reader::new(out.bytes(), Roster::default());
        let loaded = [(); 3].map(|()| ConsumerParameters::load(&mut from).unwrap());
        assert!(Arc::ptr_eq(&loaded[0].common, &loaded[1].common));
        assert!(!Arc::ptr_eq(&loaded[0].common, &loaded[2].common));
        assert_eq!(loaded.map(|one| one.rtp()), all.map(|one| one.rtp()));
    }
}
