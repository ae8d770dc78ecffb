//! See `odd_video` in `sol_tests::fuzzing::TARGETS`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (sol_tests::fuzzing::target("odd_video").run)(bytes));
