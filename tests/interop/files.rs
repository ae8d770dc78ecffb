//! FLV files that the core wrote, as FFmpeg and VLC read them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sol_core::flv::{Damage, FlvItem, FlvReader, FlvWriter};
use sol_core::media::{Content, Media, TrackKind};
use sol_core::timestamp::Timestamp;
use sol_tests::programs::flv::{self, Kind, Tag};
use sol_tests::programs::{Program, packets_by_vlc, packets_of};

use crate::ENDED_WELL;
use crate::clip::{AUDIO, Clip, VIDEO};

#[test]
fn a_file_has_the_same_packets_when_it_was_read_and_written() {
    for name in CLIPS {
        let clip = Clip::open(name);
        let media = whole_media(clip.bytes());
        assert!(media.iter().map(like_tag).eq(clip.tags().iter().map(parts)), "{name}");

        let mut writer = FlvWriter::streaming(&[TrackKind::Video, TrackKind::Audio]);
        let streamed = appended(&mut writer, &media);
        for (form, file) in
            [("streamed", streamed), ("unfinished", unfinished(&media)), ("finished", finished(&media))]
        {
            assert_eq!(packets_of(&file), clip.packets, "{name}, {form}");
        }
    }
}

#[test]
fn vlc_reads_a_file_that_was_written() {
    let clip = Clip::open("h264_aac.flv");
    let file = finished(&whole_media(clip.bytes()));
    let (written, original) = (packets_by_vlc(&file), packets_by_vlc(clip.bytes()));
    for track in [VIDEO, AUDIO] {
        assert_eq!(written.payloads_of(track), original.payloads_of(track));
    }
}

#[test]
fn ffprobe_is_told_of_the_file_and_complains_of_nothing() {
    for name in CLIPS {
        let clip = Clip::open(name);
        let media = whole_media(clip.bytes());
        let last = media.iter().map(|media| media.timestamp.millis()).max().unwrap();
        let (said, _) = ffprobe(&clip.path, FORMAT);

        let file = TempFile::new(&format!("finished-{name}"), &finished(&media));
        let (told, complaints) = ffprobe(&file.0, FORMAT);
        assert_eq!(complaints, "", "{name}");
        let duration = format!("duration={}.{:03}000\n", last / 1_000, last % 1_000);
        assert!(told.contains(&duration), "{name}: {duration} in {told}");
        let ours = ["lasttimestamp", "hasVideo", "hasAudio", "hasMetadata", "hasKeyframes", "canSeekToEnd"];
        let expected: BTreeSet<&str> = tags(&said).into_iter().chain(ours).collect();
        assert_eq!(tags(&told), expected, "{name}");

        // Its writer was killed.
        let file = TempFile::new(&format!("unfinished-{name}"), &unfinished(&media));
        let (told, complaints) = ffprobe(&file.0, FORMAT);
        assert_eq!(complaints, "", "{name}");
        assert_eq!(tags(&told), tags(&said), "{name}");
    }
}

#[test]
fn ffprobe_seeks_by_the_index() {
    // Ten minutes, with a keyframe each second.
    let clip = whole_media(Clip::open("h264_aac.flv").bytes());
    let coded = clip
        .iter()
        .filter(|media| media.timestamp != Timestamp::ZERO || !matches!(media.content, Content::Data(_)));
    let again = (1..100).flat_map(|round| {
        coded.clone().map(move |Media { timestamp, content }| Media {
            timestamp: timestamp.advanced_by(round * 6_000),
            content: content.clone(),
        })
    });
    let media: Vec<Media> = clip.iter().cloned().chain(again).collect();
    let bytes = finished(&media);
    let file = TempFile::new("sought.flv", &bytes);

    let seek = [
        "-read_intervals",
        "500.5%+#1",
        "-select_streams",
        "v",
        "-show_entries",
        "packet=dts_time,pos,flags",
    ];
    let (packets, complaints) = ffprobe(&file.0, &[&["-v", "warning"], &seek[..]].concat());
    assert_eq!(complaints, "");
    let sought = flv::tags(&bytes)
        .windows(2)
        .find(|pair| pair[1].is_keyframe() && pair[1].timestamp_ms >= 500_000)
        .map(|pair| pair[0].end);
    assert!(packets.contains(&format!("pos={}\n", sought.unwrap())), "{packets}");
    assert!(packets.contains("flags=K"), "{packets}");

    let (_, statistics) = ffprobe(&file.0, &[&["-v", "verbose"], &seek[..]].concat());
    let read = statistics.split("Statistics: ").nth(1).and_then(|rest| rest.split(' ').next());
    let read: usize = read.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{statistics}"));
    assert!(read < bytes.len() / 4, "{read} bytes of {} were read", bytes.len());
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_read_up_to_its_last_whole_tag() {
    let clip = Clip::open("h264_aac.flv");
    let file = finished(&whole_media(clip.bytes()));
    for length in (HEADER..file.len()).step_by(337) {
        let cut = &file[..length];
        let whole = flv::tags(cut);
        let (media, damage) = read(cut);
        // A tag of which only the back pointer is missing counts, too.
        let read = media.iter().map(like_tag).take(whole.len());
        assert!(read.eq(whole.iter().map(parts)), "{length} bytes");
        let end = whole.last().map_or(HEADER, |tag| tag.end);
        let truncated = Damage::Truncated { offset: end as u64, length: (length - end) as u64 };
        assert_eq!(damage, Vec::from_iter((end != length).then_some(truncated)), "{length} bytes");
    }
    let cut = &file[..file.len() / 2];
    let packets = packets_of(&appended(&mut FlvWriter::seekable(), &read(cut).0));
    packets.run_in(&clip.packets).unwrap_or_else(|deviation| panic!("{deviation}"));
}

const CLIPS: [&str; 4] = ["h264_aac.flv", "h264_only.flv", "aac_only.flv", "flv1_mp3.flv"];

/// All that it says of a file as a whole.
const FORMAT: &[&str] = &["-v", "warning", "-show_entries", "format=duration:format_tags"];

/// Of a file.
const HEADER: usize = 13;

fn read(file: &[u8]) -> (Vec<Media>, Vec<Damage>) {
    let mut reader = FlvReader::new();
    reader.feed(file);
    reader.finish();
    let (mut media, mut damages) = (Vec::new(), Vec::new());
    while let Some(item) = reader.poll().expect("an FLV file") {
        match item {
            FlvItem::Media(one) => media.push(one),
            FlvItem::Damage(damage) => damages.push(damage),
        }
    }
    (media, damages)
}

#[track_caller]
fn whole_media(file: &[u8]) -> Vec<Media> {
    let (media, damages) = read(file);
    assert_eq!(damages, []);
    media
}

fn appended(writer: &mut FlvWriter, media: &[Media]) -> Vec<u8> {
    media.iter().flat_map(|media| writer.write(media).expect("media of a file").slices().concat()).collect()
}

/// A file whose writer was killed.
fn unfinished(media: &[Media]) -> Vec<u8> {
    appended(&mut FlvWriter::seekable(), media)
}

fn finished(media: &[Media]) -> Vec<u8> {
    let mut writer = FlvWriter::seekable();
    let mut file = appended(&mut writer, media);
    for patch in writer.finish() {
        file[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
    file
}

/// What the test kit says of a tag that it reads in its own way.
fn parts(tag: &Tag) -> (Kind, u32, &[u8]) {
    (tag.kind, tag.timestamp_ms, &tag.body)
}

fn like_tag(media: &Media) -> (Kind, u32, &[u8]) {
    let kind = match media.content {
        Content::Audio(_) => Kind::Audio,
        Content::Video(_) => Kind::Video,
        Content::Data(_) => Kind::Other(18),
    };
    (kind, media.timestamp.millis(), media.content.payload())
}

fn ffprobe(file: &Path, arguments: &[&str]) -> (String, String) {
    let mut command = Command::new("ffprobe");
    command.args(["-hide_banner", "-of", "default=noprint_wrappers=1"]).args(arguments).arg(file);
    let mut program = Program::start(&mut command, "ffmpeg");
    assert_eq!(program.finish(), ENDED_WELL);
    (String::from_utf8(program.stdout()).expect("ffprobe writes text"), program.stderr())
}

/// The names of what it shows as metadata.
fn tags(told: &str) -> BTreeSet<&str> {
    told.lines().filter_map(|line| line.strip_prefix("TAG:")?.split_once('=')).map(|(name, _)| name).collect()
}

/// A file in which a program can seek; gone when this is dropped.
pub(crate) struct TempFile(pub(crate) PathBuf);

impl TempFile {
    pub(crate) fn new(name: &str, bytes: &[u8]) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // Whatever is left lies in the target folder.
        let _ = fs::remove_file(&self.0);
    }
}
