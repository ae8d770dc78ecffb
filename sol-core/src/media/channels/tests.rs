use super::*;

#[test]
fn each_order_says_how_many_channels_there_are_and_where_they_are_heard() {
    let read = |body: &[u8]| {
        let config = MultichannelConfig::read(body).unwrap();
        (config.count().get(), config.speakers().collect::<Vec<_>>())
    };
    assert_eq!(read(&[0, 3]), (3, vec![Speaker::Unknown; 3]));
    assert_eq!(read(&[1, 2, 0, 0, 0, 3]), (2, vec![Speaker::FrontLeft, Speaker::FrontRight]));
    assert_eq!(read(&[1, 2, 0, 0x80, 0, 8]), (2, vec![Speaker::LowFrequency1, Speaker::BottomFrontRight]));
    let custom = vec![Speaker::FrontRight, Speaker::Unused, Speaker::FrontRight, Speaker::Unknown];
    assert_eq!(read(&[2, 4, 1, 0xFE, 1, 0xFF]), (4, custom));
}

#[test]
fn what_breaks_a_rule_is_told_by_the_rule() {
    let table = [
        (&[][..], ChannelsError::EndsEarly),
        (&[0], ChannelsError::EndsEarly),
        (&[1, 2, 0, 0, 0], ChannelsError::EndsEarly),
        (&[2, 3, 0, 1], ChannelsError::EndsEarly),
        (&[3, 2, 0, 1], ChannelsError::UnknownOrder(3)),
        (&[0, 0], ChannelsError::NoChannels),
        (&[1, 0, 0, 0, 0, 0], ChannelsError::NoChannels),
        (&[2, 0], ChannelsError::NoChannels),
        (&[1, 1, 0, 0, 0, 3], ChannelsError::CountDiffers { count: 1, in_mask: 2 }),
        (&[1, 2, 0, 0, 0, 0], ChannelsError::CountDiffers { count: 2, in_mask: 0 }),
    ];
    for (body, error) in table {
        assert_eq!(MultichannelConfig::read(body), Err(error), "{body:?}");
    }
}

#[test]
fn speakers_that_nobody_has_assigned_are_kept() {
    for body in [&[2, 2, 24, 253][..], &[1, 2, 0x81, 0, 0, 0]] {
        let config = MultichannelConfig::read(body).unwrap();
        assert!(config.speakers().all(|speaker| matches!(speaker, Speaker::Reserved(_))));
        assert_eq!(written(&config), body);
    }
}

#[test]
fn what_follows_behind_it_is_passed_over() {
    let config = MultichannelConfig::read(&[0, 2, 9, 9]).unwrap();
    assert_eq!(written(&config), [0, 2]);
}

#[test]
fn each_number_stands_for_a_speaker_of_its_own() {
    for number in 0..=u8::MAX {
        assert_eq!(Speaker::of(number).number(), number);
    }
    let is_named = |&number: &u8| !matches!(Speaker::of(number), Speaker::Reserved(_));
    assert_eq!((0..=u8::MAX).filter(is_named).count(), 24 + 2);
}

#[test]
fn a_list_of_speakers_has_one_at_least_and_no_more_than_their_count_can_say() {
    let speakers = |count| Speakers::new(std::iter::repeat_n(Speaker::SideLeft, count));
    assert_eq!(speakers(0), Err(ChannelsError::NoChannels));
    assert_eq!(speakers(limits::TAG_CHANNELS + 1), Err(ChannelsError::TooManyChannels));
    let most = MultichannelConfig::Custom(speakers(limits::TAG_CHANNELS).unwrap());
    assert_eq!(MultichannelConfig::read(&written(&most)), Ok(most));
}

fn written(config: &MultichannelConfig) -> Vec<u8> {
    let mut written = Vec::new();
    config.write(&mut written);
    written
}
