//! Writes what every target begins with to `corpus/TARGET` beside this file; with `--keep`, takes back
//! from there what a fuzzer has found, for the tests.

use std::path::{Path, PathBuf};
use std::{fs, io};

use flumen_tests::any_input::{CLAIMS, made, pack, seeds};

fn main() -> io::Result<()> {
    let keeps = std::env::args().any(|word| word == "--keep");
    for (claim, _) in CLAIMS {
        match keeps {
            true => keep(claim)?,
            false => write(claim, claim)?,
        }
    }
    if !keeps {
        write("webrtc_association", "association")?;
    }
    Ok(())
}

fn here(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn write(target: &str, claim: &str) -> io::Result<()> {
    let folder = here("corpus").join(target);
    fs::create_dir_all(&folder)?;
    for (number, seed) in seeds(claim).iter().enumerate() {
        fs::write(folder.join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}

/// What is made anew every time is not kept.
fn keep(claim: &str) -> io::Result<()> {
    let made = made(claim);
    let mut found = Vec::new();
    for entry in fs::read_dir(here("corpus").join(claim))? {
        let input = fs::read(entry?.path())?;
        if !made.contains(&input) {
            found.push(input);
        }
    }
    fs::write(here("kept").join(claim), pack(found))
}
