//! Who is let in, and how many at once.
//!
//! HTTP is hyper's, on a Tokio runtime of one thread. The smaller crates that answer requests
//! (tiny_http, and rouille on top of it) start a thread for every connection, however many there are,
//! and give their sockets no time limits: a thousand clients that send a byte now and then would hold a
//! thousand threads for ever. Here a connection is a few kilobytes, their number is limited, and each has
//! its time.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::connection::converse;
use super::site::Site;
use crate::interrupt::Interrupt;

/// Connections at once, well below the files that systems let a process open (macOS: 256). Others wait
/// in the system's own queue.
const MOST_CONNECTIONS: u32 = 128;

/// How often it is looked whether the user wants to end.
const TICK: Duration = Duration::from_millis(50);

/// How long answers may still take when the user wants to end.
const FAREWELL: Duration = Duration::from_secs(3);

/// Serves the site until Ctrl-C.
pub(super) fn serve(
    listener: TcpListener,
    site: Site,
    patience: Duration,
    interrupt: &Interrupt,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    listener.set_nonblocking(true)?;
    runtime.block_on(accept(listener, Arc::new(site), patience, interrupt))
}

async fn accept(
    listener: TcpListener,
    site: Arc<Site>,
    patience: Duration,
    interrupt: &Interrupt,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS as usize));
    let (stop, stopping) = watch::channel(false);
    let mut place = None;
    while !interrupt.is_requested() {
        if place.is_none() {
            let waiting = timeout(TICK, Arc::clone(&places).acquire_owned());
            place = waiting.await.ok().and_then(Result::ok);
            continue;
        }
        match timeout(TICK, listener.accept()).await {
            Ok(Ok((stream, _))) => {
                let (site, stopping, place) = (Arc::clone(&site), stopping.clone(), place.take());
                tokio::spawn(async move {
                    converse(stream, site, patience, stopping).await;
                    drop(place);
                });
            }
            // The client has gone, or the system is short of something: either passes.
            Ok(Err(error)) => {
                tracing::debug!("a connection failed: {error}");
                sleep(TICK).await;
            }
            Err(_) => {}
        }
    }
    drop((listener, place));
    let _ = stop.send(true);
    // Those that are still answered.
    let _ = timeout(FAREWELL, places.acquire_many(MOST_CONNECTIONS)).await;
    Ok(())
}
