//! SRTP and SRTCP packets.

use flumen::components::wire::rtp::ClearHeader;
use flumen::srtp::{Bounds, CryptoSuite, Inbound, MasterKey, Outbound};

use super::input::Input;

/// SSRCs that each side remembers.
const SSRCS: usize = 8;

/// Packets that are sealed, and opened as they are, changed, or again: nothing is opened but what
/// was sealed, and that once.
pub fn srtp(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let suite = input.one_of(&CryptoSuite::ALL);
    let mut talk = Talk::new(suite);
    while !input.is_empty() {
        match input.byte() % 8 {
            0 => talk.hear(input.block()),
            1..=3 => talk.seal(&mut input),
            4 => talk.seal_rtcp(&mut input),
            _ => talk.open(&mut input),
        }
    }
}

struct Talk {
    outbound: Outbound,
    inbound: Inbound,
    sealed: Vec<Sealed>,
}

struct Sealed {
    is_rtcp: bool,
    plain: Vec<u8>,
    bytes: Vec<u8>,
    was_opened: bool,
}

impl Talk {
    fn new(suite: CryptoSuite) -> Self {
        let key = MasterKey::new(suite, &vec![7; suite.master_len()]).expect("it has its length");
        let bounds = Bounds::of(SSRCS);
        Self {
            outbound: Outbound::new(&key, bounds),
            inbound: Inbound::new(&key, bounds),
            sealed: Vec::new(),
        }
    }

    /// What nobody sealed.
    fn hear(&mut self, datagram: &[u8]) {
        if self.sealed.iter().any(|sealed| sealed.bytes == datagram) {
            return;
        }
        let (mut rtp, mut rtcp) = (datagram.to_vec(), datagram.to_vec());
        assert!(self.inbound.open_rtp(&mut rtp).is_err());
        assert!(self.inbound.open_rtcp(&mut rtcp).is_err());
    }

    fn seal(&mut self, input: &mut Input<'_>) {
        let mut plain = vec![0x80 | input.byte() & 0x3f, input.byte()];
        plain.extend(input.short().to_be_bytes());
        plain.extend([0; 7]);
        plain.push(input.byte() % 9);
        plain.extend(input.block());
        let Some(clear) = ClearHeader::parse(&plain) else {
            return;
        };
        let (header, payload) = plain.split_at(clear.len);
        let cut = usize::from(input.byte()).min(payload.len());
        let (first, second) = payload.split_at(cut);
        let mut out = vec![0; payload.len() + self.outbound.suite().rtp_overhead()];
        let result = self.outbound.seal_rtp(header, [first, second], &mut out);
        self.keep(false, [header, payload], out, result.is_ok());
    }

    fn seal_rtcp(&mut self, input: &mut Input<'_>) {
        let header = [0x80, 200, 0, 1, 0, 0, 0, input.byte() % 9];
        let body = input.block();
        let mut out = vec![0; body.len() + self.outbound.suite().rtcp_overhead()];
        let result = self.outbound.seal_rtcp(&header, [body, &[]], &mut out);
        self.keep(true, [&header, body], out, result.is_ok());
    }

    fn keep(&mut self, is_rtcp: bool, parts: [&[u8]; 2], out: Vec<u8>, was_sealed: bool) {
        if was_sealed {
            self.sealed.push(Sealed {
                is_rtcp,
                plain: parts.concat(),
                bytes: [parts[0], &out].concat(),
                was_opened: false,
            });
        }
    }

    /// One of those that were sealed arrives.
    fn open(&mut self, input: &mut Input<'_>) {
        let count = self.sealed.len();
        let Some(sealed) = self
            .sealed
            .get_mut(usize::from(input.byte()) % count.max(1))
        else {
            return;
        };
        let mut packet = sealed.bytes.clone();
        let at = usize::from(input.short()) % packet.len();
        match input.byte() {
            0..=127 => {}
            128..=191 => packet[at] ^= input.byte(),
            _ => packet.truncate(at),
        }
        let is_changed = packet != sealed.bytes;
        let result = match sealed.is_rtcp {
            true => self.inbound.open_rtcp(&mut packet),
            false => self.inbound.open_rtp(&mut packet),
        };
        if let Ok(len) = result {
            assert!(!is_changed && !sealed.was_opened);
            assert_eq!(packet[..len], sealed.plain);
            sealed.was_opened = true;
        }
    }
}
