//! Time of the paths that are gone often: for comparing two versions on one quiet machine.
//!
//! `cargo bench --package sol-benches --bench speed --features speed`. What tests/run guards are counts of instructions, see
//! `instructions`.

#![allow(missing_docs, reason = "the macros make public items that nobody can document")]

mod stage;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sol_core::amf::amf0;
use stage::{Stage, Tape};

fn chunks(criterion: &mut Criterion) {
    let (bytes, payload) = (stage::chunked_picture(), stage::picture());
    let mut group = criterion.benchmark_group("chunks");
    group.throughput(Throughput::Bytes(payload.len() as u64));
    group.bench_function("read", |bench| bench.iter(|| stage::read_chunks(&bytes)));
    group.bench_function("write", |bench| bench.iter(|| stage::chunk(&payload)));
    group.finish();
}

fn amf(criterion: &mut Criterion) {
    let connect = stage::connect();
    let bytes = amf0::write_all(&connect);
    let mut group = criterion.benchmark_group("amf0");
    group.bench_function("read", |bench| bench.iter(|| amf0::read_all(&bytes)));
    group.bench_function("write", |bench| bench.iter(|| amf0::write_all(&connect)));
    group.finish();
}

fn tape(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tape");
    group.bench_function("append", |bench| {
        bench.iter_batched_ref(Tape::new, Tape::append, BatchSize::SmallInput);
    });
    group.bench_function("read", |bench| {
        bench.iter_batched_ref(Tape::with_a_picture, Tape::read, BatchSize::SmallInput);
    });
    group.finish();
}

fn conversation(criterion: &mut Criterion) {
    let mut stage = Stage::with_players(1);
    let said = stage.recorded_join();
    let mut group = criterion.benchmark_group("conversation");
    group.bench_function("handshake", |bench| {
        bench.iter(|| Stage::handshake(&said));
    });
    group.bench_function("join", |bench| {
        bench.iter_batched_ref(|| Stage::with_players(1), |stage| stage.join(&said), BatchSize::PerIteration);
    });
    group.finish();
}

fn delivery(criterion: &mut Criterion) {
    const PLAYERS: usize = 1_000;
    let mut stage = Stage::with_players(PLAYERS);
    let mut group = criterion.benchmark_group("delivery");
    group.throughput(Throughput::Elements(PLAYERS as u64));
    group.bench_function("one message to 1,000 players", |bench| {
        bench.iter(|| {
            let bytes = stage.next_message();
            stage.ingest(&bytes);
            stage.deliver();
        });
    });
    group.finish();
}

criterion_group!(paths, chunks, amf, tape, conversation, delivery);
criterion_main!(paths);
