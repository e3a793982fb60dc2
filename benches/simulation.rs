//! A tenth of a second of a simulated room of ten, in which everybody sends sound and pictures to
//! everybody: how much faster than the world time passes in it. Each packet of it is sent, checked and
//! decoded on the same thread.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use flumen_sim::{Audio, Peer, Room, Video};

const STEP: Duration = Duration::from_millis(100);

fn simulation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulation");
    for (name, webrtc) in [("plain", false), ("webrtc", true)] {
        let mut peer = Peer::new().audio(Audio::opus()).video(Video::vp8());
        peer.webrtc = webrtc;
        let mut room = Room::new(1);
        for _ in 0..10 {
            room.join(peer.clone());
        }
        // Until everybody is in, and key frames were seen.
        room.run_for(30 * STEP);
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| room.run_for(STEP));
        });
        room.close();
    }
    group.finish();
}

criterion_group!(benches, simulation);
criterion_main!(benches);
