//! A browser that is driven through its DevTools protocol, by a pipe.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

/// Chromium, or whatever calls itself so; none where there is none and none is required.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut candidates =
        std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = candidates.find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("SCARLET_REQUIRE_BROWSER").is_none(),
            "SCARLET_REQUIRE_BROWSER is set, but none of {names:?} is on the path"
        );
        println!("skipped: no chromium on the path");
    }
    found
}

/// A page in a browser of its own, which ends when it is dropped.
pub struct Page {
    browser: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: String,
    requests: u64,
    /// What the page's scripts and the browser's rules complained of.
    pub complaints: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Page {
    pub fn open(browser: &Path, address: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new("sh")
            // It reads from file 3 and writes to file 4.
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 >&2"])
            .arg(browser)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync"])
            .args([
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ])
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = browser.stdin.take().unwrap();
        let from = BufReader::new(browser.stdout.take().unwrap());
        let mut page = Self {
            browser,
            to,
            from,
            session: String::new(),
            requests: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let target = page.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = page.call("Target.attachToTarget", attach);
        page.session = attached["sessionId"].as_str().unwrap().to_owned();
        page.call("Runtime.enable", json!({}));
        page.call("Log.enable", json!({}));
        page.call("Page.navigate", json!({ "url": address }));
        page
    }

    /// What a method of the protocol returns.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        let mut request = json!({ "id": id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            request["sessionId"] = json!(self.session);
        }
        let mut request = request.to_string().into_bytes();
        request.push(0);
        self.to.write_all(&request).unwrap();
        loop {
            let mut message = Vec::new();
            self.from.read_until(0, &mut message).unwrap();
            assert_eq!(message.pop(), Some(0), "the browser has gone");
            let message: Value = serde_json::from_slice(&message).unwrap();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            let is_log = message["method"] == "Log.entryAdded";
            let is_error = is_log && message["params"]["entry"]["level"] == "error";
            if is_error || message["method"] == "Runtime.exceptionThrown" {
                self.complaints.push(message["params"].clone());
            }
        }
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let result = self.call("Runtime.evaluate", parameters);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// Waits until an expression in the page is true.
    pub fn wait_for(&mut self, expression: &str) {
        for _ in 0..3600 {
            if self.value(expression) == true {
                return;
            }
            sleep(Duration::from_millis(50));
        }
        let page = self.value("document.body.innerText");
        panic!("never: {expression} {:?}\n{page}", self.complaints);
    }

    /// Chooses files as a user does.
    pub fn choose(&mut self, input: &str, files: &[&Path]) {
        let root = self.call("DOM.getDocument", json!({}));
        let query = json!({ "nodeId": root["root"]["nodeId"], "selector": input });
        let found = self.call("DOM.querySelector", query);
        let files = json!({ "nodeId": found["nodeId"], "files": files });
        self.call("DOM.setFileInputFiles", files);
    }

    /// What sticks out of the page at a width.
    pub fn wider_than(&mut self, width: u32) -> Value {
        let metrics = json!({
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        self.value(
            "[...document.body.querySelectorAll('*')]
                .filter((it) => it.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
                .map((it) => `${it.tagName}.${it.className} ${it.getBoundingClientRect().right}`)
                .concat(innerWidth)",
        )
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}
