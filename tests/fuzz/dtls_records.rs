#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flumen_tests::any_input::dtls_records(bytes));
