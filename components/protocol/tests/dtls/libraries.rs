//! Each version against a bare `dimpl`.

use std::sync::Arc;
use std::time::Duration;

use dimpl::{Dtls, DtlsCertificate};
use flumen_protocol::Time;
use flumen_protocol::dtls::{
    Config, Fingerprint, HashAlgorithm, Parameters, Role, State, Versions,
};
use rcgen::{CertificateParams, KeyPair};

use crate::pair::{End, epoch};

fn certificate() -> DtlsCertificate {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    DtlsCertificate {
        certificate: certificate.der().to_vec(),
        private_key: key.serialize_der(),
    }
}

/// What a bare library has come to.
#[derive(Default)]
struct Bare {
    keys: Vec<u8>,
    heard: Vec<Vec<u8>>,
}

impl Bare {
    /// Gives what leaves.
    fn drain(&mut self, dtls: &mut Dtls) -> Vec<Vec<u8>> {
        let mut left = Vec::new();
        let mut buffer = [0; 2_048];
        loop {
            match dtls.poll_output(&mut buffer) {
                dimpl::Output::Packet(bytes) => left.push(bytes.to_vec()),
                dimpl::Output::KeyingMaterial(keys, _) => self.keys = keys.to_vec(),
                dimpl::Output::ApplicationData(data) => self.heard.push(data.to_vec()),
                dimpl::Output::Timeout(_) => return left,
                _ => {}
            }
        }
    }
}

/// One of ours with `bare` as its peer, `is_client` or not, until both are content.
fn meet(mut bare: Dtls, certificate: &[u8], is_client: bool, versions: Versions) -> (End, Bare) {
    let config = Config {
        versions,
        ..Config::default()
    };
    let mut ours = End::new(&config, 1);
    let remote = Parameters {
        role: if is_client {
            Role::Client
        } else {
            Role::Server
        },
        fingerprints: vec![Fingerprint::of(certificate, HashAlgorithm::Sha256)],
    };
    ours.introduce(Time::ZERO, &remote);
    let start = epoch();
    let mut met = Bare::default();
    bare.set_active(is_client);
    for step in 0..400 {
        let since = Duration::from_millis(10 * step);
        let now = Time::ZERO + since;
        bare.handle_timeout(start + since).unwrap();
        for datagram in met.drain(&mut bare) {
            ours.connection.receive(now, &datagram).unwrap();
        }
        if step == 200 {
            ours.connection.send(now, b"data").unwrap();
        }
        for datagram in ours.turn(now) {
            bare.handle_packet(&datagram).unwrap();
        }
    }
    (ours, met)
}

#[test]
fn both_versions_are_spoken_with_a_bare_library_in_both_roles() {
    let settings = dimpl::Config::builder().build().unwrap();
    let settings = Arc::new(settings);
    let make: [fn(_, _, _) -> Dtls; 2] = [Dtls::new_12, Dtls::new_13];
    let cases = [
        (make[0], true, Versions::Only1_2),
        (make[0], true, Versions::Newest),
        (make[0], false, Versions::CheapestSrtp),
        (make[1], true, Versions::CheapestSrtp),
        (make[1], true, Versions::Newest),
    ];
    for (make, is_client, versions) in cases {
        let own = certificate();
        let der = own.certificate.clone();
        let bare = make(settings.clone(), own, epoch());
        let (ours, bare) = meet(bare, &der, is_client, versions);
        assert_eq!(ours.state(), State::Connected, "{is_client} {versions:?}");
        assert_eq!(ours.connection.remote_certificate(), Some(&der[..]));
        let keys = ours.keys().unwrap();
        assert_eq!(bare.keys.len(), 2 * keys.suite().master_len());
        assert_eq!(bare.heard, [b"data"]);
    }
}
