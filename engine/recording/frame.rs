//! Frames: what a file is made of, each with its number and its checksum.

use std::io::{self, Read, Write};

use super::RecordingError;

/// The first bytes of a recording.
const MAGIC: [u8; 8] = *b"FLUMENRC";

/// The version of everything behind the magic word: `tests/recording/layouts.rs` notices when it must
/// be raised.
pub(crate) const VERSION: u32 = 4;

/// The longest frame that is believed to be one: ticks bring 2 GiB at most.
const FRAME_MAX: u32 = 1 << 31;

/// Begins a file.
pub(super) fn begin(to: &mut impl Write) -> io::Result<()> {
    to.write_all(&MAGIC)?;
    to.write_all(&VERSION.to_le_bytes())
}

/// Writes frame number `number`: length, number, checksum of all else, bytes.
pub(super) fn write(to: &mut impl Write, number: u32, bytes: &[u8]) -> io::Result<()> {
    let len = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    to.write_all(&len.to_le_bytes())?;
    to.write_all(&number.to_le_bytes())?;
    to.write_all(&checksum(len, number, bytes).to_le_bytes())?;
    to.write_all(bytes)
}

fn checksum(len: u32, number: u32, bytes: &[u8]) -> u32 {
    let head = crc32c::crc32c(&len.to_le_bytes());
    let head = crc32c::crc32c_append(head, &number.to_le_bytes());
    crc32c::crc32c_append(head, bytes)
}

/// The frames of a file, one after the other.
pub(super) struct Frames {
    from: Box<dyn Read + Send>,
    next: u32,
    /// Bytes read.
    pub(super) position: u64,
}

impl Frames {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    ///
    /// It is no recording, or one of another version.
    pub(super) fn open(mut from: Box<dyn Read + Send>) -> Result<Self, RecordingError> {
        let mut magic = [0; 8];
        let mut version = [0; 4];
        let none = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => RecordingError::NoRecording,
            _ => RecordingError::Io(error),
        };
        from.read_exact(&mut magic).map_err(none)?;
        if magic != MAGIC {
            return Err(RecordingError::NoRecording);
        }
        from.read_exact(&mut version).map_err(none)?;
        match u32::from_le_bytes(version) {
            VERSION => Ok(Self {
                from,
                next: 0,
                position: 12,
            }),
            found => Err(RecordingError::Version {
                found,
                known: VERSION,
            }),
        }
    }

    /// Reads the next frame into `to`.
    ///
    /// # Errors
    ///
    /// The file ends before the frame does, or it was changed.
    pub(super) fn next(&mut self, to: &mut Vec<u8>) -> Result<(), RecordingError> {
        let mut head = [0; 12];
        self.fill(&mut head)?;
        let (words, _) = head.as_chunks::<4>();
        let [len, number, sum] = [0, 1, 2].map(|at| u32::from_le_bytes(words[at]));
        let at = self.position;
        if number != self.next || len > FRAME_MAX {
            return Err(RecordingError::Corrupt { at });
        }
        to.clear();
        // A length that is wrong is not believed before that many bytes have come.
        let read = (&mut self.from).take(len.into()).read_to_end(to)?;
        if read < len as usize {
            return Err(RecordingError::Truncated { at });
        }
        if checksum(len, number, to) != sum {
            return Err(RecordingError::Corrupt { at });
        }
        self.position += 12 + u64::from(len);
        self.next += 1;
        Ok(())
    }

    fn fill(&mut self, to: &mut [u8]) -> Result<(), RecordingError> {
        let at = self.position;
        self.from
            .read_exact(to)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => RecordingError::Truncated { at },
                _ => RecordingError::Io(error),
            })
    }
}
