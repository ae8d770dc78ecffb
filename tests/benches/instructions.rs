//! Instructions of the paths that are gone often, under valgrind: counts, which are the same on a busy machine.
//!
//! Each has the number that was recorded for it, in release builds of the toolchain that the workspace names; 5 % more fail.
//! Whoever needs more writes the new number down and says why; whoever needs less, too.
//! `cargo bench --package sol-benches --bench instructions` runs it, with valgrind and gungraun-runner; tests/run does as well.

#![allow(missing_docs, reason = "the macros make public items that nobody can document")]

mod stage;

use std::hint::black_box;

use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use sol_core::amf::Value;
use sol_core::amf::amf0;
use sol_core::hub::Read;
use sol_core::session::Session;
use stage::{Stage, Tape};

/// So many instructions, and 5 % more at most.
fn recorded(instructions: u64) -> LibraryBenchmarkConfig {
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(Callgrind::default().hard_limits([(EventKind::Ir, instructions * 105 / 100)]));
    config
}

#[library_benchmark(config = recorded(153_512))]
#[bench::a_hundred_players(stage_with_a_frame())]
fn deliver(mut stage: Stage) -> Stage {
    stage.deliver();
    stage
}

#[library_benchmark(config = recorded(5_288))]
#[bench::one_message(stage_and_message())]
fn ingest((mut stage, bytes): (Stage, Vec<u8>)) -> Stage {
    stage.ingest(&bytes);
    stage
}

#[library_benchmark(config = recorded(840_989))]
#[bench::from_the_first_byte(stage_and_join())]
fn join((mut stage, said): (Stage, Vec<Vec<u8>>)) -> Stage {
    stage.join(&said);
    stage
}

#[library_benchmark(config = recorded(685_537))]
#[bench::simple(stage_and_join())]
fn handshake((stage, said): (Stage, Vec<Vec<u8>>)) -> (Stage, Session) {
    (stage, Stage::handshake(&said))
}

#[library_benchmark(config = recorded(24_475))]
#[bench::a_picture(stage::chunked_picture())]
fn read_chunks(bytes: Vec<u8>) -> Vec<u8> {
    stage::read_chunks(&bytes);
    bytes
}

#[library_benchmark(config = recorded(17_256))]
#[bench::a_picture(stage::picture())]
fn write_chunks(payload: Vec<u8>) -> Vec<u8> {
    black_box(stage::chunk(&payload));
    payload
}

#[library_benchmark(config = recorded(18_732))]
#[bench::a_picture(Tape::new())]
fn append(mut tape: Tape) -> Tape {
    tape.append();
    tape
}

#[library_benchmark(config = recorded(406))]
#[bench::a_picture(Tape::with_a_picture())]
fn read(mut tape: Tape) -> (Tape, Read) {
    let read = tape.read();
    (tape, read)
}

#[library_benchmark(config = recorded(3_581))]
#[bench::a_connect(amf0::write_all(&stage::connect()))]
fn read_amf(bytes: Vec<u8>) -> Vec<Value> {
    amf0::read_all(&bytes).expect("it was written so")
}

fn stage_with_a_frame() -> Stage {
    let mut stage = Stage::with_players(PLAYERS);
    // The first one after the join finds the outboxes without room.
    for _ in 0..2 {
        stage.deliver();
        let bytes = stage.next_message();
        stage.ingest(&bytes);
    }
    stage
}

fn stage_and_message() -> (Stage, Vec<u8>) {
    let mut stage = Stage::with_players(0);
    let bytes = stage.next_message();
    (stage, bytes)
}

fn stage_and_join() -> (Stage, Vec<Vec<u8>>) {
    let mut stage = Stage::with_players(1);
    let said = stage.recorded_join();
    (stage, said)
}

const PLAYERS: usize = 100;

library_benchmark_group!(
    name = paths,
    benchmarks = [deliver, ingest, join, handshake, read_chunks, write_chunks, append, read, read_amf]
);

main!(library_benchmark_groups = paths);
