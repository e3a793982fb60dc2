include!(concat!(env!("OUT_DIR"), "/small_sfu.rs"));
