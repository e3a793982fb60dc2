//! An engine whose figures Prometheus collects, over a few lines of HTTP.
//!
//! The engine is on a thread of its own, and says where it stands when somebody asks. Beside it a
//! chat goes on, so that there is something to see; yours would have rooms.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use flumen::{DataConsumerOptions, DataProducerId, DataProducerOptions, Engine, Handle, Message};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// What goes wrong, on whichever thread.
type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "\
usage: prometheus [--listen IP:PORT]

  Runs an engine, and serves its figures at http://IP:PORT/metrics (default 127.0.0.1:9464).";

/// How often somebody says something.
const PAUSE: Duration = Duration::from_millis(100);
/// For how long somebody who connects may say nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a request that are read: nothing of it matters but its first line.
const REQUEST_MAX: u64 = 4_096;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let listen = match arguments[..] {
        [] => SocketAddr::from(([127, 0, 0, 1], 9464)),
        ["--listen", address] => address.parse()?,
        _ => return Ok(writeln!(io::stdout(), "{USAGE}")?),
    };
    let recorder = PrometheusBuilder::new().install_recorder()?;
    Engine::describe_metrics();

    let engine = Engine::builder().build()?;
    let handle = engine.handle();
    let running = spawn(move || engine.run_with(|engine| engine.drain_messages(|_| {})));
    let chat = handle.request(open_chat)?.wait()??;
    let talker = handle.clone();
    spawn(move || talk(&talker, chat));

    let listener = TcpListener::bind(listen)?;
    writeln!(io::stdout(), "http://{}/metrics", listener.local_addr()?)?;
    for stream in listener.incoming() {
        if running.is_finished() {
            break;
        }
        // Who goes away in the middle, or says nothing, gets nothing.
        let _ = stream.and_then(|stream| answer(stream, &handle, &recorder));
    }
    running.join().map_err(|_| "the engine panicked")??;
    Ok(())
}

/// A data producer, and somebody who listens.
fn open_chat(engine: &mut Engine) -> Result<DataProducerId, Failure> {
    let router = engine.create_router(&[])?;
    let transport = engine.create_direct_transport(router)?;
    let chat = engine.produce_data(transport, DataProducerOptions::default())?;
    engine.consume_data(transport, DataConsumerOptions::new(chat))?;
    Ok(chat)
}

/// Says something now and then, until the engine is gone.
#[expect(
    clippy::disallowed_methods,
    reason = "somebody who talks, on a thread of its own"
)]
fn talk(handle: &Handle, chat: DataProducerId) {
    let say = move |engine: &mut Engine| engine.send_message(chat, &Message::text("well"));
    while handle.request(say).is_ok() {
        thread::sleep(PAUSE);
    }
}

/// Answers one request, and hangs up.
fn answer(mut stream: TcpStream, handle: &Handle, recorder: &PrometheusHandle) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(io::Read::take(&stream, REQUEST_MAX)).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    // What is not read would reset the connection, with the answer in it.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let (status, body) = match first.split(' ').nth(1) {
        Some("/metrics") => figures(handle, recorder),
        _ => ("404 Not Found", "only /metrics is here\n".to_owned()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Where the engine stands now, as Prometheus reads it.
fn figures(handle: &Handle, recorder: &PrometheusHandle) -> (&'static str, String) {
    let told = handle.request(|engine| engine.publish_metrics(&[("engine", "example")]));
    match told.and_then(flumen::Completion::wait) {
        Ok(()) => ("200 OK", recorder.render()),
        Err(error) => ("503 Service Unavailable", format!("{error}\n")),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the engine starts no thread: an application does"
)]
fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::spawn(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Prometheus would see of an engine.
    fn seen(engine: &Engine) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || engine.publish_metrics(&[("engine", "a")]));
        recorder.handle().render()
    }

    #[test]
    fn every_metric_of_an_engine_is_described() {
        let engine = Engine::builder().build().unwrap();
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            Engine::describe_metrics();
            engine.publish_metrics(&[]);
        });
        let page = recorder.handle().render();
        let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        for name in types.filter_map(|line| line.split(' ').next()) {
            assert!(page.contains(&format!("# HELP {name} ")), "{name}");
        }
    }

    #[test]
    fn messages_and_what_became_of_them_are_told() {
        let mut engine = Engine::builder().build().unwrap();
        let chat = open_chat(&mut engine).unwrap();
        for _ in 0..3 {
            engine.send_message(chat, &Message::text("well")).unwrap();
        }
        engine.tick(flumen::Time::ZERO).unwrap();
        engine.close_data_producer(chat).unwrap();
        let page = seen(&engine);
        for line in [
            "flumen_messages_offered_total{engine=\"a\"} 3",
            "flumen_messages_delivered_total{engine=\"a\"} 3",
            "flumen_ticks_total{engine=\"a\"} 1",
            "flumen_tick_seconds_bucket{engine=\"a\",le=\"+Inf\"} 1",
            "flumen_queue_depth{engine=\"a\",queue=\"messages\"} 3",
        ] {
            assert!(page.lines().any(|told| told == line), "{line} in {page}");
        }
    }
}
