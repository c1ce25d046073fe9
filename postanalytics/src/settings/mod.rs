//! Settings: defaults, then `readahead` and `net_msg_max` of `init.lua`, then the settings file.

pub mod environment_file;
mod init_lua;
mod table;
mod values;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use table::{VARIABLES, shipped_file};
pub use values::{AllowList, Gigabytes};

/// Where packages keep the settings file: on Debian and Ubuntu, and on the EL family.
const PACKAGED_PATHS: [&str; 2] = ["/etc/default/wallarm-tarantool", "/etc/sysconfig/wallarm-tarantool"];

/// Characters of a value that an error shows.
const SHOWN: usize = 80;

/// Where the package of this system keeps the settings file.
#[must_use]
pub fn default_path() -> PathBuf {
    let there = PACKAGED_PATHS.iter().find(|path| Path::new(path).exists());
    PathBuf::from(there.unwrap_or(&PACKAGED_PATHS[0]))
}

/// What the server is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Memory for stored requests.
    pub arena: Gigabytes,
    /// Address to bind to.
    pub host: IpAddr,
    /// Port to bind to.
    pub port: u16,
    /// How often attacks that are not exported yet are saved; zero: twice a second.
    pub snapshot_period: Duration,
    /// The log.
    pub logfile: PathBuf,
    /// Directory for what must survive a restart.
    pub workdir: PathBuf,
    /// Disk for attacks that are not exported yet.
    pub spool_size: Gigabytes,
    /// What registers the node at a Cloud.
    pub node_yaml: PathBuf,
    /// Bytes of unanswered requests that a connection may have.
    pub readahead: usize,
    /// Unanswered requests that a connection may have.
    pub net_msg_max: usize,
    /// Who may connect.
    pub allow_from: AllowList,
    /// Address of the metrics endpoint, if there is to be one.
    pub metrics_listen: Option<SocketAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            arena: Gigabytes::DEFAULT,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 3313,
            snapshot_period: Duration::ZERO,
            logfile: PathBuf::from("/var/log/wallarm/tarantool.log"),
            workdir: PathBuf::from("/var/lib/wallarm-tarantool"),
            spool_size: Gigabytes::DEFAULT,
            node_yaml: PathBuf::from("/etc/wallarm/node.yaml"),
            readahead: 16320,
            net_msg_max: 768,
            allow_from: AllowList::default(),
            metrics_listen: None,
        }
    }
}

/// Settings, and what the administrator should know about where they came from.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The settings in force.
    pub settings: Settings,
    /// Lines for the log, such as the name of an unknown variable.
    pub notes: Vec<String>,
}

/// The settings cannot be used. Each text is one line that names variable, value and file, as far as they exist.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file exists and cannot be read.
    #[error("{}: cannot read the file: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A quote stays open.
    #[error("{}: {source}", path.display())]
    Grammar {
        /// The file.
        path: PathBuf,
        /// Which variable, and where.
        source: environment_file::OpenQuote,
    },
    /// A value cannot be used.
    #[error("{place}: {name}={value:?}: {expected}")]
    Value {
        /// File, and line if known.
        place: String,
        /// Name of the variable.
        name: String,
        /// The value as it was read.
        value: String,
        /// What was expected instead.
        expected: String,
    },
}

impl Settings {
    /// Reads both files. One that does not exist leaves the defaults and a note.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] on the first thing that cannot be used.
    pub fn load(file: &Path, init_lua: Option<&Path>) -> Result<Loaded, SettingsError> {
        let mut loaded = Loaded::default();
        if let Some(path) = init_lua
            && let Some(text) = read(path)?
        {
            loaded.settings.read_init_lua(path, &text)?;
        }
        match read(file)? {
            Some(text) => loaded.read_file(file, &text)?,
            None => loaded.notes.push(format!("{} does not exist: defaults are used", file.display())),
        }
        Ok(loaded)
    }

    fn read_init_lua(&mut self, path: &Path, text: &str) -> Result<(), SettingsError> {
        let found = init_lua::parse(text);
        let place = path.display().to_string();
        let pairs = [("readahead", "READAHEAD", found.readahead), ("net_msg_max", "NET_MSG_MAX", found.net_msg_max)];
        for (name, variable, value) in pairs {
            if let (Some(value), Some(variable)) = (value, by_name(variable)) {
                self.set(variable, name, &value, &place)?;
            }
        }
        Ok(())
    }

    fn set(&mut self, variable: &table::Variable, name: &str, value: &str, place: &str) -> Result<(), SettingsError> {
        (variable.read)(self, value).map_err(|expected| SettingsError::Value {
            place: place.to_owned(),
            name: name.to_owned(),
            value: shortened(value),
            expected,
        })
    }
}

impl Loaded {
    fn read_file(&mut self, path: &Path, text: &str) -> Result<(), SettingsError> {
        let grammar = |source| SettingsError::Grammar { path: path.to_owned(), source };
        let content = environment_file::parse(text).map_err(grammar)?;
        for assignment in content.assignments {
            let place = format!("{}, line {}", path.display(), assignment.line);
            match by_name(&assignment.name) {
                Some(variable) => self.settings.set(variable, variable.name, &assignment.value, &place)?,
                None => self.notes.push(format!("{place}: unknown variable {} is ignored", assignment.name)),
            }
        }
        let ignored = content.ignored.into_iter();
        self.notes.extend(ignored.map(|line| format!("{}, line {line}: no NAME=value, ignored", path.display())));
        Ok(())
    }
}

/// A value as an error shows it: a slip may make it as long as the file.
fn shortened(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

fn by_name(name: &str) -> Option<&'static table::Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}

fn read(path: &Path) -> Result<Option<String>, SettingsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SettingsError::Unreadable { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> Result<Loaded, SettingsError> {
        let mut loaded = Loaded::default();
        loaded.read_file(Path::new("/etc/default/wallarm-tarantool"), text).map(|()| loaded)
    }

    fn error(text: &str) -> String {
        loaded(text).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_file_sets_the_defaults() {
        let loaded = loaded(&shipped_file()).unwrap();
        assert_eq!(loaded.settings, Settings::default());
        assert!(loaded.notes.is_empty());
    }

    #[test]
    fn every_example_in_the_shipped_file_is_valid_once_uncommented() {
        let text = shipped_file().replace("\n#", "\n").replace("\n ", "\n# ");
        let settings = loaded(&text).unwrap().settings;
        assert_eq!(settings.host.to_string(), "0.0.0.0");
        assert_eq!(settings.metrics_listen.unwrap().port(), 9313);
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let settings =
            loaded("SLAB_ALLOC_ARENA=0.5\nSPOOL_SIZE=2.5\nNODE_YAML=/etc/node\nALLOW_FROM=10.0.0.0/8,::1\nMETRICS_LISTEN=[::1]:1\n").unwrap().settings;
        let shown: String =
            VARIABLES.iter().map(|each| format!("{}='{}'\n", each.name, (each.show)(&settings))).collect();
        assert_eq!(loaded(&shown).unwrap().settings, settings);
    }

    #[test]
    fn an_error_names_file_line_variable_and_value() {
        assert_eq!(
            error("# memory\nSLAB_ALLOC_ARENA=1,5\n"),
            "/etc/default/wallarm-tarantool, line 2: SLAB_ALLOC_ARENA=\"1,5\": \
             expected a number of GB such as 2 or 1.5, with a point and without a unit"
        );
        assert!(error("SPOOL_SIZE=0.01").ends_with("line 1: SPOOL_SIZE=\"0.01\": the least is 0.05 GB"));
        assert!(error("NODE_YAML=node.yaml").ends_with("expected an absolute path"));
        assert!(error("HOST=db.example.com").contains("line 1: HOST=\"db.example.com\": expected an IP address"));
    }

    #[test]
    fn a_value_with_a_line_break_still_makes_one_line() {
        assert_eq!(error("PORT='33\n13'").lines().count(), 1);
    }

    #[test]
    fn an_error_shows_the_beginning_of_a_value_that_never_ends() {
        let error = error(&format!("PORT={}", "é".repeat(1_000_000)));
        assert!(error.contains("éé…") && error.len() < 400, "{}", error.len());
    }

    #[test]
    fn of_two_values_the_later_counts() {
        assert_eq!(loaded("PORT=4000\nPORT=4001\n").unwrap().settings.port, 4001);
    }

    #[test]
    fn ipv6_is_accepted() {
        assert!(loaded("HOST='::'").unwrap().settings.host.is_ipv6());
    }

    #[test]
    fn unknown_variables_are_notes() {
        let notes = loaded("SLAB_ALLOC_AREA=2\njust words\n").unwrap().notes;
        assert_eq!(notes[0], "/etc/default/wallarm-tarantool, line 1: unknown variable SLAB_ALLOC_AREA is ignored");
        assert_eq!(notes[1], "/etc/default/wallarm-tarantool, line 2: no NAME=value, ignored");
    }

    #[test]
    fn the_settings_file_wins_over_init_lua() {
        let mut loaded = Loaded::default();
        let text = "box.cfg { readahead = 1024 * 1024, net_msg_max = 1000 }";
        loaded.settings.read_init_lua(Path::new("init.lua"), text).unwrap();
        loaded.read_file(Path::new("settings"), "NET_MSG_MAX=2000").unwrap();
        assert_eq!((loaded.settings.readahead, loaded.settings.net_msg_max), (1 << 20, 2000));
    }

    #[test]
    fn a_broken_number_in_init_lua_is_an_error_with_its_name() {
        let error = Settings::default().read_init_lua(Path::new("init.lua"), "box.cfg { readahead = lots }");
        let expected = "init.lua: readahead=\"lots\": expected a whole number from 1024 to 134217728";
        assert_eq!(error.unwrap_err().to_string(), expected);
    }
}
