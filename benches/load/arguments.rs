//! What the command line asks for.

use std::time::Duration;

/// How to run this program.
pub(crate) const USAGE: &str = "\
usage: load [OPTION]... -- FORWARDER [ARGUMENT]...
       load --help

  Starts the example forwarder, sends it packets, evenly spread, receives what comes of them, and
  prints what that came to, as one JSON object.

  --packets N   packets a second of each producer (default 50)
  --burst N     packets that a producer sends at once (default 1)
  --seconds N   how long to measure (default 3)
  --warm-up N   seconds before that (default 1)
  --pin         the thread that forwards on the first core, this program on the second";

/// The command line, understood.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// Packets a second of each producer.
    pub(crate) packets: u32,
    /// Packets that it sends at once.
    pub(crate) burst: u32,
    /// How long to measure.
    pub(crate) span: Duration,
    /// How long not to, before that.
    pub(crate) warm_up: Duration,
    /// A core for each.
    pub(crate) pin: bool,
    /// What to start.
    pub(crate) command: Vec<String>,
}

impl Arguments {
    /// Understands the arguments behind the program's name; nothing when help is wanted.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut packets, mut burst, mut seconds, mut warm_up, mut pin) = (50, 1, 3, 1, false);
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().unwrap_or_default();
                let not_one = |_| format!("{word} needs a number, not {value:?}");
                value.parse::<u32>().map_err(not_one)
            };
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--packets" => packets = number()?,
                "--burst" => burst = number()?,
                "--seconds" => seconds = number()?,
                "--warm-up" => warm_up = number()?,
                "--pin" => pin = true,
                "--" => break,
                _ => return Err(format!("unknown argument {word:?}")),
            }
        }
        if packets == 0 || burst == 0 || seconds == 0 {
            return Err("--packets, --burst and --seconds must be 1 or more".into());
        }
        let command: Vec<_> = words.collect();
        if command.is_empty() {
            return Err("which forwarder? Its command goes behind --".into());
        }
        Ok(Some(Self {
            packets,
            burst,
            span: Duration::from_secs(seconds.into()),
            warm_up: Duration::from_secs(warm_up.into()),
            pin,
            command,
        }))
    }
}
