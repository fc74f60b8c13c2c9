//! Downloads over HTTP that survive interruptions, and end whatever the server does.

use std::path::Path;
use std::thread;

use ureq::Agent;
use ureq::http::{StatusCode, header};

use super::FetchError;
use super::exchange::{Exchange, Failed, Head, Request, agent};
use super::fetcher::{Progress, Settings};
use super::pace::Pace;
use super::part_file::PartFile;

/// Bytes between two reports of progress.
const REPORT_EVERY: u64 = 1 << 17;

/// Downloads `url` into `part`, which an earlier attempt may have begun.
pub(super) fn download(
    url: &str,
    part: &Path,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let agent = agent(url, settings.patience);
    let mut file = PartFile::open(part, settings.largest)?;
    let mut pace = Pace::new(file.length(), settings.patience);
    let mut failures = 0;
    let mut pause = settings.pause;
    loop {
        let before = pace.furthest();
        match attempt(&agent, url, &mut file, &mut pace, progress) {
            Ok(()) => return file.finish(),
            Err(Stopped::ForGood(error)) => return Err(error),
            Err(Stopped::Passing(error)) => {
                if pace.furthest() > before {
                    failures = 0;
                    pause = settings.pause;
                }
                failures += 1;
                if failures > settings.retries || pace.left().is_none() {
                    return Err(error);
                }
                thread::sleep(pause);
                pause *= 2;
            }
        }
    }
}

/// Why an attempt stopped.
enum Stopped {
    /// Another attempt may succeed.
    Passing(FetchError),
    ForGood(FetchError),
}

fn attempt(
    agent: &Agent,
    url: &str,
    file: &mut PartFile,
    pace: &mut Pace,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Stopped> {
    let connection = |detail: String| FetchError::Connection {
        url: url.to_owned(),
        detail,
    };
    let passing = |detail: String| Stopped::Passing(connection(detail));
    let failed = |failed: Failed| match failed {
        Failed::Passing(detail) => Stopped::Passing(connection(detail)),
        Failed::ForGood(detail) => Stopped::ForGood(connection(detail)),
    };
    let too_large = |largest: u64| {
        Stopped::ForGood(FetchError::TooLarge {
            origin: url.to_owned(),
            largest,
        })
    };

    let rest = file.resumable().map(|tag| (file.length(), tag.to_owned()));
    let request = Request {
        url: url.to_owned(),
        rest,
    };
    let exchange = Exchange::start(agent, request).map_err(failed)?;
    let head = exchange.head(pace).map_err(failed)?;
    match head.status {
        StatusCode::OK => file.restart(tag_of(&head)).map_err(Stopped::ForGood)?,
        StatusCode::PARTIAL_CONTENT if continues(&head, file) => {}
        // The file has changed, or is shorter than what is here: once more from the start.
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            file.restart(None).map_err(Stopped::ForGood)?;
            return Err(passing("the file changed during the download".to_owned()));
        }
        status => return Err(refusal(url, status)),
    }
    if let Some(encoding) = head.text(header::CONTENT_ENCODING)
        && !encoding.eq_ignore_ascii_case("identity")
    {
        return Err(Stopped::ForGood(connection(format!(
            "the server sends it compressed ({encoding}), which was not asked for"
        ))));
    }

    let total = total_of(&head, file.length());
    if total.is_some_and(|total| total > file.largest()) {
        return Err(too_large(file.largest()));
    }
    let mut reported = None;
    loop {
        let report = Progress {
            received: file.length(),
            total,
        };
        if reported.is_none_or(|before| report.received >= before + REPORT_EVERY) {
            progress(report);
            reported = Some(report.received);
        }
        let bytes = match exchange.bytes(pace) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => break,
            Err(Failed::Passing(detail)) => {
                return Err(passing(format!(
                    "the connection broke after {} bytes: {detail}",
                    file.length()
                )));
            }
            Err(other) => return Err(failed(other)),
        };
        if file.length() + bytes.len() as u64 > file.largest() {
            return Err(too_large(file.largest()));
        }
        file.append(&bytes).map_err(Stopped::ForGood)?;
        pace.reach(file.length());
    }
    progress(Progress {
        received: file.length(),
        total,
    });
    match total {
        Some(total) if file.length() != total => Err(passing(format!(
            "the connection broke after {} of {total} bytes",
            file.length()
        ))),
        _ if file.length() == 0 => Err(passing("the server sent an empty file".to_owned())),
        _ => Ok(()),
    }
}

/// The answer of a server that does not give the file.
fn refusal(url: &str, status: StatusCode) -> Stopped {
    let error = FetchError::Status {
        url: url.to_owned(),
        status: status.as_u16(),
    };
    let passing = status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT;
    match passing {
        true => Stopped::Passing(error),
        false => Stopped::ForGood(error),
    }
}

/// Whether a partial answer continues the file exactly where it ends here.
fn continues(head: &Head, file: &PartFile) -> bool {
    let starts_here = range_of(head).is_some_and(|range| range.start == file.length());
    // Some servers ignore If-Range.
    starts_here && tag_of(head).is_none_or(|tag| file.tag() == Some(&tag))
}

/// Bytes of the whole file, where the server says, of an answer whose content begins at `start`.
fn total_of(head: &Head, start: u64) -> Option<u64> {
    if head.status == StatusCode::PARTIAL_CONTENT
        && let Some(total) = range_of(head).and_then(|range| range.total)
    {
        return Some(total);
    }
    let rest: u64 = head.text(header::CONTENT_LENGTH)?.parse().ok()?;
    start.checked_add(rest)
}

/// What a partial answer holds.
struct Range {
    start: u64,
    /// Bytes of the whole file.
    total: Option<u64>,
}

/// As in `bytes 100-199/200`.
fn range_of(head: &Head) -> Option<Range> {
    let range = head.text(header::CONTENT_RANGE)?.strip_prefix("bytes ")?;
    let (place, total) = range.split_once('/').unwrap_or((range, "*"));
    Some(Range {
        start: place.split('-').next()?.trim().parse().ok()?,
        total: total.trim().parse().ok(),
    })
}

/// What tells one version of a file from the next: a strong ETag, or the time of its last change.
fn tag_of(head: &Head) -> Option<String> {
    head.text(header::ETAG)
        .filter(|tag| !tag.starts_with("W/"))
        .or_else(|| head.text(header::LAST_MODIFIED))
        .map(str::to_owned)
}
