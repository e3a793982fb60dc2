//! Recordings of whole runs, and their replays.

mod begun;
mod browsers;
mod disks;
mod files;
mod replays;
mod settings;
mod snapshots;
mod states;
mod watched;
