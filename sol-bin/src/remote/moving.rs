//! Moving: a server asks its client to reconnect, and the client goes there over a new connection before it leaves the old one.
//!
//! Where the new one comes to nothing, the old one goes on: a server that asks serves its clients until they leave.

use std::future::Future;
use std::pin::Pin;

use sol_tokio::sol_core::session::{Event, Extensions, ReconnectRequest, Target};
use sol_tokio::sol_core::url::RtmpUrl;
use sol_tokio::{Client, SessionConfig};
use tokio::time::{Duration, Instant};

use super::{Manners, Parting};

/// A client that may do there what it did before.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) client: Client,
    pub(crate) url: RtmpUrl,
}

/// On its way.
pub(crate) type Moving = Pin<Box<dyn Future<Output = Result<Arrived, Parting>>>>;

/// How often a client has moved in a row: servers that send their clients round in circles are not to keep it busy for ever.
#[derive(Debug)]
pub(crate) struct Moves {
    in_a_row: u32,
    last: Instant,
}

impl Moves {
    pub(crate) fn none() -> Self {
        Self { in_a_row: 0, last: Instant::now() }
    }

    /// Where a server sends its client. Counts, unless the last time was long ago.
    ///
    /// # Errors
    /// It cannot go there, in words.
    pub(crate) fn follow(&mut self, from: &RtmpUrl, request: &ReconnectRequest) -> Result<RtmpUrl, String> {
        if self.last.elapsed() > SETTLED {
            self.in_a_row = 0;
        }
        if self.in_a_row == IN_A_ROW {
            return Err(format!("it was sent on {IN_A_ROW} times in a row"));
        }
        let to =
            from.moved(request.tc_url.as_deref().unwrap_or_default()).map_err(|error| error.to_string())?;
        self.in_a_row += 1;
        self.last = Instant::now();
        Ok(to)
    }
}

/// Says that it obeys a server that asks it to reconnect.
pub(crate) fn obeying(mut target: Target) -> Target {
    let stated = target.capabilities.extensions.unwrap_or_default();
    target.capabilities.extensions = Some(stated | Extensions::RECONNECT);
    target
}

/// Connects and asks, until it is granted.
pub(crate) fn move_to(manners: Manners, url: RtmpUrl, target: Target, config: SessionConfig) -> Moving {
    Box::pin(async move {
        let mut client = manners.connect(&url, target, config).await?;
        loop {
            match client.next().await {
                Some(Event::Granted(_)) => return Ok(Arrived { client, url }),
                Some(Event::Closed { why, .. }) => return Err(Parting::of(&url, &why)),
                Some(_) => {}
                None => unreachable!("the end is told once, and ends this"),
            }
        }
    })
}

/// Waits for a move; for ever where there is none.
pub(crate) async fn there(moving: &mut Option<Moving>) -> Result<Arrived, Parting> {
    match moving {
        Some(moving) => moving.await,
        None => std::future::pending().await,
    }
}

/// Leaves in good order, for as long as it takes.
pub(crate) async fn leave(mut client: Client) {
    client.leave();
    while client.next().await.is_some() {}
}

/// Whoever has stayed for so long may be sent on again.
const SETTLED: Duration = Duration::from_secs(60);

/// As browsers follow redirections, some.
const IN_A_ROW: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_sent_round_in_circles_stays_in_the_end_until_it_has_settled() {
        let url: RtmpUrl = "rtmp://host/live/cam".parse().unwrap();
        let request = ReconnectRequest::default();
        let mut moves = Moves::none();
        for _ in 0..IN_A_ROW {
            assert_eq!(moves.follow(&url, &request).as_ref(), Ok(&url));
        }
        let why = moves.follow(&url, &request).unwrap_err();
        assert_eq!(why, "it was sent on 8 times in a row");
        tokio::time::advance(SETTLED + Duration::from_millis(1)).await;
        assert_eq!(moves.follow(&url, &request), Ok(url));
    }

    #[test]
    fn whoever_obeys_says_so_beside_what_it_states_otherwise() {
        let url: RtmpUrl = "rtmp://host/live/cam".parse().unwrap();
        let stated = obeying(Target::publish(&url)).capabilities;
        let before = Target::publish(&url).capabilities.extensions.unwrap();
        assert_eq!(stated.extensions, Some(before | Extensions::RECONNECT));
    }
}
