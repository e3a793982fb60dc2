//! A peer of an association that knows what a true one knows, and says what it likes.

use flumen::components::wire::sctp::{
    CHUNK_HEADER_LEN, Chunk, Data, HEADER_LEN, Init, Parameter, ResetRequest, chunks, close_chunk,
    kind, open_chunk, parameter_kind, parameters, seal, write_header, write_parameter,
};
use flumen::sctp::PORT;

use super::input::Input;
use crate::forger::{forge, init};

/// What it has learnt from what the association sent, and what it says of itself.
#[derive(Clone, Debug)]
pub(super) struct Impostor {
    /// The tag that the association wants to see.
    tag: u32,
    /// The last number that the association assigned.
    their_tsn: u32,
    /// The last request of the association.
    their_request: u32,
    /// The cookie of the association's INIT ACK.
    cookie: Vec<u8>,
    /// Its own next number.
    tsn: u32,
    /// Its own next request.
    request: u32,
}

/// Its own initiate tag.
const TAG: u32 = 0x7000_0000;
/// Its first transmission sequence number, close to where they wrap.
const FIRST_TSN: u32 = u32::MAX - 2;

/// What it says, by choice.
pub(super) const KINDS: [u8; 19] = [
    kind::DATA,
    kind::DATA,
    kind::DATA,
    kind::INIT,
    kind::INIT_ACK,
    kind::SACK,
    kind::SACK,
    kind::HEARTBEAT,
    kind::HEARTBEAT_ACK,
    kind::ABORT,
    kind::SHUTDOWN,
    kind::SHUTDOWN_ACK,
    kind::ERROR,
    kind::COOKIE_ECHO,
    kind::COOKIE_ACK,
    kind::SHUTDOWN_COMPLETE,
    kind::RE_CONFIG,
    kind::RE_CONFIG,
    kind::FORWARD_TSN,
];

impl Default for Impostor {
    fn default() -> Self {
        Self {
            tag: 0,
            their_tsn: 0,
            their_request: 0,
            cookie: Vec::new(),
            tsn: FIRST_TSN,
            request: FIRST_TSN,
        }
    }
}

impl Impostor {
    /// Learns from a datagram of the association's.
    pub(super) fn hear(&mut self, datagram: &[u8]) {
        for chunk in chunks(datagram) {
            if let Some(init) = Init::of(&chunk) {
                (self.tag, self.their_tsn) = (init.tag, init.tsn.wrapping_sub(1));
                self.their_request = init.tsn.wrapping_sub(1);
                let is_cookie = |it: &Parameter<'_>| it.kind == parameter_kind::STATE_COOKIE;
                if let Some(cookie) = init.parameters().find(is_cookie) {
                    self.cookie = cookie.value.to_vec();
                }
            }
            if let Some(data) = Data::of(&chunk) {
                self.their_tsn = data.tsn;
            }
            if chunk.kind == kind::RE_CONFIG {
                self.hear_requests(&chunk);
            }
        }
    }

    fn hear_requests(&mut self, chunk: &Chunk<'_>) {
        let requests = parameters(chunk.value);
        if let Some(request) = requests.filter_map(|it| ResetRequest::of(&it)).last() {
            self.their_request = request.sequence;
        }
    }

    /// The INIT of a true peer that knows resets and abandoned messages.
    pub(super) fn init(&self) -> Vec<u8> {
        let mut value = init(TAG, FIRST_TSN);
        let extensions = [kind::RE_CONFIG, kind::FORWARD_TSN];
        write_parameter(
            &mut value,
            parameter_kind::SUPPORTED_EXTENSIONS,
            &extensions,
        );
        forge(0, &[(kind::INIT, 0, &value)])
    }

    /// Its COOKIE ECHO.
    pub(super) fn echo(&self) -> Vec<u8> {
        forge(self.tag, &[(kind::COOKIE_ECHO, 0, &self.cookie)])
    }

    /// A datagram of its own.
    pub(super) fn say(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        let how = input.byte();
        let mut packet = Vec::new();
        write_header(&mut packet, PORT, PORT, self.tag);
        for _ in 0..=how & 3 {
            self.append_chunk(input, &mut packet);
        }
        let is_init = packet.get(HEADER_LEN) == Some(&kind::INIT);
        if is_init || how & 0x1c == 4 {
            let tag = if is_init { 0 } else { input.near(self.tag) };
            packet[4..8].copy_from_slice(&tag.to_be_bytes());
        }
        if how & 0x60 == 0x20 {
            change(input, &mut packet);
        }
        if how & 0x80 == 0 && packet.len() >= HEADER_LEN {
            seal(&mut packet);
        }
        packet
    }

    fn append_chunk(&mut self, input: &mut Input<'_>, packet: &mut Vec<u8>) {
        let choice = input.byte();
        let kind = *KINDS.get(usize::from(choice % 24)).unwrap_or(&choice);
        let start = open_chunk(packet, kind, input.byte());
        match kind {
            kind::DATA => self.append_data(input, packet),
            kind::INIT | kind::INIT_ACK => self.append_init(kind, input, packet),
            kind::SACK => self.append_sack(input, packet),
            kind::HEARTBEAT | kind::HEARTBEAT_ACK => {
                write_parameter(packet, parameter_kind::HEARTBEAT_INFO, input.block());
            }
            kind::SHUTDOWN => packet.extend(input.near(self.their_tsn).to_be_bytes()),
            kind::COOKIE_ECHO if input.byte() < 0xf0 => packet.extend(&self.cookie),
            kind::SHUTDOWN_ACK | kind::COOKIE_ACK | kind::SHUTDOWN_COMPLETE => {}
            kind::RE_CONFIG => {
                for _ in 0..=input.byte() % 3 {
                    self.append_reconfig(input, packet);
                }
            }
            kind::FORWARD_TSN => self.append_forward(input, packet),
            _ => packet.extend(input.block()),
        }
        close_chunk(packet, start);
    }

    /// Mostly the next number; sometimes one before or behind it.
    fn append_data(&mut self, input: &mut Input<'_>, packet: &mut Vec<u8>) {
        let distance = input.byte() as i8;
        let tsn = match distance {
            0..=99 => {
                self.tsn = self.tsn.wrapping_add(1);
                self.tsn.wrapping_sub(1)
            }
            _ => self.tsn.wrapping_add_signed(distance.into()),
        };
        packet.extend(tsn.to_be_bytes());
        let [stream, sequence] = [(); 2].map(|()| input.byte());
        packet.extend(u16::from(stream % 8).to_be_bytes());
        packet.extend(u16::from(sequence).to_be_bytes());
        packet.extend(u32::from(input.byte()).to_be_bytes());
        let len = 4 * usize::from(input.byte()) + 1;
        packet.resize(packet.len() + len, 7);
    }

    fn append_init(&self, kind: u8, input: &mut Input<'_>, packet: &mut Vec<u8>) {
        let shape = input.byte();
        packet.extend(input.near(TAG).to_be_bytes());
        let window = if shape & 1 != 0 {
            input.word()
        } else {
            1 << 20
        };
        packet.extend(window.to_be_bytes());
        let streams = if shape & 2 != 0 {
            input.word()
        } else {
            10 << 16 | 10
        };
        packet.extend(streams.to_be_bytes());
        packet.extend(FIRST_TSN.to_be_bytes());
        if kind == kind::INIT_ACK {
            write_parameter(packet, parameter_kind::STATE_COOKIE, &[1; 8]);
        }
        let extensions = [kind::RE_CONFIG, kind::FORWARD_TSN];
        write_parameter(packet, parameter_kind::SUPPORTED_EXTENSIONS, &extensions);
        for _ in 0..shape >> 6 {
            write_parameter(packet, input.short(), input.block());
        }
    }

    fn append_sack(&self, input: &mut Input<'_>, packet: &mut Vec<u8>) {
        let shape = input.byte();
        packet.extend(input.near(self.their_tsn).to_be_bytes());
        let window = if shape & 0x80 != 0 {
            input.word()
        } else {
            1 << 20
        };
        packet.extend(window.to_be_bytes());
        let [gaps, duplicates] = [shape & 3, shape >> 2 & 3].map(u16::from);
        packet.extend([gaps.to_be_bytes(), duplicates.to_be_bytes()].concat());
        for _ in 0..gaps {
            packet.extend([0, input.byte(), 0, input.byte()]);
        }
        for _ in 0..duplicates {
            packet.extend(input.near(self.their_tsn).to_be_bytes());
        }
    }

    fn append_reconfig(&mut self, input: &mut Input<'_>, packet: &mut Vec<u8>) {
        let choice = input.byte();
        let mut value = Vec::new();
        let kind = match choice % 4 {
            0 | 1 => {
                value.extend(self.request.to_be_bytes());
                value.extend(input.near(self.their_request).to_be_bytes());
                value.extend(input.near(self.tsn.wrapping_sub(1)).to_be_bytes());
                for _ in 0..choice >> 4 {
                    value.extend([0, input.byte() % 8]);
                }
                self.request = self
                    .request
                    .wrapping_add(u32::from(choice.is_multiple_of(4)));
                parameter_kind::OUTGOING_RESET
            }
            2 => {
                value.extend(input.near(self.their_request).to_be_bytes());
                value.extend(u32::from(input.byte() % 8).to_be_bytes());
                parameter_kind::RECONFIG_RESPONSE
            }
            _ => {
                value.extend(input.near(self.request).to_be_bytes());
                value.extend(input.block());
                u16::from(input.byte())
            }
        };
        write_parameter(packet, kind, &value);
    }

    fn append_forward(&mut self, input: &mut Input<'_>, packet: &mut Vec<u8>) {
        let shape = input.byte();
        let cumulative = match shape & 0xc0 {
            0xc0 => self.tsn.wrapping_add(input.short().into()),
            _ => input.near(self.tsn.wrapping_sub(1)),
        };
        // A true peer goes on behind it.
        if shape & 0x20 == 0 {
            self.tsn = cumulative.wrapping_add(1);
        }
        packet.extend(cumulative.to_be_bytes());
        for _ in 0..shape & 7 {
            packet.extend([0, input.byte() % 8, 0, input.byte()]);
        }
    }
}

/// Writes over bytes behind the header, or cuts it short, or goes on.
fn change(input: &mut Input<'_>, packet: &mut Vec<u8>) {
    for _ in 0..input.byte() % 4 {
        let at = usize::from(input.short()) % (packet.len() + 1);
        match packet.get_mut(at) {
            Some(byte) if at >= CHUNK_HEADER_LEN => *byte = input.byte(),
            Some(_) => {}
            None => packet.extend(input.block()),
        }
    }
    if input.byte() & 7 == 7 {
        packet.truncate(usize::from(input.short()));
    }
}
