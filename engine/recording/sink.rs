//! The thread that writes, and the bounded way to it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flumen_components::event::RecordingFault;
use zeroize::Zeroizing;

use super::{entry, frame};

/// Where a recording goes.
pub(crate) type Sink = Box<dyn Write + Send>;

/// The way to the writer.
pub(super) struct Pipe {
    full: Sender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    written: Receiver<()>,
    shared: Arc<Shared>,
    limit: usize,
}

#[derive(Default)]
struct Shared {
    /// Bytes that wait.
    waiting: AtomicUsize,
    /// The recording ends as it should.
    complete: AtomicBool,
    failure: OnceLock<String>,
}

impl Shared {
    fn check(&self) -> Result<(), RecordingFault> {
        match self.failure.get() {
            Some(why) => Err(RecordingFault::Failed(why.clone())),
            None => Ok(()),
        }
    }
}

/// The frames that a file begins with, which hold secrets.
pub(super) type Head = [Zeroizing<Vec<u8>>; 2];

/// As many buffers wait to be filled again at most.
const EMPTY_MAX: usize = 1_024;

/// Creates a file that its owner alone can read.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // One that was there keeps its mode when it is opened.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

impl Pipe {
    /// Begins a file at `to` with the frames of `head`; `limit` bytes may wait.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(super) fn open(to: Sink, head: Head, limit: usize) -> io::Result<Self> {
        let (full, frames) = mpsc::channel();
        let (spent, empty) = mpsc::sync_channel(EMPTY_MAX);
        let (done, written) = mpsc::sync_channel(1);
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            to: BufWriter::new(to),
            frames,
            spent,
            shared: Arc::clone(&shared),
        };
        // A disk may block for as long as it likes; a tick may not.
        std::thread::Builder::new()
            .name("flumen-recording".into())
            .spawn(move || {
                writer.run(&head);
                // Nobody may wait for it.
                let _ = done.send(());
            })?;
        Ok(Self {
            full,
            empty,
            written,
            shared,
            limit,
        })
    }

    /// Whether the writer has nothing to do, or will never do anything any more: what is short waits
    /// until then, so that few frames wait however fast time goes.
    pub(super) fn is_idle(&self) -> bool {
        self.shared.waiting.load(Ordering::Relaxed) == 0 || self.shared.failure.get().is_some()
    }

    /// Hands bytes to the writer, and leaves room for the next in `bytes`.
    ///
    /// # Errors
    ///
    /// They are not written, and neither is anything behind them.
    pub(super) fn push(&self, bytes: &mut Vec<u8>) -> Result<(), RecordingFault> {
        self.check()?;
        let len = bytes.len();
        if self.shared.waiting.load(Ordering::Relaxed) + len > self.limit {
            return Err(RecordingFault::TooSlow);
        }
        let next = self.empty.try_recv().unwrap_or_default();
        self.shared.waiting.fetch_add(len, Ordering::Relaxed);
        let pushed = self.full.send(std::mem::replace(bytes, next));
        // It may have failed since it was asked.
        pushed.or_else(|_| self.check().and_then(|()| Err(gone())))
    }

    /// # Errors
    ///
    /// What kept the writer from writing.
    pub(super) fn check(&self) -> Result<(), RecordingFault> {
        self.shared.check()
    }

    /// Nothing follows.
    ///
    /// # Errors
    ///
    /// What kept the writer from writing, or that it takes longer than `patience`.
    pub(super) fn close(self, complete: bool, patience: Duration) -> Result<(), RecordingFault> {
        let Self {
            full,
            written,
            shared,
            ..
        } = self;
        shared.complete.store(complete, Ordering::Release);
        drop(full);
        let in_time = written.recv_timeout(patience);
        shared.check()?;
        in_time.map_err(|error| match error {
            RecvTimeoutError::Timeout => RecordingFault::TooSlow,
            RecvTimeoutError::Disconnected => gone(),
        })
    }
}

/// The sink is the application's, and may panic.
fn gone() -> RecordingFault {
    RecordingFault::Failed("the thread that writes has ended".into())
}

struct Writer {
    to: BufWriter<Sink>,
    frames: Receiver<Vec<u8>>,
    spent: SyncSender<Vec<u8>>,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(mut self, head: &Head) {
        if let Err(error) = self.write(head) {
            // It is set once.
            let _ = self.shared.failure.set(error.to_string());
        }
    }

    fn write(&mut self, head: &Head) -> io::Result<()> {
        frame::begin(&mut self.to)?;
        let mut number = 0;
        for bytes in head {
            frame::write(&mut self.to, number, bytes)?;
            number += 1;
        }
        self.to.flush()?;
        while let Ok(mut bytes) = self.frames.recv() {
            frame::write(&mut self.to, number, &bytes)?;
            self.to.flush()?;
            number += 1;
            self.shared
                .waiting
                .fetch_sub(bytes.len(), Ordering::Relaxed);
            bytes.clear();
            // It is of use to nobody who is gone.
            let _ = self.spent.try_send(bytes);
        }
        let mut last = Vec::new();
        entry::closed(&mut last, self.shared.complete.load(Ordering::Acquire));
        frame::write(&mut self.to, number, &last)?;
        self.to.flush()
    }
}
