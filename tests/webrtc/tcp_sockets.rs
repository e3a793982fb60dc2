//! WebRTC transports are reached over real TCP sockets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use flumen::components::Protocol;
use flumen::components::wire::stun::{BINDING, Class, Message, Role, Writer};
use flumen::stun::IntegrityKey;
use flumen::{
    AppData, Engine, IceState, ListenInfo, TransportId, WebRtcListen, WebRtcTransportOptions,
};
use flumen_tests::framed;

struct Side {
    engine: Engine,
    transport: TransportId,
    at: SocketAddr,
}

fn side() -> Side {
    let mut engine = Engine::builder().build().unwrap();
    let router = engine.create_router(&[]).unwrap();
    let mut info = ListenInfo::new(Ipv4Addr::LOCALHOST.into());
    info.protocol = Protocol::Tcp;
    let server = engine
        .create_webrtc_server(&[info], AppData::default())
        .unwrap();
    let options = WebRtcTransportOptions::new(WebRtcListen::Server(server));
    let transport = engine.create_webrtc_transport(router, options).unwrap();
    let port = engine.ice_candidates(transport).unwrap()[0].port;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Side {
        engine,
        transport,
        at,
    }
}

impl Side {
    fn check(&self, id: u8) -> Vec<u8> {
        let parameters = self.engine.ice_parameters(self.transport).unwrap();
        let username = format!("{}:peer", parameters.username_fragment);
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes, Class::Request, BINDING, [id; 12]);
        writer.username(username.as_bytes());
        writer.priority(1);
        writer.use_candidate();
        writer.role(Role::Controlling, 7);
        IntegrityKey::new(&parameters.password).seal(writer);
        framed(&bytes)
    }

    /// Turns until the agent is in this state; the test is over if it never is.
    fn turn_until(&mut self, state: IceState) {
        while self.engine.ice_state(self.transport) != Ok(state) {
            self.engine.turn(Some(Duration::from_secs(5))).unwrap();
        }
        self.engine.check_ledger().unwrap();
    }
}

/// The next datagram of a stream.
fn datagram(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut bytes = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_check_in_halves_is_answered_and_hanging_up_is_noticed() {
    let mut side = side();
    let mut stream = TcpStream::connect(side.at).unwrap();
    stream.set_nodelay(true).unwrap();
    let check = side.check(1);
    stream.write_all(&check[..33]).unwrap();
    side.engine.turn(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(&check[33..]).unwrap();
    side.turn_until(IceState::Completed);
    let answer = datagram(&mut stream);
    let answer = Message::parse(&answer).unwrap();
    assert_eq!(answer.mapped, Some(stream.local_addr().unwrap()));
    drop(stream);
    side.turn_until(IceState::Disconnected);
    let mut again = TcpStream::connect(side.at).unwrap();
    again.write_all(&side.check(2)).unwrap();
    side.turn_until(IceState::Completed);
    datagram(&mut again);
}

#[test]
fn a_server_that_closes_hangs_up() {
    let mut side = side();
    let mut stream = TcpStream::connect(side.at).unwrap();
    stream.write_all(&side.check(1)).unwrap();
    side.turn_until(IceState::Completed);
    datagram(&mut stream);
    side.engine.close_transport(side.transport).unwrap();
    side.engine.turn(Some(Duration::ZERO)).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    TcpStream::connect(side.at).expect("others may come");
}
