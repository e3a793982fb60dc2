//! A snapshot as bytes: a magic word, the format, the checksum of the rest, and the rest.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flumen_components::wire::state::{Reader, State};
use zeroize::Zeroizing;

use super::{RestoreError, Snapshot};
use crate::recording;

/// Raised whenever what is saved, or how, becomes otherwise: `tests/recording/layouts.rs` notices.
pub(super) const FORMAT: u32 = 11;
const MAGIC: [u8; 8] = *b"FLUMSNAP";
const HEAD: usize = 16;

impl Snapshot {
    pub(super) fn of(body: Zeroizing<Vec<u8>>) -> Result<Self, RestoreError> {
        let (at, left_out) = State::load(&mut Reader::new(&body, ()))?;
        Ok(Self { body, at, left_out })
    }

    /// The snapshot as bytes, which hold secrets and are wiped when they are dropped.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(HEAD + self.body.len()));
        bytes.extend(self.head());
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes: see [`RestoreError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RestoreError> {
        let (head, body) = bytes
            .split_at_checked(HEAD)
            .ok_or(RestoreError::NotASnapshot)?;
        let (magic, head) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(RestoreError::NotASnapshot);
        }
        let number =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (found, checksum) = (number(0), number(4));
        if found != FORMAT {
            return Err(RestoreError::Format { found });
        }
        if checksum != crc32c::crc32c(body) {
            return Err(RestoreError::Damaged);
        }
        Self::of(Zeroizing::new(body.to_vec()))
    }

    /// Writes the snapshot to a file at `path`, in place of what was there once all of it is written: to
    /// one beside it, with `.part` behind its name, until then. **It holds secrets**; on Unix its owner
    /// alone may read it. It is there for other processes, and may not outlast the system: no call
    /// would, and waiting for a disk would make its gap longer.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let written = self.write_new(part.as_ref());
        let moved = written.and_then(|()| fs::rename(&part, path));
        if moved.is_err() {
            // What keeps it from being written may keep it from being removed.
            let _ = fs::remove_file(&part);
        }
        moved
    }

    fn write_new(&self, path: &Path) -> io::Result<()> {
        let mut file = recording::create(path)?;
        file.write_all(&self.head())?;
        file.write_all(&self.body)
    }

    /// Reads the snapshot that is in a file.
    ///
    /// # Errors
    ///
    /// What the system says, or what is wrong with the file: see [`RestoreError`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, RestoreError> {
        let bytes = fs::read(path).map_err(RestoreError::Read)?;
        Self::from_bytes(&Zeroizing::new(bytes))
    }

    fn head(&self) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(&MAGIC);
        head[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        head[12..].copy_from_slice(&crc32c::crc32c(&self.body).to_le_bytes());
        head
    }
}
