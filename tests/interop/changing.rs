//! A stream that changes while it is published, with players attached all along: H.264 of another resolution, then HEVC.
//!
//! docs/players.md says what each was seen to do.

use sol_tests::programs::flv::{self, Tag};
use sol_tests::programs::packets::Packets;
use sol_tests::programs::{Display, Exit, Shown, Sol, packets_by_ffmpeg_9};

use crate::ENDED_WELL;
use crate::clip::{AUDIO, Clip, VIDEO};
use crate::files::TempFile;

#[test]
fn a_new_resolution_is_shown_by_every_player_and_a_new_codec_ends_none_but_gstreamer() {
    let film = Film::make();
    let file = TempFile::new("changing.flv", &film.file);
    let sol = Sol::start();
    let url = sol.url("live/cam");
    let displays = [Display::ffmpeg_9(&url), Display::rtmp2src(&url), Display::vlc(&url)];
    sol.wait_for(displays.len(), "play");
    let mut publish = Sol::run(&["publish", file.0.to_str().expect("the path is UTF-8"), &url]);

    assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
    let [ffmpeg, gstreamer, vlc] = displays.map(Display::finish);

    for shown in [&ffmpeg, &gstreamer, &vlc] {
        assert_eq!(shown.sizes, [(160, 120), (320, 240)], "{}", shown.family);
    }
    // It sees another track, and goes on with those that it has.
    assert_eq!(ffmpeg.exit, ENDED_WELL);
    assert_says(&ffmpeg, "New video stream with index 2");
    let packets = ffmpeg.packets.as_ref().expect("FFmpeg tells of them");
    assert_eq!(payloads(packets, VIDEO).len(), film.h264_pictures);
    assert_eq!(payloads(packets, AUDIO), film.sounds);
    // Its demuxer takes an unknown codec for an error, and its source goes down with it.
    assert_eq!(gstreamer.exit, Exit::Status(1));
    assert_says(&gstreamer, "Internal data stream error");
    // Its FFmpeg is too old for Enhanced RTMP, which is no reason to leave.
    assert_eq!(vlc.exit, ENDED_WELL);

    let log = sol.stop();
    let reasons: Vec<_> = log.of("play ended").iter().map(|end| end.text("reason")).collect();
    assert_eq!(reasons, ["peer-left", "stream-ended", "stream-ended"], "GStreamer first");
    assert!(log.of("play ended").iter().all(|end| end.count("gaps") == 0));
}

/// What is published.
struct Film {
    file: Vec<u8>,
    /// How many pictures come before HEVC.
    h264_pictures: usize,
    /// The payloads of all sounds.
    sounds: Vec<String>,
}

impl Film {
    /// The first seconds of clips, one behind the other.
    fn make() -> Self {
        let (small, large) = (Clip::open("h264_aac.flv"), Clip::open("h264_aac_large.flv"));
        let hevc = Clip::open_enhanced("hevc_aac.flv");
        let part = |clip: &Clip, begins_ms: u32| -> Vec<Tag> {
            let tags = clip.tags().iter().take_while(|tag| tag.timestamp_ms < PART_MS);
            tags.map(|tag| tag.later(begins_ms)).collect()
        };
        let h264 = [part(&small, 0), part(&large, PART_MS)].concat();
        let hevc = part(&hevc, 2 * PART_MS);
        let [in_h264, in_hevc] = [&h264, &hevc].map(|tags| packets_by_ffmpeg_9(&flv::file(tags)));
        Self {
            file: flv::file(h264.iter().chain(&hevc)),
            h264_pictures: payloads(&in_h264, VIDEO).len(),
            sounds: [payloads(&in_h264, AUDIO), payloads(&in_hevc, AUDIO)].concat(),
        }
    }
}

fn payloads(packets: &Packets, track: usize) -> Vec<String> {
    packets.payloads_of(track).list.into_iter().map(|packet| packet.md5).collect()
}

#[track_caller]
fn assert_says(shown: &Shown, what: &str) {
    let Shown { family, words, .. } = shown;
    assert!(words.contains(what), "{family}: {words}");
}

/// How long each part is. FFmpeg looks at up to 2 s before it begins.
const PART_MS: u32 = 3_000;
