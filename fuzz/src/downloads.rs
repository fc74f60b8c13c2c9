//! Downloads, from a server on this machine that answers with whatever the input says.
//!
//! An input is a list of answers, which the server gives one after the other and from the
//! beginning again: `SEPARATOR` stands between two, `PAUSE` in one is a pause, and one that begins
//! with `FOR_EVER` repeats what follows `FOR_EVER` a second time until the client hangs up. The
//! input's first byte says whether the client knows a checksum.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use scarlet::weights::{Fetcher, Source};

use crate::Target;

const SEPARATOR: u8 = 0x1e;
const PAUSE: u8 = 0x1f;
const FOR_EVER: u8 = 0x1d;

/// The true content, and its checksum.
const CONTENT: &str = "the weights of a very small network, as they should be";
const SHA256: &str = "0d000f17d89fc1468e616ab678a8be81e137e067b95ed407e38705e4a5972d3c";
const LARGEST: u64 = 4_000;

/// What the server answers to one input.
struct Script {
    answers: Vec<Vec<u8>>,
    next: AtomicUsize,
}

fn current() -> &'static Mutex<Arc<Script>> {
    static CURRENT: OnceLock<Mutex<Arc<Script>>> = OnceLock::new();
    CURRENT.get_or_init(|| {
        let script = Script {
            answers: Vec::new(),
            next: AtomicUsize::new(0),
        };
        Mutex::new(Arc::new(script))
    })
}

fn script() -> Arc<Script> {
    Arc::clone(&current().lock().unwrap_or_else(PoisonError::into_inner))
}

/// The server's address, after it was started once.
fn server() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer(stream, &script()));
            }
        });
        format!("http://{address}")
    })
}

/// Answers requests until the script is another one.
fn answer(mut stream: TcpStream, script: &Arc<Script>) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let _ = stream.set_write_timeout(Some(Duration::from_millis(200)));
    let is_current = || Arc::ptr_eq(script, &self::script());
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return,
        }
    }
    if script.answers.is_empty() || !is_current() {
        return;
    }
    let number = script.next.fetch_add(1, Ordering::Relaxed);
    let bytes = &script.answers[number % script.answers.len()];
    let Some(bytes) = bytes.strip_prefix(&[FOR_EVER]) else {
        let _ = send(&mut stream, bytes);
        return;
    };
    let (begin, rest) = match bytes.iter().position(|&byte| byte == FOR_EVER) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (&[][..], bytes),
    };
    if send(&mut stream, begin).is_err() || rest.is_empty() {
        return;
    }
    while is_current() && send(&mut stream, rest).is_ok() {
        thread::sleep(Duration::from_millis(1));
    }
}

fn send(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    for (index, piece) in bytes.split(|&byte| byte == PAUSE).enumerate() {
        if index > 0 {
            thread::sleep(Duration::from_millis(3));
        }
        stream.write_all(piece)?;
    }
    Ok(())
}

pub(crate) fn target() -> Target {
    let (first, second) = CONTENT.split_at(20);
    let total = CONTENT.len();
    let whole =
        format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {total}\r\n\r\n{CONTENT}");
    let half = format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {total}\r\n\r\n{first}");
    let rest = format!(
        "HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: bytes 20-{}/{total}\r\n\
         Content-Length: {}\r\n\r\n{second}",
        total - 1,
        second.len()
    );
    let dated = format!(
        "HTTP/1.1 200 OK\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nConnection: close\r\n\
         \r\n{CONTENT}"
    );
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = format!("{head}{}\u{1f}{}0\r\n\r\n", chunk(first), chunk(second));
    let moved = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    let busy = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    let changed = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n";
    let trailers = format!("\u{1d}{head}{}0\r\n\u{1d}A: b\r\n", chunk(CONTENT));
    let drip = format!("\u{1d}HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n\u{1d}x");
    let hints = "\u{1d}\u{1d}HTTP/1.1 103 Early Hints\r\n\r\n";
    let circle = format!(
        "\u{1d}{}\u{1d}1\r\nx\r\n",
        moved.replace("Content-Length: 0", "Transfer-Encoding: chunked")
    );
    let endings = [
        vec![whole.as_str()],
        vec![&half, &rest],
        vec![&half, changed, &whole],
        vec![&half, busy, &rest],
        vec![&half, &half, &half],
        vec![&half, changed],
        vec![&dated],
        vec![&chunked],
        vec![moved, &whole],
        vec![moved],
        vec![&trailers],
        vec![&drip],
        vec![hints],
        vec![&circle],
    ];
    let seeds = endings.iter().flat_map(|answers| {
        ["s", "h"].map(|kind| format!("{kind}{}", answers.join("\u{1e}")).into_bytes())
    });
    Target {
        seeds: seeds.collect(),
        wrap: |bytes: Vec<u8>, _: &mut Rng| bytes,
        feed,
    }
}

fn feed(path: &Path) -> bool {
    let input = std::fs::read(path).expect("the input can be read");
    let (&kind, answers) = input.split_first().unwrap_or((&b's', &[]));
    let script = Script {
        answers: answers
            .split(|&byte| byte == SEPARATOR)
            .map(<[u8]>::to_vec)
            .collect(),
        next: AtomicUsize::new(0),
    };
    let server = server();
    *current().lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(script);
    let cache = tempfile::tempdir().expect("a temporary folder can be made");
    let mut fetcher = Fetcher::new()
        .with_cache(cache.path())
        .with_hub(server)
        .with_retries(2, Duration::ZERO)
        .with_patience(Duration::from_millis(20))
        .with_largest(LARGEST);
    let is_summed = kind % 2 == 1;
    let text = match is_summed {
        true => format!("{server}/w.bin#sha256={SHA256}"),
        false => "hf:owner/repo/w.bin".to_owned(),
    };
    let source: Source = text.parse().expect("the source is good");
    // The second time, what is here must be the same, and no server is asked.
    let mut fetch = || fetcher.fetch(&source).map(std::fs::read);
    let bytes = match fetch() {
        Ok(bytes) => bytes.expect("what was fetched can be read"),
        Err(error) => {
            let text = error.to_string();
            // The answer is read on another thread, whose panic comes out as this.
            assert!(!text.contains("the download stopped"), "{text}");
            return false;
        }
    };
    assert!(bytes.len() as u64 <= LARGEST, "more than was allowed");
    assert!(!bytes.is_empty(), "nothing for something");
    assert!(
        !is_summed || bytes == CONTENT.as_bytes(),
        "another content than its checksum's"
    );
    let again = fetch().expect("it is in the cache");
    assert!(again.expect("it can be read") == bytes, "the cache differs");
    true
}
