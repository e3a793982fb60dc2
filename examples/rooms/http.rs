//! Who is asked for what: paths and methods.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderName, HeaderValue,
};
use hyper::{Method, Request, StatusCode};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::body::{self, Reply, reply};
use crate::failure::Refusal;
use crate::news::event;
use crate::serve::Desk;
use crate::{rpc, whip};

/// How long a listener hears nothing.
const HEARTBEAT: Duration = Duration::from_secs(15);

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page: its files are part of the program.
const PAGE: [(&str, &str, &str); 9] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/style.css", CSS, include_str!("page/style.css")),
    ("/app.js", SCRIPT, include_str!("page/app.js")),
    ("/media.js", SCRIPT, include_str!("page/media.js")),
    ("/plot.js", SCRIPT, include_str!("page/plot.js")),
    ("/receiver.js", SCRIPT, include_str!("page/receiver.js")),
    ("/sender.js", SCRIPT, include_str!("page/sender.js")),
    ("/server.js", SCRIPT, include_str!("page/server.js")),
    ("/tile.js", SCRIPT, include_str!("page/tile.js")),
];

/// For pages of other origins, which speak WHIP, WHEP or JSON with this server.
const CROSS_ORIGIN: [(HeaderName, &str); 4] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (
        ACCESS_CONTROL_ALLOW_METHODS,
        "GET, POST, PATCH, DELETE, OPTIONS",
    ),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        "Authorization, Content-Type, If-Match",
    ),
    (ACCESS_CONTROL_EXPOSE_HEADERS, "ETag, Link, Location"),
];

/// The answer to a request, whatever becomes of it.
pub(crate) async fn respond(desk: Desk, request: Request<Incoming>) -> Result<Reply, Infallible> {
    let is_rpc = request.uri().path() == "/rpc";
    let mut reply = match route(&desk, request).await {
        Ok(reply) => reply,
        Err(refusal) if is_rpc => {
            let error = json!({ "error": refusal.why }).to_string();
            reply(refusal.status, JSON, error)
        }
        Err(refusal) => whip::refused(&refusal),
    };
    for (name, value) in CROSS_ORIGIN {
        reply
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(reply)
}

async fn route(desk: &Desk, request: Request<Incoming>) -> Result<Reply, Refusal> {
    let path = request.uri().path().to_owned();
    let mut parts = path.split('/').skip(1).map(String::from);
    let (first, second, third, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
    if rest.is_some() {
        return Err(nothing(&path));
    }
    match (
        request.method().clone(),
        first.as_deref().unwrap_or(""),
        second,
        third,
    ) {
        (Method::OPTIONS, ..) => Ok(whip::options()),
        (Method::POST, "rpc", None, None) => ask(desk, request).await,
        (Method::GET, "events", Some(room), None) => listen(desk, room).await,
        (Method::POST, "whip", Some(room), None) => whip::publish(desk, room, request).await,
        (Method::POST, "whep", Some(room), who) => whip::watch(desk, room, who, request).await,
        (Method::GET, "session", Some(key), None) if wants_json(&request) => {
            whip::describe(desk, key).await
        }
        (Method::PATCH, "session", Some(key), None) => whip::change(desk, key, request).await,
        (Method::DELETE, "session", Some(key), None) => whip::end(desk, key).await,
        (Method::GET, ..) => page(&path),
        (method, ..) => Err(not_allowed(&method)),
    }
}

fn wants_json(request: &Request<Incoming>) -> bool {
    request
        .headers()
        .get(ACCEPT)
        .is_some_and(|accept| accept == JSON)
}

/// A file of the page.
fn page(path: &str) -> Result<Reply, Refusal> {
    let file = PAGE.iter().find(|(name, ..)| *name == path);
    let (_, kind, text) = file.ok_or_else(|| nothing(path))?;
    Ok(reply(StatusCode::OK, kind, *text))
}

/// A request of the JSON interface.
async fn ask(desk: &Desk, request: Request<Incoming>) -> Result<Reply, Refusal> {
    let asked = rpc::parse(&body::read(request, desk.limits()).await?)?;
    let data = desk
        .ask(|house, engine, media| rpc::answer(house, engine, media, asked))
        .await?;
    Ok(reply(
        StatusCode::OK,
        JSON,
        json!({ "data": data }).to_string(),
    ))
}

/// The news of a room, from who is there now on.
async fn listen(desk: &Desk, room: String) -> Result<Reply, Refusal> {
    let (first, news) = desk
        .ask({
            let room = room.clone();
            move |house, engine, _| {
                let room = house.enter(engine, &room)?;
                Ok((event("publishers", &room.list(engine)), room.news.listen()))
            }
        })
        .await?;
    let listener = Listener {
        desk: desk.clone(),
        room,
        news,
    };
    let first = stream::once(async { first });
    let rest = stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((event, listener))
    });
    Ok(body::events(first.chain(rest)))
}

/// Who hears the news of a room.
struct Listener {
    desk: Desk,
    room: String,
    news: Receiver<Bytes>,
}

impl Listener {
    /// The next event. Who hears nothing gets a comment, which shows who is gone.
    async fn next(&mut self) -> Option<Bytes> {
        match timeout(HEARTBEAT, self.news.recv()).await {
            Err(_) => Some(Bytes::from_static(b":\n\n")),
            Ok(Ok(event)) => Some(event),
            Ok(Err(RecvError::Lagged(_))) => self.list().await,
            Ok(Err(RecvError::Closed)) => None,
        }
    }

    /// Who sends now: some of what was told before was missed.
    async fn list(&self) -> Option<Bytes> {
        let room = self.room.clone();
        let list = self.desk.ask(move |house, engine, _| {
            let room = house.room(&room)?;
            Ok(event("publishers", &room.list(engine)))
        });
        list.await.ok()
    }
}

fn nothing(path: &str) -> Refusal {
    Refusal::missing(format_args!("there is nothing at {path}"))
}

fn not_allowed(method: &Method) -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format_args!("{method} is not for this path"),
    )
}
