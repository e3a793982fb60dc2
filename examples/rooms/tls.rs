//! https: for pages that are not on localhost, which browsers give no camera without it.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::arguments::Certificate;
use crate::failure::Failure;

/// What makes a connection an encrypted one.
#[derive(Clone)]
pub(crate) struct Tls(TlsAcceptor);

impl Tls {
    /// With the certificate asked for; a self-made one is for where `listener` listens.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or is no certificate or key.
    pub(crate) fn new(certificate: &Certificate, listener: &TcpListener) -> Result<Self, Failure> {
        let (chain, key) = match certificate {
            Certificate::SelfMade => self_made(&listener.local_addr()?.ip().to_string())?,
            Certificate::Given { chain, key } => (read_chain(chain)?, read_key(key)?),
        };
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    ///
    /// It speaks something else, or trusts nobody here.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(fs::read(path).map_err(|error| format!("cannot read {path:?}: {error}"))?)
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(format!("there is no certificate in {path:?}").into()),
        Ok(chain) => Ok(chain),
        Err(error) => Err(format!("{path:?} is no certificate in PEM: {error}").into()),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    let key = PrivateKeyDer::from_pem_slice(&read(path)?);
    Ok(key.map_err(|error| format!("{path:?} is no private key in PEM: {error}"))?)
}

fn self_made(
    host: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Failure> {
    let made = rcgen::generate_simple_self_signed(["localhost".into(), host.into()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    Ok((vec![made.cert.into()], key))
}
