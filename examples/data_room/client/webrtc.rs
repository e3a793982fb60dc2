//! With `webrtc-sctp`: tasks that wait on a socket of tokio.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::sleep;
use webrtc_sctp::association::{Association, Config};
use webrtc_sctp::chunk::chunk_payload_data::PayloadProtocolIdentifier;
use webrtc_sctp::stream::Stream;

use super::Pulse;
use crate::Failure;
use crate::room::CLIENT_STREAM;

/// The name of the stack.
pub(super) const NAME: &str = "webrtc-sctp";
/// Between two messages.
const INTERVAL: Duration = Duration::from_millis(1);
const LONGEST_MESSAGE: usize = 65_536;
/// Of all data channel stacks.
const PORT: u16 = 5_000;

/// Answers whoever asks first, and exchanges messages until it is to leave.
pub(super) fn run(socket: UdpSocket, pulse: &Arc<Pulse>) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(exchange(socket, pulse))
}

async fn exchange(socket: UdpSocket, pulse: &Arc<Pulse>) -> Result<(), Failure> {
    socket.set_nonblocking(true)?;
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    // It answers whoever asks first.
    let (_, remote) = socket.peek_from(&mut [0; 1]).await?;
    socket.connect(remote).await?;
    let association = Arc::new(
        Association::server(Config {
            net_conn: Arc::new(socket),
            max_receive_buffer_size: 1 << 20,
            max_message_size: LONGEST_MESSAGE as u32,
            mtu: 0,
            name: "client".into(),
            remote_port: PORT,
            local_port: PORT,
        })
        .await?,
    );
    tokio::spawn(listen(Arc::clone(&association), Arc::clone(pulse)));
    let string = PayloadProtocolIdentifier::String;
    let own = association.open_stream(CLIENT_STREAM, string).await?;
    tokio::spawn(hear(Arc::clone(&own), Arc::clone(pulse)));
    while !pulse.is_leaving() {
        if pulse.is_publishing() {
            let message = pulse.next_message().into();
            own.write_sctp(&message, string).await?;
        }
        sleep(INTERVAL).await;
    }
    Ok(())
}

/// Hears what comes on streams that the engine opens.
async fn listen(association: Arc<Association>, pulse: Arc<Pulse>) {
    while let Some(stream) = association.accept_stream().await {
        tokio::spawn(hear(stream, Arc::clone(&pulse)));
    }
}

async fn hear(stream: Arc<Stream>, pulse: Arc<Pulse>) {
    let mut buffer = vec![0; LONGEST_MESSAGE];
    // Nothing at all is its end.
    while let Ok((length @ 1.., _)) = stream.read_sctp(&mut buffer).await {
        pulse.receive(length);
    }
}
