//! One connection: one request and its answer, each within its time.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::site::Site;

/// The most bytes of a request's line and headers; browsers send cookies of whatever else was ever
/// served on this machine.
const MOST_HEADER_BYTES: usize = 64 << 10;
const MOST_HEADERS: usize = 100;

/// How long an answer may take, once the request is there: those before it, its own, and its way back.
const ANSWER: Duration = Duration::from_secs(120);

/// How long is listened, after the answer, to someone who has not stopped talking.
const LINGER: Duration = Duration::from_secs(1);

/// Answers one request and closes the connection, so that whoever is slow holds it for as long as a
/// request may take, and no longer. `stop` ends connections that have not asked anything yet.
pub(super) async fn converse(
    stream: TcpStream,
    site: Arc<Site>,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
) {
    // Small answers are to leave at once. What fails here is slower only.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| Box::pin(Arc::clone(&site).reply(request)));
    let mut connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .keep_alive(false)
        .max_headers(MOST_HEADERS)
        .max_header_size(MOST_HEADER_BYTES)
        .max_buf_size(2 * MOST_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut stopping = pin!(async move {
        // Whoever has gone without a word ends everything too.
        let _ = stop.wait_for(|stop| *stop).await;
    });
    let mut told = false;
    let talk = poll_fn(|context| {
        if !told && stopping.as_mut().poll(context).is_ready() {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(context)
    });
    // Headers, photograph, answer.
    if let Ok(Ok(())) = timeout(patience * 2 + ANSWER, talk).await {
        let stream = connection.into_parts().io.into_inner();
        let _ = timeout(LINGER, part(stream)).await;
    }
}

/// Closes a connection so that the other side can read what was said last: where there is still
/// something to be read here, the system would take it back.
async fn part(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut ignored = [0; 16 << 10];
    while let Ok(1..) = stream.read(&mut ignored).await {}
}
