//! Names and URLs: what a client asks for is a name that nothing else can be mistaken for, or none.

use sol_core::limits;
use sol_core::name::{App, StreamName};
use sol_core::per_app::AppPattern;
use sol_core::url::RtmpUrl;

use super::choices::Choices;

/// What stands in `app`, `tcUrl` and `publish`, and what people type.
pub(super) fn names(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let mut text = || String::from_utf8_lossy(choices.some()).into_owned();
    let (app, tc_url, stream) = (text(), text(), text());
    let rest = String::from_utf8_lossy(choices.rest()).into_owned();
    if let Ok(app) = App::new(&app).and_then(|app| app.or_query_of(&tc_url)) {
        assert!(app.as_str().len() <= limits::NAME_BYTES);
        if let Ok((name, query)) = StreamName::join(&app, &stream) {
            check(&name);
            assert!(query.len() <= limits::QUERY_BYTES);
        }
    }
    if let Ok(name) = rest.parse::<StreamName>() {
        check(&name);
    }
    if let Ok(pattern) = rest.parse::<AppPattern>() {
        assert_eq!(pattern.as_str().parse::<AppPattern>().as_ref(), Ok(&pattern));
    }
    for url in [&tc_url, &rest] {
        if let Ok(url) = url.parse::<RtmpUrl>() {
            assert_eq!(url.to_string().parse::<RtmpUrl>().as_ref(), Ok(&url), "{url}");
            assert!(!url.app().is_empty() && !url.stream_name().is_empty() && !url.host().is_empty());
        }
    }
}

fn check(name: &StreamName) {
    let text = name.as_str();
    assert!(!text.is_empty() && text.len() <= limits::NAME_BYTES);
    assert!(!text.contains(char::is_control), "it would forge lines of a log");
    for part in text.split('/') {
        assert!(!matches!(part, "" | "." | ".."), "{text:?} could be taken for another place");
    }
    if is_plain(text) {
        assert_eq!(text.parse::<StreamName>().as_ref(), Ok(name), "what is shown is the name");
    }
}

/// Whether a text does not begin or end with what is taken off where people and clients write names.
fn is_plain(text: &str) -> bool {
    let bare = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\'' | '"'));
    bare == text && !text.contains('?') && !text.starts_with("mp4:") && !text.starts_with("flv:")
}
