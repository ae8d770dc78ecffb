//! Vanished: the host of a publisher loses its network, and says nothing. Needs root, for a network of its own (`ip netns`).

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sol_tests::peer::script::{Phase, Publisher};
use sol_tests::programs::Sol;
use sol_tests::wire::Wire;

/// Has FFmpeg publish from another network, takes that network away, and tells when another publisher gets the name: where
/// nobody is replaced, when the connection is found to be lost; otherwise when the publisher has been silent for long enough.
pub(crate) fn run() -> Result<(), String> {
    for runtime in ["tokio", "mio"] {
        for (takeover, reason, limit) in [("refuse", "connection-lost", LOST), ("silent", "replaced", SILENT)]
        {
            let free = vanish(runtime, takeover, reason)?;
            let seconds = free.as_secs_f64();
            println!(
                "{runtime}, takeover = \"{takeover}\": another has the name after {seconds:.1} s, {reason}"
            );
            if free > limit {
                return Err(format!("more than {limit:?}"));
            }
        }
    }
    Ok(())
}

/// How long after the network went away another publisher got the name.
fn vanish(runtime: &str, takeover: &str, expected: &str) -> Result<Duration, String> {
    let network = Network::make()?;
    let file = std::env::temp_dir().join(format!("sol-vanished-{}.toml", std::process::id()));
    let settings = format!(
        "[server]\nrtmp = [\"0.0.0.0:0\"]\nlog = \"json\"\nruntime = \"{runtime}\"\n[defaults]\ntakeover = \"{takeover}\"\n"
    );
    fs::write(&file, settings).map_err(|error| error.to_string())?;
    let mut sol = Sol::start_configured(&file);
    fs::remove_file(&file).map_err(|error| error.to_string())?;
    sol.extend_deadline(Duration::from_secs(300));
    let mut camera = network.publish(&format!("rtmp://{HERE}:{}/live/cam", sol.address().port()))?;
    sol.wait_for(1, "publish");
    std::thread::sleep(BEFORE);
    network.cut()?;
    let cut = Instant::now();
    let here = (Ipv4Addr::LOCALHOST, sol.address().port()).into();
    while !is_granted(here)? {
        std::thread::sleep(EVERY);
    }
    let free = cut.elapsed();
    let _ = camera.kill();
    let _ = camera.wait();
    sol.wait_for(2, "publish ended");
    let log = sol.stop();
    let vanished = log.of("publish")[0].count("session");
    let ended = log.of("publish ended").into_iter().find(|line| line.count("session") == vanished);
    let reason = ended.map_or("no end at all", |line| line.text("reason"));
    if reason == expected { Ok(free) } else { Err(format!("{runtime}: {reason}")) }
}

/// Whether somebody else may publish the stream.
fn is_granted(server: SocketAddr) -> Result<bool, String> {
    let ask = || -> std::io::Result<bool> {
        let mut wire = Wire::connect(server, Publisher::by_hand("live", "cam"))?;
        Ok(matches!(wire.decide()?, Phase::Live(_)))
    };
    ask().map_err(|error| error.to_string())
}

/// A network with one host besides this one, until it is dropped.
struct Network;

impl Network {
    fn make() -> Result<Self, String> {
        // One that was left by a run that was killed.
        drop(Self);
        let network = Self;
        ip(&["netns", "add", SPACE])?;
        ip(&["link", "add", "sol-here", "type", "veth", "peer", "name", "sol-there", "netns", SPACE])?;
        ip(&["addr", "add", &format!("{HERE}/24"), "dev", "sol-here"])?;
        ip(&["link", "set", "sol-here", "up"])?;
        ip(&["-n", SPACE, "addr", "add", &format!("{THERE}/24"), "dev", "sol-there"])?;
        ip(&["-n", SPACE, "link", "set", "sol-there", "up"])?;
        Ok(network)
    }

    fn publish(&self, url: &str) -> Result<std::process::Child, String> {
        let source = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25"];
        let codec = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25"];
        let mut command = Command::new("ip");
        command.args(["netns", "exec", SPACE, "ffmpeg", "-loglevel", "error"]);
        command.args(source).args(codec).args(["-f", "flv", url]);
        command.stdin(Stdio::null()).spawn().map_err(|error| error.to_string())
    }

    /// Nothing passes any more, and nobody is told.
    fn cut(&self) -> Result<(), String> {
        ip(&["-n", SPACE, "link", "set", "sol-there", "down"])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", SPACE]);
        let _ = ip(&["link", "del", "sol-here"]);
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|error| format!("ip, of the package iproute2: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("ip {}: {said}", arguments.join(" "))) }
}

const SPACE: &str = "sol-vanished";
const HERE: &str = "10.213.77.1";
const THERE: &str = "10.213.77.2";

/// It publishes for so long first.
const BEFORE: Duration = Duration::from_secs(5);

/// Between two who ask for the name.
const EVERY: Duration = Duration::from_millis(200);

/// Longer than `unreachable`, and much shorter than `silence`.
const LOST: Duration = Duration::from_secs(18);

/// Longer than a publisher may be silent, and what was on its way.
const SILENT: Duration = Duration::from_secs(5);
