//! Clients that send too much, too many or too slowly.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use crate::common::photograph;
use crate::served::{Served, hear, random, say};

const GIGABYTE: usize = 1 << 30;

fn photo() -> Vec<u8> {
    fs::read(photograph("coffee.png")).unwrap()
}

/// With a limit of so many seconds for requests to arrive.
fn start(patience: &str) -> Served {
    let served = Served::start(&[&random(10)[..], &["--patience", patience]].concat());
    assert_eq!(served.predict(&photo()).status, 200);
    served
}

#[test]
fn a_gigabyte_is_refused_at_its_announcement() {
    let served = start("100");
    for more in ["", "Expect: 100-continue\r\n"] {
        let mut stream = served.connect();
        let head = format!(
            "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {GIGABYTE}\r\n{more}\r\n"
        );
        say(&mut stream, head.as_bytes());
        // And not asked to go on.
        let answer = hear(stream);
        assert_eq!(answer.status, 413);
        assert_eq!(answer.json()["error"]["kind"], "too_large");
    }
    assert_eq!(served.predict(&photo()).status, 200);
}

#[test]
#[cfg(target_os = "linux")]
fn a_gigabyte_in_pieces_is_cut_off() {
    let served = start("100");
    let before = served.peak_memory();
    let mut stream = served.connect();
    let head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    say(&mut stream, head.as_bytes());
    let piece = vec![b'x'; 1 << 20];
    let piece = [b"100000\r\n", &piece[..], b"\r\n"].concat();
    let mut heard = stream.try_clone().unwrap();
    let sent = (0..GIGABYTE >> 20)
        .take_while(|_| say(&mut stream, &piece))
        .count();
    let mut answer = [0; 12];
    heard.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413", "after {sent} MB");
    let grown = served.peak_memory() - before;
    assert!(grown < 100, "{grown} MiB more");
    assert_eq!(served.predict(&photo()).status, 200);
}

#[test]
fn headers_end_somewhere() {
    let served = start("100");
    let long = "x".repeat(100 << 10);
    let answer = served.ask("GET", "/", &[("Cookie", &long)], b"");
    assert_eq!(answer.status, 431);
    let many = [("Cookie", "x"); 200];
    assert_eq!(served.ask("GET", "/", &many, b"").status, 431);
    let status = served.get(&format!("/{long}")).status;
    assert!([414, 431].contains(&status), "{status}");
    let some = [("Cookie", &long[..20 << 10])];
    assert_eq!(served.ask("GET", "/", &some, b"").status, 200);
}

#[test]
#[cfg(target_os = "linux")]
fn a_thousand_connections_are_outlived() {
    let served = start("1");
    let before = served.peak_memory();
    let open = |words: &[u8]| -> Vec<TcpStream> {
        let all = (0..1000).map_while(|_| TcpStream::connect(&served.address).ok());
        let mut all: Vec<TcpStream> = all.collect();
        // As many as this process may have.
        assert!(all.len() > 300, "{}", all.len());
        for stream in &mut all {
            say(stream, words);
        }
        all
    };
    let held = open(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    // Behind all of them, while they are there.
    assert_eq!(served.predict(&photo()).status, 200);
    drop(held);
    drop(open(
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx",
    ));
    assert!(answers_soon(&served));
    let grown = served.peak_memory() - before;
    assert!(grown < 100, "{grown} MiB more");
}

/// Whether it answers once it has noticed who has gone.
fn answers_soon(served: &Served) -> bool {
    (0..200).any(|_| {
        sleep(Duration::from_millis(50));
        served.predict(&photo()).status == 200
    })
}

/// Says a word now and then until nobody listens any more.
fn drip(stream: &mut TcpStream, word: &[u8]) {
    for _ in 0..600 {
        if !say(stream, word) {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("somebody still listens after a minute");
}

#[test]
fn whoever_is_slow_is_cut_off() {
    let served = start("1");
    let mut stream = served.connect();
    say(
        &mut stream,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    );
    drip(&mut stream, b"x");
    let mut stream = served.connect();
    let head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n";
    say(&mut stream, head.as_bytes());
    let listener = stream.try_clone().unwrap();
    drip(&mut stream, b"x");
    let mut answer = [0; 12];
    let mut listener = listener;
    listener.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert_eq!(served.predict(&photo()).status, 200);
}

#[test]
fn whoever_comes_too_late_is_told_to_come_again() {
    let served = start("100");
    let head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n";
    let mut held: Vec<TcpStream> = (0..8).map(|_| served.connect()).collect();
    for stream in &mut held {
        say(stream, head.as_bytes());
    }
    let busy = loop {
        // Until the last of them has been let in.
        let answer = served.predict(&photo());
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(busy.status, 503);
    assert_eq!(busy.header("retry-after"), Some("1"));
    assert_eq!(busy.json()["error"]["kind"], "busy");
    // The page itself is still there.
    assert_eq!(served.get("/").status, 200);
    drop(held);
    assert!(answers_soon(&served));
}
