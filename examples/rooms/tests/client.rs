//! A server on ports of its own, and who talks with it over bare sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};
use tokio::runtime;
use tokio::sync::oneshot;

use crate::arguments::Arguments;
use crate::limits::Limits;
use crate::serve::Server;

/// A server that runs until it is dropped.
pub(super) struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// An answer: its status, and what it says.
pub(super) type Answer = (u16, String);

impl Running {
    #[expect(
        clippy::disallowed_methods,
        reason = "a server has a thread of its own beside its clients"
    )]
    pub(super) fn with(limits: Limits) -> Self {
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = async move {
            let anywhere = "--listen 127.0.0.1:0 --media 127.0.0.1:0".split(' ');
            let arguments = Arguments::parse(anywhere.map(String::from));
            let arguments = arguments.unwrap().expect("no help is wanted");
            let server = Server::open(&arguments, limits).await.unwrap();
            tell.send(server.url().unwrap()).unwrap();
            let interrupted = async {
                // Dropped, there is nobody left to stop it.
                let _ = stopped.await;
                Ok(())
            };
            server.run(interrupted).await.unwrap();
        };
        let thread = thread::spawn(|| {
            let mut runtime = runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(serve);
        });
        let url = told.recv().expect("the server starts");
        let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
        Self {
            address: address.parse().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// A connection, by which something was said.
    pub(super) fn say(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    /// What is answered to a request.
    pub(super) fn ask(&self, method: &str, path: &str, kind: &str, body: &str) -> Answer {
        answer(self.say(&request(method, path, kind, body)))
    }

    /// What is answered to a request of the JSON interface: the status, and data or an error.
    pub(super) fn rpc(&self, method: &str, data: &Value) -> (u16, Value) {
        let body = json!({ "method": method, "data": data }).to_string();
        let (status, said) = self.ask("POST", "/rpc", "application/json", &body);
        let mut said: Value = serde_json::from_str(&said).expect("it answers in JSON");
        let name = if status == 200 { "data" } else { "error" };
        (status, said[name].take())
    }

    /// A transport in a room.
    pub(super) fn transport(&self, room: &str) -> (u16, Value) {
        let data = json!({ "room": room, "enableSctp": true });
        self.rpc("createWebRtcTransport", &data)
    }

    /// A data producer of a transport on a stream.
    pub(super) fn produce_data(&self, transport: &Value, stream: u16) -> (u16, Value) {
        let data = json!({
            "transportId": transport["id"],
            "sctpStreamParameters": { "streamId": stream, "ordered": true },
        });
        self.rpc("produceData", &data)
    }

    /// Listens to the news of a room; events are read as lines.
    pub(super) fn listen(&self, room: &str) -> Listener {
        let stream = self.say(&request("GET", &format!("/events/{room}"), "", ""));
        Listener(BufReader::new(stream))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))));
    }
}

/// Who hears the news of a room.
pub(super) struct Listener(BufReader<TcpStream>);

impl Listener {
    /// The data of the next event of that name.
    pub(super) fn next(&mut self, name: &str) -> Value {
        let head = format!("event: {name}\n");
        let mut line = String::new();
        loop {
            let is_next = line == head;
            line.clear();
            let len = self.0.read_line(&mut line).unwrap();
            assert!(len > 0, "the news ended before {name:?}");
            if is_next {
                let data = line.strip_prefix("data: ").expect("an event has data");
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

/// A request, after which the connection is closed.
pub(super) fn request(method: &str, path: &str, kind: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: {kind}\r\ncontent-length: {len}\r\n\r\n{body}"
    )
}

/// What comes until the server closes the connection.
pub(super) fn answer(mut stream: TcpStream) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.into());
    (status.unwrap_or(0), body.unwrap_or_default())
}
