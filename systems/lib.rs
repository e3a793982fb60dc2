//! What happens in a tick: one verb a file, one folder a stage.
#![forbid(unsafe_code)]
