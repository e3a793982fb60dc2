//! A stream begins: what is known of it from its first packet on.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Commands, EntityCommands};
use flumen_components::rtp_parameters::Codec;
use flumen_components::{
    CaptureClock, Deadlines, Due, Encoding, EntryPoints, Histogram, History, Inactivity,
    LayerActivity, LayerRates, Liveness, Missing, PictureGroups, Producer, Reception, Reporting,
    RtpStream, Score, SilenceTimer, StreamOf, Templates, Time,
};

/// The birth of a stream.
pub(super) struct Birth<'a> {
    /// Its producer.
    pub(super) producer: Entity,
    /// What the producer is.
    pub(super) owner: &'a Producer,
    /// The position of its encoding.
    pub(super) index: usize,
    /// The SSRC of its media.
    pub(super) ssrc: u32,
    /// When its first packet came.
    pub(super) now: Time,
}

/// Spawns a stream, and sets the deadlines that its kind has.
pub(super) fn spawn_stream(
    birth: &Birth<'_>,
    commands: &mut Commands<'_, '_>,
    deadlines: &mut Deadlines,
) -> Entity {
    let encoding = &birth.owner.encodings[birth.index];
    let rate = LayerRates::new(encoding.layers, encoding.use_dtx);
    let mut stream = commands.spawn((
        birth.stream(encoding),
        StreamOf(birth.producer),
        Reception::new(rate),
        Score::default(),
        Reporting::default(),
        Histogram::default(),
        History::default(),
        CaptureClock::default(),
    ));
    if encoding.use_nack {
        stream.insert(Missing::default());
    }
    if matches!(
        encoding.codec,
        Codec::Av1 | Codec::H264 | Codec::H265 | Codec::Vp8
    ) {
        stream.insert(Templates::default());
    }
    if encoding.codec == Codec::Vp9 {
        stream.insert(PictureGroups::new(encoding.is_ksvc));
    }
    if matches!(encoding.codec, Codec::H264 | Codec::H265) {
        stream.insert(EntryPoints::default());
    }
    watch(birth, encoding, &mut stream, deadlines);
    stream.id()
}

/// What is watched costs nothing on streams that need not be.
fn watch(
    birth: &Birth<'_>,
    encoding: &Encoding,
    stream: &mut EntityCommands<'_>,
    deadlines: &mut Deadlines,
) {
    let (entity, now) = (stream.id(), birth.now);
    if encoding.checks_inactivity {
        let span = Inactivity::span(encoding.use_dtx);
        stream.insert(Inactivity(SilenceTimer::new(span, now)));
        deadlines.set(now + span, entity, Due::Inactivity);
    }
    if encoding.layers.spatial > 1 {
        stream.insert(LayerActivity::new(encoding.layers.spatial));
        deadlines.set(now + LayerActivity::INTERVAL, entity, Due::LayerActivity);
    }
    let timeout = birth.owner.liveness_timeout;
    if !timeout.is_zero() {
        stream.insert(Liveness(SilenceTimer::new(timeout, now)));
        deadlines.set(now + timeout, entity, Due::Liveness);
    }
}

impl Birth<'_> {
    fn stream(&self, encoding: &Encoding) -> RtpStream {
        RtpStream {
            producer: self.producer,
            encoding_index: self.index as u32,
            discovered: self.owner.streams().count() as u32,
            ssrc: self.ssrc,
            rid: encoding.rid.clone(),
            payload_type: encoding.payload_type,
            rtx_payload_type: encoding.rtx_payload_type,
            codec: encoding.codec,
            clock_rate: encoding.clock_rate,
        }
    }
}
