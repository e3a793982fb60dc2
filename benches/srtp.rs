//! Sealing and opening 1,200 bytes, beside the bare cipher on the same bytes.

mod bare_cipher;

use std::hint::black_box;
use std::time::{Duration, Instant};

use bare_cipher::BareCipher;
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use flumen::srtp::{Bounds, CryptoSuite, Inbound, MasterKey, Outbound};
use flumen_benches::{PACKET_LEN, SSRC, packet, renumber};

/// Length of the header: fixed part and extension block.
const HEADER_LEN: usize = 24;
const BOUNDS: Bounds = Bounds::of(16);

fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("srtp_seal");
    group.throughput(Throughput::Bytes(PACKET_LEN as u64));
    for suite in CryptoSuite::ALL {
        context(&mut group, suite);
        bare(&mut group, suite);
    }
    group.finish();
}

fn key(suite: CryptoSuite) -> MasterKey {
    MasterKey::new(suite, &vec![7; suite.master_len()]).expect("it has its length")
}

fn context(group: &mut BenchmarkGroup<'_, WallTime>, suite: CryptoSuite) {
    let mut outbound = Outbound::new(&key(suite), BOUNDS);
    let mut plain = packet(0, SSRC);
    let mut out = vec![0; PACKET_LEN - HEADER_LEN + suite.rtp_overhead()];
    let mut sequence = 0_u16;
    group.bench_function(
        BenchmarkId::new("context", format!("{suite:?}")),
        |bencher| {
            bencher.iter(|| {
                sequence = sequence.wrapping_add(1);
                renumber(&mut plain, sequence);
                let (header, payload) = plain.split_at(HEADER_LEN);
                let sealed = outbound.seal_rtp(header, [&[], black_box(payload)], &mut out);
                sealed.expect("its number is new");
                black_box(&mut out);
            });
        },
    );
}

fn bare(group: &mut BenchmarkGroup<'_, WallTime>, suite: CryptoSuite) {
    let cipher = BareCipher::new(suite);
    let mut plain = packet(0, SSRC);
    let mut out = vec![0; PACKET_LEN - HEADER_LEN + suite.rtp_overhead()];
    let mut sequence = 0_u16;
    group.bench_function(BenchmarkId::new("bare", format!("{suite:?}")), |bencher| {
        bencher.iter(|| {
            sequence = sequence.wrapping_add(1);
            renumber(&mut plain, sequence);
            let (header, payload) = plain.split_at(HEADER_LEN);
            cipher.seal(sequence.into(), header, black_box(payload), &mut out);
            black_box(&mut out);
        });
    });
}

fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("srtp_open");
    group.throughput(Throughput::Bytes(PACKET_LEN as u64));
    for suite in CryptoSuite::ALL {
        group.bench_function(
            BenchmarkId::from_parameter(format!("{suite:?}")),
            |bencher| {
                bencher.iter_custom(|times| opened(suite, times));
            },
        );
    }
    group.finish();
}

/// How long it takes to open so many packets, each of which can be opened once.
#[expect(
    clippy::disallowed_methods,
    reason = "what is measured is opening alone, and not what was sealed for it"
)]
fn opened(suite: CryptoSuite, times: u64) -> Duration {
    const AT_ONCE: u64 = 64;
    let key = key(suite);
    let (mut outbound, mut inbound) = (Outbound::new(&key, BOUNDS), Inbound::new(&key, BOUNDS));
    let mut plain = packet(0, SSRC);
    let mut sealed = vec![vec![0; PACKET_LEN + suite.rtp_overhead()]; AT_ONCE as usize];
    let (mut sequence, mut took) = (0_u16, Duration::ZERO);
    for first in (0..times).step_by(AT_ONCE as usize) {
        let count = AT_ONCE.min(times - first) as usize;
        for packet in &mut sealed[..count] {
            sequence = sequence.wrapping_add(1);
            renumber(&mut plain, sequence);
            let (header, payload) = plain.split_at(HEADER_LEN);
            packet[..HEADER_LEN].copy_from_slice(header);
            let out = &mut packet[HEADER_LEN..];
            let sealed = outbound.seal_rtp(header, [payload, &[]], out);
            sealed.expect("its number is new");
        }
        let begun = Instant::now();
        for packet in &mut sealed[..count] {
            let len = inbound.open_rtp(black_box(packet));
            assert_eq!(len, Ok(PACKET_LEN));
        }
        took += begun.elapsed();
    }
    took
}

criterion_group!(benches, seal, open);
criterion_main!(benches);
