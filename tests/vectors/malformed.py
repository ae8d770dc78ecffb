"""Messages that break a rule of the specification, and messages that it leaves without a meaning."""

from messages import CODED, Message, ModEx, Track, nano, octets

AVC1, AV01, OPUS, MP4A = (fourcc.encode() for fourcc in ("avc1", "av01", "Opus", "mp4a"))


def vectors():
    return [*cut_off(), *multitrack(), *modex(), *reserved(), *odd()]


def vector(medium, why, outcome, *fields, within=None):
    """Fields are bytes, or text in hexadecimal."""
    fields = [bytes.fromhex(field) if isinstance(field, str) else field for field in fields]
    lines = [f"why {why}", f"message {medium}", f"bytes {octets(fields)}", f"outcome {outcome}"]
    return "\n".join(lines + ([f"within {within}"] if within else [])) + "\n"


def malformed(medium, why, *fields, **more):
    return vector(medium, why, "malformed", *fields, **more)


def ignored(medium, why, *fields, **more):
    return vector(medium, why, "ignored", *fields, **more)


def cut_off():
    """Headers that end at each of their bytes. An empty message is none of them: with audio it is silence."""
    frame, other = CODED["av01"], CODED["vp09"]
    pair = [Track(0, "av01", frame), Track(1, "av01", frame)]
    mixed = [Track(0, "av01", frame), Track(1, "vp09", other)]
    sounds = [Track(0, "Opus", CODED["Opus"]), Track(1, "Opus", CODED["Opus"])]
    mixed_sounds = [Track(0, "Opus", CODED["Opus"]), Track(1, "mp4a", CODED["mp4a"])]
    long = [ModEx(1, b"\xAB" * 256)]
    headers = [
        # Message, and how many of its bytes are headers; without one, it has many tracks and is cut in its bodies as well.
        (Message("avc1 CodedFrames", "video", "CodedFrames", [Track(0, "avc1", CODED["avc1"], 66)]), 8),
        (Message("av01 SequenceEnd", "video", "SequenceEnd", [Track(0, "av01", b"")]), 5),
        (Message("avc1 Metadata in a frame of type 5", "video", "Metadata", [Track(0, "avc1", b"\x05")], frame_type=5), 5),
        (Message("avc1 CodedFrames of one track", "video", "CodedFrames", [Track(3, "avc1", CODED["avc1"], 66)],
                 "OneTrack"), 10),
        (Message("av01 CodedFrames of many tracks", "video", "CodedFrames", pair, "ManyTracks"), None),
        (Message("CodedFrames of many codecs", "video", "CodedFrames", mixed, "ManyTracksManyCodecs"), None),
        (Message("av01 CodedFrames behind an offset", "video", "CodedFrames", pair[:1], modex=[nano(7)]), 10),
        (Message("av01 CodedFrames of one track behind two ModEx", "video", "CodedFrames", pair[1:], "OneTrack",
                 modex=[ModEx(1, b"\x5A"), nano(7)]), 15),
        (Message("StartSeek", "video", "SequenceStart", frame_type=5, command="StartSeek"), 2),
        (Message("StartSeek behind an offset", "video", "SequenceStart", frame_type=5, command="StartSeek",
                 modex=[nano(7)]), 7),
        (Message("StartSeek in the old form", "video", "CodedFrames", frame_type=5, command="StartSeek", old=2), 2),
        (Message("AVC in the old form", "video", "CodedFrames", [Track(0, "7", CODED["avc1"], 66)], old=7), 5),
        (Message("mp4a CodedFrames", "audio", "CodedFrames", [Track(0, "mp4a", CODED["mp4a"])]), 5),
        (Message("mp4a SequenceStart of one track", "audio", "SequenceStart", [Track(1, "mp4a", b"\x11\x90")],
                 "OneTrack"), 7),
        (Message("Opus CodedFrames of many tracks", "audio", "CodedFrames", sounds, "ManyTracks"), None),
        (Message("CodedFrames of many audio codecs", "audio", "CodedFrames", mixed_sounds, "ManyTracksManyCodecs"), None),
        (Message("Opus CodedFrames behind an offset", "audio", "CodedFrames", sounds[:1], modex=[nano(7)]), 10),
        (Message("AAC in the old form", "audio", "CodedFrames", [Track(0, "10", CODED["mp4a"])], old=10,
                 sound=(3, 1, 1)), 2),
    ]
    for message, header in headers:
        whole = message.bytes()
        for end in range(1, header or len(whole)):
            # Behind a whole track the message may end: then it has one track less.
            if header is None and end == whole_tracks(message, 1):
                continue
            yield malformed(message.medium, f"{message.name}, cut off behind {end} of {len(whole)} bytes", whole[:end])
    whole = Message("", "video", "CodedFrames", pair[:1], modex=long).bytes()
    for end in (2, 3, 4, 5, 259, 260, 261, 262, 263, 264):
        yield malformed("video", f"av01 CodedFrames behind a ModEx of 256 bytes, cut off behind {end} of {len(whole)} bytes",
                        whole[:end])
    custom = bytes.fromhex("02 03 000102")
    native = bytes.fromhex("01 02 00000003")
    for body in (*(custom[:end] for end in range(len(custom))), native[:2], native[:5]):
        yield malformed("audio", f"MultichannelConfig with {len(body)} bytes, order {body[0] if body else 'missing'}", "94",
                        OPUS, body, within="body")


def whole_tracks(message, count):
    return len(Message("", message.medium, message.packet, message.tracks[:count], message.multitrack).bytes())


def multitrack():
    for kind in range(3):
        yield malformed("video", f"Multitrack inside Multitrack of kind {kind}", f"96 {kind}6", AVC1, "00 000001 AB")
        yield malformed("audio", f"Multitrack inside Multitrack of kind {kind}", f"95 {kind}5", MP4A, "00 000001 AB")
        yield ignored("video", f"ModEx inside Multitrack of kind {kind}", f"96 {kind}7", AVC1, "00 000001 AB")
        yield ignored("audio", f"ModEx inside Multitrack of kind {kind}", f"95 {kind}7", MP4A, "00 000001 AB")
    yield malformed("video", "Multitrack inside Multitrack behind an offset", "97 02 000001 06 06", AVC1, "00 AB")
    for kind in range(3, 16):
        yield ignored("video", f"reserved kind of multitrack {kind}", f"96 {kind:X}1", AV01, "00 000001 AB")
        yield ignored("audio", f"reserved kind of multitrack {kind}", f"95 {kind:X}1", OPUS, "00 000001 AB")
    yield malformed("video", "one track without its id", "96 01", AVC1)
    yield malformed("video", "many tracks without any track", "96 11", AV01)
    yield malformed("video", "many codecs without any track", "96 21")
    yield malformed("audio", "one track without its id", "95 01", OPUS)
    yield malformed("audio", "many tracks without any track", "95 11", OPUS)
    yield malformed("audio", "many codecs without any track", "95 21")
    for medium, first, fourcc in (("video", "96", AV01), ("audio", "95", OPUS)):
        for size in ("000003", "010000", "FFFFFF"):
            yield malformed(medium, f"many tracks, one of {int(size, 16)} bytes in a message with 2", f"{first} 11", fourcc,
                            "00", size, "ABCD")
            yield malformed(medium, f"many codecs, one of {int(size, 16)} bytes in a message with 2", f"{first} 21", fourcc,
                            "00", size, "ABCD")
        yield malformed(medium, "many tracks, the second of 3 bytes in a message with 2", f"{first} 11", fourcc,
                        "00 000001 AB 01 000003 ABCD")
        for more in ("00", "0000", "000000"):
            yield malformed(medium, f"behind the last of many tracks too few bytes for another: {len(more) // 2}",
                            f"{first} 11", fourcc, "00 000001 AB", more)
        for more in (fourcc[:1], fourcc, fourcc + b"\x01", fourcc + b"\x01\0\0"):
            yield malformed(medium, f"behind the last of many codecs too few bytes for another: {len(more)}", f"{first} 21",
                            fourcc, "00 000001 AB", more)
        yield ignored(medium, "two tracks of the same id", f"{first} 11", fourcc, "01 000001 AB 01 000001 CD")
        yield ignored(medium, "four zero bytes behind the last of many tracks, which read as a track 0", f"{first} 11",
                      fourcc, "00 000001 AB 00 000000")
    for size in range(3):
        yield malformed("video", f"track of {size} bytes that must begin with a composition time", "96 11", AVC1, "00",
                        size.to_bytes(3, "big"), b"\0" * size)
        yield malformed("video", f"last of many codecs, of {size} bytes, must begin with a composition time", "96 21", AV01,
                        "00 000001 AB", b"hvc1", "01", size.to_bytes(3, "big"), b"\0" * size)


def modex():
    for medium, first, last, fourcc in (("video", "97", "01", AV01), ("audio", "97", "01", OPUS)):
        yield malformed(medium, "ModEx of 10 bytes in a message with 9 more", f"{first} 09", b"\xAB" * 9)
        yield malformed(medium, "ModEx of 10 bytes, the last of which is that of the message", f"{first} 09", b"\xAB" * 10)
        yield malformed(medium, "ModEx of 255 bytes in a message with 6 more", f"{first} FE 000001 {last} ABCD")
        yield malformed(medium, "ModEx of 256 bytes in a message with 8 more", f"{first} FF 00FF 000001 {last}", fourcc)
        yield malformed(medium, "ModEx of 65536 bytes in a message with 8 more", f"{first} FF FFFF 000001 {last}", fourcc)
        yield malformed(medium, "ModEx that announces another, which is missing", f"{first} 00 AB 17")
        yield malformed(medium, "two ModEx, the second of 4 bytes in a message with 2", f"{first} 00 AB 17 03 ABCD")
        for data in ("AB", "ABCD"):
            yield malformed(medium, f"nanosecond offset in {len(data) // 2} bytes", f"{first}",
                            bytes([len(data) // 2 - 1]), data, last, fourcc, "AB")
        for offset in (1_000_000, 0xFF_FFFF):
            yield ignored(medium, f"nanosecond offset of {offset}, a millisecond or more", f"{first} 02",
                          offset.to_bytes(3, "big"), last, fourcc, "AB")


def reserved():
    for packet in range(8, 16):
        yield ignored("video", f"reserved packet type {packet}", f"9{packet:X}", AV01, "AB")
        yield ignored("video", f"reserved packet type {packet} behind an offset", f"97 02 000001 0{packet:X}", AV01, "AB")
        yield ignored("video", f"reserved packet type {packet} of one track", f"96 0{packet:X}", AV01, "01 AB")
        yield ignored("video", f"reserved packet type {packet} of many tracks", f"96 1{packet:X}", AV01, "01 000001 AB")
        yield ignored("video", f"reserved packet type {packet} in a frame of type 5", f"D{packet:X} 00")
    for packet in (3, 6, *range(8, 16)):
        yield ignored("audio", f"reserved packet type {packet}", f"9{packet:X}", OPUS, "AB")
        yield ignored("audio", f"reserved packet type {packet} behind an offset", f"97 02 000001 0{packet:X}", OPUS, "AB")
        yield ignored("audio", f"reserved packet type {packet} of one track", f"95 0{packet:X}", OPUS, "01 AB")
        yield ignored("audio", f"reserved packet type {packet} of many tracks", f"95 1{packet:X}", OPUS, "01 000001 AB")
    for frame_type in (0, 6, 7):
        # Encoders have sent frames of type 0.
        yield ignored("video", f"reserved frame type {frame_type}", bytes([0x81 | frame_type << 4]), AV01, "AB")
        yield ignored("video", f"reserved frame type {frame_type}, of one track", bytes([0x86 | frame_type << 4]), "01",
                      AV01, "01 AB")
        yield ignored("video", f"reserved frame type {frame_type}, in the old form", f"{frame_type}7 01 000000 AB")
    for command in (2, 3, 255):
        yield ignored("video", f"reserved command {command}", "D0", bytes([command]))
        yield ignored("video", f"reserved command {command} behind an offset", "D7 02 000001 00", bytes([command]))
        yield ignored("video", f"reserved command {command}, in the old form", "52", bytes([command]))
    for codec in (0, 1, 8, 9, 10, 11, 15):
        yield ignored("video", f"reserved codec {codec}, in the old form", f"1{codec:X} 01 000000 AB")
    for codec in (12, 13):
        yield ignored("audio", f"reserved codec {codec}, in the old form", f"{codec:X}F AB")
    yield ignored("video", "reserved packet type 3 of AVC, in the old form", "17 03 000000 AB")
    yield ignored("audio", "reserved packet type 2 of AAC, in the old form", "AF 02 AB")
    for fourcc in ("HEVC", "1cvh", "Avc1", "AV01", "zzzz", "\0\0\0\0"):
        shown = fourcc if fourcc.isprintable() else "of zeros"
        yield ignored("video", f"unknown FourCC {shown}", "91", fourcc.encode(), "000000 AB")
        yield ignored("video", f"unknown FourCC {shown} of many tracks", "96 11", fourcc.encode(), "01 000004 000000 AB")
        yield ignored("video", f"unknown FourCC {shown} between two known codecs", "96 21", AV01, "00 000001 AB",
                      fourcc.encode(), "01 000004 000000 AB", AV01, "02 000001 CD")
    for fourcc in ("opus", "flac", "FLAC", "zzzz", "avc1"):
        yield ignored("audio", f"unknown FourCC {fourcc}", "91", fourcc.encode(), "AB")
        yield ignored("audio", f"unknown FourCC {fourcc} between two known codecs", "95 21", OPUS, "00 000001 AB",
                      fourcc.encode(), "01 000001 AB", OPUS, "02 000001 CD")
    yield ignored("video", "FourCC of an audio codec", "91", MP4A, "AB")
    for order in (3, 15, 255):
        yield ignored("audio", f"reserved channel order {order}", "94", OPUS, bytes([order]), "02 0001", within="body")
    for speaker in (24, 0xFD):
        yield ignored("audio", f"reserved speaker {speaker}", "94", OPUS, "02 02 00", bytes([speaker]), within="body")


def odd():
    """Whole messages with something for which the specification has no words."""
    yield ignored("video", "empty message", b"")
    for fourcc in ("avc1", "hvc1", "vvc1", "vp09", "vp08"):
        yield ignored("video", f"MPEG2TSSequenceStart of {fourcc}, which is defined for av01 alone", "95", fourcc.encode(),
                      "AB")
    yield ignored("video", "SequenceEnd with a body", "92", AV01, "AB")
    yield ignored("audio", "SequenceEnd with a body", "92", OPUS, "AB")
    yield ignored("video", "command with more behind it", "D0 00 AB")
    yield ignored("video", "command with a FourCC behind it", "D0 00", AVC1)
    yield ignored("video", "command of AVC in the old form, in place of the packet type", "57 00")
    yield ignored("video", "command of AVC in the old form, behind packet type and composition time", "57 01 000000 00")
    # By the order of the steps a command 4; by the words on Metadata its frame type says nothing.
    yield ignored("video", "one track of Metadata in a frame of type 5", "D6 04", AVC1, "01 020009", b"colorInfo", "06")
    yield ignored("video", "many tracks of Metadata in a frame of type 5", "D6 14", AVC1, "01 00000D 020009", b"colorInfo",
                  "06")
    yield ignored("audio", "SequenceStart of a codec that has none, with a body", "90 61632D33 AB")
    yield ignored("audio", "MultichannelConfig with more behind it", "94", OPUS, "01 02 00000003 AB", within="body")
    yield ignored("audio", "MultichannelConfig whose mask has more channels than its count", "94", OPUS,
                  "01 01 00000003", within="body")
    yield ignored("audio", "MultichannelConfig with an unnamed channel in its mask", "94", OPUS, "01 01 01000000",
                  within="body")
    yield ignored("audio", "MultichannelConfig without channels", "94", OPUS, "00 00", within="body")
