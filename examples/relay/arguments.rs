//! What the command line asks for.

use std::path::PathBuf;
use std::time::Duration;

/// How to run this program.
pub(crate) const USAGE: &str = "\
usage: relay [--record FILE] [--json]
       relay --listen [--port N] [--seconds N] [--record FILE] [--json]
       relay --help

  without --listen   play a recorded browser to itself, through the engine, and check every packet
  --listen           wait for a real sender, and print the commands to use; when it has been silent
                     for a second, another one may take its place
  --port N           where to listen: N to N + 3; N + 4 and N + 6 are sent to (default 5004)
  --seconds N        end after N seconds (default: when Enter is pressed)
  --record FILE      record the run, to be run again by the example replay; FILE holds secrets
  --json             print nothing but the summary, as one JSON object";

/// The command line, understood.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// Print the summary as JSON, and nothing else.
    pub(crate) json: bool,
    /// Where to record the run.
    pub(crate) record: Option<PathBuf>,
    /// Wait for a real sender.
    pub(crate) listen: Option<Listening>,
}

/// How to wait for a real sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listening {
    /// The first of the ports.
    pub(crate) port: u16,
    /// When to end.
    pub(crate) patience: Option<Duration>,
}

/// Ports from the first one up to the last one in use.
const PORTS: u16 = 7;

impl Arguments {
    /// Understands the arguments behind the program's name; nothing when help is wanted.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut json, mut listen, mut port, mut seconds) = (false, false, None, None);
        let mut record = None;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--json" => json = true,
                "--listen" => listen = true,
                "--record" => {
                    let file = words.next().ok_or("--record needs a file")?;
                    record = Some(file.into());
                }
                "--port" => port = Some(number(&word, words.next())?),
                "--seconds" => seconds = Some(number(&word, words.next())?),
                _ => return Err(format!("unknown argument {word:?}")),
            }
        }
        if !listen && (port.is_some() || seconds.is_some()) {
            return Err("--port and --seconds go with --listen".into());
        }
        let port = port.unwrap_or(5004);
        if !(1..=u16::MAX - PORTS).contains(&port) {
            return Err(format!("--port must be 1 to {}", u16::MAX - PORTS));
        }
        let patience = seconds.map(|seconds: u16| Duration::from_secs(seconds.into()));
        let listening = Listening { port, patience };
        let listen = listen.then_some(listening);
        Ok(Some(Self {
            json,
            record,
            listen,
        }))
    }
}

fn number(option: &str, word: Option<String>) -> Result<u16, String> {
    let word = word.ok_or_else(|| format!("{option} needs a number"))?;
    let not_one = |_| format!("{option} needs a number up to {}, not {word:?}", u16::MAX);
    word.parse().map_err(not_one)
}
