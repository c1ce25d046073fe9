//! The settings that directives make: one set for the whole `http` block, one for each `http`, `server` and `location` block.
//!
//! While a configuration is read, every field is optional; inner blocks then inherit what they leave out, and what nobody set
//! takes its default. Each field is declared once, with its default, in the two tables below.

use crate::block_page::BlockPage;
use crate::mode::{Mode, Override};
use crate::rate_limit::RateLimit;
use crate::rulesets::Paths;
use crate::status::{ClientId, Format};
use crate::upstream::QueueLimits;
use crate::verdict::OverlimitBlock;
use detection::{Limits, Parser, ParserSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A text with variables which NGINX compiled; the number is its place in the list that the module keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateId(pub usize);

/// A value that is known, or that a text with variables yields for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamic<T> {
    /// The same for every request.
    Fixed(T),
    /// To be evaluated.
    Template(TemplateId),
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The built-in server, since no upstream is named.
    BuiltIn(SocketAddr),
    /// The `upstream` block with this name.
    Upstream(String),
    /// The API; the path is that of a `node.yaml`.
    Api(PathBuf),
}

/// Where records go when nothing is configured: the documented one-server installation never names an upstream.
pub const BUILT_IN_SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 3313);

/// `wallarm_upstream_backend`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// Postanalytics.
    Tarantool,
    /// The API.
    Api,
}

/// `wallarm_status`: which format a location answers in; `None` is off.
pub type Status = Option<Format>;

/// A line of `wallarm_block_page`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageLine {
    /// What it says.
    pub page: BlockPage,
    /// The text of a redirect, or of a variable that chooses; none for a file or a named location.
    pub text: Option<TemplateId>,
}

/// A line of `wallarm_rate_limit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitLine {
    /// What it says.
    pub limit: RateLimit,
    /// The text whose value is the key.
    pub key: TemplateId,
}

/// A line of `wallarm_force`: a value that is taken instead of what the connection or the response says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Force {
    /// What it replaces.
    pub what: Forced,
    /// The text whose value is taken.
    pub value: TemplateId,
}

/// What `wallarm_force` can replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forced {
    /// `server_addr`
    ServerAddress,
    /// `server_port`
    ServerPort,
    /// `response_status`
    ResponseStatus,
    /// `response_time`
    ResponseTime,
    /// `response_size`
    ResponseSize,
}

impl Forced {
    /// The names that the directive knows.
    pub const NAMES: [&str; 5] = ["server_addr", "server_port", "response_status", "response_time", "response_size"];

    /// The one with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "server_addr" => Some(Self::ServerAddress),
            "server_port" => Some(Self::ServerPort),
            "response_status" => Some(Self::ResponseStatus),
            "response_time" => Some(Self::ResponseTime),
            "response_size" => Some(Self::ResponseSize),
            _ => None,
        }
    }
}

/// `wallarm_set_tag`: a name, and the text whose value becomes the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The name in the record.
    pub name: String,
    /// The value.
    pub value: TemplateId,
}

/// Declares a set of settings twice: as read (`Option` fields) and as it holds (plain fields with defaults).
macro_rules! settings {
    ($(#[$read_doc:meta])* $read:ident, $(#[$holds_doc:meta])* $holds:ident {
        $($(#[$doc:meta])+ $field:ident: $type:ty = $default:expr;)+
    }) => {
        $(#[$read_doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $read { $($(#[$doc])+ pub $field: Option<$type>,)+ }

        $(#[$holds_doc])*
        #[derive(Clone, Debug)]
        pub struct $holds { $($(#[$doc])+ pub $field: $type,)+ }

        impl $read {
            /// Takes from the outer block what this one leaves out.
            pub fn inherit(&mut self, outer: &Self) {
                $(if self.$field.is_none() { self.$field.clone_from(&outer.$field); })+
            }

            /// What holds: defaults fill what nobody set.
            #[must_use]
            pub fn resolve(&self) -> $holds {
                $holds { $($field: self.$field.clone().unwrap_or_else(|| $default),)+ }
            }
        }
    };
}

settings! {
    /// The settings of one `http`, `server` or `location` block, as read.
    BlockRead,
    /// The settings that hold in one block.
    Block {
        /// `wallarm_mode`.
        mode: Dynamic<Mode> = Dynamic::Fixed(Mode::Off);
        /// `wallarm_mode_allow_override`.
        allow_override: Override = Override::On;
        /// `wallarm_status`.
        status: Status = None;
        /// `wallarm_application`; `None` is `-1`, no application.
        application: Option<Dynamic<u32>> = None;
        /// `wallarm_partner_client_uuid`.
        client_uuid: Option<Dynamic<ClientId>> = None;
        /// `wallarm_block_page`.
        block_pages: Vec<PageLine> = Vec::new();
        /// `wallarm_fallback`.
        fallback: bool = true;
        /// `wallarm_protondb_path`.
        protondb_path: PathBuf = PathBuf::from("/etc/wallarm/proton.db");
        /// `wallarm_custom_ruleset_path`.
        custom_ruleset_path: PathBuf = PathBuf::from("/etc/wallarm/custom_ruleset");
        /// `wallarm_key_path`.
        key_path: PathBuf = PathBuf::from("/etc/wallarm/private.key");
        /// `wallarm_parser_disable`.
        disabled_parsers: Vec<Parser> = Vec::new();
        /// `wallarm_enable_libdetection`.
        confirm: bool = true;
        /// `wallarm_process_time_limit`.
        time_limit: Duration = Duration::from_secs(1);
        /// `wallarm_process_time_limit_block`.
        time_limit_block: OverlimitBlock = OverlimitBlock::Attack;
        /// `wallarm_request_memory_limit`, bytes; 0 is none.
        request_memory_limit: u64 = 0;
        /// `wallarm_general_ruleset_memory_limit`, bytes; 0 is none.
        ruleset_memory_limit: u64 = 1 << 30;
        /// `wallarm_request_chunk_size`, bytes.
        chunk_size: u64 = 8 << 10;
        /// `wallarm_timeslice`; zero is the built-in length of a turn.
        timeslice: Duration = Duration::ZERO;
        /// `wallarm_stalled_worker_timeout`.
        stalled_worker_timeout: Duration = Duration::from_secs(5);
        /// `wallarm_parse_response`.
        parse_response: bool = true;
        /// `wallarm_parse_html_response`.
        parse_html_response: bool = true;
        /// `wallarm_unpack_response`.
        unpack_response: bool = true;
        /// `wallarm_parse_websocket`.
        parse_websocket: bool = false;
        /// `disable_acl`.
        disable_acl: bool = false;
        /// `wallarm_rate_limit`.
        rate_limits: Vec<LimitLine> = Vec::new();
        /// `wallarm_rate_limit_enabled`.
        rate_limit_enabled: bool = true;
        /// `wallarm_rate_limit_status_code`.
        rate_limit_status_code: u16 = 503;
        /// `wallarm_rate_limit_log_level`.
        rate_limit_log_level: LogLevel = LogLevel::Error;
        /// `wallarm_memlimit_debug`.
        memlimit_debug: bool = true;
        /// `wallarm_force`.
        force: Vec<Force> = Vec::new();
        /// `wallarm_set_tag`.
        tags: Vec<Tag> = Vec::new();
    }
}

settings! {
    /// The settings of the whole `http` block, as read.
    GlobalRead,
    /// The settings that hold for the whole `http` block.
    Global {
        /// `wallarm_tarantool_upstream`; the backend that follows from it is [`GlobalRead::backend`].
        upstream: Option<UpstreamName> = None;
        /// `wallarm_upstream_backend`.
        backend_kind: Option<BackendKind> = None;
        /// `wallarm_api_conf`.
        api_conf: Option<PathBuf> = None;
        /// `wallarm_upstream_connect_attempts`.
        connect_attempts: u32 = 10;
        /// `wallarm_upstream_reconnect_interval`.
        reconnect_interval: Duration = Duration::from_secs(15);
        /// `wallarm_upstream_connect_timeout`.
        connect_timeout: Duration = Duration::from_secs(1);
        /// `wallarm_upstream_queue_limit`, requests; see [`GlobalRead::queue_limits`].
        queue_limit: Option<u32> = None;
        /// `wallarm_upstream_queue_memory_limit`, bytes; see [`GlobalRead::queue_limits`].
        queue_memory_limit: Option<u64> = None;
        /// `wallarm_block_page_add_dynamic_path`.
        dynamic_pages: Vec<PathBuf> = Vec::new();
        /// `wallarm_cache_path`.
        cache_path: PathBuf = PathBuf::from("/var/lib/nginx/wallarm");
        /// `wallarm_file_check_interval`.
        file_check_interval: Duration = Duration::from_secs(60);
        /// `wallarm_ip_lists_path`.
        ip_lists_path: PathBuf = PathBuf::from("/etc/wallarm/ip_lists");
        /// `wallarm_acl_access_phase`.
        acl_access_phase: bool = true;
        /// `wallarm_rate_limit_shm_size`, bytes.
        rate_limit_shm_size: u64 = 64 << 20;
        /// `wallarm_acl_export_enable`.
        acl_export: bool = true;
        /// `wallarm_acl_export_shm_size`, bytes.
        acl_export_shm_size: u64 = 64 << 20;
        /// `wallarm_acl_export_sample_limit`, requests.
        acl_export_sample_limit: u32 = 10;
        /// `wallarm_acl_export_sample_group_lifetime`.
        acl_export_sample_group_lifetime: Duration = Duration::from_secs(3600);
        /// `wallarm_acl_export_stats_bucket_interval`.
        acl_export_stats_bucket_interval: Duration = Duration::from_secs(60);
        /// `wallarm_acl_export_stats_bucket_lifetime`.
        acl_export_stats_bucket_lifetime: Duration = Duration::from_secs(1800);
    }
}

/// The name of an `upstream` block, and where it was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamName {
    /// The name.
    pub name: String,
    /// `file:line` of the directive, for messages that come once the whole configuration is read.
    pub place: String,
}

/// `wallarm_rate_limit_log_level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// `info`
    Info,
    /// `notice`
    Notice,
    /// `warn`
    Warn,
    /// `error`
    #[default]
    Error,
}

impl LogLevel {
    /// The level with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "info" => Some(Self::Info),
            "notice" => Some(Self::Notice),
            "warn" => Some(Self::Warn),
            "error" => Some(Self::Error),
            _ => None,
        }
    }
}

impl Block {
    /// What the block says about the engine.
    #[must_use]
    pub fn detection(&self) -> detection::Settings {
        let mut parsers = ParserSet::ALL;
        self.disabled_parsers.iter().for_each(|parser| parsers.remove(*parser));
        let memory = usize::try_from(self.request_memory_limit).unwrap_or(usize::MAX);
        detection::Settings { parsers, confirm: self.confirm, limits: Limits { memory, ..Limits::default() } }
    }

    /// Whether requests here are copies of traffic that was answered elsewhere: `wallarm_force` says how.
    #[must_use]
    pub fn takes_copies(&self) -> bool {
        let of_response = |what| matches!(what, Forced::ResponseStatus | Forced::ResponseTime | Forced::ResponseSize);
        self.force.iter().any(|force| of_response(force.what))
    }

    /// The files of its rule sets.
    #[must_use]
    pub fn ruleset_paths(&self) -> Paths {
        Paths {
            database: self.protondb_path.clone(),
            custom: self.custom_ruleset_path.clone(),
            key: self.key_path.clone(),
        }
    }
}

/// Directives that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Two backends.
    #[error(
        "directive ambiguous wallarm upstream backend: \"wallarm_api_conf\" and \"wallarm_tarantool_upstream\" are both set; \
         remove one of them"
    )]
    TwoBackends {
        /// Where the upstream is named.
        place: String,
    },
    /// The API without its settings.
    #[error("\"wallarm_upstream_backend api\" needs \"wallarm_api_conf\" with the path of a node.yaml")]
    ApiWithoutConf,
    /// Postanalytics is wanted, but settings of the API are given.
    #[error(
        "directive ambiguous wallarm upstream backend: \"wallarm_api_conf\" is set, but \"wallarm_upstream_backend\" is \
         \"tarantool\"; remove one of them"
    )]
    ConfWithoutApi,
}

impl Contradiction {
    /// `file:line` of the directive to look at, where it is known.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::TwoBackends { place } => Some(place),
            Self::ApiWithoutConf | Self::ConfWithoutApi => None,
        }
    }
}

impl GlobalRead {
    /// Where records go.
    ///
    /// # Errors
    ///
    /// When the directives contradict each other.
    pub fn backend(&self) -> Result<Backend, Contradiction> {
        let upstream = self.upstream.clone().flatten();
        let api = self.api_conf.clone().flatten();
        match (upstream, api, self.backend_kind.flatten()) {
            (Some(UpstreamName { place, .. }), Some(_), _) => Err(Contradiction::TwoBackends { place }),
            (None, Some(_), Some(BackendKind::Tarantool)) => Err(Contradiction::ConfWithoutApi),
            (_, None, Some(BackendKind::Api)) => Err(Contradiction::ApiWithoutConf),
            (None, Some(conf), _) => Ok(Backend::Api(conf)),
            (Some(upstream), None, _) => Ok(Backend::Upstream(upstream.name)),
            (None, None, _) => Ok(Backend::BuiltIn(BUILT_IN_SERVER)),
        }
    }

    /// The limits of the queue: 100 MB unless one of the two directives is set; one that is set alone lifts the other.
    #[must_use]
    pub fn queue_limits(&self) -> QueueLimits {
        let count = self.queue_limit.flatten().map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let bytes = self.queue_memory_limit.flatten().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        QueueLimits::new(count, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_block_overrides_the_outer_and_inherits_the_rest() {
        let http =
            BlockRead { mode: Some(Dynamic::Fixed(Mode::Block)), chunk_size: Some(4096), ..BlockRead::default() };
        let mut server = BlockRead { mode: Some(Dynamic::Fixed(Mode::Monitoring)), ..BlockRead::default() };
        server.inherit(&http);
        let mut location = BlockRead { fallback: Some(false), ..BlockRead::default() };
        location.inherit(&server);
        let holds = location.resolve();
        assert_eq!(holds.mode, Dynamic::Fixed(Mode::Monitoring));
        assert_eq!(holds.chunk_size, 4096);
        assert!(!holds.fallback);
    }

    fn named(name: &str) -> Option<Option<UpstreamName>> {
        Some(Some(UpstreamName { name: name.to_owned(), place: "nginx.conf:7".to_owned() }))
    }

    #[test]
    fn without_a_backend_records_go_to_port_3313_of_this_machine() {
        let backend = GlobalRead::default().backend();
        assert_eq!(backend, Ok(Backend::BuiltIn("127.0.0.1:3313".parse().unwrap())));
    }

    #[test]
    fn an_api_file_together_with_an_upstream_is_ambiguous() {
        let read =
            GlobalRead { upstream: named("x"), api_conf: Some(Some(PathBuf::from("n"))), ..GlobalRead::default() };
        let contradiction = read.backend().unwrap_err();
        assert!(contradiction.to_string().contains("directive ambiguous wallarm upstream backend"));
        assert_eq!(contradiction.place(), Some("nginx.conf:7"));
    }

    #[test]
    fn an_api_file_alone_chooses_the_api() {
        let api_conf = Some(Some(PathBuf::from("/etc/wallarm/node.yaml")));
        let read = GlobalRead { api_conf, ..GlobalRead::default() };
        assert_eq!(read.backend(), Ok(Backend::Api(PathBuf::from("/etc/wallarm/node.yaml"))));
    }

    #[test]
    fn the_api_without_a_file_is_an_error() {
        let read = GlobalRead { backend_kind: Some(Some(BackendKind::Api)), ..GlobalRead::default() };
        assert_eq!(read.backend(), Err(Contradiction::ApiWithoutConf));
    }

    #[test]
    fn a_limit_of_the_queue_that_is_set_alone_lifts_the_other() {
        let limits = |queue_limit, queue_memory_limit| {
            GlobalRead {
                queue_limit: Some(queue_limit),
                queue_memory_limit: Some(queue_memory_limit),
                ..GlobalRead::default()
            }
            .queue_limits()
        };
        assert_eq!(limits(None, None), QueueLimits::new(None, Some(100 << 20)));
        assert_eq!(limits(Some(5), None), QueueLimits::new(Some(5), None));
        assert_eq!(limits(None, Some(7)), QueueLimits::new(None, Some(7)));
        assert_eq!(limits(Some(5), Some(7)), QueueLimits::new(Some(5), Some(7)));
    }
}
