"""How an Enhanced RTMP v2 message is put together, and how it is written down."""

import re
from typing import NamedTuple

VIDEO = {"SequenceStart": 0, "CodedFrames": 1, "SequenceEnd": 2, "CodedFramesX": 3, "Metadata": 4,
         "MPEG2TSSequenceStart": 5}
AUDIO = {"SequenceStart": 0, "CodedFrames": 1, "SequenceEnd": 2, "MultichannelConfig": 4}
# Audio and video have different numbers for the same thing.
MULTITRACK = {"video": 6, "audio": 5}
MODEX = 7
KINDS = {"OneTrack": 0, "ManyTracks": 1, "ManyTracksManyCodecs": 2}
COMMANDS = {"StartSeek": 0, "EndSeek": 1}
VIDEO_FOURCCS = ["avc1", "hvc1", "vvc1", "av01", "vp09", "vp08"]
AUDIO_FOURCCS = ["mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3"]
WITH_COMPOSITION_TIME = {"avc1", "hvc1", "vvc1"}
# Old codecs whose header goes on as that of AVC does: packet type, composition time.
LIKE_AVC = {7, 12, 13, 14}
AAC = 10
ORDERS = {0: "Unspecified", 1: "Native", 2: "Custom"}

# Frames of some bytes that look like those of the codec.
CODED = {fourcc: bytes.fromhex(body) for fourcc, body in {
    "avc1": "00000005 6588840010", "hvc1": "00000004 2601AF08", "vvc1": "00000004 00791122", "av01": "1200 32021020",
    "vp09": "82498342", "vp08": "1002009D012A", "mp4a": "DE02004C", "Opus": "FCFFFE", "fLaC": "FFF85918",
    "ac-3": "0B771A2B", "ec-3": "0B7701FF", ".mp3": "FFFB9064"}.items()}


class Track(NamedTuple):
    id: int
    codec: str
    body: bytes
    cts: int = 0


class ModEx(NamedTuple):
    kind: int
    data: bytes
    # Whether a size that would fit into one byte has the two bytes behind the escape.
    wide: bool = False

    def fields(self, next_packet):
        size = len(self.data)
        if size < 256 and not self.wide:
            yield bytes([size - 1])
        else:
            yield b"\xFF"
            yield (size - 1).to_bytes(2, "big")
        yield self.data
        yield bytes([self.kind << 4 | next_packet])


def nano(offset, more=b""):
    return ModEx(0, offset.to_bytes(3, "big") + more)


def tracks_for(multitrack, fourcc):
    """As many tracks as that kind of multitrack is for."""
    fourccs = VIDEO_FOURCCS if fourcc in VIDEO_FOURCCS else AUDIO_FOURCCS
    one = Track({None: 0, "OneTrack": 7}.get(multitrack, 0), fourcc, CODED[fourcc])
    if multitrack in (None, "OneTrack"):
        return [one]
    other = fourcc if multitrack == "ManyTracks" else fourccs[fourccs.index(fourcc) - 1]
    return [one, Track(4, other, CODED[other] + b"\x04")]


def coded(packet, body, id):
    """A frame of one track that differs from that of another; other packets stay as they are."""
    return body + bytes([id]) if packet.startswith("CodedFrames") else body


def sequence_start(fourcc):
    """A small record by which a decoder could begin; nothing where the codec has none."""
    return bytes.fromhex({
        "avc1": "01 42C01E FF E1 0004 6742C01E 01 0002 68CE",
        "hvc1": "01 01 60000000 900000000000 5D F000 FC FD F8 F8 0000 0F 00",
        "vvc1": "FE 00",
        "av01": "81 00 0C 00",
        "vp09": "00 0A 82 01 01 01 0000",
        "vp08": "00 0A 82 01 01 01 0000",
        "mp4a": "1190",
        "Opus": b"OpusHead".hex() + "01 02 3801 80BB0000 0000 00",
        "fLaC": b"fLaC".hex() + "80000022 1000 1000 000000 000000 0BB802F000000000" + "00" * 16,
    }.get(fourcc, ""))


class Message:
    """One message with what it says; `bytes` builds the one from the other."""

    def __init__(self, name, medium, packet, tracks=(), multitrack=None, *, frame_type=1, command=None, modex=(), old=None,
                 sound=None):
        self.name, self.medium, self.packet, self.tracks, self.multitrack = name, medium, packet, tracks, multitrack
        self.frame_type, self.command, self.modex, self.old, self.sound = frame_type, command, modex, old, sound

    def bytes(self):
        return b"".join(self.fields())

    def fields(self):
        """The message as the fields of the specification's tables."""
        if self.packet == "Silence":
            return
        if self.old is not None:
            yield from self.old_fields()
            return
        packets = VIDEO if self.medium == "video" else AUDIO
        outer = MULTITRACK[self.medium] if self.multitrack or self.packet == "Multitrack" else packets[self.packet]
        first = 0x80 | self.frame_type << 4 if self.medium == "video" else 0x90
        yield bytes([first | (MODEX if self.modex else outer)])
        for place, modex in enumerate(self.modex, 1):
            yield from modex.fields(MODEX if place < len(self.modex) else outer)
        if self.command:
            yield bytes([COMMANDS[self.command]])
            return
        if self.multitrack:
            yield bytes([KINDS[self.multitrack] << 4 | packets[self.packet]])
        if self.multitrack != "ManyTracksManyCodecs":
            yield self.tracks[0].codec.encode()
        for track in self.tracks:
            if self.multitrack == "ManyTracksManyCodecs":
                yield track.codec.encode()
            if self.multitrack:
                yield bytes([track.id])
            cts = track.cts.to_bytes(3, "big", signed=True) if self.has_composition_time(track) else b""
            if self.multitrack in ("ManyTracks", "ManyTracksManyCodecs"):
                yield (len(cts) + len(track.body)).to_bytes(3, "big")
            yield cts
            yield from self.body_fields(track)

    def body_fields(self, track):
        if self.packet == "MultichannelConfig":
            yield from (track.body[:1], track.body[1:2], track.body[2:])
        else:
            yield track.body

    def old_fields(self):
        if self.medium == "video":
            yield bytes([self.frame_type << 4 | self.old])
            if self.command:
                yield bytes([COMMANDS[self.command]])
                return
            if self.old in LIKE_AVC:
                yield bytes([VIDEO[self.packet]])
                yield (self.tracks[0].cts if self.packet == "CodedFrames" else 0).to_bytes(3, "big", signed=True)
        else:
            rate, size, kind = self.sound
            yield bytes([self.old << 4 | rate << 2 | size << 1 | kind])
            if self.old == AAC:
                yield bytes([AUDIO[self.packet]])
        yield self.tracks[0].body

    def has_composition_time(self, track):
        return self.medium == "video" and self.packet == "CodedFrames" and track.codec in WITH_COMPOSITION_TIME

    def text(self):
        """The message as a vector: its bytes, and what they say."""
        lines = [f"name {self.name}", f"message {self.medium}", f"bytes {octets(self.fields())}"]
        if self.medium == "video":
            lines.append(f"frame_type {self.frame_type}")
        lines.append(f"command {self.command}" if self.command else f"packet {self.packet}")
        if self.sound:
            lines.append("sound {} {} {}".format(*self.sound))
        lines.append(f"multitrack {self.multitrack or '-'}")
        offsets = [int.from_bytes(modex.data[:3], "big") for modex in self.modex if modex.kind == 0]
        lines.append(f"nanos {offsets[-1] if offsets else '-'}")
        lines += [f"modex {modex.kind} {octets([modex.data])}" for modex in self.modex if modex.kind]
        for track in self.tracks:
            lines.append(f"track {track.id} {track.codec} cts {self.composition_time(track)} body {octets([track.body])}")
            if self.packet == "MultichannelConfig":
                order, count, rest = track.body[0], track.body[1], track.body[2:]
                lines.append(f"channels {track.id} {ORDERS[order]} {count} {octets([rest])}")
        return "\n".join(lines) + "\n"

    def composition_time(self, track):
        """That of the frames in the body: as it was sent, or zero where that is implied."""
        if self.medium == "video" and self.packet == "CodedFramesX":
            return 0
        sent = self.has_composition_time(track) or (self.old in LIKE_AVC and self.packet == "CodedFrames"
                                                    and self.medium == "video")
        return track.cts if sent else "-"


def octets(fields):
    """Fields in hexadecimal, with a space between them; 32 or more of one byte as `AB*70000`; nothing as `-`."""
    pieces = []
    for field in fields:
        for run in re.finditer(rb"(?s)(.)\1{31,}|(?:(?!(.)\2{31}).)+", field):
            octet = run.group(1)
            pieces.append(f"{octet.hex().upper()}*{len(run.group())}" if octet else run.group().hex().upper())
    return " ".join(pieces) or "-"
