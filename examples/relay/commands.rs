//! The commands with which ffmpeg and GStreamer send to this program and receive from it.

use std::fs;

use flumen::Engine;
use flumen::rtp_parameters::MediaKind;

use crate::room::Room;
use crate::running::Failure;

/// The payload type that a sender of VP8 uses.
pub(crate) const VP8_PAYLOAD_TYPE: u8 = 96;
/// The payload type that a sender of Opus uses.
pub(crate) const OPUS_PAYLOAD_TYPE: u8 = 111;
/// The SSRC of the sender's video. Senders without MID are found by their SSRC.
pub(crate) const VIDEO_SSRC: u32 = 1111;
/// The SSRC of the sender's audio.
pub(crate) const AUDIO_SSRC: u32 = 2222;

/// Who listens where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// The first of the ports.
    pub(crate) first: u16,
}

impl Ports {
    /// Where RTP comes in.
    pub(crate) fn rtp(self, kind: MediaKind) -> u16 {
        self.first + Self::offset(kind)
    }

    /// Where RTCP comes in.
    pub(crate) fn rtcp(self, kind: MediaKind) -> u16 {
        self.rtp(kind) + 1
    }

    /// Where RTP is sent to. A receiver takes the port behind it for RTCP.
    pub(crate) fn to_receiver(self, kind: MediaKind) -> u16 {
        self.rtp(kind) + 4
    }

    fn offset(kind: MediaKind) -> u16 {
        match kind {
            MediaKind::Video => 0,
            MediaKind::Audio => 2,
        }
    }
}

/// All commands; the session description for receivers is written to a file.
pub(crate) fn of(engine: &Engine, room: &Room, ports: Ports) -> Result<String, Failure> {
    let file = std::env::temp_dir().join("flumen-relay.sdp");
    fs::write(&file, session_description(engine, room, ports)?)?;
    let file = file.display();
    let (video, video_rtcp) = (ports.rtp(MediaKind::Video), ports.rtcp(MediaKind::Video));
    let (audio, audio_rtcp) = (ports.rtp(MediaKind::Audio), ports.rtcp(MediaKind::Audio));
    Ok(format!(
        r#"
Send with ffmpeg:

  ffmpeg -re -f lavfi -i testsrc2=size=640x360:rate=30 -re -f lavfi -i sine \
    -map 0 -c:v libvpx -deadline realtime -cpu-used 8 -b:v 800k -g 60 -pix_fmt yuv420p \
    -payload_type {VP8_PAYLOAD_TYPE} -ssrc {VIDEO_SSRC} -f rtp "rtp://127.0.0.1:{video}?rtcpport={video_rtcp}&pkt_size=1200" \
    -map 1 -c:a libopus -ac 2 \
    -payload_type {OPUS_PAYLOAD_TYPE} -ssrc {AUDIO_SSRC} -f rtp "rtp://127.0.0.1:{audio}?rtcpport={audio_rtcp}"

or with GStreamer:

  gst-launch-1.0 rtpbin name=rtp \
    videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1 \
    ! vp8enc deadline=1 keyframe-max-dist=60 \
    ! rtpvp8pay pt={VP8_PAYLOAD_TYPE} ssrc={VIDEO_SSRC} mtu=1200 ! rtp.send_rtp_sink_0 \
    rtp.send_rtp_src_0 ! udpsink host=127.0.0.1 port={video} \
    rtp.send_rtcp_src_0 ! udpsink host=127.0.0.1 port={video_rtcp} sync=false async=false \
    audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc \
    ! rtpopuspay pt={OPUS_PAYLOAD_TYPE} ssrc={AUDIO_SSRC} ! rtp.send_rtp_sink_1 \
    rtp.send_rtp_src_1 ! udpsink host=127.0.0.1 port={audio} \
    rtp.send_rtcp_src_1 ! udpsink host=127.0.0.1 port={audio_rtcp} sync=false async=false

Then play what is forwarded:

  ffplay -protocol_whitelist file,udp,rtp {file}
"#
    ))
}

/// What a receiver has to know (RFC 8866): ports, payload types and SSRCs of the consumers.
fn session_description(engine: &Engine, room: &Room, ports: Ports) -> Result<String, Failure> {
    let mut text = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=Flumen relay\r\n\
                    c=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        .to_owned();
    for &consumer in room.viewers.iter().flat_map(|viewer| &viewer.consumers) {
        let parameters = engine.consumer_parameters(consumer)?;
        let codec = parameters.codecs.first().ok_or("a consumer has a codec")?;
        let kind = MediaKind::of_mime_type(&codec.mime_type).ok_or("a codec has a kind")?;
        let (port, payload_type) = (ports.to_receiver(kind), codec.payload_type);
        let name = codec.mime_type.split('/').next_back().unwrap_or_default();
        let channels = codec
            .channels
            .map_or(String::new(), |channels| format!("/{channels}"));
        let clock_rate = codec.clock_rate;
        text.push_str(&format!(
            "m={kind} {port} RTP/AVP {payload_type}\r\n\
             a=rtpmap:{payload_type} {name}/{clock_rate}{channels}\r\n"
        ));
    }
    Ok(text)
}
