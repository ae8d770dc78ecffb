use super::*;
use crate::media::Codec;

const HEVC: FourCc = FourCc::new(*b"hvc1");
const AV1: FourCc = FourCc::new(*b"av01");
const AVC: FourCc = FourCc::new(*b"avc1");
const VVC: FourCc = FourCc::new(*b"vvc1");
const OPUS: FourCc = FourCc::new(*b"Opus");

#[test]
fn who_states_nothing_is_known_for_nothing() {
    let silent = read(&Properties::new().with("app", "live"));
    assert_eq!(silent, Capabilities::default());
    assert!(!silent.states_enhanced_rtmp());
    assert_eq!(silent.can_decode(TrackKind::Video, HEVC), Stated::Unknown);
    assert_eq!(silent.multitrack(), Stated::Unknown);
    assert_eq!(silent.mod_ex(), Stated::Unknown);
    assert_eq!(silent.reconnect(), Stated::Unknown);
    assert_eq!(silent.to_string(), "");
}

#[test]
fn seeking_by_the_client_is_no_word_of_enhanced_rtmp_and_hdr_is() {
    let function = |bits: f64| read(&Properties::new().with("videoFunction", bits));
    assert!(!function(0.0).states_enhanced_rtmp());
    assert!(!function(1.0).states_enhanced_rtmp());
    assert!(function(3.0).states_enhanced_rtmp());
}

#[test]
fn the_list_of_v1_says_what_is_decoded() {
    let list = read(&Properties::new().with("fourCcList", list(&["hvc1", "Opus"])));
    assert!(list.states_enhanced_rtmp());
    assert_eq!(list.can_decode(TrackKind::Video, HEVC), Stated::Yes);
    assert_eq!(list.can_decode(TrackKind::Audio, OPUS), Stated::Yes);
    assert_eq!(list.can_decode(TrackKind::Video, AV1), Stated::No);
    assert_eq!(list.can_decode(TrackKind::Video, AVC), Stated::Unknown, "v1 has no FourCC for it");
    assert_eq!(
        list.can(Ability::ENCODE, TrackKind::Video, HEVC),
        Stated::Unknown,
        "of that it does not speak"
    );
    assert_eq!(list.multitrack(), Stated::Unknown);
}

#[test]
fn a_star_in_the_list_is_any_codec() {
    let any = read(&Properties::new().with("fourCcList", list(&["*"])));
    assert_eq!(any.can_decode(TrackKind::Video, AVC), Stated::Yes);
    assert_eq!(any.can_decode(TrackKind::Audio, FourCc::new(*b"new1")), Stated::Yes);
}

#[test]
fn a_map_says_what_can_be_done_with_each_codec_and_counts_more_than_the_list() {
    let video = Properties::new().with("hvc1", 3.0).with("av01", 4.0);
    let both = read(
        &Properties::new().with("fourCcList", list(&["av01", "Opus"])).with("videoFourCcInfoMap", video),
    );
    assert_eq!(both.can_decode(TrackKind::Video, HEVC), Stated::Yes);
    assert_eq!(both.can(Ability::ENCODE, TrackKind::Video, HEVC), Stated::Yes);
    assert_eq!(both.can_decode(TrackKind::Video, AV1), Stated::No);
    assert_eq!(both.can(Ability::FORWARD, TrackKind::Video, AV1), Stated::Yes);
    assert_eq!(both.can_decode(TrackKind::Video, VVC), Stated::No, "named is what is supported");
    assert_eq!(both.can_decode(TrackKind::Video, AVC), Stated::Unknown, "it has a number as well");
    assert_eq!(both.can_decode(TrackKind::Audio, OPUS), Stated::Yes, "of audio the list alone speaks");
}

/// The example of the specification.
#[test]
fn a_star_in_a_map_allows_to_all_codecs_what_it_allows() {
    let audio = Properties::new().with("*", 4.0).with("Opus", 3.0);
    let map = read(&Properties::new().with("audioFourCcInfoMap", audio));
    for ability in [Ability::DECODE, Ability::ENCODE, Ability::FORWARD] {
        assert_eq!(map.can(ability, TrackKind::Audio, OPUS), Stated::Yes, "{ability}");
    }
    assert_eq!(map.can(Ability::FORWARD, TrackKind::Audio, FourCc::new(*b"fLaC")), Stated::Yes);
    assert_eq!(map.can_decode(TrackKind::Audio, FourCc::new(*b"fLaC")), Stated::No);
    assert_eq!(map.can_decode(TrackKind::Video, HEVC), Stated::Unknown);
}

#[test]
fn extensions_are_bits_and_a_bit_that_is_not_set_says_no() {
    let stated = read(&Properties::new().with("capsEx", 3.0));
    assert_eq!(stated.reconnect(), Stated::Yes);
    assert_eq!(stated.multitrack(), Stated::Yes);
    assert_eq!(stated.mod_ex(), Stated::No);
    assert_eq!(stated.extends(Extensions::TIMESTAMP_NANO_OFFSET), Stated::No);
}

#[test]
fn what_has_a_type_of_its_own_is_not_stated() {
    let odd = Properties::new()
        .with("fourCcList", 7.0)
        .with("videoFourCcInfoMap", "hvc1")
        .with("audioFourCcInfoMap", Value::Null)
        .with("capsEx", "3")
        .with("videoFunction", true);
    assert_eq!(read(&odd), Capabilities::default());
    let video = Properties::new().with("hvc1", "yes").with("hevc-main", 1.0).with("av01", 1.0);
    let within = read(
        &Properties::new()
            .with("fourCcList", Value::StrictArray(vec![Value::Null, "av01".into(), "toolong".into()]))
            .with("videoFourCcInfoMap", video),
    );
    assert_eq!(within.to_string(), "fourCcList=av01 videoFourCcInfoMap=av01:decode");
}

#[test]
fn numbers_that_no_bits_can_be_are_the_nearest_that_can() {
    for (number, bits) in [(-1.0, 0), (f64::NAN, 0), (1e300, u32::MAX), (2.9, 2)] {
        let stated = read(&Properties::new().with("capsEx", number));
        assert_eq!(stated.extensions, Some(Extensions::from_bits(bits)), "{number}");
    }
}

#[test]
fn a_single_text_is_a_list_of_one_and_an_array_with_names_a_map() {
    let video = Value::EcmaArray(Properties::new().with("hvc1", 1.0));
    let stated = read(&Properties::new().with("fourCcList", "av01").with("videoFourCcInfoMap", video));
    assert_eq!(stated.to_string(), "fourCcList=av01 videoFourCcInfoMap=hvc1:decode");
}

#[test]
fn no_more_codecs_are_kept_than_anybody_has_and_of_the_rest_nothing_is_known() {
    let names: Vec<String> = (0..2_000).map(|number| format!("{number:04}")).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).chain(["av01"]).collect();
    let map = texts.iter().fold(Properties::new(), |map, name| map.with(*name, 1.0));
    let of_list = read(&Properties::new().with("fourCcList", list(&texts)));
    let of_map = read(&Properties::new().with("videoFourCcInfoMap", map));
    for stated in [of_list, of_map] {
        assert_eq!(stated.can_decode(TrackKind::Video, FourCc::new(*b"0031")), Stated::Yes);
        assert_eq!(stated.can_decode(TrackKind::Video, FourCc::new(*b"0032")), Stated::Unknown);
        assert_eq!(stated.can_decode(TrackKind::Video, AV1), Stated::Unknown);
        assert!(stated.to_string().ends_with(",..."), "{stated}");
        assert!(stated.to_string().len() < 500, "{stated}");
    }
}

#[test]
fn of_a_name_that_is_repeated_the_last_counts() {
    let video = Properties::new().with("hvc1", 1.0).with("hvc1", 2.0).with("*", 1.0).with("*", 4.0);
    let stated = read(&Properties::new().with("videoFourCcInfoMap", video));
    assert_eq!(stated.to_string(), "videoFourCcInfoMap=*:forward,hvc1:encode");
}

#[test]
fn of_two_objects_the_first_that_states_something_counts() {
    let first = Properties::new().with("capsEx", 1.0).with("videoFunction", "odd");
    let second = Properties::new().with("capsEx", 2.0).with("videoFunction", 4.0);
    let stated = Capabilities::read([&first, &second].into_iter());
    assert_eq!(stated.to_string(), "capsEx=reconnect videoFunction=metadata");
}

#[test]
fn what_is_written_is_read_again() {
    let stated = Capabilities {
        four_ccs: Some(FourCcList::of(FourCc::VIDEO)),
        video: Some(FourCcMap::any(Ability::FORWARD).with([HEVC], Ability::DECODE | Ability::ENCODE)),
        audio: Some(FourCcMap::of(FourCc::AUDIO, Ability::DECODE)),
        extensions: Some(Extensions::RECONNECT | Extensions::from_bits(0x100)),
        video_functions: Some(VideoFunctions::HDR | VideoFunctions::METADATA),
    };
    assert_eq!(read(&stated.behind(Properties::new())), stated);
    let any = Capabilities { four_ccs: Some(FourCcList::any()), ..Capabilities::default() };
    assert_eq!(read(&any.behind(Properties::new())), any);
    assert_eq!(Capabilities::default().behind(Properties::new()), Properties::new());
}

#[test]
fn it_is_shown_on_one_line_whatever_a_peer_has_sent() {
    let stated = read(
        &Properties::new()
            .with("fourCcList", list(&["*", "a\nb ", "hvc1"]))
            .with("audioFourCcInfoMap", Properties::new())
            .with("capsEx", 17.0)
            .with("videoFunction", 0.0),
    );
    assert_eq!(
        stated.to_string(),
        "fourCcList=*,a\\nb ,hvc1 audioFourCcInfoMap=none capsEx=reconnect+0x10 videoFunction=none"
    );
}

#[test]
fn a_player_gets_all_where_it_understands_tracks_and_modifiers_and_one_track_where_it_states_anything_else() {
    let one_track = Some(Form::OneTrack(TrackId::DEFAULT));
    let of = |object: Properties| read(&object).form();
    assert_eq!(of(Properties::new()), None);
    assert_eq!(of(Properties::new().with("fourCcList", list(&["*"]))), one_track);
    for (extensions, form) in [(0.0, one_track), (2.0, one_track), (4.0, one_track), (6.0, Some(Form::Full))]
    {
        assert_eq!(of(Properties::new().with("capsEx", extensions)), form, "{extensions}");
    }
}

#[test]
fn codecs_that_are_left_out_are_not_taken_unless_they_can_be_forwarded() {
    let map = |star: f64| Properties::new().with("hvc1", 1.0).with("*", star);
    let decodes = read(&Properties::new().with("videoFourCcInfoMap", Properties::new().with("hvc1", 1.0)));
    assert_eq!([HEVC, AV1, AVC].map(|four_cc| decodes.untaken().has(codec(four_cc))), [false, true, false]);
    assert!(!decodes.untaken().has(codec(OPUS)), "of audio it does not speak");
    assert!(read(&Properties::new().with("videoFourCcInfoMap", map(4.0))).untaken().is_empty());
    assert!(read(&Properties::new().with("videoFourCcInfoMap", map(2.0))).untaken().has(codec(AV1)));
    assert!(read(&Properties::new()).untaken().is_empty());
}

#[test]
fn what_all_codecs_can_do_says_nothing_against_one_that_was_cut_off_or_is_older_than_its_name() {
    let many = (0..limits::FOUR_CCS).map(|number| format!("x{number:03}"));
    let object = many.fold(Properties::new().with("*", 4.0), |object, name| object.with(name, 1.0));
    let cut = read(&Properties::new().with("videoFourCcInfoMap", object.with("hvc1", 1.0)));
    assert_eq!(cut.can_decode(TrackKind::Video, HEVC), Stated::Unknown);
    assert_eq!(cut.can(Ability::FORWARD, TrackKind::Video, HEVC), Stated::Yes);

    let encodes = Properties::new().with("*", 2.0);
    let maps = ["videoFourCcInfoMap", "audioFourCcInfoMap"];
    let encodes =
        read(&maps.iter().fold(Properties::new(), |object, map| object.with(*map, encodes.clone())));
    for (kind, four_cc, stated) in [
        (TrackKind::Video, AVC, Stated::Unknown),
        (TrackKind::Video, HEVC, Stated::No),
        (TrackKind::Audio, FourCc::new(*b"mp4a"), Stated::Unknown),
        (TrackKind::Audio, FourCc::new(*b".mp3"), Stated::Unknown),
        (TrackKind::Audio, OPUS, Stated::No),
    ] {
        assert_eq!(encodes.can_decode(kind, four_cc), stated, "{four_cc}");
    }
    assert!(!encodes.untaken().has(codec(AVC)) && encodes.untaken().has(codec(HEVC)));
    let named = Properties::new().with("*", 4.0).with("avc1", 2.0);
    let named = read(&Properties::new().with("videoFourCcInfoMap", named));
    assert_eq!(named.can_decode(TrackKind::Video, AVC), Stated::No, "of it, it speaks");
}

fn codec(four_cc: FourCc) -> Codec {
    Codec::of_four_cc(four_cc)
}

fn read(object: &Properties) -> Capabilities {
    Capabilities::read([object].into_iter())
}

fn list(four_ccs: &[&str]) -> Value {
    Value::StrictArray(four_ccs.iter().map(|&four_cc| Value::from(four_cc)).collect())
}
