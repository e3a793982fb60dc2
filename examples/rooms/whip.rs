//! WHIP (RFC 9725) and WHEP over HTTP.

use flumen_sdp::{Known, Listing, Offer};
use hyper::body::Incoming;
use hyper::header::{
    CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH, LOCATION, RETRY_AFTER, USER_AGENT,
};

use hyper::{Request, StatusCode};

use crate::body::{Reply, empty, read_text, reply};
use crate::failure::Refusal;
use crate::serve::Desk;
use crate::sessions::{self, Opened};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// What may be asked, for pages of other origins and careful clients.
pub(crate) fn options() -> Reply {
    let mut reply = empty(StatusCode::NO_CONTENT);
    reply
        .headers_mut()
        .insert(ACCEPT_POST, HeaderValue::from_static(SDP));
    reply
        .headers_mut()
        .insert(ACCEPT_PATCH, HeaderValue::from_static(FRAGMENT));
    reply
}

/// What is answered to what cannot be served; try again soon, if that may help.
pub(crate) fn refused(refusal: &Refusal) -> Reply {
    let mut reply = reply(
        refusal.status,
        "text/plain; charset=utf-8",
        refusal.why.clone(),
    );
    if matches!(
        refusal.status,
        StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE
    ) {
        reply
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    reply
}

/// Somebody sends.
pub(crate) async fn publish(
    desk: &Desk,
    room: String,
    request: Request<Incoming>,
) -> Result<Reply, Refusal> {
    is_of(&request, SDP)?;
    let query = request.uri().query().unwrap_or_default().to_owned();
    let name = parameter(&query, "name").unwrap_or_else(|| "guest".into());
    let scalability = parameter(&query, "scalabilityMode");
    let listing = listing(&request);
    let offer = read_offer(desk, request).await?;
    let opened = desk
        .ask(move |house, engine, media| {
            let scalability_mode = scalability.as_deref();
            let known = Known {
                scalability_mode,
                listing,
            };
            house.publish_by_offer(engine, media, &room, &name, (&offer, known))
        })
        .await?;
    created(opened)
}

/// OBS lists the encodings of simulcast with the largest first, and does not say so in its offer.
fn listing<T>(request: &Request<T>) -> Listing {
    let agent = request.headers().get(USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    match agent.is_some_and(|agent| agent.contains("OBS-Studio")) {
        true => Listing::Falling,
        false => Listing::Rising,
    }
}

/// Somebody receives what `who` sends, or who began to send first.
pub(crate) async fn watch(
    desk: &Desk,
    room: String,
    who: Option<String>,
    request: Request<Incoming>,
) -> Result<Reply, Refusal> {
    is_of(&request, SDP)?;
    let offer = read_offer(desk, request).await?;
    let opened = desk
        .ask(move |house, engine, media| {
            let who = match who {
                Some(who) => who.parse().map_err(Refusal::missing)?,
                None => house.first_publisher(&room)?,
            };
            house.watch_by_offer(engine, media, (&room, who), &offer)
        })
        .await?;
    created(opened)
}

/// An offer, read here and not on the engine's thread.
async fn read_offer(desk: &Desk, request: Request<Incoming>) -> Result<Offer, Refusal> {
    Offer::parse(&read_text(request, desk.limits()).await?).map_err(Refusal::bad)
}

fn created(opened: Opened) -> Result<Reply, Refusal> {
    let location = header(&format!("/session/{}", opened.key))?;
    let generation = header(&etag(&opened.generation))?;
    let mut reply = reply(StatusCode::CREATED, SDP, opened.answer);
    reply.headers_mut().insert(LOCATION, location);
    reply.headers_mut().insert(ETAG, generation);
    Ok(reply)
}

/// What the page asks about its session.
pub(crate) async fn describe(desk: &Desk, key: String) -> Result<Reply, Refusal> {
    let about = desk
        .ask(move |house, engine, _| Ok(sessions::describe(engine, house.sessions.get(&key)?)))
        .await?;
    Ok(reply(StatusCode::OK, "application/json", about.to_string()))
}

/// More candidates, which an ICE-lite server does not need; or an ICE restart (RFC 9725 section
/// 4.3).
pub(crate) async fn change(
    desk: &Desk,
    key: String,
    request: Request<Incoming>,
) -> Result<Reply, Refusal> {
    is_of(&request, FRAGMENT)?;
    let known = request.headers().get(IF_MATCH).cloned();
    let known = known
        .ok_or_else(|| Refusal::new(StatusCode::PRECONDITION_REQUIRED, "If-Match is missing"))?;
    if known == "*" {
        return restart(desk, key).await;
    }
    let now = desk
        .ask(move |house, engine, _| {
            let transport = house.sessions.get(&key)?.transport;
            let ice = engine.ice_parameters(transport).map_err(Refusal::missing)?;
            Ok(etag(&ice.username_fragment))
        })
        .await?;
    if known != now.as_str() {
        let stale = "that is of another ICE session";
        return Err(Refusal::new(StatusCode::PRECONDITION_FAILED, stale));
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

async fn restart(desk: &Desk, key: String) -> Result<Reply, Refusal> {
    let ice = desk
        .ask(move |house, engine, _| {
            let transport = house.sessions.get(&key)?.transport;
            engine.restart_ice(transport).map_err(Refusal::bad)
        })
        .await?;
    let (name, password) = (&ice.username_fragment, &ice.password);
    let fragment = format!("a=ice-lite\r\na=ice-ufrag:{name}\r\na=ice-pwd:{password}\r\n");
    let mut reply = reply(StatusCode::OK, FRAGMENT, fragment);
    reply.headers_mut().insert(ETAG, header(&etag(name))?);
    Ok(reply)
}

/// The client goes.
pub(crate) async fn end(desk: &Desk, key: String) -> Result<Reply, Refusal> {
    desk.ask(move |house, engine, _| {
        let transport = house.sessions.get(&key)?.transport;
        engine.close_transport(transport).map_err(Refusal::missing)
    })
    .await?;
    Ok(empty(StatusCode::OK))
}

fn is_of(request: &Request<Incoming>, kind: &str) -> Result<(), Refusal> {
    let given = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|given| given.to_str().ok());
    let given = given
        .and_then(|given| given.split(';').next())
        .map(str::trim);
    match given {
        Some(given) if given.eq_ignore_ascii_case(kind) => Ok(()),
        _ => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format_args!("{kind} is wanted"),
        )),
    }
}

fn etag(generation: &str) -> String {
    format!("\"{generation}\"")
}

fn header(value: &str) -> Result<HeaderValue, Refusal> {
    HeaderValue::from_str(value).map_err(Refusal::bad)
}

/// The value of `name` in a query, decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(decoded(value))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.filter(|code| code.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                // A form writes a space so.
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_of_obs_are_listed_with_the_largest_first() {
        let rows = [
            (
                Some("Mozilla/5.0 (OBS-Studio/32.1.0; Linux x86_64; en-US)"),
                Listing::Falling,
            ),
            (
                Some("Mozilla/5.0 (X11; Linux x86_64; rv:153.0)"),
                Listing::Rising,
            ),
            (None, Listing::Rising),
        ];
        for (agent, expected) in rows {
            let mut request = Request::builder();
            if let Some(agent) = agent {
                request = request.header(USER_AGENT, agent);
            }
            assert_eq!(listing(&request.body(()).unwrap()), expected);
        }
    }

    #[test]
    fn names_are_decoded() {
        let query = "a=1&name=J%C3%BCrgen+the%20%2B100%+%+1&scalabilityMode=L1T3";
        assert_eq!(
            parameter(query, "name").as_deref(),
            Some("Jürgen the +100% % 1")
        );
        assert_eq!(parameter(query, "scalabilityMode").as_deref(), Some("L1T3"));
        assert_eq!(parameter(query, "other"), None);
    }
}
