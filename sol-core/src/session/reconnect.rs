//! ReconnectRequest: a server asks its clients to go on elsewhere, or here over another connection (Enhanced RTMP v2, "Reconnect
//! Request").
//!
//! The server goes on serving those that it has asked until they leave. Clients that did not state that they obey are never asked.

use crate::amf::{Properties, Value};
use crate::message::Command;
use crate::name::App;
use crate::url;

use super::close::spoken;

/// What a client is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconnectRequest {
    /// `tcUrl`: where to go, absolute or relative to the `tcUrl` of the connection: `rtmp://other/live`, `//other/live`. The same
    /// again where it is missing. Where it names a host and no app, `rtmp://other`, each client is told its own app behind it.
    /// What a server has sent stands here as it came, whatever that is: [`RtmpUrl::moved`](crate::url::RtmpUrl::moved) finds out.
    pub tc_url: Option<String>,
    /// For people; may be empty.
    pub description: String,
}

impl ReconnectRequest {
    pub(super) const CODE: &str = "NetConnection.Connect.ReconnectRequest";

    /// What a client of that app is told.
    pub(super) fn command(&self, app: &App) -> Command {
        let mut status = Properties::new().with("level", "status").with("code", Self::CODE);
        if !self.description.is_empty() {
            status.push("description", self.description.as_str());
        }
        if let Some(tc_url) = &self.tc_url {
            let host = url::split_scheme(tc_url).map(|(_, behind)| behind.trim_end_matches('/'));
            status.push(
                "tcUrl",
                match host {
                    Some(host) if !host.contains(['/', '?']) => {
                        format!("{}/{}", tc_url.trim_end_matches('/'), app.whole())
                    }
                    Some(_) | None => tc_url.clone(),
                },
            );
        }
        Command::new("onStatus", 0.0, Value::Null).with(status)
    }

    /// What a server says; empty texts are as good as none.
    pub(super) fn of(command: &Command) -> Self {
        let properties = command.arguments.iter().filter_map(Value::properties);
        let text = |name: &str| {
            let found = properties.clone().filter_map(|properties| properties.get(name));
            found.filter_map(Value::as_str).find(|text| !text.is_empty())
        };
        // A place is no text for people: cut or cleaned, it would be another one.
        let tc_url = text("tcUrl").map(ToOwned::to_owned);
        Self { tc_url, description: spoken(text("description").unwrap_or_default()) }
    }
}
