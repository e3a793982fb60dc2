//! The engine on a thread of its own, and an application that asks it for things.
//!
//! Messages here, media in the same way: what happens is handed over behind every tick, through a
//! channel of the standard library; everything else goes through a handle. It ends by itself.

use std::error::Error;
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use flumen::{DataConsumerOptions, DataProducerOptions, Engine, Message, MessageBatch};

/// What goes wrong, on whichever thread.
type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "\
usage: on_a_thread

  Runs an engine on a thread of its own, sends it a batch of messages, and prints what arrives.";

/// How many messages are sent.
const MESSAGES: usize = 1_000;

fn main() -> Result<(), Failure> {
    let mut out = io::stdout();
    if std::env::args().nth(1).as_deref() == Some("--help") {
        return Ok(writeln!(out, "{USAGE}")?);
    }
    let engine = Engine::builder().build()?;
    let handle = engine.handle();
    let (give, take) = mpsc::channel();
    let running = spawn(move || {
        engine.run_with(|engine| {
            engine.drain_messages(|message| {
                // Nobody listens any more when the application ends first.
                let _ = give.send(message.payload.to_vec());
            });
        })
    });

    // Anything that can be done with `&mut Engine`, answered when it is done.
    let chat = handle.request(|engine| {
        let router = engine.create_router(&[])?;
        let transport = engine.create_direct_transport(router)?;
        let chat = engine.produce_data(transport, DataProducerOptions::default())?;
        engine.consume_data(transport, DataConsumerOptions::new(chat))?;
        Ok::<_, Failure>(chat)
    })?;
    let chat = chat.wait()??;

    // Many messages cost one request.
    let mut batch = MessageBatch::default();
    for number in 0..MESSAGES {
        batch.push(chat, &Message::text(&format!("message {number}")));
    }
    let unsent = handle.send_messages(batch)?.wait()?;
    let arrived: Vec<_> = take.iter().take(MESSAGES - unsent.len()).collect();
    let last = arrived
        .last()
        .map(|payload| String::from_utf8_lossy(payload));
    writeln!(
        out,
        "{} of {MESSAGES} arrived, the last one: {last:?}",
        arrived.len()
    )?;

    // What waits to be sent has a second; then everything closes, and the thread ends.
    handle.shutdown(Duration::from_secs(1))?;
    let remains = running
        .join()
        .map_err(|_| "the engine's thread panicked")??;
    for event in remains.events {
        writeln!(out, "{}", serde_json::to_string(&event)?)?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the engine starts no thread: an application does"
)]
fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::spawn(run)
}
