//! See `amf3` in `sol_tests::fuzzing::TARGETS`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (sol_tests::fuzzing::target("amf3").run)(bytes));
