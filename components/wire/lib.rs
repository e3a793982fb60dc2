//! Pure parsing and writing of what crosses the wire: no ECS, no clock, no panic on any input.
#![forbid(unsafe_code)]
