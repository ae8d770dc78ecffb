//! Configurations of encoders, and what FFmpeg's `ffprobe` says of them in words of its own.

use super::Codec;

/// A codec, its configuration in hexadecimal digits, and what it says.
pub(super) type Sample = (Codec, &'static str, &'static str);

/// Made by FFmpeg 5.1 with x264, x265, libaom, SVT-AV1, its own encoders of AAC and FLAC, and libopus.
pub(super) const ENCODED: &[Sample] = &[
    (
        Codec::H264,
        "0142c00dffe100166742c00dda05067e7c04400000fa40003a9803c50aa801000468ce0fc8",
        "avc1.42C00D: Constrained Baseline, level 1.3, 320x180, 29.97 fps",
    ),
    (
        Codec::H264,
        "0164000dffe100186764000dacd941419f9f011000003e90000ea600f142996001000668ebe3cb22c0fdf8f800",
        "avc1.64000D: High, level 1.3, 320x180, 29.97 fps",
    ),
    (
        Codec::H264,
        "0164002affe1001b6764002aacd940780227e5c044000003000400000301e03c60c65801000668ebe3cb22c0fdf8f800",
        "avc1.64002A: High, level 4.2, 1920x1080, 60 fps",
    ),
    (
        Codec::H264,
        "016e000dffe10019676e000da6cd941419f9f01100000303e90000ea600f14299601000668ebe3cb22c0fdfafa00",
        "avc1.6E000D: High 10, level 1.3, 320x180, 29.97 fps, 10 bit",
    ),
    (
        Codec::H264,
        "017a000dffe10019677a000db6cd941419f8dc04400000fa40003a9803c50a658001000668ebe3cb22c0fefafa00",
        "avc1.7A000D: High 4:2:2, level 1.3, 320x180, 29.97 fps, 10 bit, 4:2:2",
    ),
    (
        Codec::H264,
        "01f4000dffe1001867f4000d919b282833f1b808800001f480007530078a14cb01000668ebe1b11211fff8f800",
        "avc1.F4000D: High 4:4:4 Predictive, level 1.3, 320x180, 29.97 fps, 4:4:4",
    ),
    (
        Codec::H264,
        "0164000dffe100186764000df36505067e37016c800001f480007530078a14cb01000668ebe3cb22c0fcf8f800",
        "avc1.64000D: High, level 1.3, 320x180, 29.97 fps, 4:0:0",
    ),
    (
        Codec::H264,
        "017a100dffe10015677a100db6cb82833f1b808800001f48000753002001000568ee0f2c8bfefafa00",
        "avc1.7A100D: High 4:2:2 Intra, level 1.3, 320x180, 29.97 fps, 10 bit, 4:2:2",
    ),
    (
        Codec::H264,
        "0164001effe100186764001eacd940b424d8088000000300800000190f8a14cb01000668fba3cb22c0fdf8f800",
        "avc1.64001E: High, level 3.0, 720x576, 25 fps",
    ),
    (
        Codec::H264,
        "016e000dffe1001c676e000da6cd941419f9f016a122412800001f480007530078a14cb001000668ebe3cb22c0fdfafa00",
        "avc1.6E000D: High 10, level 1.3, 320x180, 29.97 fps, 10 bit, HLG",
    ),
    (
        Codec::Hevc,
        "0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003c959409a10001002942010101600000030090000003000003003ca00a080c1f3e595952930bc05a02000007d20000ea6010a2000100064401c073c189",
        "hvc1.1.6.L60.90: Main, level 2.0, 320x180, 29.97 fps",
    ),
    (
        Codec::Hevc,
        "0102200000009000000000003cf000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003c959409a10001002c42010102200000030090000003000003003ca00a080c1f3b6595952930bc05a84880482000007d20000ea601a2000100064401c073c189",
        "hvc1.2.4.L60.90: Main 10, level 2.0, 320x180, 29.97 fps, 10 bit, HDR10",
    ),
    (
        Codec::Hevc,
        "0102200000009000000000003cf000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003c959409a10001002c42010102200000030090000003000003003ca00a080c1f3b6595952930bc05a84890482000007d20000ea601a2000100064401c073c189",
        "hvc1.2.4.L60.90: Main 10, level 2.0, 320x180, 29.97 fps, 10 bit, HLG",
    ),
    (
        Codec::Hevc,
        "0104080000009d08000000003cf000fcfefafa00000f03a00001001740010c01ffff0408000003009d0800000300003c959409a1000100294201010408000003009d0800000300003cb00a080c1f1ad965654a4c2f01680800001f480003a98040a2000100064401c073c189",
        "hvc1.4.10.L60.9D.8: Range Extensions, level 2.0, 320x180, 29.97 fps, 10 bit, 4:2:2",
    ),
    (
        Codec::Hevc,
        "0104080000009e08000000003cf000fcfff8f800000f03a00001001740010c01ffff0408000003009e0800000300003c959409a1000100294201010408000003009e0800000300003c9001410183e372caca94985e02d01000003e900007530080a2000100084401c07318301890",
        "hvc1.4.10.L60.9E.8: Range Extensions, level 2.0, 320x180, 29.97 fps, 4:4:4",
    ),
    (
        Codec::Hevc,
        "01216000000090000000000099f000fcfdf8f800000f03a00001001840010c01ffff216000000300900000030000030099959409a10001002b420101216000000300900000030000030099a003c0801107cb965654a4c2f0168080000003008000001904a2000100064401c073c189",
        "hvc1.1.6.H153.90: Main, level 5.1, 1920x1080, 50 fps",
    ),
    (
        Codec::Hevc,
        "0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003c959809a10001002a42010101600000030090000003000003003ca00a080c1f3e5959929385e02d0100000303e90000753008a2000100064401c073c189",
        "hvc1.1.6.L60.90: Main, level 2.0, 320x180, 29.97 fps",
    ),
    (Codec::Av1, "81000c000a0b000000043cfeccdaf90040", "av01.0.00M.08: Main, level 2.0, 320x180"),
    (
        Codec::Av1,
        "81004c000a0e000000043cfeccdaf95091009040",
        "av01.0.00M.10.0.110.09.16.09.0: Main, level 2.0, 320x180, 10 bit, HDR10",
    ),
    (
        Codec::Av1,
        "812000000a0a200000043cfeccdaf902",
        "av01.1.00M.08.0.000.02.02.02.0: High, level 2.0, 320x180, 4:4:4",
    ),
    (
        Codec::Av1,
        "81001c000a0a000000043cfeccdaf92a",
        "av01.0.00M.08.1.110.02.02.02.1: Main, level 2.0, 320x180, 4:0:0",
    ),
    (Codec::Av1, "81000c000a0b000000043cfecc02f80040", "av01.0.00M.08: Main, level 2.0, 320x180"),
    (
        Codec::Av1,
        "814008000a0a400000043cfeccdaf901",
        "av01.2.00M.08.0.100.02.02.02.0: Professional, level 2.0, 320x180, 4:2:2",
    ),
    (Codec::Aac, "121056e500", "mp4a.40.2: LC, 44100 Hz, stereo"),
    (Codec::Aac, "123056e500", "mp4a.40.2: LC, 44100 Hz, 6 channels"),
    (Codec::Aac, "123856e500", "mp4a.40.2: LC, 44100 Hz, 8 channels"),
    (Codec::Aac, "158856e500", "mp4a.40.2: LC, 8000 Hz, mono"),
    (
        Codec::Aac,
        "1200050808002008840d4c61766335392e33372e31303056e500",
        "mp4a.40.2: LC, 44100 Hz, 6 channels",
    ),
    (Codec::Aac, "12000504010020000d4c61766335392e33372e31303056e500", "mp4a.40.2: LC, 44100 Hz, 3 channels"),
    (Codec::Opus, "4f707573486561640102380180bb0000000000", "opus: 48000 Hz, stereo"),
    (Codec::Opus, "4f707573486561640106380180bb00000000010402000401020305", "opus: 48000 Hz, 6 channels"),
    (
        Codec::Flac,
        "1200120000044a0004df0ac44170000033aef4d774998f57fd99333b47fdf871d2ea",
        "fLaC: 24 bit, 44100 Hz, mono",
    ),
    (
        Codec::Flac,
        "1200120000046d0005080ac442f0000033ae36567c6137e8d578c431ed191fd85ff5",
        "fLaC: 16 bit, 44100 Hz, stereo",
    ),
];

/// Out of recorded traffic: x264 in FFmpeg and in OBS, x265, SVT-AV1 in OBS, libaom, libvpx, and a FLAC whose header is left out.
pub(super) const RECORDED: &[Sample] = &[
    (
        Codec::H264,
        "01640009ffe1001967640009acd942847e5c0440000003004000000783c489658001000468efbcb0",
        "avc1.640009: High, level 1b, 160x120, 15 fps",
    ),
    (
        Codec::H264,
        "0164000dffe1001b6764000dacd94141fb016a02020280000003008000001e478a14cb01000468efbcb0",
        "avc1.64000D: High, level 1.3, 320x240, 30 fps",
    ),
    (
        Codec::H264,
        "0142c015ffe100166742c015da0507ec0440000003004000000783c58ba801000468ce3c80",
        "avc1.42C015: Constrained Baseline, level 2.1, 320x240, 15 fps",
    ),
    (
        Codec::Hevc,
        "0101600000009000000000001ef000fcfdf8f800000f04200001001840010c01ffff01600000030090000003000003001e959009210001002942010101600000030090000003000003001ea01420796595924932bc05a020000003002000000301e1",
        "hvc1.1.6.L30.90: Main, level 1.0, 160x120, 15 fps",
    ),
    (Codec::Av1, "81000d000a0e0200000521e7fde017c080808092", "av01.0.00M.08: Main, level 2.0, 320x240"),
    (Codec::Av1, "81000c000a0b020000051da7fb805f0008", "av01.0.00M.08: Main, level 2.0, 160x120"),
    (Codec::Vp9, "01000000000a820202020000", "vp09.00.10.08: profile 0, level 1.0"),
    (
        Codec::Flac,
        "040004000000000008150bb800f00000000000000000000000000000000000000000",
        "fLaC: 16 bit, 48000 Hz, mono",
    ),
];

/// Put together by the specifications.
pub(super) const COMPOSED: &[Sample] = &[
    (Codec::Aac, "1188", "mp4a.40.2: LC, 48000 Hz, mono"),
    (Codec::Aac, "17805dc010", "mp4a.40.2: LC, 48000 Hz, stereo"),
    (Codec::Aac, "2b920800", "mp4a.40.5: HE-AAC, 44100 Hz, stereo"),
    (Codec::Aac, "eb8a0800", "mp4a.40.29: HE-AAC v2, 44100 Hz, stereo"),
    (Codec::Aac, "139056e5a0", "mp4a.40.5: HE-AAC, 44100 Hz, stereo"),
    (Codec::Aac, "138856e5a54880", "mp4a.40.29: HE-AAC v2, 44100 Hz, stereo"),
    (Codec::Aac, "1258", "mp4a.40.2: LC, 44100 Hz, 7 channels"),
    (Codec::Aac, "f9463a", "mp4a.40.42: xHE-AAC, 48000 Hz, mono"),
    (
        Codec::Vp9,
        "01000000022aa70910090000",
        "vp09.02.42.10.03.09.16.09.01: profile 2, level 4.2, 10 bit, 4:4:4, HDR10",
    ),
    (Codec::Vp9, "001f800101010000", "vp09.00.31.08: profile 0, level 3.1"),
    (Codec::Vp8, "000a800101010000", "vp08.00.10.08: profile 0, level 1.0"),
    (Codec::Flac, "664c614380000022040004000000000008150bb800f0", "fLaC: 16 bit, 48000 Hz, mono"),
    (Codec::Vvc, "ff00115f0102538000078004380000", "vvc1.1.L83: Main 10, level 5.1, 1920x1080, 10 bit"),
];
