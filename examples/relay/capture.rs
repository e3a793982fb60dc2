//! Recorded packets, read from a pcapng file: UDP over IPv4 over Ethernet, little-endian.
//!
//! The blocks are those of <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-05.html>.

use std::time::Duration;

/// A recorded UDP datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded<'a> {
    /// When, after the first packet of the file.
    pub(crate) at: Duration,
    /// What UDP carried.
    pub(crate) datagram: &'a [u8],
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

/// Reads every UDP datagram of a file, in order.
///
/// # Errors
///
/// What is wrong with the file, in words.
pub(crate) fn read(file: &[u8]) -> Result<Vec<Recorded<'_>>, &'static str> {
    let mut recorded = Vec::new();
    let mut rest = file;
    let mut unit = 1_000;
    let mut first = None;
    while !rest.is_empty() {
        let (kind, body, behind) = block(rest).ok_or("a block is cut short")?;
        rest = behind;
        match kind {
            SECTION_HEADER if u32_at(body, 0) != Some(LITTLE_ENDIAN) => {
                return Err("not a little-endian pcapng file");
            }
            INTERFACE_DESCRIPTION if u16_at(body, 0) != Some(ETHERNET) => {
                return Err("the link type is not Ethernet");
            }
            INTERFACE_DESCRIPTION => unit = nanoseconds(body).ok_or("odd time stamps")?,
            ENHANCED_PACKET => {
                let (stamp, frame) = packet(body).ok_or("a packet is cut short")?;
                let since = stamp.saturating_sub(*first.get_or_insert(stamp));
                let at = Duration::from_nanos(since * unit);
                recorded.extend(udp_payload(frame).map(|datagram| Recorded { at, datagram }));
            }
            _ => {}
        }
    }
    Ok(recorded)
}

const LITTLE_ENDIAN: u32 = 0x1a2b_3c4d;
const ETHERNET: u16 = 1;

/// The type and body of the first block, and the bytes behind it.
fn block(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let kind = u32_at(bytes, 0)?;
    let len = usize::try_from(u32_at(bytes, 4)?).ok()?;
    let body = bytes.get(8..len.checked_sub(4)?)?;
    Some((kind, body, bytes.get(len..)?))
}

/// How long a unit of an interface's time stamps is: micro- or nanoseconds.
fn nanoseconds(interface: &[u8]) -> Option<u64> {
    let mut options = interface.get(8..)?;
    while let (Some(code), Some(len)) = (u16_at(options, 0), u16_at(options, 2)) {
        if code == TIMESTAMP_RESOLUTION {
            return match options.get(4)? {
                6 => Some(1_000),
                9 => Some(1),
                _ => None,
            };
        }
        options = options.get(4 + usize::from(len).next_multiple_of(4)..)?;
    }
    Some(1_000)
}

const TIMESTAMP_RESOLUTION: u16 = 9;

/// The time stamp and the frame of an enhanced packet block.
fn packet(body: &[u8]) -> Option<(u64, &[u8])> {
    let stamp = (u64::from(u32_at(body, 4)?) << 32) | u64::from(u32_at(body, 8)?);
    let len = usize::try_from(u32_at(body, 12)?).ok()?;
    Some((stamp, body.get(20..20 + len)?))
}

/// What UDP carries in an Ethernet frame; none when it holds anything else.
fn udp_payload(frame: &[u8]) -> Option<&[u8]> {
    let (ethernet, ip) = frame.split_at_checked(14)?;
    let header_len = usize::from(ip.first()? & 0x0f) * 4;
    let is_udp = ethernet.ends_with(&[0x08, 0x00]) && ip.get(9) == Some(&17);
    let udp = ip.get(header_len..)?;
    let len = u16::from_be_bytes([*udp.get(4)?, *udp.get(5)?]);
    udp.get(8..len.into()).filter(|_| is_udp)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}
