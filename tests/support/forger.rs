//! A peer that says what it likes, with the tag and the sequence numbers of a true one.

use std::time::Duration;

use crate::ends::{Ends, Stack};
use flumen::components::wire::sctp::{
    Init, ResetRequest, chunks, close_chunk, kind, open_chunk, parameter_kind, seal, write_header,
};
use flumen::sctp::{Config, PORT, State};

/// The tag of a stranger.
pub const STRANGER: u32 = 7;
/// RE-CONFIG and FORWARD TSN are known.
const EXTENSIONS: [u8; 8] = [0x80, 0x08, 0, 6, kind::RE_CONFIG, kind::FORWARD_TSN, 0, 0];

/// Speaks to end 0 in the name of end 1, or of a stranger.
pub struct Forger {
    /// The conversation.
    pub ends: Ends,
    /// What end 0 wants to see.
    pub tag: u32,
    /// The next sequence number of end 1.
    pub tsn: u32,
}

impl Forger {
    /// In a conversation that has just begun.
    pub fn new(stack: Stack, config: &Config) -> Self {
        let mut ends = Ends::with([stack, Stack::Rtc], config);
        ends.keeps_datagrams = true;
        ends.connect();
        let init = |at: usize| {
            let sent = ends.got[at].datagrams.iter();
            let mut chunks = sent.flat_map(|(_, datagram)| chunks(datagram));
            let init = chunks.find_map(|chunk| Init::of(&chunk).map(|init| (init.tag, init.tsn)));
            init.expect("there was a handshake")
        };
        let (tag, (_, tsn)) = (init(0).0, init(1));
        Self { ends, tag, tsn }
    }

    /// A stranger with the tag [`STRANGER`] and the first sequence number `tsn`, whom end 0 has
    /// just answered.
    pub fn stranger(stack: Stack, config: &Config, tsn: u32) -> Self {
        let mut ends = Ends::with([stack, Stack::Rtc], config);
        ends.keeps_datagrams = true;
        ends.lose(100);
        let mut stranger = Self { ends, tag: 0, tsn };
        let opening = [&init(STRANGER, tsn)[..], &EXTENSIONS].concat();
        let answer = stranger.ask(&[(kind::INIT, 0, &opening)], kind::INIT_ACK);
        let init = chunks(&answer).find_map(|chunk| {
            let init = Init::of(&chunk)?;
            let mut parameters = init.parameters();
            let cookie = parameters.find(|it| it.kind == parameter_kind::STATE_COOKIE)?;
            Some((init.tag, cookie.value.to_vec()))
        });
        let (tag, cookie) = init.expect("it is answered");
        stranger.tag = tag;
        stranger.ask(&[(kind::COOKIE_ECHO, 0, &cookie)], kind::COOKIE_ACK);
        stranger
    }

    /// Says it, and waits for a datagram of the kind `wanted`.
    fn ask(&mut self, chunks: &[(u8, u8, &[u8])], wanted: u8) -> Vec<u8> {
        let packet = self.packet(chunks);
        self.say(&packet);
        self.ends.run_for(Duration::from_millis(20));
        let answer = self.said(wanted).pop();
        answer.expect("it is answered")
    }

    /// The datagrams of end 0 so far with a chunk of the kind `wanted`.
    pub fn said(&self, wanted: u8) -> Vec<Vec<u8>> {
        let sent = self.ends.got[0].datagrams.iter();
        let is_wanted = |packet: &Vec<u8>| chunks(packet).any(|chunk| chunk.kind == wanted);
        let datagrams = sent.map(|(_, datagram)| datagram.clone());
        datagrams.filter(is_wanted).collect()
    }

    /// A packet with these chunks: type, flags, value.
    pub fn packet(&self, chunks: &[(u8, u8, &[u8])]) -> Vec<u8> {
        forge(self.tag, chunks)
    }

    /// Says it, and lets end 0 answer into the void.
    pub fn say(&mut self, packet: &[u8]) {
        let now = self.ends.now;
        // Refused or not is for the test to see.
        let _ = self.ends.ends[0].receive(now, packet);
        self.ends.poll();
    }

    /// A DATA chunk's value.
    pub fn data(&self, stream: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
        let mut value = self.tsn.to_be_bytes().to_vec();
        value.extend(stream.to_be_bytes());
        value.extend(sequence.to_be_bytes());
        value.extend(53_u32.to_be_bytes());
        value.extend(payload);
        value
    }

    /// Says a DATA chunk and goes on to the next sequence number.
    pub fn say_data(&mut self, flags: u8, stream: u16, sequence: u16, payload: &[u8]) {
        let value = self.data(stream, sequence, payload);
        let packet = self.packet(&[(kind::DATA, flags, &value)]);
        self.tsn = self.tsn.wrapping_add(1);
        self.say(&packet);
    }

    /// The state of the one it speaks to.
    pub fn state(&self) -> State {
        self.ends.ends[0].state()
    }
}

/// A packet with a right checksum.
pub fn forge(tag: u32, chunks: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let mut packet = Vec::new();
    write_header(&mut packet, PORT, PORT, tag);
    for (kind, flags, value) in chunks {
        let start = open_chunk(&mut packet, *kind, *flags);
        packet.extend(*value);
        close_chunk(&mut packet, start);
    }
    seal(&mut packet);
    packet
}

/// The value of an INIT.
pub fn init(tag: u32, tsn: u32) -> Vec<u8> {
    let mut value = tag.to_be_bytes().to_vec();
    value.extend([0, 1, 0, 0, 0, 10, 0, 10]);
    value.extend(tsn.to_be_bytes());
    value
}

/// The value of a RE-CONFIG that asks for a reset of `streams`.
pub fn reset(sequence: u32, last_tsn: u32, streams: &[u16]) -> Vec<u8> {
    let length = 4 + ResetRequest::FIXED_LEN + 2 * streams.len();
    let mut value = vec![0, 13];
    value.extend((length as u16).to_be_bytes());
    value.extend(sequence.to_be_bytes());
    value.extend([0; 4]);
    value.extend(last_tsn.to_be_bytes());
    value.extend(streams.iter().flat_map(|stream| stream.to_be_bytes()));
    value
}
