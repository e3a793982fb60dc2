//! What the command line asks for.

use std::path::PathBuf;

use flumen::View;

/// How to run this program.
pub(crate) const USAGE: &str = "\
usage: replay FILE [--at TICK [--about ID]] [--pcapng OUT [--opened]]
       replay --help

  FILE         what an engine recorded: see Builder::record, and --record of the other examples
  --at TICK    stop behind this tick, and print the world as JSON
  --about ID   only the router, transport, producer, consumer, data producer or data consumer
               of this identifier
  --pcapng OUT write every datagram that came and left to OUT, for Wireshark and the like
  --opened     without SRTP: OUT then shows what was said";

/// The command line, understood.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// The recording.
    pub(crate) file: PathBuf,
    /// Where to stop.
    pub(crate) at: Option<u64>,
    /// What to print there.
    pub(crate) about: Option<String>,
    /// Where to write datagrams.
    pub(crate) pcapng: Option<PathBuf>,
    /// How to show them.
    pub(crate) view: View,
}

impl Arguments {
    /// Understands the arguments behind the program's name; nothing when help is wanted.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut file, mut at, mut about, mut pcapng) = (None, None, None, None);
        let mut view = View::AsSent;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--at" => {
                    let number = value()?;
                    let not_one = |_| format!("--at needs the number of a tick, not {number:?}");
                    at = Some(number.parse().map_err(not_one)?);
                }
                "--about" => about = Some(value()?),
                "--pcapng" => pcapng = Some(PathBuf::from(value()?)),
                "--opened" => view = View::Opened,
                _ if word.starts_with('-') || file.is_some() => {
                    return Err(format!("unknown argument {word:?}"));
                }
                _ => file = Some(PathBuf::from(word)),
            }
        }
        if about.is_some() && at.is_none() {
            return Err("--about goes with --at".into());
        }
        if view == View::Opened && pcapng.is_none() {
            return Err("--opened goes with --pcapng".into());
        }
        let file = file.ok_or("which file?")?;
        Ok(Some(Self {
            file,
            at,
            about,
            pcapng,
            view,
        }))
    }
}
