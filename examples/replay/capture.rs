//! What went through an engine's sockets, as a file that analysers of networks open (pcapng).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use flumen::Passage;
use flumen::components::Protocol;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, PcapError};

use crate::datagram;

/// A file of packets: each socket is an interface, and a comment says whose a packet is.
pub(crate) struct Capture<W: Write> {
    writer: PcapNgWriter<W>,
    /// The number of the interface of each socket.
    interfaces: BTreeMap<(SocketAddr, bool), u32>,
    connections: datagram::Connections,
    /// From 1970 to the start of the engine.
    epoch: Duration,
}

/// The resolution of times: nanoseconds, as the tenth power of a second.
const NANOSECONDS: u8 = 9;
/// Directions of a packet (pcapng, section 4.3.1).
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

impl Capture<BufWriter<File>> {
    /// Makes or replaces a file, which its owner alone may read where the system has such modes: it may
    /// hold what was said in private.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn create(path: &Path, epoch: Duration) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        // One that was there keeps its mode when it is opened.
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Self::new(BufWriter::new(file), epoch)
    }
}

impl<W: Write> Capture<W> {
    fn new(to: W, epoch: Duration) -> io::Result<Self> {
        Ok(Self {
            writer: PcapNgWriter::new(to).map_err(failure)?,
            interfaces: BTreeMap::new(),
            connections: datagram::Connections::default(),
            epoch,
        })
    }

    /// Writes one more.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn add(&mut self, passage: &Passage<'_>) -> io::Result<()> {
        let interface_id = self.interface(passage)?;
        let data = self.connections.packet(passage);
        let direction = if passage.outgoing { OUTBOUND } else { INBOUND };
        let packet = EnhancedPacketBlock {
            interface_id,
            timestamp: self.epoch + Duration::from_nanos(passage.at.as_nanos()),
            original_len: data.len() as u32,
            data: Cow::Owned(data),
            options: vec![
                EnhancedPacketOption::Comment(Cow::Owned(comment(passage))),
                EnhancedPacketOption::Flags(direction),
            ],
        };
        self.writer
            .write_pcapng_block(packet)
            .map_err(failure)
            .map(drop)
    }

    /// Writes what may still be in a buffer.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.writer.get_mut().flush()
    }

    fn interface(&mut self, passage: &Passage<'_>) -> io::Result<u32> {
        let key = (passage.local, passage.protocol == Protocol::Tcp);
        if let Some(&interface) = self.interfaces.get(&key) {
            return Ok(interface);
        }
        let protocol = if key.1 { "tcp" } else { "udp" };
        let name = format!("{protocol} {}", passage.local);
        let mut block = InterfaceDescriptionBlock::new(DataLink::RAW, 0);
        block.options = vec![
            InterfaceDescriptionOption::IfName(Cow::Owned(name)),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ];
        self.writer.write_pcapng_block(block).map_err(failure)?;
        let interface = self.interfaces.len() as u32;
        self.interfaces.insert(key, interface);
        Ok(interface)
    }
}

/// Whose a packet is.
fn comment(passage: &Passage<'_>) -> String {
    let Some(transport) = passage.transport else {
        return "nobody's".into();
    };
    let mut comment = format!("transport {transport}");
    if let Some(producer) = passage.producer {
        comment += &format!(", producer {producer}");
    }
    if let Some(consumer) = passage.consumer {
        comment += &format!(", consumer {consumer}");
    }
    comment
}

fn failure(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}
