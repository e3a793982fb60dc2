//! What files consist of has a number, which is raised with it.

use std::fs;
use std::path::{Path, PathBuf};

use flumen::components::Digest;

/// The format of snapshots, and what its layout looks like in the sources.
const SNAPSHOT: (u32, &str) = (11, "a094237501bbc96e");
/// The version of recordings, and the same.
const RECORDING: (u32, &str) = (4, "8e9f8e2b55dab97e");

/// Where the settings of an engine are that are no numbers and texts.
const SETTINGS: [(&str, &str); 4] = [
    ("components/tick/limits.rs", "struct Limits"),
    (
        "components/feedback/key_frame_retry.rs",
        "struct KeyFrameRetry",
    ),
    ("components/protocol/dtls/config.rs", "struct Config"),
    ("components/protocol/sctp/stack.rs", "enum Stack"),
];

#[test]
fn snapshots_of_another_layout_have_another_number() {
    let mut layout = Layout::default();
    for path in sources(&["components", "engine"]) {
        layout.add_states(&read(&path));
    }
    layout.add(&read(Path::new("engine/snapshot/kinds.rs")));
    layout.add(&read(Path::new("engine/recording/header.rs")));
    layout.add_settings();
    let found = (number("engine/snapshot/file.rs", "FORMAT"), layout.digest());
    assert_eq!(
        (found.0, &found.1[..]),
        SNAPSHOT,
        "raise FORMAT when snapshots of before would be read otherwise; then tell both here"
    );
}

#[test]
fn recordings_of_another_layout_have_another_number() {
    let mut layout = Layout::default();
    for file in ["bytes", "entry", "frame", "header", "outputs"] {
        layout.add(&read(Path::new(&format!("engine/recording/{file}.rs"))));
    }
    layout.add(&read(Path::new("components/protocol/dtls/recorded.rs")));
    layout.add_settings();
    let found = (
        number("engine/recording/frame.rs", "VERSION"),
        layout.digest(),
    );
    assert_eq!(
        (found.0, &found.1[..]),
        RECORDING,
        "raise VERSION when recordings of before would be read otherwise; then tell both here"
    );
}

/// Where the workspace is.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The sources in folders of the workspace, in order.
fn sources(folders: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<_> = folders.iter().map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|it| it == "rs") => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    files
}

/// A source without comments, attributes and tests.
fn read(path: &Path) -> String {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let is_code = |line: &&str| {
        !["//", "#["]
            .iter()
            .any(|it| line.trim_start().starts_with(it))
    };
    code.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// The value of a constant in a source.
fn number(file: &str, name: &str) -> u32 {
    let text = read(Path::new(file));
    let value = text.split(&format!("{name}: u32 = ")).nth(1).unwrap();
    value.split(';').next().unwrap().parse().unwrap()
}

/// What is told of a layout.
#[derive(Default)]
struct Layout(Digest);

impl Layout {
    fn add(&mut self, code: &str) {
        for word in code.split_whitespace() {
            // How lines break, and what follows from that, changes nothing.
            self.0.write(word.trim_end_matches(',').as_bytes());
            self.0.write(b" ");
        }
    }

    /// Adds how each type of a source is saved, and what it is.
    fn add_states(&mut self, code: &str) {
        for (at, _) in code.match_indices("state! {") {
            let declared = block(&code[at..]);
            self.add(declared);
            let mut words = declared.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.find(|word| ["struct", "enum"].contains(word));
            let name = words.next().unwrap_or_default();
            for kind in ["struct", "enum"] {
                self.add_definition(code, &format!("{kind} {name}"));
            }
        }
        for (at, _) in code.match_indices("\nimpl") {
            let head = code[at..].split('{').next().unwrap_or_default();
            if head.contains("State<") && head.contains(" for ") {
                self.add(block(&code[at..]));
            }
        }
    }

    /// Adds what the settings of an engine consist of, with which both begin.
    fn add_settings(&mut self) {
        for (file, head) in SETTINGS {
            let code = read(Path::new(file));
            assert!(code.contains(head), "{file} has no {head}");
            self.add_definition(&code, head);
        }
    }

    fn add_definition(&mut self, code: &str, head: &str) {
        for (at, _) in code.match_indices(head) {
            let is_whole = !code[at + head.len()..].starts_with(|c: char| c.is_alphanumeric());
            let is_declared = code[..at].trim_end().ends_with("state! {");
            if is_whole && !is_declared {
                self.add(block(&code[at..]));
            }
        }
    }

    fn digest(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// Code up to the end of its first block, or of the statement before that.
fn block(code: &str) -> &str {
    let mut depth = 0;
    for (at, it) in code.char_indices() {
        match it {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return &code[..at],
            _ => continue,
        }
        if depth == 0 && it == '}' {
            return &code[..=at];
        }
    }
    code
}
