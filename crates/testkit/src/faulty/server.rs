//! A listener on a thread of its own.
//!
//! Owns the thread, its current-thread runtime and all connections, so that blocking and asynchronous tests use a
//! server alike and nothing of it shares the runtime under test. It knows no HTTP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A listener on a thread of its own, which stops with all its connections when this is dropped.
pub(super) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Binds `address` and calls `serve` for each connection with its number, from 1.
    pub(super) fn start<F, S>(address: SocketAddr, serve: S) -> (Self, SocketAddr)
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
        S: Fn(TcpStream, u64) -> F + Send + 'static,
    {
        let listener = TcpListener::bind(address).expect("the address can be bound");
        listener
            .set_nonblocking(true)
            .expect("a socket can be made non-blocking");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let accepting = accept(listener, serve);
                tokio::select! {
                    () = accepting => {}
                    _ = stopped => {}
                }
            });
        });
        (
            Self {
                stop: Some(stop),
                thread: Some(thread),
            },
            address,
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server has been printed already; a second one here would abort the test binary.
            let _ = thread.join();
        }
    }
}

async fn accept<F, S>(listener: TcpListener, serve: S)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
    S: Fn(TcpStream, u64) -> F,
{
    let listener =
        tokio::net::TcpListener::from_std(listener).expect("a runtime takes a non-blocking socket");
    for number in 1.. {
        match listener.accept().await {
            Ok((tcp, _)) => {
                tokio::spawn(serve(tcp, number));
            }
            // Out of descriptors, most likely: connections that end make room.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

/// Any free port of 127.0.0.1.
pub(super) fn free_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}
