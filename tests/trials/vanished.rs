//! Vanished: the host of a publisher loses its network, and says nothing. Needs root, for a network of its own (`ip netns`).

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sol_tests::programs::Sol;

/// Has FFmpeg publish from another network, takes that network away, and tells when the stream's name is free.
pub(crate) fn run() -> Result<(), String> {
    for runtime in ["tokio", "mio"] {
        let network = Network::make()?;
        let mut sol = Sol::start_with("0.0.0.0:0", &["--runtime", runtime]);
        sol.extend_deadline(Duration::from_secs(300));
        let mut camera = network.publish(&format!("rtmp://{HERE}:{}/live/cam", sol.address().port()))?;
        sol.wait_for(1, "publish");
        std::thread::sleep(BEFORE);
        network.cut()?;
        let cut = Instant::now();
        sol.wait_for(1, "publish ended");
        let free = cut.elapsed();
        let _ = camera.kill();
        let _ = camera.wait();
        let log = sol.stop();
        let reason = log.only("publish ended").text("reason").to_owned();
        println!(
            "{runtime}: the name is free {:.1} s after the network went away, {reason}",
            free.as_secs_f64()
        );
        if reason != "connection-lost" || free > LIMIT {
            return Err(format!("{reason} after {free:?}"));
        }
    }
    Ok(())
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

/// Longer than `unreachable`, and much shorter than `silence`.
const LIMIT: Duration = Duration::from_secs(18);
