//! Media that says of itself what is not so, and that the others watch.

use std::time::Duration;

use flumen::rtp_parameters::{
    HeaderExtension, MediaKind, RtpCodecParameters, RtpEncodingParameters,
    RtpHeaderExtensionParameters, RtpParameters,
};
use flumen::{ConsumerOptions, ProducerOptions};
use flumen_sim::{Feedback, Peer};

use super::heard::{assert_same, by_stream};
use super::{Call, Manner, Outcome, camera, victim};

/// Not as peers of a room number theirs, so that no rule expects sense of it.
const SSRC: u32 = 0x7000_0000;
const PAYLOAD_TYPE: u8 = 100;
/// The identifier of the extension with dependency descriptors.
const DEPENDENCIES: u8 = 5;

/// A stream that lies.
struct Lies {
    mime_type: &'static str,
    /// Writes the elements of the header, and the beginning of the payload.
    write: fn(&mut Call) -> (Vec<u8>, Vec<u8>),
    number: u16,
}

impl Lies {
    fn of(mime_type: &'static str, write: fn(&mut Call) -> (Vec<u8>, Vec<u8>)) -> Self {
        Self {
            mime_type,
            write,
            number: 0,
        }
    }

    fn parameters(&self) -> RtpParameters {
        let codec = RtpCodecParameters {
            mime_type: self.mime_type.into(),
            payload_type: PAYLOAD_TYPE,
            clock_rate: 90_000,
            ..RtpCodecParameters::default()
        };
        let encoding = RtpEncodingParameters {
            ssrc: Some(SSRC),
            scalability_mode: Some("L3T3".into()),
            ..RtpEncodingParameters::default()
        };
        let dependencies = HeaderExtension::DependencyDescriptor.uri();
        RtpParameters {
            codecs: vec![codec],
            header_extensions: vec![RtpHeaderExtensionParameters::new(
                dependencies,
                DEPENDENCIES,
            )],
            encodings: vec![encoding],
            ..RtpParameters::default()
        }
    }

    /// The next packet, which may have jumped, at its true time.
    fn next(&mut self, call: &mut Call) -> Vec<u8> {
        let step = match call.noise.below(40) {
            0 => call.noise.bits() as u16,
            1 => call.noise.below(2_000) as u16,
            2 => (call.noise.below(200) as u16).wrapping_neg(),
            3 => 0,
            _ => 1,
        };
        self.number = self.number.wrapping_add(step);
        let (elements, begin) = (self.write)(call);
        let marker = (call.noise.below(2) as u8) << 7;
        let mut packet = vec![0x90, marker | PAYLOAD_TYPE];
        packet.extend(self.number.to_be_bytes());
        let timestamp = call.room.now().as_nanos() / 1_000 * 9 / 100;
        packet.extend((timestamp as u32).to_be_bytes());
        packet.extend(SSRC.to_be_bytes());
        // Elements with one byte of header (RFC 8285 section 4.2), which have up to sixteen.
        let len = elements.len().clamp(1, 16);
        let words = (1 + len).div_ceil(4);
        packet.extend([0xbe, 0xde, 0, words as u8]);
        packet.push(DEPENDENCIES << 4 | (len as u8 - 1));
        packet.extend(elements);
        packet.resize(16 + 4 * words, 0);
        packet.extend(begin);
        packet.resize(packet.len() + 200, 0x55);
        packet
    }
}

/// Everybody watches what the attacker produces.
fn show(call: &mut Call, lies: &Lies) {
    let transport = call.room.transport(call.attacker);
    let options = ProducerOptions::new(MediaKind::Video, lies.parameters());
    let producer = call.room.engine_mut().produce(transport, options).unwrap();
    let router = call.room.router();
    let mut capabilities = call.room.engine().rtp_capabilities(router).unwrap().clone();
    // Nobody's path is estimated here.
    let extensions = &mut capabilities.header_extensions;
    extensions.retain(|extension| !extension.uri.contains("transport-wide"));
    for codec in &mut capabilities.codecs {
        let is_about_paths = |kind: &str| ["transport-cc", "goog-remb"].contains(&kind);
        codec.rtcp_feedback.retain(|it| !is_about_paths(&it.kind));
    }
    for victim in call.victims {
        let options = ConsumerOptions::new(producer, capabilities.clone());
        let transport = call.room.transport(victim);
        call.room.engine_mut().consume(transport, options).unwrap();
    }
}

/// What came of a call in which everybody watches lies, and how many packets of anybody the engine
/// accepted and forwarded.
struct Played {
    outcome: Outcome,
    accepted: u64,
    forwarded: u64,
}

fn played(manner: Manner, mut lies: Lies) -> Played {
    let victim = victim(camera()).feedback(Feedback::None);
    let mut call = Call::of(manner, victim, Peer::new().deaf());
    show(&mut call, &lies);
    let (mut accepted, mut forwarded) = (0, 0);
    let outcome = call.play(|call| {
        for _ in 0..4 {
            let packet = lies.next(call);
            call.say(&packet);
        }
        let ledger = call.room.engine().ledger();
        (accepted, forwarded) = (ledger.accepted, ledger.enqueued);
    });
    Played {
        outcome,
        accepted,
        forwarded,
    }
}

/// Asserts that victims get the same of each other whether the attacker shows them lies or nothing.
fn unharmed(lies: fn() -> Lies) {
    let [silent, calm, attacked] =
        [Manner::Silent, Manner::Calm, Manner::Attacks].map(|manner| played(manner, lies()));
    let accepted = attacked.accepted - calm.accepted;
    let forwarded = attacked.forwarded - calm.forwarded;
    assert!(
        accepted > 1_000 && forwarded > 500,
        "{accepted} accepted, {forwarded} forwarded"
    );
    let [silent, calm, attacked] = [silent, calm, attacked].map(|it| it.outcome);
    assert_eq!(attacked.messages, calm.messages);
    assert_same(&calm.got, &attacked.got, Duration::ZERO);
    let [silent, attacked] = [silent, attacked].map(|it| by_stream(it.got));
    assert_same(&silent, &attacked, Duration::ZERO);
}

/// Random bytes.
fn anything(call: &mut Call, len: u64) -> Vec<u8> {
    let len = 1 + call.noise.below(len);
    (0..len).map(|_| call.noise.bits() as u8).collect()
}

/// Descriptors with templates that are none, of targets that are not there, and of any bytes.
fn write_dependencies(call: &mut Call) -> (Vec<u8>, Vec<u8>) {
    let number = call.noise.bits() as u8;
    let mut descriptor = match call.noise.below(4) {
        0 => anything(call, 16),
        // Three bytes that every packet has, and no more.
        1 | 2 => vec![0xc0 | number & 0x3f, 0, number],
        _ => vec![0xc0, 0, number, 0x80, 0, 0x70, 0x14, 0x80],
    };
    let at = call.noise.below(descriptor.len() as u64) as usize;
    descriptor[at] ^= 1 << call.noise.below(8);
    (descriptor, vec![0x08, 0x0a])
}

/// Scalability structures with more layers than there are, groups of pictures that refer to any, and
/// packets of layers that nobody announced.
fn write_vp9(call: &mut Call) -> (Vec<u8>, Vec<u8>) {
    const PICTURE_ID: u8 = 0x80;
    const LAYERS: u8 = 0x20;
    let flags = call.noise.bits() as u8 | PICTURE_ID | LAYERS;
    let mut begin = vec![flags];
    begin.extend(((call.room.now().as_millis() / 33) as u16 | 0x8000).to_be_bytes());
    begin.extend(anything(call, 60));
    (vec![0], begin)
}

fn write_vp8(call: &mut Call) -> (Vec<u8>, Vec<u8>) {
    let mut begin = vec![call.noise.bits() as u8 | 0x80];
    begin.extend(anything(call, 12));
    (vec![0], begin)
}

#[test]
fn descriptors_that_lie_change_nothing_of_others() {
    unharmed(|| Lies::of("video/AV1", write_dependencies));
}

#[test]
fn scalability_structures_that_lie_change_nothing_of_others() {
    unharmed(|| Lies::of("video/VP9", write_vp9));
}

#[test]
fn payload_descriptors_that_lie_change_nothing_of_others() {
    unharmed(|| Lies::of("video/VP8", write_vp8));
}
