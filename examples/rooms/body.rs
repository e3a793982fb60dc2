//! What is sent and received over HTTP.

use std::convert::Infallible;
use std::error::Error;

use futures_util::{Stream, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::time::timeout;

use crate::failure::Refusal;
use crate::limits::Limits;

/// An answer.
pub(crate) type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// An answer with a text.
pub(crate) fn reply(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(text.into()).boxed_unsync());
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// An answer without one.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default().boxed_unsync());
    *reply.status_mut() = status;
    reply
}

/// An answer that goes on: server-sent events.
pub(crate) fn events(events: impl Stream<Item = Bytes> + Send + 'static) -> Reply {
    let frames = events.map(|event| Ok(Frame::data(event)));
    let mut reply = Response::new(StreamBody::new(frames).boxed_unsync());
    let kind = HeaderValue::from_static("text/event-stream");
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply
}

/// The whole of what was sent.
///
/// # Errors
///
/// It is too long, or did not come whole, or not in time.
pub(crate) async fn read(request: Request<Incoming>, limits: &Limits) -> Result<Bytes, Refusal> {
    let body = Limited::new(request.into_body(), limits.body_bytes).collect();
    let late = |_| {
        Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "the request did not come whole",
        )
    };
    let body = timeout(limits.body, body).await.map_err(late)?;
    Ok(body.map_err(unread)?.to_bytes())
}

/// The same as text.
///
/// # Errors
///
/// As [`read`], or it is not UTF-8.
pub(crate) async fn read_text(
    request: Request<Incoming>,
    limits: &Limits,
) -> Result<String, Refusal> {
    let body = read(request, limits).await?;
    String::from_utf8(body.into()).map_err(Refusal::bad)
}

fn unread(why: Box<dyn Error + Send + Sync>) -> Refusal {
    if why.is::<LengthLimitError>() {
        return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long");
    }
    Refusal::bad(why)
}
