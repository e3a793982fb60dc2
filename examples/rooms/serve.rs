//! Runs the engine on a thread of its own, and HTTP beside it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use flumen::{Engine, Handle};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::arguments::Arguments;
use crate::failure::{Failure, Refusal};
use crate::house::House;
use crate::http::respond;
use crate::limits::Limits;
use crate::media::Media;
use crate::tls::Tls;

/// How long what waits to be sent has to leave when the program ends.
const PATIENCE: Duration = Duration::from_millis(500);
/// The way from HTTP to the engine, and what is kept beside it.
#[derive(Clone)]
pub(crate) struct Desk {
    handle: Handle,
    house: Arc<Mutex<House>>,
    media: Arc<Media>,
    limits: Limits,
}

impl Desk {
    /// What clients may do.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Does something on the engine's thread, before its next tick.
    ///
    /// # Errors
    ///
    /// What it is refused for, or that the engine has ended.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut House, &mut Engine, &Media) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (house, media) = (Arc::clone(&self.house), Arc::clone(&self.media));
        let act = move |engine: &mut Engine| act(&mut lock(&house), engine, &media);
        self.handle
            .request(act)
            .map_err(Refusal::busy)?
            .await
            .map_err(Refusal::busy)?
    }
}

/// What a panic left behind is still the house.
fn lock(house: &Mutex<House>) -> MutexGuard<'_, House> {
    house.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until it is interrupted.
///
/// # Errors
///
/// An address cannot be used, or the engine failed.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::open(arguments, Limits::default()).await?;
        writeln!(io::stdout(), "open {}", server.url()?)?;
        server.run(tokio::signal::ctrl_c()).await
    })
}

/// A server whose ports are open, and which serves nobody yet.
pub(crate) struct Server {
    engine: Engine,
    listener: TcpListener,
    tls: Option<Tls>,
    desk: Desk,
}

impl Server {
    /// Opens the ports.
    ///
    /// # Errors
    ///
    /// An address cannot be used, or there is no certificate.
    pub(crate) async fn open(arguments: &Arguments, limits: Limits) -> Result<Self, Failure> {
        let builder = match &arguments.record {
            None => Engine::builder(),
            Some(file) => Engine::builder().record(file),
        };
        let mut engine = builder.build()?;
        let media = Media::open(&mut engine, arguments)?;
        let listener = TcpListener::bind(arguments.listen)
            .await
            .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
        let tls = arguments
            .tls
            .as_ref()
            .map(|one| Tls::new(one, &listener))
            .transpose()?;
        let desk = Desk {
            handle: engine.handle(),
            house: Arc::new(Mutex::new(House::new(limits))),
            media: Arc::new(media),
            limits,
        };
        Ok(Self {
            engine,
            listener,
            tls,
            desk,
        })
    }

    /// Where the page is.
    ///
    /// # Errors
    ///
    /// The system does not tell.
    pub(crate) fn url(&self) -> io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}/", self.listener.local_addr()?))
    }

    /// Serves until `interrupted` is over.
    ///
    /// # Errors
    ///
    /// The engine failed, or nothing could interrupt it.
    #[expect(
        clippy::disallowed_methods,
        reason = "an application gives the engine a thread of its own"
    )]
    pub(crate) async fn run(
        self,
        interrupted: impl Future<Output = io::Result<()>>,
    ) -> Result<(), Failure> {
        let Self {
            engine,
            listener,
            tls,
            desk,
        } = self;
        let house = Arc::clone(&desk.house);
        let running = thread::spawn(move || engine.run_with(|engine| lock(&house).look(engine)));
        tokio::select! {
            never = accept(listener, tls, desk.clone()) => never?,
            interrupted = interrupted => interrupted?,
        }
        // It may have ended by itself, which `join` tells.
        let _ = desk.handle.shutdown(PATIENCE);
        running
            .join()
            .map_err(|_| "the engine's thread panicked")??;
        Ok(())
    }
}

async fn accept(listener: TcpListener, tls: Option<Tls>, desk: Desk) -> Result<(), Failure> {
    let places = Arc::new(Semaphore::new(desk.limits.connections));
    loop {
        let place = Arc::clone(&places).acquire_owned().await?;
        // What one client does wrong is no concern of others.
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, mostly: some are closed soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (tls, desk) = (tls.clone(), desk.clone());
        tokio::spawn(async move {
            greet(stream, tls, desk).await;
            drop(place);
        });
    }
}

async fn greet(stream: TcpStream, tls: Option<Tls>, desk: Desk) {
    match tls {
        None => converse(stream, desk).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(desk.limits.headers, tls.accept(stream)).await {
                converse(stream, desk).await;
            }
        }
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, desk: Desk) {
    let headers_timeout = desk.limits.headers;
    let service = service_fn(move |request| respond(desk.clone(), request));
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(headers_timeout)
        .serve_connection(TokioIo::new(stream), service);
    // The client went, or speaks something else.
    let _ = conversation.await;
}
