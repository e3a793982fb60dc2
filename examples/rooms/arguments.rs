//! What the command line asks for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;

/// How to run this program.
pub(crate) const USAGE: &str = "\
usage: rooms [--listen IP:PORT] [--media IP[:PORT]]... [--tcp] [--announce ADDRESS]
             [--tls [CERT KEY]] [--record FILE]
       rooms --help

  --listen IP:PORT     where the page and its interfaces are (default 127.0.0.1:3000)
  --media IP[:PORT]    where media comes and goes, over UDP; may be repeated
                       (default 127.0.0.1 and, as some browsers do not look there, the address
                       that this machine has for others; without PORT, 44444)
  --tcp                media over TCP too, at the same ports, for who is kept from UDP
  --announce ADDRESS   what to tell clients in place of the address of --media: the public one of
                       this machine, if it is behind a NAT
  --tls [CERT KEY]     serve https, which browsers ask for before they give a page the camera
                       anywhere but on localhost: with the PEM files CERT and KEY, or a
                       self-made certificate, which browsers warn of
  --record FILE        record the run, to be run again by the example replay; FILE holds secrets";

const MEDIA_PORT: u16 = 44_444;

/// The command line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Where HTTP listens.
    pub(crate) listen: SocketAddr,
    /// Where media comes and goes.
    pub(crate) media: Vec<SocketAddr>,
    /// Media may go over TCP.
    pub(crate) tcp: bool,
    /// What clients are told in place of the addresses of media.
    pub(crate) announce: Option<String>,
    /// Where to record the run.
    pub(crate) record: Option<PathBuf>,
    /// Serve https.
    pub(crate) tls: Option<Certificate>,
}

/// Who the server says it is, over https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// One that is made now.
    SelfMade,
    /// Files in PEM.
    Given {
        /// The chain of certificates.
        chain: PathBuf,
        /// The private key of the first one.
        key: PathBuf,
    },
}

impl Arguments {
    /// Understands the arguments behind the program's name; nothing when help is wanted.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut words = words.peekable();
        let mut arguments = Self {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 3_000),
            media: Vec::new(),
            tcp: false,
            announce: None,
            record: None,
            tls: None,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--listen" => arguments.listen = address(&word, words.next(), None)?,
                "--media" => {
                    let media = address(&word, words.next(), Some(MEDIA_PORT))?;
                    arguments.media.push(media);
                }
                "--tcp" => arguments.tcp = true,
                "--announce" => arguments.announce = Some(value(&word, words.next())?),
                "--record" => arguments.record = Some(value(&word, words.next())?.into()),
                "--tls" => {
                    let file = |word: &String| !word.starts_with("--");
                    arguments.tls = Some(match words.next_if(file) {
                        None => Certificate::SelfMade,
                        Some(chain) => Certificate::Given {
                            chain: chain.into(),
                            key: words
                                .next_if(file)
                                .ok_or("--tls CERT wants a KEY too")?
                                .into(),
                        },
                    });
                }
                _ => return Err(format!("unknown argument {word:?}")),
            }
        }
        let is_nowhere = |media: &SocketAddr| media.ip().is_unspecified();
        if arguments.announce.is_none() && arguments.media.iter().any(is_nowhere) {
            return Err(
                "--media wants an address that clients can reach, or --announce one".into(),
            );
        }
        if arguments.media.is_empty() {
            let ips = [Some(Ipv4Addr::LOCALHOST.into()), own_address()];
            let media = ips.into_iter().flatten();
            arguments
                .media
                .extend(media.map(|ip| SocketAddr::new(ip, MEDIA_PORT)));
        }
        Ok(Some(arguments))
    }

    /// Whether the page can be had from elsewhere, and media cannot.
    pub(crate) fn is_mute(&self) -> bool {
        let is_here = |address: &SocketAddr| address.ip().is_loopback();
        !is_here(&self.listen) && self.announce.is_none() && self.media.iter().all(is_here)
    }
}

/// The address from which this machine reaches others, if it does: nothing is sent to find out.
fn own_address() -> Option<IpAddr> {
    /// One of those that are for documentation (RFC 5737), and nobody's.
    const SOMEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(SOMEWHERE).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

fn value(name: &str, given: Option<String>) -> Result<String, String> {
    given.ok_or(format!("{name} wants a value"))
}

/// An address, whose port may be left out if there is a usual one.
fn address(name: &str, given: Option<String>, usual: Option<u16>) -> Result<SocketAddr, String> {
    let text = value(name, given)?;
    let alone = || Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, usual?));
    let form = if usual.is_some() {
        "IP or IP:PORT"
    } else {
        "IP:PORT"
    };
    text.parse()
        .ok()
        .or_else(alone)
        .ok_or_else(|| format!("{name} wants {form}, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Arguments>, String> {
        Arguments::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn media_listens_on_one_usual_port() {
        let media = parse("--media 10.0.0.1 --media [::1]:9")
            .unwrap()
            .unwrap()
            .media;
        assert_eq!(
            media,
            [
                "10.0.0.1:44444".parse::<SocketAddr>().unwrap(),
                "[::1]:9".parse().unwrap()
            ]
        );
    }

    #[test]
    fn by_default_media_is_here_and_where_others_look() {
        let media = parse("").unwrap().unwrap().media;
        assert_eq!(media[0].to_string(), "127.0.0.1:44444");
        assert!(media.iter().all(|it| !it.ip().is_unspecified()));
    }

    #[test]
    fn a_page_for_others_whose_media_is_not_is_noticed() {
        let is_mute = |line| parse(line).unwrap().unwrap().is_mute();
        assert!(is_mute("--listen 0.0.0.0:3000 --media 127.0.0.1"));
        for line in [
            "--media 127.0.0.1",
            "--listen 0.0.0.0:3000 --media 10.0.0.1",
            "--listen 0.0.0.0:3000 --media 127.0.0.1 --announce sfu.example",
        ] {
            assert!(!is_mute(line), "{line}");
        }
    }

    #[test]
    fn a_certificate_is_made_unless_files_are_given() {
        let tls = |line| parse(line).unwrap().unwrap().tls;
        assert_eq!(
            tls("--tls --announce sfu.example"),
            Some(Certificate::SelfMade)
        );
        let given = Certificate::Given {
            chain: "a.pem".into(),
            key: "b.pem".into(),
        };
        assert_eq!(tls("--tls a.pem b.pem"), Some(given));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |line| parse(line).unwrap_err();
        assert_eq!(
            refused("--listen 3000"),
            "--listen wants IP:PORT, not \"3000\""
        );
        assert_eq!(
            refused("--media here"),
            "--media wants IP or IP:PORT, not \"here\""
        );
        assert_eq!(
            refused("--media 0.0.0.0"),
            "--media wants an address that clients can reach, or --announce one"
        );
        assert_eq!(refused("--tls a.pem"), "--tls CERT wants a KEY too");
        assert_eq!(refused("--port 1"), "unknown argument \"--port\"");
    }
}
