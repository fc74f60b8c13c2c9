//! The program while it serves, and a client that says to the byte what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::common::{TINY, root};

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(120);

/// Arguments for a tiny network of random weights.
pub fn random(classes: usize) -> [&'static str; 7] {
    let classes = match classes {
        10 => "10",
        1000 => "1000",
        _ => panic!("{classes}"),
    };
    [
        "--model",
        TINY,
        "--random-init",
        "--size",
        "64",
        "--num-classes",
        classes,
    ]
}

/// A `scarlet demo` that runs until it is dropped.
pub struct Served {
    child: Child,
    /// Such as `127.0.0.1:40123`.
    pub address: String,
    /// Collects what it says on standard error.
    said: Option<JoinHandle<String>>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: String,
    pub body: Vec<u8>,
}

impl Served {
    /// On a free port.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_at("0", arguments)
    }

    pub fn start_at(port: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scarlet"))
            .args(["demo", "--threads", "1", "--port", port])
            .args(arguments)
            .current_dir(root())
            .env("SCARLET_CACHE", root().join("no-such-folder"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = child.stderr.take().unwrap();
        let said = thread::spawn(move || {
            let mut said = String::new();
            errors.read_to_string(&mut said).unwrap();
            said
        });
        let mut line = String::new();
        let output = child.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://");
        let Some(address) = address.and_then(|it| it.strip_suffix('/')) else {
            panic!("{line:?}: {}", said.join().unwrap());
        };
        Self {
            address: address.to_owned(),
            child,
            said: Some(said),
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        stream
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub fn predict(&self, file: &[u8]) -> Answer {
        self.ask("POST", "/predict", &[], file)
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.ask_as(&self.address, method, path, headers, body)
    }

    /// By another name than its own.
    pub fn ask_as(
        &self,
        host: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let length = body.len();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {length}\r\n\r\n");
        let mut stream = self.connect();
        say(&mut stream, head.as_bytes());
        say(&mut stream, body);
        hear(stream)
    }

    /// Ctrl-C: the exit code, and what was said on standard error.
    pub fn interrupt(&mut self) -> (i32, String) {
        let kill = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(kill.success());
        let status = self.child.wait().unwrap();
        let said = self.said.take().unwrap().join().unwrap();
        (status.code().unwrap(), said)
    }

    /// The most memory that it has ever had, in MiB.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kilobytes.parse::<u64>().unwrap() >> 10
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .headers
            .lines()
            .filter_map(|line| line.split_once(": "));
        lines.find_map(|(it, value)| it.eq_ignore_ascii_case(name).then_some(value))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Says something to someone who may have heard enough.
pub fn say(stream: &mut TcpStream, words: &[u8]) -> bool {
    stream.write_all(words).is_ok()
}

/// All that is answered until the other side closes the connection.
pub fn hear(mut stream: TcpStream) -> Answer {
    let mut heard = Vec::new();
    // What came before a reset counts.
    let ended = stream.read_to_end(&mut heard);
    let end = heard.windows(4).position(|it| it == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("{ended:?}: {}", heard.escape_ascii()));
    let body = heard.split_off(end + 4);
    let head = String::from_utf8(heard).unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    Answer {
        status: status.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: headers.to_owned(),
        body,
    }
}
