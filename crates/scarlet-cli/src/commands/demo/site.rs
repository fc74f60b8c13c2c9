//! [`Site`]: the page's addresses and what they answer. None of them leads to a file: what there is
//! is written here.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Serialize;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::answer::{Job, Question};
use super::gate::Gate;
use super::problem::Problem;

/// The largest photograph that is taken: well above what cameras write.
pub(super) const MOST_BYTES: u64 = 32 << 20;

/// Photographs that are received, wait or are looked at, at once: as many may be in memory as files.
const MOST_PHOTOGRAPHS: usize = 8;

pub(super) const PAGE: &str = include_str!("../../../assets/demo/page.html");
pub(super) const STYLE: &str = include_str!("../../../assets/demo/page.css");
/// Shows what a `program` answers, which is another script's.
pub(super) const SCRIPT: &str = include_str!("../../../assets/demo/page.js");
/// With the one that asks this program.
const SERVED_SCRIPT: &str = concat!(
    include_str!("../../../assets/demo/served.js"),
    include_str!("../../../assets/demo/page.js")
);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";

/// With every answer. The page may load and ask nothing but this program, and be in no other page.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // Another version may be served at the same address tomorrow.
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

pub(super) type Reply = Response<Full<Bytes>>;

/// The page's addresses and what they answer.
#[derive(Debug)]
pub(super) struct Site {
    gate: Gate,
    /// What is said of the network, as JSON.
    network: Bytes,
    jobs: Sender<Job>,
    photographs: Semaphore,
    /// How long a photograph may take to arrive.
    patience: Duration,
}

/// What an address answers.
struct Content {
    kind: &'static str,
    body: Bytes,
}

impl Content {
    fn fixed(kind: &'static str, text: &'static str) -> Self {
        let body = Bytes::from_static(text.as_bytes());
        Self { kind, body }
    }

    fn json(body: Bytes) -> Self {
        Self { kind: JSON, body }
    }
}

impl Site {
    pub(super) fn new(
        gate: Gate,
        network: &impl Serialize,
        jobs: Sender<Job>,
        patience: Duration,
    ) -> Self {
        Self {
            gate,
            network: serde_json::json!(network).to_string().into(),
            jobs,
            photographs: Semaphore::new(MOST_PHOTOGRAPHS),
            patience,
        }
    }

    pub(super) async fn reply(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Reply, Infallible> {
        let (status, content, problem) = match self.content(request).await {
            Ok(content) => (StatusCode::OK, content, None),
            Err(problem) => {
                let content = Content::json(problem.to_json().into());
                (problem.status(), content, Some(problem))
            }
        };
        let mut reply = Response::new(Full::new(content.body));
        *reply.status_mut() = status;
        let headers = reply.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content.kind));
        match problem {
            Some(Problem::Method(allowed)) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            Some(Problem::Busy(_)) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        Ok(reply)
    }

    async fn content(&self, request: Request<Incoming>) -> Result<Content, Problem> {
        self.gate.check(&request)?;
        let allowed = match request.uri().path() {
            "/" | "/page.css" | "/page.js" | "/network" => "GET, HEAD",
            "/predict" | "/look" => "POST",
            _ => return Err(Problem::NotFound),
        };
        let method = request.method();
        if !allowed.split(", ").any(|it| method.as_str() == it) {
            return Err(Problem::Method(allowed));
        }
        let question = match request.uri().path() {
            "/" => return Ok(Content::fixed(HTML, PAGE)),
            "/page.css" => return Ok(Content::fixed(CSS, STYLE)),
            "/page.js" => return Ok(Content::fixed(JAVASCRIPT, SERVED_SCRIPT)),
            "/predict" => Question::What,
            "/look" => Question::Where(class(request.uri().query())?),
            _ => return Ok(Content::json(self.network.clone())),
        };
        let answer = self.ask(question, request.into_body()).await?;
        Ok(Content::json(answer.into()))
    }

    /// The answer about a photograph as JSON.
    async fn ask(&self, question: Question, body: Incoming) -> Result<String, Problem> {
        let announced = body.size_hint().exact();
        if announced.is_some_and(|bytes| bytes > MOST_BYTES) {
            return Err(Problem::TooLarge(MOST_BYTES));
        }
        let place = self.photographs.try_acquire();
        let _place = place.map_err(|_| Problem::Busy(MOST_PHOTOGRAPHS))?;
        let received = timeout(self.patience, receive(body, announced));
        let file = received
            .await
            .map_err(|_| Problem::Slow(self.patience.as_secs()))??;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            file,
            question,
            reply,
        };
        self.jobs.send(job).map_err(|_| Problem::Failed)?;
        answer.await.map_err(|_| Problem::Failed)?
    }
}

/// The class that a query names, as in `class=967`.
fn class(query: Option<&str>) -> Result<usize, Problem> {
    let value = query.and_then(|query| query.strip_prefix("class="));
    let number = value.and_then(|value| value.parse().ok());
    number.ok_or_else(|| {
        Problem::Class(
            "the address must end with the number of a class, as in /look?class=0".to_owned(),
        )
    })
}

/// A body of this many bytes, or of an unknown number, which is cut off where it becomes too large.
async fn receive(mut body: Incoming, announced: Option<u64>) -> Result<Vec<u8>, Problem> {
    let mut file = Vec::with_capacity(announced.unwrap_or(0) as usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::Cut)?;
        if let Some(data) = frame.data_ref() {
            if (file.len() + data.len()) as u64 > MOST_BYTES {
                return Err(Problem::TooLarge(MOST_BYTES));
            }
            file.extend_from_slice(data);
        }
    }
    Ok(file)
}
