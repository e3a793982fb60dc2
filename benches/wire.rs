//! Reading the header of a packet and finding one of its extensions: in place, and with the parser
//! of the `rtp` crate.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use flumen::components::wire::rtp::RtpHeader;
use flumen_benches::packet;
use webrtc_util::marshal::Unmarshal;

fn wire(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire");
    let packet = packet(1, 1_111);
    group.bench_function("rtp_view", |bencher| {
        bencher.iter(|| {
            let packet = black_box(packet.as_slice());
            let header = RtpHeader::parse(packet).expect("the packet is well-formed");
            (
                header.sequence_number,
                header.extension(packet, 4).map(<[u8]>::len),
            )
        });
    });
    group.bench_function("rtp_crate", |bencher| {
        let packet = Bytes::from(packet.clone());
        bencher.iter(|| {
            let mut packet = black_box(packet.clone());
            let parsed = rtp::packet::Packet::unmarshal(&mut packet);
            let header = parsed.expect("the packet is well-formed").header;
            (
                header.sequence_number,
                header.get_extension(4).map(|value| value.len()),
            )
        });
    });
    group.finish();
}

criterion_group!(benches, wire);
criterion_main!(benches);
