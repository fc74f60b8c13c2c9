//! [`Exchange`]: one request and its answer, on a thread of its own.
//!
//! Reading an answer may never come back, though the server is never silent: what follows the last
//! chunk, for one, is read to its end before anything of it can be seen. The one who waits must be
//! able to give up.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::http::{HeaderMap, Response, StatusCode, Uri, header};
use ureq::{Agent, Body, Error};

use super::pace::Pace;

/// Bytes of one piece.
const PIECE: usize = 1 << 16;
/// Pieces that may wait to be taken.
const WAITING: usize = 4;
/// Redirects that are followed.
const MOST_REDIRECTS: usize = 10;
/// After this long, a reader that was given up on is closed by its own clock.
const LAST_RESORT: Duration = Duration::from_secs(24 * 60 * 60);

/// A client that waits for no answer longer than `patience`.
pub(super) fn agent(url: &str, patience: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        // They are followed here: ureq reads their bodies to the end, and panics over one that is
        // cut.
        .max_redirects(0)
        // A redirect must not lead from a protected connection to an open one.
        .https_only(url.starts_with("https://"))
        .timeout_resolve(Some(patience))
        .timeout_connect(Some(patience))
        .timeout_send_request(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_per_read(Some(patience))
        .timeout_per_write(Some(patience))
        .timeout_recv_body(Some(LAST_RESORT))
        // A range of compressed bytes could not be resumed.
        .accept_encoding("identity")
        .user_agent(concat!("scarlet/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// What is asked for.
pub(super) struct Request {
    pub(super) url: String,
    /// From which byte on, of the version of which tag; else all of it.
    pub(super) rest: Option<(u64, String)>,
}

/// The beginning of an answer.
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

impl Head {
    pub(super) fn text(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no more.
pub(super) enum Failed {
    /// Another request may succeed.
    Passing(String),
    ForGood(String),
}

enum Piece {
    Head(Head),
    Bytes(Vec<u8>),
    End,
}

/// An answer under way.
pub(super) struct Exchange(Receiver<Result<Piece, Failed>>);

impl Exchange {
    pub(super) fn start(agent: &Agent, request: Request) -> Result<Self, Failed> {
        let (pieces, taken) = sync_channel(WAITING);
        let agent = agent.clone();
        thread::Builder::new()
            .name("download".to_owned())
            .spawn(move || {
                let failed = match ask(&agent, &request, &pieces) {
                    Ok(()) => Ok(Piece::End),
                    Err(failed) => Err(failed),
                };
                // Whoever waited may have given up.
                let _ = pieces.send(failed);
            })
            .map_err(|error| Failed::Passing(format!("no thread can be started: {error}")))?;
        Ok(Self(taken))
    }

    /// Waits for the beginning of the answer.
    pub(super) fn head(&self, pace: &Pace) -> Result<Head, Failed> {
        match self.next(pace)? {
            Piece::Head(head) => Ok(head),
            _ => Err(Failed::Passing("the answer has no beginning".to_owned())),
        }
    }

    /// Waits for more of the content; `None` at its end.
    pub(super) fn bytes(&self, pace: &Pace) -> Result<Option<Vec<u8>>, Failed> {
        match self.next(pace)? {
            Piece::Bytes(bytes) => Ok(Some(bytes)),
            _ => Ok(None),
        }
    }

    fn next(&self, pace: &Pace) -> Result<Piece, Failed> {
        let too_slow = || Failed::ForGood(pace.complaint());
        match self.0.recv_timeout(pace.left().ok_or_else(too_slow)?) {
            Ok(piece) => piece,
            Err(RecvTimeoutError::Timeout) => Err(too_slow()),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Failed::Passing("the download stopped".to_owned()))
            }
        }
    }
}

/// Asks, and passes the answer on piece by piece until nobody wants it.
fn ask(
    agent: &Agent,
    request: &Request,
    pieces: &SyncSender<Result<Piece, Failed>>,
) -> Result<(), Failed> {
    let (parts, body) = response(agent, request)?.into_parts();
    let head = Head {
        status: parts.status,
        headers: parts.headers,
    };
    if pieces.send(Ok(Piece::Head(head))).is_err() {
        return Ok(());
    }
    let mut body = body.into_with_config().limit(u64::MAX).reader();
    let mut buffer = vec![0; PIECE];
    loop {
        match body.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                if pieces
                    .send(Ok(Piece::Bytes(buffer[..read].to_vec())))
                    .is_err()
                {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failed::Passing(error.to_string())),
        }
    }
}

/// The answer at the end of all redirects.
fn response(agent: &Agent, request: &Request) -> Result<Response<Body>, Failed> {
    let mut url = request.url.clone();
    for _ in 0..=MOST_REDIRECTS {
        let mut call = agent.get(&url);
        if let Some((start, tag)) = &request.rest {
            call = call
                .header(header::RANGE, format!("bytes={start}-"))
                .header(header::IF_RANGE, tag);
        }
        let response = call.call().map_err(|error| match error {
            Error::BadUri(_) | Error::RequireHttpsOnly(_) | Error::Http(_) => {
                Failed::ForGood(error.to_string())
            }
            error => Failed::Passing(error.to_string()),
        })?;
        let location = response.headers().get(header::LOCATION);
        let location = location.and_then(|location| location.to_str().ok());
        match location {
            Some(location) if is_redirect(response.status()) => {
                url = redirected(&url, location).ok_or_else(|| {
                    Failed::ForGood(format!("it leads to `{location}`, which is no address"))
                })?;
            }
            _ => return Ok(response),
        }
    }
    Err(Failed::ForGood(format!(
        "it leads from one address to the next, more than {MOST_REDIRECTS} times"
    )))
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

/// Where the answer of `url` leads that names `location`.
fn redirected(url: &str, location: &str) -> Option<String> {
    let location = location.split('#').next()?;
    let base: Uri = url.parse().ok()?;
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let whole = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let (folder, _) = base.path().rsplit_once('/')?;
        format!("{scheme}://{authority}{folder}/{location}")
    };
    whole.parse::<Uri>().ok()?.authority()?;
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_relative_to_where_they_were_found() {
        let from = |location| redirected("https://host:1/a/b?c=d", location);
        for (location, expected) in [
            ("https://other/x?y#z", "https://other/x?y"),
            ("//other/x", "https://other/x"),
            ("/x/y", "https://host:1/x/y"),
            ("x?y", "https://host:1/a/x?y"),
        ] {
            assert_eq!(from(location).as_deref(), Some(expected));
        }
        assert_eq!(from("https://").as_deref(), None);
        assert_eq!(from("/a b").as_deref(), None);
    }
}
