//! nginx with its RTMP module: another server, which keeps what it is sent as files.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Program, Stream};

/// An nginx that listens. Its app is `live`.
#[derive(Debug)]
pub struct Nginx {
    _program: Program,
    port: u16,
    folder: PathBuf,
}

impl Nginx {
    /// Starts one on the IPv4 loopback, and waits until it listens.
    pub fn start() -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sol-nginx-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("the system has a folder for temporary files");
        let port = free_port();
        let conf = folder.join("nginx.conf");
        let shown = folder.display();
        let text = format!(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\n\
             daemon off; master_process off; pid {shown}/pid; error_log stderr notice;\n\
             events {{}}\n\
             rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{\n\
             live on; record all; record_path {shown}; record_suffix .flv; allow publish all; allow play all;\n\
             }} }} }}\n"
        );
        fs::write(&conf, text).expect("the folder was just made");
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-p").arg(&folder).arg("-e").arg("stderr").arg("-c").arg(&conf);
        let program = Program::start(&mut command, "nginx-light libnginx-mod-rtmp");
        // Logged once the sockets listen.
        program.wait_for(Stream::Err, "its first words", |text| text.contains("OS: Linux").then_some(()));
        Self { _program: program, port, folder }
    }

    /// The URL of a stream.
    pub fn url(&self, stream: &str) -> String {
        format!("rtmp://127.0.0.1:{}/live/{stream}", self.port)
    }

    /// What was published under a name.
    pub fn recorded(&self, stream: &str) -> Vec<u8> {
        let path = self.folder.join(format!("{stream}.flv"));
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Left behind, it is in nobody's way.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A port that nobody listens on. For programs that cannot be told to choose one themselves.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}
