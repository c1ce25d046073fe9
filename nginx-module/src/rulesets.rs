//! The rule sets that locations use: one slot for each path, shared by the locations that name it.

use crate::ngx::log::{Level, Log};
use detection::Rules;
use module_logic::settings::Block;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// A rule set that may be replaced while NGINX runs.
pub struct Slot {
    path: PathBuf,
    current: RefCell<Option<Arc<Rules>>>,
}

impl Slot {
    /// The rule set, if one could be loaded.
    #[must_use]
    pub fn rules(&self) -> Option<Arc<Rules>> {
        self.current.try_borrow().ok().and_then(|current| current.clone())
    }
}

/// All slots of a configuration.
#[derive(Default)]
pub struct Rulesets {
    slots: Vec<Rc<Slot>>,
}

/// A rule set cannot be loaded, and `wallarm_fallback off` forbids to run without.
#[derive(Debug, thiserror::Error)]
#[error("the rule set {} cannot be loaded: {reason}; with \"wallarm_fallback on\" NGINX would start without analysis", path.display())]
pub struct Missing {
    path: PathBuf,
    reason: String,
}

impl Rulesets {
    /// The slot for a block; the first block that names a path loads it.
    ///
    /// # Errors
    ///
    /// When the file cannot be loaded and the block does not allow to run without.
    pub fn slot(&mut self, block: &Block, log: Log<'_>) -> Result<Rc<Slot>, Missing> {
        let path = &block.protondb_path;
        if let Some(slot) = self.slots.iter().find(|slot| slot.path == *path)
            && (block.fallback || slot.rules().is_some())
        {
            return Ok(Rc::clone(slot));
        }
        let current = match load(path) {
            Ok(rules) => Some(Arc::new(rules)),
            Err(reason) if block.fallback => {
                let path = path.display();
                log.write(
                    Level::Error,
                    &format!("wallarm: the rule set {path} cannot be loaded: {reason}; nothing is analysed with it"),
                );
                None
            }
            Err(reason) => return Err(Missing { path: path.clone(), reason }),
        };
        let slot = Rc::new(Slot { path: path.clone(), current: RefCell::new(current) });
        self.slots.push(Rc::clone(&slot));
        Ok(slot)
    }
}

fn load(path: &Path) -> Result<Rules, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    Rules::from_db(&bytes).map_err(|error| error.to_string())
}
