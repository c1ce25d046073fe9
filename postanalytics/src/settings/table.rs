//! Every variable of the settings file, declared once: parser, shipped file, report and defaults come from this table.

use std::time::Duration;

use super::Settings;
use super::values::{AllowList, Gigabytes, host, listen, number, path, port};
use iproto::frame;

/// One variable of the settings file.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Whether the shipped file sets it or shows it in a comment.
    pub shipped: Shipped,
    /// The value in the shipped file, quotes included.
    pub example: &'static str,
    /// What the shipped file says above it.
    pub comment: &'static str,
    /// Reads a value into the settings; the error says what was expected.
    pub read: fn(&mut Settings, &str) -> Result<(), String>,
    /// Writes the value in force.
    pub show: fn(&Settings) -> String,
}

/// How a variable stands in the shipped file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shipped {
    /// `NAME=value`
    Active,
    /// `#NAME=value`
    Commented,
}

/// The variables, in the order of the shipped file.
pub const VARIABLES: [Variable; 12] = [
    Variable {
        name: "SLAB_ALLOC_ARENA",
        shipped: Shipped::Active,
        example: "1.0",
        comment: "memory for stored requests in GB, an integer or a number with a decimal point;\n\
                  rule of thumb: bytes of traffic a minute x 15 x 2",
        read: |settings, text| Gigabytes::parse(text).map(|value| settings.arena = value),
        show: |settings| settings.arena.to_string(),
    },
    Variable {
        name: "HOST",
        shipped: Shipped::Commented,
        example: "'0.0.0.0'",
        comment: "address and port for bind",
        read: |settings, text| host(text).map(|value| settings.host = value),
        show: |settings| settings.host.to_string(),
    },
    Variable {
        name: "PORT",
        shipped: Shipped::Commented,
        example: "3313",
        comment: "",
        read: |settings, text| port(text).map(|value| settings.port = value),
        show: |settings| settings.port.to_string(),
    },
    Variable {
        name: "ALLOW_FROM",
        shipped: Shipped::Commented,
        example: "'192.0.2.10,198.51.100.0/24'",
        comment: "addresses and networks that may connect, separated by commas; empty: everyone",
        read: |settings, text| AllowList::parse(text).map(|value| settings.allow_from = value),
        show: |settings| settings.allow_from.to_string(),
    },
    Variable {
        name: "SNAPSHOT_PERIOD",
        shipped: Shipped::Commented,
        example: "0",
        comment: "seconds between two savings of attacks that are not exported yet; 0: half a second.\n\
                  Those of that time are lost if the server is killed",
        read: |settings, text| {
            number(text, 0, 86400).map(|value| settings.snapshot_period = Duration::from_secs(value))
        },
        show: |settings| settings.snapshot_period.as_secs().to_string(),
    },
    Variable {
        name: "LOGFILE",
        shipped: Shipped::Commented,
        example: "/var/log/wallarm/tarantool.log",
        comment: "log file, and the directory that has saved attacks in its folder spool",
        read: |settings, text| path(text).map(|value| settings.logfile = value),
        show: |settings| settings.logfile.display().to_string(),
    },
    Variable {
        name: "WORKDIR",
        shipped: Shipped::Commented,
        example: "/var/lib/wallarm-tarantool",
        comment: "",
        read: |settings, text| path(text).map(|value| settings.workdir = value),
        show: |settings| settings.workdir.display().to_string(),
    },
    Variable {
        name: "SPOOL_SIZE",
        shipped: Shipped::Commented,
        example: "1.0",
        comment: "disk for saved attacks in GB; the oldest give way when the Cloud is away for so long",
        read: |settings, text| Gigabytes::parse(text).map(|value| settings.spool_size = value),
        show: |settings| settings.spool_size.to_string(),
    },
    Variable {
        name: "NODE_YAML",
        shipped: Shipped::Commented,
        example: "/etc/wallarm/node.yaml",
        comment: "what registers this node at a Cloud; attacks are saved and exported once it exists",
        read: |settings, text| path(text).map(|value| settings.node_yaml = value),
        show: |settings| settings.node_yaml.display().to_string(),
    },
    Variable {
        name: "READAHEAD",
        shipped: Shipped::Commented,
        example: "16320",
        comment: "bytes of unanswered requests a connection may have; when the log says that the\n\
                  readahead limit is reached: 1048576 or 8388608",
        read: |settings, text| {
            number(text, 1024, frame::MAX_LENGTH as u64).map(|value| settings.readahead = value as usize)
        },
        show: |settings| settings.readahead.to_string(),
    },
    Variable {
        name: "NET_MSG_MAX",
        shipped: Shipped::Commented,
        example: "768",
        comment: "unanswered requests a connection may have",
        read: |settings, text| number(text, 2, 1 << 20).map(|value| settings.net_msg_max = value as usize),
        show: |settings| settings.net_msg_max.to_string(),
    },
    Variable {
        name: "METRICS_LISTEN",
        shipped: Shipped::Commented,
        example: "127.0.0.1:9313",
        comment: "address:port of an HTTP endpoint with metrics for Prometheus; empty: none",
        read: |settings, text| listen(text).map(|value| settings.metrics_listen = value),
        show: |settings| settings.metrics_listen.map(|address| address.to_string()).unwrap_or_default(),
    },
];

/// The settings file as packages ship it.
#[must_use]
pub fn shipped_file() -> String {
    let mut text = String::from(
        "# Settings of the postanalytics server. It reads this file as a systemd EnvironmentFile:\n\
         # NAME=value, quotes are allowed, nothing is expanded. Apply with: systemctl restart wallarm-tarantool\n",
    );
    for variable in &VARIABLES {
        if !variable.comment.is_empty() {
            text.push('\n');
        }
        for line in variable.comment.lines() {
            text += &format!("# {line}\n");
        }
        let mark = if variable.shipped == Shipped::Commented { "#" } else { "" };
        text += &format!("{mark}{}={}\n", variable.name, variable.example);
    }
    text
}
