//! async-std: the only place that names it.

use async_std::net::TcpListener;
use async_std::task;

use crate::application::Application;
use crate::server::Server;

impl<A: Application> Server<A> {
    /// Accepts connections, a task of async-std's for each, until [`Server::shutdown`]. See [`Server::serve_incoming`].
    pub async fn serve(&self, listener: TcpListener) {
        // A task whose handle is dropped goes on.
        self.serve_incoming(listener.incoming(), |connection| drop(task::spawn(connection))).await;
    }
}
