//! `scarlet demo`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

#[path = "demo/abuse.rs"]
mod abuse;
#[path = "demo/alone.rs"]
mod alone;
#[path = "demo/browser.rs"]
mod browser;
#[path = "demo/page.rs"]
mod page;
#[path = "demo/served.rs"]
mod served;

use std::fs;
use std::path::{Path, PathBuf};

use common::{TINY, photograph, scarlet, scarlet_tiny};
use scarlet::burn::tensor::Device;
use scarlet::weights::StateDict;
use scarlet::{ScarletConfig, unit_maps};
use serde_json::Value;
use served::{Served, random};

/// A JPEG that says that the camera was held upright, its pixels on their side.
fn turned(folder: &Path) -> PathBuf {
    let jpeg = fs::read(photograph("china.jpg")).unwrap();
    let mut exif = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0".to_vec();
    // Orientation 6: turn it to the right.
    exif.extend(b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0");
    let path = folder.join("turned.jpg");
    fs::write(&path, [&jpeg[..2], &exif, &jpeg[2..]].concat()).unwrap();
    path
}

#[test]
fn answers_are_those_of_predict() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let photographs = [
        photograph("coffee.png"),
        photograph("china.jpg"),
        turned(folder.path()),
    ];
    let names = at("names.txt");
    let lines: Vec<String> = (0..10).map(|class| format!("flower {class}\n")).collect();
    fs::write(&names, lines.concat()).unwrap();
    let deployed = at("tiny.scarlet");
    let deploy = ["deploy", &deployed, "--seed", "3"];
    assert_eq!(scarlet_tiny(10, &deploy).code, 0);
    let exported = at("tiny.safetensors");
    let export = ["export", &exported, "--seed", "4"];
    assert_eq!(scarlet_tiny(10, &export).code, 0);
    let mut grey: scarlet::Architecture = TINY.parse().unwrap();
    grey.input_channels = 1;
    let description = at("grey.json");
    fs::write(&description, grey.to_json()).unwrap();
    let described = ["--model", &description, "--random-init", "--seed", "5"];

    let subjects = [
        &["--weights", deployed.as_str()][..],
        &["--weights", &exported, "--classes", &names, "--top-k", "3"],
        &described,
    ];
    for subject in subjects {
        let paths = photographs.iter().map(|path| path.to_str().unwrap());
        let arguments = ["predict", "--json"].into_iter().chain(paths);
        let predicted = scarlet(arguments.chain(subject.iter().copied())).json();
        let served = Served::start(subject);
        for (place, path) in photographs.iter().enumerate() {
            let answer = served.predict(&fs::read(path).unwrap());
            assert_eq!(answer.status, 200, "{answer:?}");
            let json = answer.json();
            assert_eq!(
                json["predictions"], predicted["photographs"][place]["predictions"],
                "{subject:?}, {path:?}"
            );
            let seen = json["seen"].as_str().unwrap();
            assert!(seen.starts_with("data:image/png;base64,"), "{seen}");
            assert!(json["milliseconds"]["network"].as_f64().unwrap() > 0.0);
        }
    }
}

#[test]
fn where_it_looks_is_what_the_library_says() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("tiny.safetensors").display().to_string();
    assert_eq!(
        scarlet_tiny(10, &["export", &weights, "--seed", "6"]).code,
        0
    );
    let stored = StateDict::open(&weights).unwrap();
    let config = ScarletConfig::from(stored.architecture().unwrap());
    let network = config.init(&Device::flex()).load(&stored).unwrap();
    let photo = photograph("chelsea.png");
    let image = network.read_photograph(&photo).unwrap();
    let map = unit_maps(network.grad_cam(image, &[7]).unwrap());
    let [_, height, width] = map.dims();
    let expected: Vec<f32> = map.try_into_vec_as().unwrap();

    let photo = fs::read(photo).unwrap();
    let served = Served::start(&["--weights", &weights]);
    let json = served.ask("POST", "/look?class=7", &[], &photo).json();
    let size = [&json["class"], &json["width"], &json["height"]];
    assert_eq!(size, [7, width, height]);
    let values = json["values"].as_array().unwrap();
    assert_eq!(values.len(), expected.len());
    for (value, expected) in values.iter().zip(&expected) {
        assert!((value.as_f64().unwrap() - f64::from(*expected)).abs() < 1e-4);
    }

    for (query, reason) in [
        (
            "?class=10",
            "class 10 was asked for, but the network has 10 classes",
        ),
        ("?class=-1", "as in /look?class=0"),
        ("", "as in /look?class=0"),
    ] {
        let answer = served.ask("POST", &format!("/look{query}"), &[], &photo);
        assert_eq!(answer.status, 400, "{query}");
        let error = &answer.json()["error"];
        assert_eq!(error["kind"], "class");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message}");
    }
    // Deployed files only run.
    let deployed = folder.path().join("tiny.scarlet").display().to_string();
    assert_eq!(scarlet_tiny(10, &["deploy", &deployed]).code, 0);
    let served = Served::start(&[&deployed]);
    assert_eq!(served.get("/network").json()["places"], false);
    let answer = served.ask("POST", "/look?class=7", &[], &photo);
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"]["kind"], "no_places");
}

#[test]
fn photographs_stand_upright() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(&random(10));
    let size = |path: &Path| {
        let json = served.predict(&fs::read(path).unwrap()).json();
        let side = |name: &str| json["photograph"][name].as_u64().unwrap();
        (side("width"), side("height"))
    };
    let (width, height) = size(&photograph("china.jpg"));
    assert!(width > height);
    assert_eq!(size(&turned(folder.path())), (height, width));
}

#[test]
fn the_network_introduces_itself() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("tiny.safetensors").display().to_string();
    assert_eq!(scarlet_tiny(10, &["export", &weights]).code, 0);
    // As the first word, too.
    let served = Served::start(&[&weights]);
    let json = served.get("/network").json();
    assert_eq!(json["weights"], "tiny.safetensors");
    assert_eq!(json["resolution"], 64);
    assert_eq!(json["classes"].as_array().unwrap().len(), 10);
    assert_eq!(json["classes"][3], "class 3");
    assert_eq!(json["accuracies"], Value::Array(Vec::new()));
}

#[test]
fn what_is_no_photograph_is_told_apart() {
    let served = Served::start(&random(10));
    let photo = fs::read(photograph("china.jpg")).unwrap();
    let refused: [(&[u8], &str); 4] = [
        (&photo[..photo.len() / 2], "this file is damaged"),
        (b"", "this file is not an image: it is empty"),
        (b"hello, world", "this file is not an image"),
        (b"\0\0\0\x20ftypheic", "which is not read"),
    ];
    for (file, reason) in refused {
        let answer = served.predict(file);
        assert_eq!(answer.status, 422, "{answer:?}");
        let error = &answer.json()["error"];
        assert_eq!(error["kind"], "image");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message}");
    }
    assert_eq!(served.predict(&photo).status, 200);
}

#[test]
fn only_its_own_addresses_lead_anywhere() {
    let served = Served::start(&random(10));
    for path in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/page.css/../../../etc/passwd",
        "/etc/passwd",
        "/index.html",
        "/predict/",
        "/favicon.ico",
        "/page.css%00",
    ] {
        let answer = served.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["error"]["kind"], "not_found");
    }
    for (method, path, allowed) in [
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/network", "GET, HEAD"),
        ("GET", "/predict", "POST"),
        ("GET", "/look?class=1", "POST"),
        ("OPTIONS", "/predict", "POST"),
    ] {
        let answer = served.ask(method, path, &[], b"");
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allowed));
        assert_eq!(answer.json()["error"]["kind"], "method");
    }
    let head = served.ask("HEAD", "/", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn other_pages_are_kept_out() {
    let served = Served::start(&random(10));
    let photo = fs::read(photograph("coffee.png")).unwrap();
    for (host, status) in [
        ("evil.example", 403),
        ("192.168.1.7", 403),
        ("localhost", 200),
        ("127.0.0.1:1", 200),
    ] {
        let answer = served.ask_as(host, "POST", "/predict", &[], &photo);
        assert_eq!(answer.status, status, "{host}");
        let answer = served.ask_as(host, "GET", "/", &[], b"");
        assert_eq!(answer.status, status, "{host}");
    }
    let from = |origin: &str| served.ask("POST", "/predict", &[("Origin", origin)], &photo);
    assert_eq!(from("http://evil.example").status, 403);
    assert_eq!(from("null").status, 403);
    let own = from(&format!("http://{}", served.address));
    assert_eq!(own.status, 200);
    // Nobody else is allowed to read it either.
    assert_eq!(own.header("access-control-allow-origin"), None);
}

#[test]
fn the_page_needs_nobody_else() {
    let served = Served::start(&random(10));
    let page = served.get("/");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let mut whole = page.text();
    for (path, kind) in [("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        assert!(whole.contains(&format!("\"{path}\"")));
        let part = served.get(path);
        assert!(part.header("content-type").unwrap().starts_with(kind));
        whole += &part.text();
    }
    for needle in [
        "http:",
        "https:",
        "//www",
        "@import",
        "url(",
        "innerHTML",
        "eval(",
    ] {
        assert!(!whole.contains(needle), "`{needle}`");
    }
}

#[test]
fn a_port_that_is_taken_is_no_riddle() {
    let served = Served::start(&random(10));
    let port = served.address.rsplit(':').next().unwrap();
    let demo = |more: &[&str]| scarlet(["demo"].iter().chain(more).chain(&random(10)));
    demo(&["--port", port]).assert_fails(
        1,
        &[
            &format!("port {port} of 127.0.0.1 is already in use"),
            "--port 0",
        ],
    );
    demo(&["--listen", "192.0.2.1"]).assert_fails(1, &["no address 192.0.2.1", "--listen"]);
    demo(&["--listen", "0.0.0.0:80"]).assert_fails(2, &["without a port"]);
    demo(&["--port", "65536"]).assert_fails(2, &["expected a whole number from 0 to 65535"]);
    scarlet(["demo", "no-such-file.pth", "--port", "0"])
        .assert_fails(1, &["there is no file `no-such-file.pth`"]);
}

#[test]
fn others_are_let_in_aloud() {
    let mut served = Served::start(&[&random(10)[..], &["--listen", "0.0.0.0"]].concat());
    assert!(
        served.address.starts_with("127.0.0.1:"),
        "{}",
        served.address
    );
    let photo = fs::read(photograph("coffee.png")).unwrap();
    let answer = served.ask_as("box.lan", "POST", "/predict", &[], &photo);
    assert_eq!(answer.status, 200);
    let (code, said) = served.interrupt();
    assert_eq!(code, 0);
    assert!(
        said.contains("warning: anyone who can reach 0.0.0.0:"),
        "{said}"
    );
}

#[test]
fn ctrl_c_ends_it_like_a_good_end() {
    let mut served = Served::start(&random(10));
    // Somebody who has said nothing yet, and somebody in the middle of it.
    let _idle = served.connect();
    let mut half = served.connect();
    served::say(&mut half, b"POST /predict HTTP/1.1\r\nHost: localhost\r\n");
    let photo = fs::read(photograph("coffee.png")).unwrap();
    assert_eq!(served.predict(&photo).status, 200);
    let (code, said) = served.interrupt();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("Ctrl-C ends it"), "{said}");
    assert!(
        !said.contains("warning") && !said.contains("error"),
        "{said}"
    );
}
