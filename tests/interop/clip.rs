//! Clip: a file to publish, and what players must make of it.

use std::fs;
use std::path::PathBuf;

use sol_tests::programs::flv::{self, Tag};
use sol_tests::programs::packets::{Packet, Packets};
use sol_tests::programs::{packets_by_ffmpeg_9, packets_of};

/// A file to publish.
#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    /// As FFmpeg reads them: 9 where it is Enhanced FLV, else Debian's.
    pub(crate) packets: Packets,
    bytes: Vec<u8>,
    tags: Vec<Tag>,
}

impl Clip {
    /// A file of `tests/interop/clips`.
    pub(crate) fn open(name: &'static str) -> Self {
        Self::read(name, folder().join(name), packets_of)
    }

    /// The same where it is Enhanced FLV.
    pub(crate) fn open_enhanced(name: &'static str) -> Self {
        Self::read(name, folder().join(name), packets_by_ffmpeg_9)
    }

    /// The clip that `sol --demo` publishes.
    pub(crate) fn demo() -> Self {
        let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        Self::read("demo", tests.with_file_name("sol-bin").join("src/demo/clip.flv"), packets_of)
    }

    fn read(name: &'static str, path: PathBuf, packets: impl FnOnce(&[u8]) -> Packets) -> Self {
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name, path, packets: packets(&bytes), tags: flv::tags(&bytes), bytes }
    }

    /// All packets twice, as a clip that follows itself has them.
    pub(crate) fn twice(&self, length_ms: i64) -> Packets {
        let again = self.packets.list.iter().map(|packet| Packet {
            dts_ms: packet.dts_ms + length_ms,
            pts_ms: packet.pts_ms + length_ms,
            ..packet.clone()
        });
        let list = self.packets.list.iter().cloned().chain(again).collect();
        Packets { tracks: self.packets.tracks.clone(), list }
    }

    /// The file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The messages, in the order of the file.
    pub(crate) fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// All packets.
    pub(crate) fn whole(&self) -> std::ops::Range<usize> {
        0..self.packets.list.len()
    }

    /// Which picture is the keyframe of a group of pictures. The first group is 0.
    pub(crate) fn keyframe(&self, group: usize) -> usize {
        let pictures = self.tags.iter().filter(|tag| tag.is_picture());
        let keyframes = pictures.enumerate().filter(|(_, tag)| tag.is_keyframe());
        keyframes.map(|(picture, _)| picture).nth(group).expect("the clip has that many groups")
    }

    /// Which packet a picture is.
    pub(crate) fn packet_of_picture(&self, picture: usize) -> usize {
        let pictures = self.packets.list.iter().enumerate().filter(|(_, packet)| packet.track == VIDEO);
        pictures.map(|(number, _)| number).nth(picture).expect("the clip has that many pictures")
    }

    /// The file up to a picture, and the rest of it.
    pub(crate) fn cut_before_picture(&self, picture: usize) -> (&[u8], &[u8]) {
        self.bytes.split_at(self.tags[self.tag_of_picture(picture) - 1].end)
    }

    /// Which tag a picture is.
    pub(crate) fn tag_of_picture(&self, picture: usize) -> usize {
        let pictures = self.tags.iter().enumerate().filter(|(_, tag)| tag.is_picture());
        pictures.map(|(number, _)| number).nth(picture).expect("the clip has that many pictures")
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("interop/clips")
}

/// FFmpeg numbers the video first.
pub(crate) const VIDEO: usize = 0;
pub(crate) const AUDIO: usize = 1;

/// So many pictures FFmpeg has to see (it takes some 40) before it begins to publish a file that the test feeds.
pub(crate) const PICTURES_TO_BEGIN: usize = 50;
