//! The text of a configuration, small enough that a test shows all that matters to it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Who the workers run as. Debian makes this account at installation, NGINX or not.
pub const WORKER: &str = "www-data";

/// What a test wants of its NGINX. Paths of logs and temporary files, the listener and the `load_module` lines come by themselves;
/// `{prefix}` in any of the texts stands for the folder of this NGINX.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Modules to load, in order.
    pub modules: Vec<PathBuf>,
    /// Worker processes; 0 stands for 1.
    pub workers: u32,
    /// Level of the error log; empty stands for `info`.
    pub log_level: &'static str,
    /// Directives at the outermost level.
    pub main: String,
    /// Directives of the `http` block.
    pub http: String,
    /// Directives of its one `server` block that listens on the address of this NGINX.
    pub server: String,
}

impl Config {
    /// The whole text for an NGINX whose files are below `prefix` and which listens on `address`.
    #[must_use]
    pub fn text(&self, prefix: &Path, address: SocketAddr) -> String {
        let mut text = format!(
            "user {WORKER};\nworker_processes {};\npid {prefix}/nginx.pid;\nerror_log {prefix}/error.log {};\n",
            self.workers.max(1),
            if self.log_level.is_empty() { "info" } else { self.log_level },
            prefix = prefix.display(),
        );
        for module in &self.modules {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "load_module {};", module.display());
        }
        text += &self.main;
        text += "\nevents { worker_connections 2048; }\nhttp {\naccess_log off;\n";
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            let _ = writeln!(text, "{kind}_temp_path {}/{kind};", prefix.display());
        }
        let _ = write!(text, "{}\nserver {{\nlisten {address};\n{}\n}}\n}}\n", self.http, self.server);
        text.replace("{prefix}", &prefix.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_this_nginx_takes_the_place_of_its_name() {
        let config = Config { http: "wallarm_cache_path {prefix}/cache;".to_owned(), ..Config::default() };
        let text = config.text(Path::new("/run/one"), ([127, 0, 0, 1], 80).into());
        assert!(text.contains("wallarm_cache_path /run/one/cache;\n"), "{text}");
        assert!(text.contains("listen 127.0.0.1:80;"), "{text}");
    }
}
