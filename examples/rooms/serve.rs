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
use crate::media::Media;
use crate::tls::Tls;

/// How long what waits to be sent has to leave when the program ends.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a client may take to say what it wants, and to shake hands before.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections are served at a time, listeners included: below the 1,024 files that a process
/// may open by default.
const CONNECTIONS_MAX: usize = 900;

/// The way from HTTP to the engine, and what is kept beside it.
#[derive(Clone)]
pub(crate) struct Desk {
    handle: Handle,
    house: Arc<Mutex<House>>,
    media: Arc<Media>,
}

impl Desk {
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
    runtime.block_on(serve(arguments))
}

#[expect(
    clippy::disallowed_methods,
    reason = "an application gives the engine a thread of its own"
)]
async fn serve(arguments: &Arguments) -> Result<(), Failure> {
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
        house: Arc::default(),
        media: Arc::new(media),
    };
    let house = Arc::clone(&desk.house);
    let running = thread::spawn(move || engine.run_with(|engine| lock(&house).look(engine)));
    let scheme = if tls.is_some() { "https" } else { "http" };
    writeln!(io::stdout(), "open {scheme}://{}/", listener.local_addr()?)?;
    tokio::select! {
        never = accept(listener, tls, desk.clone()) => never?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    // It may have ended by itself, which `join` tells.
    let _ = desk.handle.shutdown(PATIENCE);
    running
        .join()
        .map_err(|_| "the engine's thread panicked")??;
    Ok(())
}

async fn accept(listener: TcpListener, tls: Option<Tls>, desk: Desk) -> Result<(), Failure> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
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
            if let Ok(Ok(stream)) = timeout(HEADERS_TIMEOUT, tls.accept(stream)).await {
                converse(stream, desk).await;
            }
        }
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, desk: Desk) {
    let service = service_fn(move |request| respond(desk.clone(), request));
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // The client went, or speaks something else.
    let _ = conversation.await;
}
