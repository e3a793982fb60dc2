//! What fuzzing begins with: packets that a browser sent, and packets as they are written here.

use std::net::SocketAddr;

use flumen::components::wire::dcep::{Open, Reliability};
use flumen::components::wire::dtls::write_message;
use flumen::components::wire::rtcp::{
    Arrival, DlrrItem, ReportBlock, SenderInfo, write_bye, write_cname, write_dlrr, write_fir,
    write_nack, write_pli, write_receiver_report, write_reference_time, write_remb,
    write_sender_report, write_transport_feedback,
};
use flumen::components::wire::stun::{self, BINDING, Class};
use flumen::components::wire::{PacketKind, RtpHeader, classify};

use flumen::stun::IntegrityKey;

use super::dialogues::dialogues;
use super::kept::kept;
use crate::forger::Forger;
use crate::recording::datagrams;
use crate::{Stack, message};

const RECORDINGS: [&[u8]; 5] = [
    include_bytes!("../../../examples/data/chromium-rtp-opus-O.pcap"),
    include_bytes!("../../../examples/data/chromium-rtp-vp8-O.pcap"),
    include_bytes!("../../data/chromium-rtp-vp8-simulcast-O.pcap"),
    include_bytes!("../../data/chromium-rtp-vp9-L3T3-O.pcap"),
    include_bytes!("../../data/chromium-rtp-h264-O.pcap"),
];

const OFFERS: [&str; 6] = [
    include_str!("../../../components/sdp/offers/chromium-156-whip-plain.sdp"),
    include_str!("../../../components/sdp/offers/chromium-156-whip-simulcast-data.sdp"),
    include_str!("../../../components/sdp/offers/chromium-156-whip-svc.sdp"),
    include_str!("../../../components/sdp/offers/chromium-156-whep-data.sdp"),
    include_str!("../../../components/sdp/offers/gstreamer-1.22-whip.sdp"),
    include_str!("../../../components/sdp/offers/aiortc-1.16-sendrecv-data.sdp"),
];

/// Inputs for the claim `name` of [`CLAIMS`](super::CLAIMS).
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut seeds = made(name);
    seeds.extend(kept(name));
    seeds
}

/// Those of them that are made here, and not kept in a file.
pub fn made(name: &str) -> Vec<Vec<u8>> {
    match name {
        "codecs" => codecs(),
        "rtp" => recorded(PacketKind::Rtp),
        "rtcp" => [recorded(PacketKind::Rtcp), compounds()].concat(),
        "sctp" => said(),
        "stun" => checks(),
        "sdp" => offers(),
        "dtls_records" => handshakes(),
        "framing" => streams(),
        "association" => [dialogues(), choices()].concat(),
        "room" => [calls(), choices()].concat(),
        // Its input is choices, whose meaning the fuzzer has to find out.
        _ => choices(),
    }
}

/// One packet in so many of a recording is enough to begin with.
const STEP: usize = 20;

fn recorded(kind: PacketKind) -> Vec<Vec<u8>> {
    let packets = RECORDINGS.into_iter().flat_map(datagrams);
    let of_kind = packets.filter(|packet| classify(packet) == Some(kind));
    of_kind.step_by(STEP).collect()
}

/// Beginnings of payloads and all elements, as [`super::codecs`] takes them.
fn codecs() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for packet in recorded(PacketKind::Rtp) {
        let Ok(header) = RtpHeader::parse(&packet) else {
            continue;
        };
        let payload = header.payload(&packet);
        let elements = header.extensions(&packet).map(|(_, value)| value);
        let parts = elements.chain([&payload[..payload.len().min(40)]]);
        let block = |part: &[u8]| [&[0, part.len().min(255) as u8], part].concat();
        seeds.push(parts.flat_map(block).collect());
    }
    seeds
}

/// One of everything that is written here.
fn compounds() -> Vec<Vec<u8>> {
    let arrivals: Vec<_> = (0..60_u16)
        .map(|number| Arrival {
            sequence_number: number,
            time: (number % 7 != 3).then_some(i64::from(number) * i64::from(number)),
        })
        .collect();
    let write: [&dyn Fn(&mut Vec<u8>); 11] = [
        &|out| write_sender_report(out, &SenderInfo::default()),
        &|out| write_receiver_report(out, 1, &[ReportBlock::default(); 2]),
        &|out| write_cname(out, 1, b"somebody"),
        &|out| write_pli(out, 1, 2),
        &|out| write_fir(out, 1, 2, 3),
        &|out| write_nack(out, 1, 2, [1, 2, 30, 31]),
        &|out| write_remb(out, 1, 1_000_000, &[2, 3]),
        &|out| write_reference_time(out, 1, 1 << 40),
        &|out| write_dlrr(out, 1, &[DlrrItem::default(); 2]),
        &|out| {
            write_transport_feedback(out, 1, 2, 3, &arrivals);
        },
        &|out| write_bye(out, &[1, 2]),
    ];
    let mut all = Vec::new();
    let each = write.map(|write| {
        let mut one = Vec::new();
        write(&mut one);
        all.extend(&one);
        one
    });
    each.into_iter().chain([all]).collect()
}

/// What two associations say to each other, from the first word to the last.
fn said() -> Vec<Vec<u8>> {
    let mut ends = Forger::new(Stack::Rtc, &flumen::sctp::Config::default()).ends;
    ends.send(0, &message(1, vec![7; 3_000]));
    ends.run_for(std::time::Duration::from_secs(1));
    ends.ends[1].reset_stream(1);
    ends.run_for(std::time::Duration::from_secs(1));
    let now = ends.now;
    ends.ends[0].shut_down(now);
    ends.run_for(std::time::Duration::from_secs(5));
    let got = ends.got.into_iter();
    let datagrams = got.flat_map(|end| end.datagrams);
    datagrams.map(|(_, datagram)| datagram).collect()
}

/// The payloads of a recording.
fn media(recording: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let packets = datagrams(recording).into_iter();
    let rtp = packets.filter(|packet| classify(packet) == Some(PacketKind::Rtp));
    rtp.filter_map(|packet| Some(RtpHeader::parse(&packet).ok()?.payload(&packet).to_vec()))
}

/// Media of each stranger of [`super::room`], with the elements that mean something, then reports.
fn calls() -> Vec<Vec<u8>> {
    const ELEMENTS: [&[u8]; 6] = [
        // Transport-wide number.
        &[0xc1, 0, 7],
        // Orientation.
        &[0x30, 1],
        // A dependency descriptor with two templates.
        &[0xd5, 0x80, 0, 1, 0x80, 0, 0x70],
        &[0xd5, 0x80, 0, 1, 0x80, 0, 0x70],
        // RID "a".
        &[0xa0, b'a'],
        // Audio level.
        &[0x10, 0x85],
    ];
    /// The recording for each stranger.
    const PLAYED: [usize; 6] = [1, 3, 4, 4, 2, 0];
    let mut seeds = Vec::new();
    for (who, (element, played)) in (0..).zip(ELEMENTS.into_iter().zip(PLAYED)) {
        let mut seed = Vec::new();
        for (at, packet) in media(RECORDINGS[played]).take(12).enumerate() {
            let payload = &packet[..packet.len().min(40)];
            let payload_type = if who == 5 { 4 } else { 0 };
            // The next media packet, with a block of elements; then a tick now and then.
            seed.extend([who | 2 << 3, 0x90, 0, payload_type]);
            seed.extend([&[element.len() as u8], element].concat());
            seed.extend([&[payload.len() as u8], payload].concat());
            if at % 3 == 2 {
                seed.push(who | 1 << 3);
            }
        }
        // A report, a NACK and a PLI about what it gets.
        seed.extend([who | 5 << 3, 2]);
        seed.extend([1, 1, 7, 0, 1, 0, 2, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0]);
        seed.extend([1, 5, 3, 0, 0, 0, 2, 64, 0]);
        seed.extend([1, 6, 2, 0, 0, 0, 2]);
        seeds.push(seed);
    }
    seeds
}

/// Bodies of a ClientHello with these extensions, and records that carry it: whole, in two fragments and
/// twice; what else comes in a handshake; and records that look protected, in both versions.
fn handshakes() -> Vec<Vec<u8>> {
    const CLIENT_HELLO: u8 = 1;
    let (mut bodies, mut seeds) = (EXTENSIONS.map(hello).to_vec(), Vec::new());
    for (number, body) in (0..).zip(&bodies) {
        let mut whole = Vec::new();
        write_message(CLIENT_HELLO, number, body, number.into(), &mut whole);
        seeds.push(fragmented(body, body.len() / 2));
        seeds.push([&whole[..], &whole].concat());
        seeds.push(whole);
    }
    for kind in [0, 2, 3, 11, 12, 14, 16, 20] {
        let mut message = Vec::new();
        write_message(kind, kind.into(), &[kind; 60], 1 << 40, &mut message);
        seeds.push(message);
    }
    for first in [20, 21, 22, 23, 24, 25, 26] {
        let header = [first, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 20];
        seeds.push([&header[..], &[first; 20]].concat());
    }
    for first in 0x20..0x40_u8 {
        seeds.push([&[first, 0, 9, 0, 20][..], &[first; 20], &[21, 0xfe]].concat());
    }
    seeds.append(&mut bodies);
    seeds
}

/// None; SRTP profiles; schemes of signatures; versions; all of them, and one that nobody knows.
const EXTENSIONS: [&[u8]; 5] = [
    &[],
    &[0, 14, 0, 7, 0, 4, 0, 7, 0, 1, 0],
    &[0, 13, 0, 6, 0, 4, 4, 3, 8, 4],
    &[0, 43, 0, 5, 4, 0xfe, 0xfc, 0xfe, 0xfd],
    &[
        0, 14, 0, 5, 0, 2, 0, 7, 0, 0, 13, 0, 4, 0, 2, 4, 3, 0, 43, 0, 3, 2, 0xfe, 0xfd, 9, 9, 0, 0,
    ],
];

fn hello(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend(0..32_u8);
    // No session, a cookie, two suites, no compression.
    body.extend([0, 4, 1, 2, 3, 4, 0, 4, 0xc0, 0x2b, 0x13, 1, 1, 0]);
    if !extensions.is_empty() {
        body.extend((extensions.len() as u16).to_be_bytes());
    }
    body.extend(extensions);
    body
}

/// A record with a ClientHello that is cut in two there.
fn fragmented(body: &[u8], at: usize) -> Vec<u8> {
    let length = body.len() as u8;
    let fragment = |offset: usize, body: &[u8]| {
        let (offset, here) = (offset as u8, body.len() as u8);
        let header = [1, 0, 0, length, 0, 0, 0, 0, offset, 0, 0, here];
        [&header[..], body].concat()
    };
    let parts = [fragment(0, &body[..at]), fragment(at, &body[at..])].concat();
    let header = [22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
    [&header[..], &(parts.len() as u16).to_be_bytes(), &parts].concat()
}

/// Datagrams of which some are longer than wanted, in pieces of a few sizes.
fn streams() -> Vec<Vec<u8>> {
    const LENGTHS: [usize; 6] = [0, 1, 40, 64, 65, 700];
    const SIZES: [&[u8]; 4] = [&[], &[0], &[1, 2], &[0, 60, 9, 254]];
    let mut seeds = Vec::new();
    for (number, sizes) in SIZES.into_iter().enumerate() {
        for begin in 0..LENGTHS.len() {
            let mut seed = vec![0, 64 - number as u8];
            seed.extend([&[sizes.len() as u8], sizes].concat());
            for len in LENGTHS.into_iter().cycle().skip(begin).take(LENGTHS.len()) {
                seed.extend((len as u16).to_be_bytes());
                seed.resize(seed.len() + len, begin as u8);
            }
            seeds.push(seed);
        }
    }
    seeds
}

/// Ramps, so that each choice is met with each value.
fn choices() -> Vec<Vec<u8>> {
    let ramp = |step: u8| (0..=255_u8).map(|at| at.wrapping_mul(step)).collect();
    (1..=63).step_by(2).map(ramp).collect()
}

/// What clients offered; and each of its sections alone.
fn offers() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for offer in OFFERS {
        let (session, media) = offer.split_at(offer.find("m=").unwrap_or(offer.len()));
        let starts = media.match_indices("m=").map(|(at, _)| at);
        let ends = starts.clone().skip(1).chain([media.len()]);
        let sections = starts.zip(ends).map(|(start, end)| &media[start..end]);
        seeds.push(offer.as_bytes().to_vec());
        seeds.extend(sections.map(|section| [session, section].concat().into_bytes()));
    }
    seeds
}

/// Checks and their answers, and what opens channels.
fn checks() -> Vec<Vec<u8>> {
    let key = IntegrityKey::new("another password");
    let mut seeds = Vec::new();
    for class in [
        Class::Request,
        Class::Indication,
        Class::Success,
        Class::Error,
    ] {
        for number in 0..4 {
            let mut bytes = Vec::new();
            let mut writer = stun::Writer::new(&mut bytes, class, BINDING, [number; 12]);
            writer.username(b"name:peer");
            writer.priority(1);
            writer.use_candidate();
            writer.nomination(number.into());
            writer.role(stun::Role::Controlling, 1);
            writer.mapped(SocketAddr::from(([192, 0, 2, 1], 9)));
            writer.error(487, "Role Conflict");
            key.seal(writer);
            seeds.push(bytes);
        }
    }
    for reliability in [Reliability::Reliable, Reliability::Lifetime(9)] {
        let open = Open {
            ordered: true,
            reliability,
            label: "label",
            protocol: "protocol",
        };
        let mut bytes = Vec::new();
        open.write(&mut bytes);
        seeds.push(bytes);
    }
    seeds
}
