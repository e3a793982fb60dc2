//! Recordings of whole runs, and their replays.

mod anything;
mod begun;
mod browsers;
mod disks;
mod files;
mod layouts;
mod messages;
mod replays;
mod rooms;
mod settings;
mod snapshots;
mod states;
mod watched;
