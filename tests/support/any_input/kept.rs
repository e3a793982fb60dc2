//! What a fuzzer found that reaches lines which nothing before it did: small, and kept.

/// The inputs of each target, packed: see [`pack`].
const KEPT: [(&str, &[u8]); 13] = [
    ("codecs", include_bytes!("../../fuzz/kept/codecs")),
    ("rtp", include_bytes!("../../fuzz/kept/rtp")),
    ("rtcp", include_bytes!("../../fuzz/kept/rtcp")),
    ("sctp", include_bytes!("../../fuzz/kept/sctp")),
    ("srtp", include_bytes!("../../fuzz/kept/srtp")),
    ("dtls", include_bytes!("../../fuzz/kept/dtls")),
    (
        "dtls_records",
        include_bytes!("../../fuzz/kept/dtls_records"),
    ),
    ("framing", include_bytes!("../../fuzz/kept/framing")),
    ("stun", include_bytes!("../../fuzz/kept/stun")),
    ("sdp", include_bytes!("../../fuzz/kept/sdp")),
    ("agent", include_bytes!("../../fuzz/kept/agent")),
    ("association", include_bytes!("../../fuzz/kept/association")),
    ("room", include_bytes!("../../fuzz/kept/room")),
];

/// Bytes that are kept of a target, at most.
const KEPT_MAX: usize = 16 << 10;

/// The inputs that are kept of a target.
pub(super) fn kept(name: &str) -> Vec<Vec<u8>> {
    let known = KEPT.iter().find(|(known, _)| *known == name);
    let mut packed = known.map_or(&[][..], |(_, packed)| packed);
    let mut inputs = Vec::new();
    while let Some((len, rest)) = packed.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes(*len)).min(rest.len());
        let (input, rest) = rest.split_at(len);
        inputs.push(input.to_vec());
        packed = rest;
    }
    inputs
}

/// Packs inputs, the shortest first, as many as are kept: each behind its length in two bytes.
pub fn pack(mut inputs: Vec<Vec<u8>>) -> Vec<u8> {
    // What is changed has something to be changed.
    inputs.retain(|input| !input.is_empty());
    inputs.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    let mut packed = Vec::new();
    for input in inputs {
        let Ok(len) = u16::try_from(input.len()) else {
            break;
        };
        if packed.len() + 2 + input.len() > KEPT_MAX {
            break;
        }
        packed.extend(len.to_be_bytes());
        packed.extend(input);
    }
    packed
}
