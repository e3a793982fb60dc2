//! Pictures as an encoder sends them.

use std::time::Duration;

use crate::coding::{
    DependencyEncoder, Encoder, Stacking, Vp8Encoder, Vp9Encoder, Vp9Mode, Wrapping,
};
use crate::noise::Noise;

/// What pictures are coded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoCodec {
    /// VP8 (RFC 7741), which tells its temporal layers in each packet.
    Vp8,
    /// VP9 (RFC 9628), which tells its layers in each packet.
    Vp9,
    /// AV1, with dependency descriptors.
    Av1,
    /// H.264 (RFC 6184), constrained baseline; with dependency descriptors where it has temporal
    /// layers.
    H264,
}

/// Video as an encoder sends it: frames of several packets that refer to each other, and key frames
/// when they are asked for.
///
/// ```
/// use flumen_sim::Video;
///
/// let camera = Video::vp9().spatial_layers(3).temporal_layers(3).key_only();
/// assert_eq!(camera.mode(), "L3T3_KEY");
/// let simulcast = Video::h264().simulcast(3).temporal_layers(3);
/// assert_eq!((simulcast.encodings, simulcast.mode().as_str()), (3, "L1T3"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Video {
    /// What it is coded in.
    pub codec: VideoCodec,
    /// Encodings of one picture, each of three times the bitrate of the one below it.
    pub encodings: usize,
    /// Spatial layers of its only encoding, 1 to 3, each of three times the bitrate of the one below
    /// it; several in VP9 and AV1 alone.
    pub spatial_layers: u8,
    /// Temporal layers of each encoding, 1 to 3.
    pub temporal_layers: u8,
    /// Spatial layers need each other in key pictures alone; otherwise in every picture.
    pub key_only: bool,
    /// Each packet of VP9 lists what it refers to; otherwise groups of pictures are told with key
    /// pictures.
    pub flexible: bool,
    /// Bits a second of the highest encoding, with all of its layers.
    pub bitrate: u64,
    /// Pictures a second.
    pub frame_rate: u32,
    /// It sends again what is asked for, in a stream of its own (RFC 4588).
    pub rtx: bool,
    /// From a request for a key frame to that.
    pub reaction: Duration,
    /// It sends no more than it is told that its path carries.
    pub adapts: bool,
}

impl VideoCodec {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vp8, Self::Vp9, Self::Av1, Self::H264];

    /// As signalling names it.
    pub(crate) fn mime_type(self) -> &'static str {
        match self {
            Self::Vp8 => "video/VP8",
            Self::Vp9 => "video/VP9",
            Self::Av1 => "video/AV1",
            Self::H264 => "video/H264",
        }
    }
}

impl Video {
    /// VP8 of 600 kbit/s and 30 pictures a second, in one encoding of one layer, with RTX.
    pub fn vp8() -> Self {
        Self {
            codec: VideoCodec::Vp8,
            encodings: 1,
            spatial_layers: 1,
            temporal_layers: 1,
            key_only: false,
            flexible: false,
            bitrate: 600_000,
            frame_rate: 30,
            rtx: true,
            reaction: Duration::from_millis(40),
            adapts: true,
        }
    }

    /// The same in VP9.
    pub fn vp9() -> Self {
        Self::of(VideoCodec::Vp9)
    }

    /// The same in AV1.
    pub fn av1() -> Self {
        Self::of(VideoCodec::Av1)
    }

    /// The same in H.264.
    pub fn h264() -> Self {
        Self::of(VideoCodec::H264)
    }

    fn of(codec: VideoCodec) -> Self {
        Self {
            codec,
            ..Self::vp8()
        }
    }

    /// So many encodings of one picture, 1 to 4. Several have no spatial layers.
    #[must_use]
    pub fn simulcast(mut self, encodings: usize) -> Self {
        self.encodings = encodings.clamp(1, 4);
        if self.encodings > 1 {
            self.spatial_layers = 1;
        }
        self
    }

    /// So many spatial layers in one encoding, 1 to 3; one in codecs that have none.
    #[must_use]
    pub fn spatial_layers(mut self, layers: u8) -> Self {
        let has_any = matches!(self.codec, VideoCodec::Vp9 | VideoCodec::Av1);
        self.spatial_layers = layers.clamp(1, if has_any { 3 } else { 1 });
        if self.spatial_layers > 1 {
            self.encodings = 1;
        }
        self
    }

    /// So many temporal layers in each encoding, 1 to 3.
    #[must_use]
    pub fn temporal_layers(mut self, layers: u8) -> Self {
        self.temporal_layers = layers.clamp(1, 3);
        self
    }

    /// Its spatial layers need each other in key pictures alone.
    #[must_use]
    pub fn key_only(mut self) -> Self {
        self.key_only = true;
        self
    }

    /// Each packet lists what it refers to (VP9).
    #[must_use]
    pub fn flexible(mut self) -> Self {
        self.flexible = true;
        self
    }

    /// Bits a second of the highest encoding, with all of its layers.
    #[must_use]
    pub fn bitrate(mut self, bits_per_second: u64) -> Self {
        self.bitrate = bits_per_second;
        self
    }

    /// Pictures a second, at least one.
    #[must_use]
    pub fn frame_rate(mut self, per_second: u32) -> Self {
        self.frame_rate = per_second.max(1);
        self
    }

    /// It sends nothing again.
    #[must_use]
    pub fn without_rtx(mut self) -> Self {
        self.rtx = false;
        self
    }

    /// The scalability mode of each encoding, as WebRTC names it.
    pub fn mode(&self) -> String {
        self.stacking().mode(self.layers())
    }

    /// Bits a second of encoding number `index`, the lowest of which is 0.
    pub(crate) fn bitrate_of(&self, index: usize) -> u64 {
        (index + 1..self.encodings).fold(self.bitrate, |bitrate, _| bitrate / 3)
    }

    /// Between two pictures.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_nanos(1_000_000_000 / u64::from(self.frame_rate))
    }

    /// Its packets have dependency descriptors.
    pub(crate) fn is_described(&self) -> bool {
        match self.codec {
            VideoCodec::Vp8 | VideoCodec::Vp9 => false,
            VideoCodec::Av1 => true,
            VideoCodec::H264 => self.temporal_layers > 1,
        }
    }

    /// What makes the frames of one encoding.
    pub(crate) fn encoder(&self, noise: &mut Noise) -> Encoder {
        match self.codec {
            VideoCodec::Vp8 => Encoder::Vp8(Vp8Encoder::new(self.temporal_layers, noise)),
            VideoCodec::Vp9 => {
                let mode = Vp9Mode {
                    stacking: self.stacking(),
                    is_flexible: self.flexible,
                };
                Encoder::Vp9(Vp9Encoder::new(mode, self.layers(), noise))
            }
            VideoCodec::Av1 => self.dependent(Wrapping::Av1, noise),
            VideoCodec::H264 => self.dependent(Wrapping::H264, noise),
        }
    }

    fn dependent(&self, wrapping: Wrapping, noise: &mut Noise) -> Encoder {
        let mut encoder = DependencyEncoder::new(wrapping, self.layers(), self.stacking(), noise);
        encoder.is_mute = !self.is_described();
        Encoder::Dependent(encoder)
    }

    fn layers(&self) -> (u8, u8) {
        (self.spatial_layers, self.temporal_layers)
    }

    fn stacking(&self) -> Stacking {
        match self.key_only && self.spatial_layers > 1 {
            true => Stacking::Key,
            false => Stacking::Full,
        }
    }
}
