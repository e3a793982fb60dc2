//! An application on tokio, and the engine on a thread of its own.
//!
//! The engine does not run on the runtime: it would block a worker, and media would wait for other
//! tasks. Its answers are futures, and what happens comes through a channel. It ends by itself.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use flumen::{
    DataConsumerOptions, DataProducerId, DataProducerOptions, Engine, Event, Handle, Message,
    MessageBatch,
};
use tokio::sync::mpsc;

/// What goes wrong, on whichever thread.
type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "\
usage: with_tokio

  Runs an engine beside a tokio runtime: tasks send it messages, and one prints what happens.";

/// What the engine's thread hands over.
enum News {
    Happened(Event),
    Said(String),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut out = io::stdout();
    if std::env::args().nth(1).as_deref() == Some("--help") {
        return Ok(writeln!(out, "{USAGE}")?);
    }
    let engine = Engine::builder().build()?;
    let handle = engine.handle();
    let (give, mut take) = mpsc::unbounded_channel();
    let running =
        tokio::task::spawn_blocking(move || engine.run_with(|engine| hand_over(engine, &give)));

    let chat = handle.request(open)?.await??;
    let speakers =
        ["one", "two", "three"].map(|name| tokio::spawn(speak(handle.clone(), chat, name)));
    for speaker in speakers {
        speaker.await??;
    }
    let mut silent = 3;
    while silent > 0 {
        match take.recv().await.ok_or("the engine has ended")? {
            News::Happened(event) => writeln!(out, "{}", serde_json::to_string(&event)?)?,
            News::Said(text) => {
                writeln!(out, "{text}")?;
                silent -= 1;
            }
        }
    }

    handle.shutdown(Duration::from_secs(1))?;
    let remains = running.await??;
    writeln!(out, "{} events on the way out", remains.events.len())?;
    Ok(())
}

/// What an application does with an engine; one error type that goes from thread to thread.
fn open(engine: &mut Engine) -> Result<DataProducerId, Failure> {
    let router = engine.create_router(&[])?;
    let transport = engine.create_direct_transport(router)?;
    let chat = engine.produce_data(transport, DataProducerOptions::default())?;
    engine.consume_data(transport, DataConsumerOptions::new(chat))?;
    Ok(chat)
}

/// Says something, and waits until it was sent.
async fn speak(handle: Handle, chat: DataProducerId, name: &str) -> Result<(), Failure> {
    let mut batch = MessageBatch::default();
    batch.push(chat, &Message::text(&format!("hello from {name}")));
    let unsent = handle.send_messages(batch)?.await?;
    match unsent.into_iter().next() {
        None => Ok(()),
        Some(unsent) => Err(unsent.error.into()),
    }
}

/// Behind every tick, on the engine's thread. It does not wait for who takes.
fn hand_over(engine: &mut Engine, give: &mpsc::UnboundedSender<News>) {
    // Nobody listens any more when the application ends first.
    for event in engine.drain_events() {
        let _ = give.send(News::Happened(event));
    }
    engine.drain_messages(|message| {
        let text = String::from_utf8_lossy(message.payload).into_owned();
        let _ = give.send(News::Said(text));
    });
}
