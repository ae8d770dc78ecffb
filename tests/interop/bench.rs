//! The load generator, against the program itself.

use serde_json::Value;
use sol_tests::programs::{Exit, Sol};

#[test]
fn a_bench_delivers_everything_verified_and_reads_the_servers_meters() {
    let sol = Sol::start();
    let pid = sol.id().to_string();
    let url = sol.url("live/bench");
    let outcome = run(&[
        "fanout",
        &url,
        "--server-pid",
        &pid,
        "--players",
        "20",
        "--verifying",
        "4",
        "--duration",
        "1",
    ]);
    assert_eq!(outcome["players"], 20);
    assert_eq!((&outcome["gaps"], &outcome["closed"]), (&Value::from(0), &Value::from(0)), "{outcome}");
    assert_eq!(outcome["faults"], Value::Array(vec![]), "{outcome}");
    for number in ["delivered_bytes", "server_rss_bytes"] {
        assert!(outcome[number].as_u64() > Some(100_000), "{number} in {outcome}");
    }
    for number in ["/latency_ms/p50", "/join_ms/p50", "/server_cpu_s"] {
        assert!(outcome.pointer(number).is_some_and(Value::is_f64), "{number} in {outcome}");
    }
    let log = sol.stop();
    assert_eq!(log.of("play").len(), 20);
    for end in log.of("play ended") {
        assert_eq!(end.count("gaps"), 0, "{end}");
    }
}

#[test]
fn many_streams_nobody_who_plays_latecomers_and_idlers_are_measured_too() {
    let sol = Sol::start();
    let (url, pid) = (sol.url("live/bench"), sol.id().to_string());

    let many =
        run(&["many", &url, "--server-pid", &pid, "--publishers", "3", "--players", "2", "--duration", "1"]);
    assert_eq!((&many["players"], &many["gaps"]), (&Value::from(6), &Value::from(0)), "{many}");
    let ingest = run(&["ingest", &url, "--server-pid", &pid, "--publishers", "3", "--duration", "1"]);
    assert!(ingest["published_bytes"].as_u64() > Some(100_000), "{ingest}");
    let join = run(&["join", &url, "--players", "5", "--joins", "10"]);
    assert!(join.pointer("/join_ms/p99").is_some_and(Value::is_f64), "{join}");
    for outcome in [many, ingest, join] {
        assert_eq!(outcome["faults"], Value::Array(vec![]), "{outcome}");
    }
    let mut idle = Sol::run(&["bench", "idle", &url, "--server-pid", &pid, "--connections", "50", "--json"]);
    assert_eq!(idle.finish(), Exit::Status(0), "{}", idle.stderr());
    let idle: Value = serde_json::from_slice(&idle.stdout()).expect("one JSON object");
    assert!(idle["idle_rss_bytes"].is_u64() && idle["idle_connections"] == 50, "{idle}");
    let log = sol.stop();
    assert_eq!(log.of("publish").len(), 3 + 3 + 1);
    assert_eq!(log.of("play").len(), 6 + 5 + 10);
}

#[test]
fn players_that_stall_cost_the_others_nothing() {
    let sol = Sol::start();
    let (url, pid) = (sol.url("live/bench"), sol.id().to_string());
    let outcome = run(&[
        "stall",
        &url,
        "--server-pid",
        &pid,
        "--stalled",
        "5",
        "--players",
        "5",
        "--verifying",
        "2",
        "--duration",
        "1",
    ]);
    assert_eq!(
        (&outcome["stalled"], &outcome["stalled_closed"]),
        (&Value::from(5), &Value::from(0)),
        "{outcome}"
    );
    assert_eq!((&outcome["gaps"], &outcome["closed"]), (&Value::from(0), &Value::from(0)), "{outcome}");
    assert_eq!(outcome["faults"], Value::Array(vec![]), "{outcome}");
    assert_eq!(sol.stop().of("play").len(), 10);
}

#[test]
fn the_floor_needs_no_server() {
    for gather in ["0", "50"] {
        let outcome =
            run(&["floor", "--gather", gather, "--players", "5", "--verifying", "2", "--duration", "1"]);
        assert_eq!((&outcome["gaps"], &outcome["closed"]), (&Value::from(0), &Value::from(0)), "{outcome}");
        assert_eq!(outcome["faults"], Value::Array(vec![]), "{outcome}");
        assert!(outcome["delivered_bytes"].as_u64() > Some(100_000), "{outcome}");
    }
}

#[test]
fn a_bench_that_cannot_be_says_why() {
    let sol = Sol::start();
    let long = format!("rtmp://{}/live/{}", sol.address(), "x".repeat(600));
    // Nobody listens any more where somebody just did.
    let gone = Sol::start();
    let nobody = gone.url("live/bench");
    gone.stop();
    for (url, words) in [
        (
            long.as_str(),
            "the server refuses: NetStream.Publish.Rejected the stream name is longer than 512 bytes",
        ),
        (nobody.as_str(), "cannot connect to"),
    ] {
        let mut bench = Sol::run(&["bench", "fanout", url, "--players", "1"]);
        assert_eq!(bench.finish(), Exit::Status(1));
        assert!(bench.stderr().contains(words), "{}", bench.stderr());
    }
    sol.stop();
}

/// A run of a small pattern; what it has shown.
fn run(what: &[&str]) -> Value {
    let small = ["--bitrate", "400", "--json"];
    let mut bench = Sol::run(&[&["bench"], what, &small].concat());
    let exit = bench.finish();
    assert_eq!(exit, Exit::Status(0), "{}", bench.stderr());
    serde_json::from_slice(&bench.stdout()).expect("one JSON object")
}
