//! What a handshake costs, both ends of it, beside bare `dimpl`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dimpl::{Dtls, DtlsCertificate};
use flumen::Time;
use flumen::components::Generator;
use flumen::dtls::{Config, Connection, Identity, Output, Parameters, Role, State};
use rcgen::{CertificateParams, KeyPair};

/// A ClientHello in 1.3 is what a client sends after this.
const OTHER_VERSION: [u8; 15] = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 70];

fn seam(identities: &[Identity; 2], epoch: Instant, is_1_3: bool) -> [Connection; 2] {
    let connect = |own: usize, role| {
        let generator = Generator::new([own as u8; 32], 0);
        let config = Config::default();
        let mut end = Connection::new(&config, &identities[own], epoch, generator);
        let fingerprints = identities[1 - own].fingerprints().to_vec();
        let remote = Parameters { role, fingerprints };
        end.connect(Time::ZERO, &remote)
            .expect("fingerprints of ours");
        end.start(Time::ZERO);
        end
    };
    let mut ends = [connect(0, Role::Server), connect(1, Role::Client)];
    let mut now = Time::ZERO;
    let mut out = Output::default();
    if is_1_3 {
        ends[0].poll(now, &mut out);
        ends[0].receive(now, &OTHER_VERSION).expect("an alert");
        now += Duration::from_secs(1);
        ends[0].advance(now);
    }
    while ends.iter().any(|end| end.state() != State::Connected) {
        for from in [0, 1] {
            out.clear();
            ends[from].poll(now, &mut out);
            for datagram in out.datagrams() {
                let _ = ends[1 - from].receive(now, datagram);
            }
        }
    }
    ends
}

fn bare(identities: &[DtlsCertificate; 2], epoch: Instant, is_1_3: bool) -> [Dtls; 2] {
    let config = dimpl::Config::builder().use_server_cookie(false);
    let config = Arc::new(config.build().expect("defaults"));
    let mut ends = identities.clone().map(|identity| match is_1_3 {
        true => Dtls::new_13(config.clone(), identity, epoch),
        false => Dtls::new_12(config.clone(), identity, epoch),
    });
    ends[0].set_active(true);
    let mut is_connected = [false; 2];
    let mut buffer = vec![0; 2_048];
    for end in &mut ends {
        end.handle_timeout(epoch).expect("nothing is due");
    }
    while is_connected != [true; 2] {
        for from in [0, 1] {
            loop {
                let [first, second] = &mut ends;
                let (own, other) = if from == 0 {
                    (first, second)
                } else {
                    (second, first)
                };
                match own.poll_output(&mut buffer) {
                    dimpl::Output::Packet(bytes) => other.handle_packet(bytes).expect("a record"),
                    dimpl::Output::Connected => is_connected[from] = true,
                    dimpl::Output::Timeout(_) => break,
                    _ => {}
                }
            }
        }
    }
    ends
}

fn certificate() -> DtlsCertificate {
    let key = KeyPair::generate().expect("random numbers");
    let certificate = CertificateParams::default().self_signed(&key);
    DtlsCertificate {
        certificate: certificate.expect("a name").der().to_vec(),
        private_key: key.serialize_der(),
    }
}

fn handshakes(criterion: &mut Criterion) {
    #[expect(
        clippy::disallowed_methods,
        reason = "an instant can be had from the clock alone"
    )]
    let epoch = Instant::now();
    let identities = [(); 2].map(|()| Identity::generate().expect("random numbers"));
    let bare_identities = [(); 2].map(|()| certificate());
    let mut group = criterion.benchmark_group("handshake");
    group.throughput(Throughput::Elements(1));
    for (version, is_1_3) in [("1.2", false), ("1.3", true)] {
        group.bench_function(format!("seam/{version}"), |bencher| {
            bencher.iter(|| black_box(seam(&identities, epoch, is_1_3)));
        });
        group.bench_function(format!("bare_dimpl/{version}"), |bencher| {
            bencher.iter(|| black_box(bare(&bare_identities, epoch, is_1_3)));
        });
    }
    group.finish();
}

criterion_group!(benches, handshakes);
criterion_main!(benches);
