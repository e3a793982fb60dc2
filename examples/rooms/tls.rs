//! https: for pages that are not on localhost, which browsers give no camera without it.

use std::fs;
use std::io;
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
            Certificate::Given { chain, key } => {
                let read = |path| fs::read(path).map_err(|error| format!("{path:?}: {error}"));
                let (chain, key) = (read(chain)?, read(key)?);
                let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<_, _>>()?;
                (chain, PrivateKeyDer::from_pem_slice(&key)?)
            }
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

fn self_made(
    host: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Failure> {
    let made = rcgen::generate_simple_self_signed(["localhost".into(), host.into()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    Ok((vec![made.cert.into()], key))
}
