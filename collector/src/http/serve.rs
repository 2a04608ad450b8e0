//! The accept loop: lets connections in, not more than the limits of the machine and of one address, does not wait for
//! those that send nothing, and lets the open ones end when the collector stops.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tower::Service;

use super::{Peer, State, router};

/// Serves until `stop` resolves, then refuses new events, and gives the open requests the time of the limits to end.
pub async fn serve(listener: TcpListener, state: Arc<State>, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(false);
    let (alive, mut ended) = mpsc::channel::<()>(1);
    let door = Door {
        router: router(Arc::clone(&state)),
        addresses: Arc::new(Addresses { limit: state.limits().connections_per_ip, open: Mutex::default() }),
        stopped,
        _alive: alive,
        state: Arc::clone(&state),
    };
    tokio::select! {
        () = accept(&listener, &door) => {}
        () = stop => {}
    }
    drop(listener);
    state.drain();
    stopping.send_replace(true);
    drop(door);
    // Every connection holds a sender: none is left when nothing can be received any more.
    let drain = Duration::from_millis(state.limits().drain_ms);
    if tokio::time::timeout(drain, ended.recv()).await.is_err() {
        tracing::warn!(drain_ms = state.limits().drain_ms, "connections were cut that did not end in time");
    }
}

/// What every connection is given.
#[derive(Clone)]
struct Door {
    router: Router,
    addresses: Arc<Addresses>,
    stopped: watch::Receiver<bool>,
    _alive: mpsc::Sender<()>,
    state: Arc<State>,
}

/// Never ends by itself.
async fn accept(listener: &TcpListener, door: &Door) {
    let seats = Arc::new(Semaphore::new(door.state.limits().connections));
    loop {
        // Who finds no seat waits in the system's queue, at no cost to us.
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => match door.addresses.admit(peer.ip()) {
                Some(place) => drop(tokio::spawn(converse(stream, door.clone(), Seat { _total: seat, place }))),
                None => {
                    door.state.counts.connections_refused.fetch_add(1, Ordering::Relaxed);
                }
            },
            Err(error) => pause_after(&error).await,
        }
    }
}

/// A connection that was gone before we came for it is nothing; out of descriptors, a new try at once would spin.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::warn!(error = error as &dyn std::error::Error, "no connection could be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

async fn converse(stream: TcpStream, door: Door, seat: Seat) {
    // Answers are small and whole: nothing is gained by waiting for more of them.
    let _ = stream.set_nodelay(true);
    let Door { router, mut stopped, state, .. } = door;
    let _count = OpenCount::new(&state);
    let peer = Peer(seat.place.address);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(state.limits().head_timeout_ms))
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let stop = stopped.wait_for(|is_stopping| *is_stopping);
    tokio::select! {
        // A connection that breaks is the sender's to notice: what was answered is stored, what was not is sent again.
        _ = connection.as_mut() => return,
        _ = stop => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// A connection's share of what there is, given back when it ends.
struct Seat {
    _total: OwnedSemaphorePermit,
    place: Place,
}

/// Open connections by address.
struct Addresses {
    limit: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Addresses {
    fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Place { addresses: Arc::clone(self), address })
    }
}

/// One of the connections that an address may have.
struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = open.entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

struct OpenCount(Arc<State>);

impl OpenCount {
    fn new(state: &Arc<State>) -> Self {
        state.counts.connections_open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(state))
    }
}

impl Drop for OpenCount {
    fn drop(&mut self) {
        self.0.counts.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A head with long cookies and a page's address fits; hyper answers 431 to more.
const HEAD_BYTES: usize = 64 * 1_024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
