//! How the parts of a packet are protected, and where what protects it lies.
//!
//! | | RTP | RTCP |
//! |---|---|---|
//! | AEAD suites | text, tag | text, tag, index word |
//! | others | text, tag | text, index word, tag |

use super::cm::Cm;
use super::gcm::Gcm;
use super::session_keys::SessionKeys;
use super::suite::CryptoSuite;

/// The keys of one protocol in one direction.
pub(super) enum Cipher {
    Gcm(Gcm),
    Cm(Box<Cm>),
}

/// What makes the protection of a packet its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PacketId {
    pub(super) ssrc: u32,
    /// 48 bits for RTP, 31 for RTCP.
    pub(super) index: u64,
}

/// It cannot be opened, or there is no space for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// Set in the index word of RTCP that is encrypted.
pub(super) const ENCRYPTED: u32 = 1 << 31;
/// Length of the part of an RTCP packet that is not encrypted.
pub(super) const RTCP_CLEAR: usize = 8;

const WORD_LEN: usize = 4;
const RTCP_TAG_LEN: usize = 10;

impl PacketId {
    pub(super) fn index_bytes(self) -> [u8; 6] {
        let [_, _, bytes @ ..] = self.index.to_be_bytes();
        bytes
    }

    fn rollover_counter(self) -> [u8; 4] {
        let [.., a, b, c, d, _, _] = self.index.to_be_bytes();
        [a, b, c, d]
    }

    fn word(self) -> [u8; WORD_LEN] {
        (ENCRYPTED | self.index as u32).to_be_bytes()
    }
}

impl Cipher {
    pub(super) fn new(suite: CryptoSuite, keys: &SessionKeys) -> Self {
        let key_len = suite.key_len();
        match suite {
            CryptoSuite::AeadAes256Gcm | CryptoSuite::AeadAes128Gcm => {
                Self::Gcm(Gcm::new(keys, key_len))
            }
            CryptoSuite::AesCm128HmacSha1_80 | CryptoSuite::AesCm128HmacSha1_32 => {
                Self::Cm(Box::new(Cm::new(keys, key_len)))
            }
        }
    }

    /// Seals the two parts of an RTP payload into `out`, which has space for the tag.
    pub(super) fn seal_rtp(
        &self,
        packet: PacketId,
        header: &[u8],
        payload: [&[u8]; 2],
        out: &mut [u8],
    ) -> Result<(), Broken> {
        match self {
            Self::Gcm(gcm) => gcm.seal(packet, header, payload, out),
            Self::Cm(cm) => {
                let len = payload[0].len() + payload[1].len();
                let (text, tag) = out.split_at_mut_checked(len).ok_or(Broken)?;
                cm.encrypt(packet, payload, text)?;
                cm.sign([header, text, &packet.rollover_counter()], tag);
                Ok(())
            }
        }
    }

    /// Opens an RTP payload with its tag of `tag_len` bytes behind it, in place.
    pub(super) fn open_rtp(
        &self,
        packet: PacketId,
        header: &[u8],
        sealed: &mut [u8],
        tag_len: usize,
    ) -> Result<(), Broken> {
        match self {
            Self::Gcm(gcm) => gcm.open(packet, header, sealed),
            Self::Cm(cm) => {
                let (text, tag) = split_behind(sealed, tag_len)?;
                cm.verify([header, text, &packet.rollover_counter()], tag)?;
                cm.crypt(packet, text)
            }
        }
    }

    /// Seals the two parts of an RTCP packet behind its first header into `out`, which has space for
    /// tag and index word.
    pub(super) fn seal_rtcp(
        &self,
        packet: PacketId,
        header: &[u8; RTCP_CLEAR],
        body: [&[u8]; 2],
        out: &mut [u8],
    ) -> Result<(), Broken> {
        let word = packet.word();
        match self {
            Self::Gcm(gcm) => {
                let (sealed, end) = out.split_last_chunk_mut().ok_or(Broken)?;
                *end = word;
                gcm.seal(packet, &associated(header, word), body, sealed)
            }
            Self::Cm(cm) => {
                let len = body[0].len() + body[1].len();
                let (text, rest) = out.split_at_mut_checked(len).ok_or(Broken)?;
                let (at, tag) = rest.split_first_chunk_mut().ok_or(Broken)?;
                *at = word;
                cm.encrypt(packet, body, text)?;
                cm.sign([header, text, &word], tag);
                Ok(())
            }
        }
    }

    /// The index word of a sealed RTCP packet.
    pub(super) fn rtcp_word(&self, sealed: &[u8]) -> Result<u32, Broken> {
        let end = match self {
            Self::Gcm(_) => sealed,
            Self::Cm(_) => {
                let end = sealed.len().checked_sub(RTCP_TAG_LEN).ok_or(Broken)?;
                &sealed[..end]
            }
        };
        end.last_chunk()
            .map(|word| u32::from_be_bytes(*word))
            .ok_or(Broken)
    }

    /// Opens an RTCP packet behind its first header, with tag and index word behind it, in place.
    pub(super) fn open_rtcp(
        &self,
        packet: PacketId,
        header: &[u8; RTCP_CLEAR],
        sealed: &mut [u8],
    ) -> Result<(), Broken> {
        match self {
            Self::Gcm(gcm) => {
                let (sealed, word) = split_behind(sealed, WORD_LEN)?;
                let word = word.try_into().map_err(|_| Broken)?;
                gcm.open(packet, &associated(header, word), sealed)
            }
            Self::Cm(cm) => {
                let (rest, tag) = split_behind(sealed, RTCP_TAG_LEN)?;
                let (text, word) = split_behind(rest, WORD_LEN)?;
                cm.verify([header, text, word], tag)?;
                cm.crypt(packet, text)
            }
        }
    }
}

/// What the tag of RTCP covers besides the text: RFC 7714 section 9.2.
fn associated(header: &[u8; RTCP_CLEAR], word: [u8; WORD_LEN]) -> [u8; RTCP_CLEAR + WORD_LEN] {
    let mut associated = [0; RTCP_CLEAR + WORD_LEN];
    associated[..RTCP_CLEAR].copy_from_slice(header);
    associated[RTCP_CLEAR..].copy_from_slice(&word);
    associated
}

fn split_behind(bytes: &mut [u8], end_len: usize) -> Result<(&mut [u8], &mut [u8]), Broken> {
    let at = bytes.len().checked_sub(end_len).ok_or(Broken)?;
    Ok(bytes.split_at_mut(at))
}
