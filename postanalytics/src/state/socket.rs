//! Where the state can be read: a unix socket in `WORKDIR`, which gives its document as JSON to whoever connects, and closes.
//!
//! Nothing is read from the other side, so nothing can be asked for. Who may connect is a matter of the socket's mode: the
//! server's user and group, and root. Port 3313 tells only the documented figures.

use std::fs::Permissions;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixListener;
use tokio::sync::watch;

use super::State;
use crate::log::Part;
use crate::server::Server;

/// The name of the socket in `WORKDIR`.
const NAME: &str = "status.sock";
/// Owner and group.
const MODE: u32 = 0o660;
/// How long a reader may take to read it, and the server to give it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait after the system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Bytes of a document; more comes from another program.
const LONGEST: u64 = 1 << 20;

/// The socket of a server with this `WORKDIR`.
#[must_use]
pub fn path(workdir: &Path) -> PathBuf {
    workdir.join(NAME)
}

/// Why there is no state to show.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Nobody answers there.
    #[error("{}: {source}; is the server running, and may this user read its state?", path.display())]
    Silent {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What answers is no server of ours.
    #[error("{}: the answer is no state of a server: {source}", path.display())]
    Nonsense {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// Reads the state of the server behind `path`.
///
/// # Errors
///
/// [`StatusError`]
pub fn read(path: &Path) -> Result<State, StatusError> {
    let silent = |source| StatusError::Silent { path: path.to_owned(), source };
    let stream = BlockingStream::connect(path).map_err(silent)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(silent)?;
    let mut json = Vec::new();
    stream.take(LONGEST).read_to_end(&mut json).map_err(silent)?;
    serde_json::from_slice(&json).map_err(|source| StatusError::Nonsense { path: path.to_owned(), source })
}

/// Binds the socket of a server; without it the server goes on.
#[must_use]
pub fn open(server: &Server) -> Option<UnixListener> {
    let path = path(&server.settings.workdir);
    let refused = |error: &io::Error| {
        let path = path.display();
        server.log.warning(Part::Main, format_args!("WORKDIR: {path}: {error}: `wtarantool status` will not work"));
    };
    bind(&path).inspect_err(refused).ok()
}

/// Gives the state to all that connect, until `stop` says so.
pub async fn serve(server: Arc<Server>, listener: UnixListener, mut stop: watch::Receiver<bool>) {
    tokio::select! {
        () = accept(&server, &listener) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    // The next server would take it over as well.
    let _ = std::fs::remove_file(path(&server.settings.workdir));
}

/// Binds the socket. One that a killed server left is taken over; one that a server answers on is not.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if BlockingStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another server gives its state there"));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok(listener)
}

async fn accept(server: &Arc<Server>, listener: &UnixListener) {
    loop {
        // One at a time: who does not read holds up the others for no longer than its patience.
        match listener.accept().await {
            Ok((mut stream, _)) => {
                let json = serde_json::to_vec(&server.state()).unwrap_or_default();
                // A reader that went away has what it wanted.
                let _ = tokio::time::timeout(PATIENCE, stream.write_all(&json)).await;
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}
