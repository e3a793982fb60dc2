//! Writes the seeds of every target to `corpus/TARGET` beside this file.

use std::path::Path;
use std::{fs, io};

use flumen_tests::any_input::{CLAIMS, seeds};

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let names = CLAIMS.iter().map(|(name, _)| (*name, *name));
    for (target, claim) in names.chain([("webrtc_association", "association")]) {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds(claim).iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
