//! From settings to a server that answers, and from SIGTERM to a server that is gone.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::{Server, listener};
use crate::counting::Counting;
use crate::export::{self, Exporter};
use crate::log::{Log, Part, system_text};
use crate::notify::notify;
use crate::settings::{Loaded, Settings, SettingsError};
use crate::spooling;
use crate::store::NoMemory;
use crate::{metrics, state, system};

/// How long connections may take to notice that the server stops. systemd is promised an end within 10 s.
const STOP_TIME: Duration = Duration::from_secs(3);

/// How long uploads that are under way may take then.
const EXPORT_TIME: Duration = Duration::from_secs(1);
/// How long hits may take to the disk.
const SPOOL_TIME: Duration = Duration::from_secs(3);

/// What the command line says about a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The settings file.
    pub settings: PathBuf,
    /// `init.lua`, read for two numbers.
    pub init_lua: PathBuf,
    /// Let the system choose the port, for tests that run side by side.
    pub any_port: bool,
}

/// Why the server did not start or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The log cannot be opened.
    #[error("LOGFILE={}: cannot open the log: {source}", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The arena cannot be had.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// A newer server wrote the spool.
    #[error(transparent)]
    Spool(#[from] spooling::StartError),
    /// An address cannot be bound. It has been logged.
    #[error("cannot bind {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system refuses something that every server needs.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Runs the server until SIGTERM or SIGINT.
///
/// # Errors
///
/// [`ServeError`]; what concerns a server that has its log is in the log as well.
pub fn run(options: &Options) -> Result<(), ServeError> {
    let Loaded { settings, notes } = Settings::load(&options.settings, Some(&options.init_lua))?;
    let log_error = |source| ServeError::Log { path: settings.logfile.clone(), source };
    let log = Arc::new(Log::open(&settings.logfile).map_err(log_error)?);
    log_panics(&log);
    for note in notes {
        log.warning(Part::Main, format_args!("{note}"));
    }
    warn_of_large_arena(&settings, &log);
    let port = if options.any_port { 0 } else { settings.port };
    let server = Arc::new(Server::new(settings, log)?);
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(&server, port));
    runtime.shutdown_timeout(STOP_TIME);
    server.leave_nothing_behind();
    if outcome.is_ok() {
        server.log.info(Part::Main, format_args!("stopped"));
    }
    outcome
}

/// A panic ends the thread or the connection that it happens in. It is a fault of the server, and the log is where it is looked for.
fn log_panics(log: &Arc<Log>) {
    let (log, as_usual) = (Arc::clone(log), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        // Where it happened, and nothing of what was at hand: that may be request data.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        log.error(Part::Main, format_args!("a thread panicked at {place}: please report it"));
        as_usual(panic);
    }));
}

fn warn_of_large_arena(settings: &Settings, log: &Log) {
    let arena = settings.arena;
    if let Some(memory) = system::memory()
        && arena.bytes() > memory
    {
        let text = format!("SLAB_ALLOC_ARENA={arena} is {} bytes, this machine has {memory}", arena.bytes());
        log.warning(Part::Main, format_args!("{text}: the server may be killed before the arena is full"));
    }
}

async fn serve(server: &Arc<Server>, port: u16) -> Result<(), ServeError> {
    // Signals first: one that comes while binding must not kill the server halfway.
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    let address = SocketAddr::new(server.settings.host, port);
    let listener = bind(server, "HOST, PORT", address)?;
    let metrics = match server.settings.metrics_listen {
        Some(address) => Some(bind(server, "METRICS_LISTEN", address)?),
        None => None,
    };
    let (stop, stopped) = watch::channel(false);
    if let Some(metrics) = metrics {
        tokio::spawn(metrics::serve(Arc::clone(server), metrics, stopped.clone()));
    }
    server.start_export();
    if let Some(socket) = state::socket::open(server) {
        tokio::spawn(state::socket::serve(Arc::clone(server), socket, stopped.clone()));
    }
    server.log_ready(listener.local_addr()?);
    let accepting = tokio::spawn({
        let server = Arc::clone(server);
        async move { listener::accept(&server, listener, stopped).await }
    });
    notify(&server.log, "READY=1");
    wait_for_the_end(server, signals).await;
    notify(&server.log, "STOPPING=1");
    // Connections notice, send nothing more and end; the runtime waits for their tasks.
    stop.send_replace(true);
    // A task that panicked has nothing left to stop.
    let _ = tokio::time::timeout(STOP_TIME, accepting).await;
    Ok(())
}

/// Binds an address; what goes wrong is logged in the words of the documentation.
fn bind(server: &Server, variables: &str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    listener::bind(address).map_err(|source| {
        let text = system_text(&source);
        server.log.error(Part::Main, format_args!("cannot bind {address} ({variables})"));
        server.log.fatal(Part::Main, format_args!("SystemError binary: failed to bind: {text}"));
        ServeError::Bind { address, source }
    })
}

async fn wait_for_the_end(server: &Server, signals: (Signal, Signal, Signal)) {
    let (mut terminate, mut interrupt, mut hangup) = signals;
    loop {
        tokio::select! {
            _ = terminate.recv() => return server.log.info(Part::Main, format_args!("got signal 15, stopping")),
            _ = interrupt.recv() => return server.log.info(Part::Main, format_args!("got signal 2, stopping")),
            _ = hangup.recv() => server.reload(),
        }
    }
}

impl Server {
    /// What SIGHUP asks for: a new log file after the old one was moved away, and a new look at the credentials.
    fn reload(&self) {
        match self.log.reopen() {
            Ok(()) => self.log.info(Part::Main, format_args!("log file has been reopened")),
            Err(error) => {
                self.log.error(Part::Main, format_args!("cannot reopen the log, going on in the old file: {error}"));
            }
        }
        if let Some(exporter) = self.exporter.get() {
            exporter.reload();
        }
    }

    fn start_export(self: &Arc<Self>) {
        let context = export::Context {
            queue: Arc::clone(&self.spooler) as Arc<dyn export::Queue>,
            minutes: Arc::new(Counting::of(self)),
            log: Arc::clone(&self.log),
            node_yaml: self.settings.node_yaml.clone(),
            environment: PathBuf::from(cloud_api::proxies::PATH),
            set_aside: self.settings.workdir.join("spool").join("set-aside.jsonl"),
            pace: export::Pace::default(),
        };
        // There is one start.
        let _ = self.exporter.set(Exporter::start(context));
    }

    /// The last step of a stop: all hits are with the Cloud or on disk.
    fn leave_nothing_behind(&self) {
        if let Some(exporter) = self.exporter.get() {
            exporter.stop(EXPORT_TIME);
        }
        if !self.spooler.flush(Instant::now() + SPOOL_TIME) {
            self.log.error(Part::Main, format_args!("not all attacks could be saved"));
        }
    }

    fn log_ready(&self, address: SocketAddr) {
        let (arena, version) = (self.settings.arena, env!("CARGO_PKG_VERSION"));
        self.log.info(
            Part::Main,
            format_args!("ready to accept requests on {address}, arena {arena} GB, version {version}"),
        );
    }
}
