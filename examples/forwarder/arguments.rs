//! What the command line asks for.

use std::time::Duration;

use crate::layout::{Layout, Sockets, Way};

/// How to run this program.
pub(crate) const USAGE: &str = "\
usage: forwarder --consumers N [OPTION]...
       forwarder --rooms R --participants P [OPTION]...
       forwarder --help

  Forwards RTP on 127.0.0.1 until standard input closes. When it is ready it prints one line of JSON:
  pid and tid (the thread that forwards), producers (where to send what: dest, ssrc, pt and, in rooms,
  src, the port to send from), ports (where it goes) and copies (how many get each packet).

  --consumers N         one producer, and N consumers on transports of their own
  --rooms R             R rooms ...
  --participants P      ... of P who each produce, and consume all others (2 or more)
  --sockets shared|own  consumers are sent to from one socket (default), or each from its own
  --bare sendmmsg|gso   without the engine: a bare loop of system calls over the same sockets
  --gather N            packets are gathered for N microseconds between two passes, 0 for never
                        (default: as the load has it; --bare: 0)
  --threads N           the engine seals and writes on N threads (default 1)
  --ports FIRST         the port of the first receiver (default 20000)";

const FIRST_PORT: u16 = 20_000;

/// The command line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Who sends, and who gets it.
    pub(crate) layout: Layout,
    /// From which sockets.
    pub(crate) sockets: Sockets,
    /// Without the engine.
    pub(crate) bare: Option<Way>,
    /// Shortest span between two passes.
    pub(crate) gather: Option<Duration>,
    /// Threads of the engine.
    pub(crate) threads: u16,
}

impl Arguments {
    /// Understands the arguments behind the program's name; nothing when help is wanted.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let Some(given) = Given::read(words)? else {
            return Ok(None);
        };
        let first_port = given.ports.unwrap_or(FIRST_PORT);
        let layout = match (given.consumers, given.rooms, given.participants) {
            (Some(0), None, None) => return Err("--consumers must be 1 or more".into()),
            (Some(consumers), None, None) => Layout::fan_out(consumers, first_port)?,
            (None, Some(0), Some(_)) => return Err("--rooms must be 1 or more".into()),
            (None, Some(_), Some(0 | 1)) => return Err("--participants must be 2 or more".into()),
            (None, Some(rooms), Some(participants)) => {
                Layout::rooms(rooms, participants, first_port)?
            }
            (None, None, None) => return Err("--consumers, or --rooms and --participants?".into()),
            (Some(_), ..) => return Err("--consumers goes without --rooms".into()),
            (None, ..) => return Err("--rooms and --participants go together".into()),
        };
        if given.bare.is_some() && given.threads.is_some() {
            return Err("--threads goes without --bare".into());
        }
        Ok(Some(Self {
            layout,
            sockets: given.sockets.unwrap_or(Sockets::Shared),
            bare: given.bare,
            gather: given.gather,
            threads: given.threads.unwrap_or(1),
        }))
    }
}

/// The options as they stand there.
#[derive(Default)]
struct Given {
    consumers: Option<u16>,
    rooms: Option<u16>,
    participants: Option<u16>,
    sockets: Option<Sockets>,
    bare: Option<Way>,
    gather: Option<Duration>,
    threads: Option<u16>,
    ports: Option<u16>,
}

impl Given {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut given = Self::default();
        while let Some(option) = words.next() {
            let mut value = || words.next().ok_or(format!("{option} needs a value"));
            match option.as_str() {
                "--help" | "-h" => return Ok(None),
                "--consumers" => given.consumers = Some(number(&option, &value()?)?),
                "--rooms" => given.rooms = Some(number(&option, &value()?)?),
                "--participants" => given.participants = Some(number(&option, &value()?)?),
                "--ports" => given.ports = Some(number(&option, &value()?)?),
                "--threads" => given.threads = Some(number(&option, &value()?)?),
                "--gather" => {
                    let micros: u16 = number(&option, &value()?)?;
                    given.gather = Some(Duration::from_micros(micros.into()));
                }
                "--sockets" => {
                    let ways = [("shared", Sockets::Shared), ("own", Sockets::Own)];
                    given.sockets = Some(one_of(&option, &value()?, ways)?);
                }
                "--bare" => {
                    let ways = [("sendmmsg", Way::Sendmmsg), ("gso", Way::Gso)];
                    given.bare = Some(one_of(&option, &value()?, ways)?);
                }
                _ => return Err(format!("unknown argument {option:?}")),
            }
        }
        Ok(Some(given))
    }
}

fn number(option: &str, value: &str) -> Result<u16, String> {
    let not_one = |_| format!("{option} needs a number up to {}, not {value:?}", u16::MAX);
    value.parse().map_err(not_one)
}

fn one_of<T>(option: &str, value: &str, ways: [(&str, T); 2]) -> Result<T, String> {
    let names = [ways[0].0, ways[1].0].join(" or ");
    let found = ways.into_iter().find(|(name, _)| *name == value);
    let (_, way) = found.ok_or_else(|| format!("{option} is {names}, not {value:?}"))?;
    Ok(way)
}
