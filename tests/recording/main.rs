//! Recordings of whole runs, and their replays.

mod browsers;
mod disks;
mod files;
mod replays;
mod settings;
mod snapshots;
mod watched;
