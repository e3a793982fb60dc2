//! DTLS and the keys for SRTP, driven by the tick: one narrow seam, and what stands behind it.
//!
//! A [`Connection`] takes datagrams and the time, and yields datagrams, data and events. It opens
//! no socket, reads no clock and starts no thread.
//!
//! | implementation | for whom |
//! |---|---|
//! | `rtc-dtls` | DTLS 1.2: whoever does not offer 1.3, or would get dearer SRTP with it ([`Versions`]); whoever is the server. Knows certificates of RSA |
//! | `dimpl` | DTLS 1.3: whoever offers it otherwise, and servers that speak nothing else. Knows none of RSA, and takes the SRTP profile that the client likes best |
//! | [`Connection::recorded`] | plays back what one of the others yielded |
//!
//! Which one answers is read from the ClientHello, put together of its fragments. As a client 1.2
//! is asked for, and 1.3 after the alert of a server that does not speak it.
//!
//! # Who has been met
//!
//! Each with its certificate's fingerprint compared, and data in both directions. Where the peer
//! is the client, this end chooses the cheapest suite that both allow.
//!
//! | peer | certificate | peer is client | peer is server |
//! |---|---|---|---|
//! | Chromium 156 | ECDSA | 1.2, AES-128-GCM | 1.2, AES-CM with HMAC-SHA1 |
//! | the same, [`Versions::Newest`] | ECDSA | 1.3, AES-CM with HMAC-SHA1 | |
//! | Chromium 156 | RSA | 1.2, AES-128-GCM | 1.2, AES-CM with HMAC-SHA1 |
//! | the same, [`Versions::Newest`] | RSA | **fails**: `dimpl` knows no RSA | |
//! | GStreamer 1.22 (`dtlsenc`, `dtlsdec`) | RSA | 1.2, AES-CM with HMAC-SHA1 | 1.2, AES-CM with HMAC-SHA1 |
//! | aiortc 1.16 | ECDSA | 1.2, AES-128-GCM | 1.2, AES-256-GCM |
//! | Firefox 153 | ECDSA | 1.3, AES-128-GCM | |
//! | OpenSSL 3.0 | ECDSA, RSA | 1.2, AES-128-GCM | 1.2, AES-CM with HMAC-SHA1 |
//!
//! The ClientHellos of Chromium and Firefox have post-quantum key shares and come in two datagrams.
//! All but OpenSSL, for which the library's own command was used by hand, meet the engine in every
//! run of `tests/interop`. `openssl` was not taken: it would be a second C library beside that of the ciphers,
//! and OpenSSL 3 speaks no DTLS 1.3.
//!
//! # What is the machine's, and the same for both
//!
//! - Before keys are agreed on nothing proves who sent a record. What could only be a forgery does
//!   not reach a library; an alert ends a handshake only if the handshake does not go on within
//!   [`Config::grace_ms`]; what a forged record breaks begins anew, [`Config::new_beginnings`]
//!   times; and nothing that is forged takes up the room, or for good the turn, of what is not. A
//!   forger who answers a ClientHello first, with a whole flight or a HelloVerifyRequest, or who
//!   does not cease to send, still spoils the handshake, as with any DTLS: so datagrams are to come
//!   from validated paths.
//! - Flights: `rtc-dtls` gets them whole and in order, since it stops its timer at the first
//!   message of one. When they are sent again is decided here, after 0.5, 1, 2, 4, 8 ... seconds,
//!   or when the peer repeats itself.
//! - Fingerprints are compared here; the libraries prove that the peer has the certificate's key.
//! - Closing: `close_notify` (RFC 8446 section 6.1) is sent and answered once.
//!
//! # Secrets
//!
//! The key of an [`Identity`] and those for SRTP are wiped when they are dropped, and shown by no `Debug`.
//! What the libraries derive them from is not: neither wipes its memory.
//!
//! # Random numbers
//!
//! Randoms, cookies, nonces and jitter are drawn from the connection's [`Generator`](crate::Generator);
//! `dimpl` takes 64 bits of it as a seed. Keys of the key exchange, signatures and
//! [`Identity::generate`] are the operating system's in both libraries: times, lengths of all but
//! signatures, and events repeat with a seed, bytes do not. A [`Tape`] repeats all of it.

mod attempt;
mod config;
mod connection;
mod dimpl;
mod error;
mod event;
mod fingerprint;
mod flights;
mod gate;
mod hellos;
mod identity;
mod library;
mod machine;
mod output;
mod parameters;
mod recorded;
mod resumed;
mod rtc;
mod srtp_keys;
mod state;
mod tapes;

pub use config::{Config, Versions};
pub use connection::Connection;
pub use error::{ConnectError, Failure, Refused, SendError};
pub use event::Event;
pub use fingerprint::{Fingerprint, HashAlgorithm};
pub use identity::{Identity, IdentityError};
pub use output::Output;
pub use parameters::Parameters;
pub use recorded::Tape;
pub use srtp_keys::SrtpKeys;
pub use state::{Role, State};
pub use tapes::Tapes;
