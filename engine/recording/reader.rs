//! A file that is read again.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use thiserror::Error;
use zeroize::Zeroizing;

use super::bytes::Unread;
use super::entry::{self, Entry};
use super::frame::Frames;
use super::header::Header;

/// A recorded run: see [`Builder::record`](crate::Builder::record), and
/// [`Replay`](crate::Replay) for what to do with it.
pub struct Recording {
    pub(crate) header: Header,
    /// The snapshot that it begins with, if it does.
    pub(crate) snapshot: Option<Zeroizing<Vec<u8>>>,
    frames: Frames,
    frame: Vec<u8>,
    /// How much of the frame was read.
    read: usize,
    len: Option<u64>,
}

/// A file is no recording, or none that can be read to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file cannot be read.
    #[error("the recording cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It does not begin like one.
    #[error("this is no recording of a run")]
    NoRecording,
    /// It is one of another version.
    #[error("the recording is of version {found}, and version {known} is known here")]
    Version {
        /// That of the file.
        found: u32,
        /// That of this engine.
        known: u32,
    },
    /// It ends in the middle: its engine, or its machine, ended so. What is before can be replayed.
    #[error("the recording is cut short behind byte {at}")]
    Truncated {
        /// Bytes of the file until where it is whole.
        at: u64,
    },
    /// It is not what was written.
    #[error("the recording is damaged behind byte {at}")]
    Corrupt {
        /// Bytes of the file until where it is whole.
        at: u64,
    },
    /// The frame is whole, and what is in it is not understood.
    #[error("the recording has something at byte {at} that is not understood")]
    Unknown {
        /// Bytes of the file until the frame.
        at: u64,
    },
}

impl Recording {
    /// Opens the file at `path`.
    ///
    /// # Errors
    ///
    /// [`RecordingError`]; that a file is cut short or damaged behind its beginning shows when its
    /// replay comes there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut recording = Self::read(BufReader::new(file))?;
        recording.len = Some(len);
        Ok(recording)
    }

    /// Reads a recording from anywhere.
    ///
    /// # Errors
    ///
    /// See [`open`](Self::open).
    pub fn read(from: impl Read + Send + 'static) -> Result<Self, RecordingError> {
        let mut frames = Frames::open(Box::new(from))?;
        let mut frame = Vec::new();
        frames.next(&mut frame)?;
        let header = serde_json::from_slice(&frame);
        let mut snapshot = Zeroizing::default();
        frames.next(&mut snapshot)?;
        Ok(Self {
            header: header.map_err(|_| RecordingError::Unknown { at: 0 })?,
            snapshot: Some(snapshot).filter(|snapshot| !snapshot.is_empty()),
            frames,
            frame: Vec::new(),
            read: 0,
            len: None,
        })
    }

    /// The version of the engine that made it.
    pub fn engine_version(&self) -> &str {
        &self.header.engine
    }

    /// It begins with a snapshot, in the middle of a run.
    pub fn begins_with_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    /// The types of the plugins that the engine had, in their order.
    pub fn plugins(&self) -> &[String] {
        &self.header.settings.plugins
    }

    /// Bytes read, and bytes of the file where that is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.frames.position, self.len)
    }

    /// Takes the next entry.
    pub(crate) fn take(&mut self) -> Result<Entry, RecordingError> {
        while self.read == self.frame.len() {
            self.frames.next(&mut self.frame)?;
            self.read = 0;
        }
        let at = self.frames.position;
        let mut unread = Unread(&self.frame[self.read..]);
        let entry = entry::read(&mut unread).ok_or(RecordingError::Unknown { at })?;
        self.read = self.frame.len() - unread.0.len();
        Ok(entry)
    }
}
