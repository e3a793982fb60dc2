//! Takes the program out of README.

use std::{env, fs, path::Path};

const README: &str = "../../README.md";

fn main() {
    println!("cargo::rerun-if-changed={README}");
    let readme = fs::read_to_string(README).expect("README is there");
    let program = readme
        .split("```")
        .find_map(|block| block.strip_prefix("rust,no_run\n"))
        .expect("README has a program");
    assert!(
        program.contains("fn main()"),
        "README's program has no main"
    );
    let out = env::var_os("OUT_DIR").expect("cargo says where to");
    fs::write(Path::new(&out).join("small_sfu.rs"), program).expect("it can be written");
}
