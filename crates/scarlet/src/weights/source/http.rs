//! Downloads over HTTP that survive interruptions.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::FetchError;
use super::fetcher::{Progress, Settings};

/// A server that says nothing for so long is not coming back.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes between two reports of progress.
const REPORT_EVERY: u64 = 1 << 17;

/// Downloads `url` into `part`, which an earlier attempt may have begun.
pub(super) fn download(
    url: &str,
    part: &Path,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        // A redirect must not lead from a protected connection to an open one.
        .https_only(url.starts_with("https://"))
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        // A range of compressed bytes could not be resumed.
        .accept_encoding("identity")
        .user_agent(concat!("scarlet/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut file = PartFile::open(part)?;
    let mut failures = 0;
    let mut pause = settings.pause;
    loop {
        let before = file.length;
        match attempt(&agent, url, &mut file, progress) {
            Ok(()) => return file.finish(),
            Err(Stopped::ForGood(error)) => return Err(error),
            Err(Stopped::Passing(error)) => {
                if file.length > before {
                    failures = 0;
                    pause = settings.pause;
                }
                failures += 1;
                if failures > settings.retries {
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
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Stopped> {
    let connection = |detail: String| {
        Stopped::Passing(FetchError::Connection {
            url: url.to_owned(),
            detail,
        })
    };
    let mut request = agent.get(url);
    if let Some(tag) = file.resumable() {
        request = request
            .header(header::RANGE, format!("bytes={}-", file.length))
            .header(header::IF_RANGE, tag);
    }
    let response = request.call().map_err(|error| match error {
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) => {
            Stopped::ForGood(FetchError::Connection {
                url: url.to_owned(),
                detail: error.to_string(),
            })
        }
        error => connection(error.to_string()),
    })?;

    match response.status() {
        StatusCode::OK => file.restart(tag_of(&response)).map_err(Stopped::ForGood)?,
        StatusCode::PARTIAL_CONTENT if continues(&response, file) => {}
        // The file has changed, or is shorter than what is here: once more from the start.
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            file.restart(None).map_err(Stopped::ForGood)?;
            return Err(connection(
                "the file changed during the download".to_owned(),
            ));
        }
        status => {
            let error = FetchError::Status {
                url: url.to_owned(),
                status: status.as_u16(),
            };
            let passing = status.is_server_error()
                || status == StatusCode::TOO_MANY_REQUESTS
                || status == StatusCode::REQUEST_TIMEOUT;
            return Err(match passing {
                true => Stopped::Passing(error),
                false => Stopped::ForGood(error),
            });
        }
    }

    let total = length_of(&response).map(|rest| file.length + rest);
    let mut body = response
        .into_body()
        .into_with_config()
        .limit(u64::MAX)
        .reader();
    let mut buffer = vec![0; 1 << 16];
    let mut reported = None;
    loop {
        let report = Progress {
            received: file.length,
            total,
        };
        if reported.is_none_or(|before| file.length >= before + REPORT_EVERY) {
            progress(report);
            reported = Some(file.length);
        }
        let read = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => {
                return Err(connection(format!(
                    "the connection broke after {} bytes: {error}",
                    file.length
                )));
            }
        };
        file.append(&buffer[..read]).map_err(Stopped::ForGood)?;
    }
    progress(Progress {
        received: file.length,
        total,
    });
    match total {
        Some(total) if file.length != total => Err(connection(format!(
            "the connection broke after {} of {total} bytes",
            file.length
        ))),
        _ => Ok(()),
    }
}

/// Whether a partial response continues the file exactly where it ends here.
fn continues(response: &Response<Body>, file: &PartFile) -> bool {
    let range = text(response, header::CONTENT_RANGE);
    let starts_here = range.is_some_and(|range| {
        range
            .strip_prefix("bytes ")
            .and_then(|range| range.split('-').next())
            .and_then(|start| start.trim().parse::<u64>().ok())
            == Some(file.length)
    });
    // Some servers ignore If-Range.
    starts_here && tag_of(response).is_none_or(|tag| file.tag.as_ref() == Some(&tag))
}

fn length_of(response: &Response<Body>) -> Option<u64> {
    text(response, header::CONTENT_LENGTH)?.parse().ok()
}

/// What tells one version of a file from the next: a strong ETag, or the time of its last change.
fn tag_of(response: &Response<Body>) -> Option<String> {
    text(response, header::ETAG)
        .filter(|tag| !tag.starts_with("W/"))
        .or_else(|| text(response, header::LAST_MODIFIED))
        .map(str::to_owned)
}

fn text(response: &Response<Body>, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// The part of a file that is here, with the tag of the version that it is a part of.
struct PartFile {
    path: PathBuf,
    file: File,
    length: u64,
    tag: Option<String>,
}

impl PartFile {
    fn open(path: &Path) -> Result<Self, FetchError> {
        let failed = |source| FetchError::Cache {
            path: path.to_owned(),
            source,
        };
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(failed)?;
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Self {
            tag: fs::read_to_string(tag_path(path)).ok(),
            path: path.to_owned(),
            file,
            length,
        })
    }

    /// The tag to resume by, if there is something to resume.
    fn resumable(&self) -> Option<&str> {
        self.tag.as_deref().filter(|_| self.length > 0)
    }

    fn failed(&self, source: std::io::Error) -> FetchError {
        FetchError::Cache {
            path: self.path.clone(),
            source,
        }
    }

    /// Begins anew, with the version of that tag.
    fn restart(&mut self, tag: Option<String>) -> Result<(), FetchError> {
        // The old tag goes first: it must never stand beside bytes of another version.
        self.remove_tag()?;
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(|error| self.failed(error))?;
        self.length = 0;
        if let Some(tag) = &tag {
            fs::write(tag_path(&self.path), tag).map_err(|error| self.failed(error))?;
        }
        self.tag = tag;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file
            .write_all(bytes)
            .map_err(|error| self.failed(error))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn finish(self) -> Result<(), FetchError> {
        self.remove_tag()
    }

    fn remove_tag(&self) -> Result<(), FetchError> {
        match fs::remove_file(tag_path(&self.path)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }
}

fn tag_path(part: &Path) -> PathBuf {
    let mut path = part.as_os_str().to_owned();
    path.push(".tag");
    path.into()
}
