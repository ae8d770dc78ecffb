//! FFmpeg: Debian's, and a newer one that knows Enhanced RTMP.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::Program;
use super::sol::profile_folder;

/// Which FFmpeg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ffmpeg {
    /// 5.1, as Debian 12 has it. It knows no codecs but those of FLV 10.1, and one track of each kind.
    Debian,
    /// 9.0, which knows Enhanced RTMP: as tests/run fetches it. FFMPEG_9 names another.
    Nine,
}

impl Ffmpeg {
    pub(super) fn command(self) -> Command {
        match self {
            Ffmpeg::Debian => Command::new("ffmpeg"),
            Ffmpeg::Nine => Command::new(nine()),
        }
    }

    pub(super) fn start(self, command: &mut Command) -> Program {
        Program::start_with(command.stdin(Stdio::null()), self.remedy())
    }

    /// With a standard input that [`Program::feed`] fills.
    pub(super) fn start_fed(self, command: &mut Command) -> Program {
        Program::start_with(command.stdin(Stdio::piped()), self.remedy())
    }

    fn remedy(self) -> &'static str {
        match self {
            Ffmpeg::Debian => "apt-get install ffmpeg",
            Ffmpeg::Nine => {
                "run tests/run once, which fetches it, or name an FFmpeg of 9.0 or later in FFMPEG_9"
            }
        }
    }
}

fn nine() -> PathBuf {
    if let Some(path) = env::var_os("FFMPEG_9") {
        return path.into();
    }
    // The target folder, also where `--target` puts another folder in between.
    let profile = profile_folder();
    let mut places = profile.ancestors().map(|folder| folder.join("tools/ffmpeg-9/ffmpeg"));
    places.find(|path| path.exists()).unwrap_or_else(|| "target/tools/ffmpeg-9/ffmpeg".into())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn it_is_said_where_ffmpeg_9_is_to_be_had() {
        let starting = thread::spawn(|| Ffmpeg::Nine.start(&mut Command::new("no-such-ffmpeg")));
        let message = starting.join().unwrap_err().downcast::<String>().unwrap();
        assert!(message.starts_with("no-such-ffmpeg is missing: run tests/run once"), "{message}");
    }
}
