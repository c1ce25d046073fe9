//! Ctrl-C and SIGTERM while machines run: an error to return, not the end of the process.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// While a value of this type lives, SIGINT and SIGTERM only set a flag. A second one ends the process at once.
#[derive(Debug)]
pub struct Interrupt {
    flags: &'static Flags,
}

#[derive(Debug)]
struct Flags {
    /// A signal came while an [`Interrupt`] lived.
    raised: Arc<AtomicBool>,
    /// Signals do what they do by default: nobody watches the flag, or it is already up.
    default: Arc<AtomicBool>,
}

static FLAGS: OnceLock<Flags> = OnceLock::new();

impl Interrupt {
    /// Starts to watch for signals.
    ///
    /// # Errors
    ///
    /// If the handlers cannot be installed.
    pub fn watch() -> Result<Self> {
        let flags = match FLAGS.get() {
            Some(flags) => flags,
            None => {
                let flags = install().context("cannot watch for SIGINT and SIGTERM")?;
                FLAGS.get_or_init(|| flags)
            }
        };
        flags.raised.store(false, Ordering::SeqCst);
        flags.default.store(false, Ordering::SeqCst);
        Ok(Self { flags })
    }

    /// Fails once a signal came.
    ///
    /// # Errors
    ///
    /// "interrupted", to be passed up so that destructors run.
    pub fn check(&self) -> Result<()> {
        if self.flags.raised.load(Ordering::SeqCst) {
            bail!("interrupted");
        }
        Ok(())
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.flags.default.store(true, Ordering::SeqCst);
    }
}

fn install() -> std::io::Result<Flags> {
    let flags = Flags { raised: Arc::new(AtomicBool::new(false)), default: Arc::new(AtomicBool::new(true)) };
    for signal in [SIGINT, SIGTERM] {
        // Handlers run in this order: the first signal finds `default` unset and sets both, the second one ends us.
        flag::register_conditional_default(signal, Arc::clone(&flags.default))?;
        flag::register(signal, Arc::clone(&flags.raised))?;
        flag::register(signal, Arc::clone(&flags.default))?;
    }
    Ok(flags)
}
