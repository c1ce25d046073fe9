//! The table, and the few forms that its values take.

use super::{Arguments, Arity, Contexts, Directive, Effect, Reading};
use crate::block_page::{BlockPage, Target};
use crate::mode::{Mode, Override};
use crate::rate_limit::{LEAST_ZONE, RateLimit};
use crate::settings::{BackendKind, Force, Forced, LimitLine, LogLevel, PageLine, Tag, UpstreamName};
use crate::status::Format;
use crate::value::{ValueError, flag, number, size, text, time};
use crate::verdict::OverlimitBlock;
use Arity::{Any, One, Some as AtLeastOne, Two, UpToTwo};
use Contexts::{Http, HttpServerLocation, Main, ServerLocation};
use detection::Parser;
use std::ffi::CStr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);

const RATE_LIMIT: &str = "KEY rate=N(r/s | r/m) [burst=N] [delay=N | nodelay]";
const BLOCK_PAGE: &str = "TARGET [response_code=N] [type=attack,acl_ip,acl_source]";
const STATUS: &str = "[on | off] [format=json | format=prometheus]";
const FORCE: &str = "server_addr V | server_port V | response_status N | response_time N | response_size N";
const MODES: &str = "off | monitoring | safe_blocking | block | $variable";
const DEBUG_LOG_ONLY: &str = "MASK";

/// Sets a field that may be set once a block.
fn once<T>(field: &mut Option<T>, value: T) -> Result<(), ValueError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(ValueError::Duplicate),
    }
}

/// One of several words.
fn keyword<T>(text: &str, words: &[&str], by_name: fn(&str) -> Option<T>) -> Result<T, ValueError> {
    by_name(text).ok_or_else(|| ValueError::Keyword { value: text.to_owned(), expected: words.join(", ") })
}

fn mode(text: &str) -> Result<Mode, ValueError> {
    keyword(text, &Mode::ALL.map(Mode::name), Mode::by_name)
}

fn positive(text: &str) -> Result<u32, ValueError> {
    number(text, 1, u32::MAX, "a whole number from 1 to 4294967295")
}

fn count(text: &str) -> Result<u32, ValueError> {
    number(text, 0, u32::MAX, "a whole number from 0 to 4294967295")
}

/// A directive whose only argument goes through one function into one field.
macro_rules! set {
    ($scope:ident.$field:ident, $read:expr) => {
        Effect::Set(|reading, arguments| {
            let value = $read(arguments.first())?;
            once(&mut reading.$scope.$field, value)
        })
    };
}

/// As `set!`, where nothing in this version asks for the field.
macro_rules! idle {
    ($scope:ident.$field:ident, $read:expr) => {
        match set!($scope.$field, $read) {
            Effect::Set(set) => Effect::Idle(set),
            other => other,
        }
    };
}

/// As `set!`, for a path.
macro_rules! set_path {
    ($scope:ident.$field:ident) => {
        Effect::Set(|reading, arguments| {
            let path = reading.path(arguments.first())?;
            once(&mut reading.$scope.$field, path)
        })
    };
}

/// As `set!`, for a directive that may stand several times in a block.
macro_rules! add {
    ($scope:ident.$field:ident, $read:expr) => {
        Effect::Set(|reading, arguments| {
            let value = $read(&mut *reading, arguments)?;
            reading.$scope.$field.get_or_insert_default().push(value);
            Ok(())
        })
    };
}

/// Accepted and checked, without effect in this version.
macro_rules! accept {
    ($read:expr) => {
        Effect::Set(|_, arguments| $read(arguments.first()).map(|_| ()))
    };
}

fn set_mode(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<(), ValueError> {
    let value = reading.dynamic(arguments.first(), mode)?;
    once(&mut reading.block.mode, value)
}

fn set_application(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<(), ValueError> {
    let value = match arguments.first() {
        "-1" => None,
        text => Some(reading.dynamic(text, positive)?),
    };
    once(&mut reading.block.application, value)
}

fn set_client_uuid(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<(), ValueError> {
    let value = reading.dynamic(arguments.first(), |text| text.parse().map_err(|error| refused(text, &error)))?;
    once(&mut reading.block.client_uuid, Some(value))
}

fn set_status(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<(), ValueError> {
    let mut on = true;
    let mut format = Format::Json;
    for argument in arguments.0 {
        match *argument {
            "on" => on = true,
            "off" => on = false,
            other => match other.strip_prefix("format=").and_then(Format::by_name) {
                Some(named) => format = named,
                None => return Err(ValueError::Parameter { value: other.to_owned(), syntax: STATUS }),
            },
        }
    }
    once(&mut reading.block.status, on.then_some(format))
}

fn set_upstream(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<(), ValueError> {
    let name = UpstreamName { name: text(arguments.first())?, place: reading.host.place() };
    once(&mut reading.global.upstream, Some(name))
}

fn set_api_conf(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<(), ValueError> {
    let path = reading.path(arguments.first())?;
    once(&mut reading.global.api_conf, Some(path))
}

fn set_timeslice(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<(), ValueError> {
    once(&mut reading.block.timeslice, time(arguments.first(), MILLISECOND)?)
}

fn parser(_: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<Parser, ValueError> {
    let names: Vec<&str> = Parser::ALL.iter().filter_map(|parser| parser.directive_name()).collect();
    keyword(arguments.first(), &names, Parser::by_directive_name)
}

fn dynamic_page(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<std::path::PathBuf, ValueError> {
    reading.path(arguments.first().trim_start_matches('&'))
}

fn page(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<PageLine, ValueError> {
    let page = BlockPage::parse(arguments.0).map_err(|error| refused(arguments.first(), &error))?;
    let text = match &page.target {
        Target::Redirect(text) | Target::Chosen { text, .. } => Some(reading.template(text)?),
        Target::Page(_) | Target::Location(_) => None,
    };
    Ok(PageLine { page, text })
}

fn rate_limit(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<LimitLine, ValueError> {
    let limit = RateLimit::parse(arguments.0.iter().copied()).map_err(|error| refused(arguments.first(), &error))?;
    let key = reading.template(&limit.key)?;
    Ok(LimitLine { limit, key })
}

fn force(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<Force, ValueError> {
    let what = keyword(arguments.first(), &Forced::NAMES, Forced::by_name)?;
    Ok(Force { what, value: reading.template(arguments.get(1))? })
}

/// A value that its own parser refuses.
fn refused(value: &str, error: &dyn std::error::Error) -> ValueError {
    ValueError::Text { value: value.to_owned(), reason: error.to_string() }
}

fn tag(reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<Tag, ValueError> {
    let value = reading.template(arguments.get(1))?;
    Ok(Tag { name: text(arguments.first())?, value })
}

fn chunk_size(value: &str) -> Result<u64, ValueError> {
    match size(value)? {
        0 => Err(ValueError::Number { value: value.to_owned(), expected: "at least 1 byte" }),
        bytes => Ok(bytes),
    }
}

/// The size of a zone of shared memory.
fn zone_size(value: &str) -> Result<u64, ValueError> {
    let expected = "a size of at least 32k: NGINX keeps some pages of a zone for itself";
    size(value).and_then(|size| {
        let enough = size >= LEAST_ZONE;
        enough.then_some(size).ok_or_else(|| ValueError::Number { value: value.to_owned(), expected })
    })
}

fn status_code(value: &str) -> Result<u16, ValueError> {
    let code = number(value, 300, 599, "an HTTP code from 300 to 599")?;
    Ok(u16::try_from(code).unwrap_or(503))
}

fn milliseconds(text: &str) -> Result<Duration, ValueError> {
    number(text, 0, u32::MAX, "milliseconds, without a unit").map(|value| Duration::from_millis(value.into()))
}

fn seconds(text: &str) -> Result<Duration, ValueError> {
    time(text, SECOND)
}

/// The name as C has it; `name` ends with the terminator.
const fn terminated(name: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(name.as_bytes()) {
        Ok(name) => name,
        Err(_) => c"",
    }
}

macro_rules! table {
    ($($name:literal, $contexts:expr, $arity:expr, $syntax:expr, $default:literal, $summary:literal, $effect:expr;)+) => {
        /// Every directive: tier 1, tier 2, deprecated names, removed ones.
        pub const TABLE: &[Directive] = &[$(Directive {
            name: $name,
            c_name: terminated(concat!($name, "\0")),
            contexts: $contexts,
            arity: $arity,
            syntax: $syntax,
            default: $default,
            summary: $summary,
            effect: $effect,
        }),+];
    };
}

table! {
    "wallarm_mode", HttpServerLocation, One, MODES, "off",
        "What is done with attacks.",
        Effect::Set(set_mode);
    "wallarm_mode_allow_override", HttpServerLocation, One, "off | strict | on", "on",
        "How far the Cloud may change the mode.",
        set!(block.allow_override, |text| keyword(text, &["off", "strict", "on"], Override::by_name));
    "wallarm_tarantool_upstream", Http, One, "NAME", "127.0.0.1:3313",
        "The upstream block of the postanalytics servers.",
        Effect::Set(set_upstream);
    "wallarm_upstream_backend", Http, One, "tarantool | api", "tarantool",
        "Where records go; api when only wallarm_api_conf is set.",
        set!(global.backend_kind, |text| keyword(text, &["tarantool", "api"], |name| match name {
            "tarantool" => Some(Some(BackendKind::Tarantool)),
            "api" => Some(Some(BackendKind::Api)),
            _ => None,
        }));
    "wallarm_api_conf", Http, One, "PATH", "-",
        "A node.yaml: attacks, and nothing else, go to that API instead of postanalytics.",
        Effect::Set(set_api_conf);
    "wallarm_upstream_connect_attempts", Http, One, "N", "10",
        "Immediate attempts to connect after a connection broke.",
        set!(global.connect_attempts, count);
    "wallarm_upstream_reconnect_interval", Http, One, "TIME", "15s",
        "Time between the attempts that follow.",
        set!(global.reconnect_interval, seconds);
    "wallarm_upstream_connect_timeout", Http, One, "TIME", "1s",
        "How long an attempt to connect may take, up to the greeting of the server.",
        set!(global.connect_timeout, seconds);
    "wallarm_upstream_queue_limit", Http, One, "N", "-",
        "Records that may wait; set alone, their size is not limited.",
        set!(global.queue_limit, |text| count(text).map(Some));
    "wallarm_upstream_queue_memory_limit", Http, One, "SIZE", "100m",
        "Bytes of records that may wait; set alone, their number is not limited.",
        set!(global.queue_memory_limit, |text| size(text).map(Some));
    "wallarm_status", ServerLocation, UpToTwo, STATUS, "off",
        "Answer with the counters of the node.",
        Effect::Set(set_status);
    "wallarm_application", HttpServerLocation, One, "N | $variable", "-1",
        "The application that requests belong to.",
        Effect::Set(set_application);
    "wallarm_block_page", HttpServerLocation, AtLeastOne, BLOCK_PAGE, "403",
        "The answer to blocked requests.",
        add!(block.block_pages, page);
    "wallarm_block_page_add_dynamic_path", Http, One, "PATH", "-",
        "A page with variables inside which a variable may choose.",
        add!(global.dynamic_pages, dynamic_page);
    "wallarm_fallback", HttpServerLocation, One, "on | off", "on",
        "Without a rule set: on runs NGINX without analysis, off refuses to start.",
        set!(block.fallback, flag);
    "wallarm_protondb_path", HttpServerLocation, One, "PATH", "/etc/wallarm/proton.db",
        "The rule set of attack signs.",
        set_path!(block.protondb_path);
    "wallarm_custom_ruleset_path", HttpServerLocation, One, "PATH", "/etc/wallarm/custom_ruleset",
        "The rules of this customer.",
        set_path!(block.custom_ruleset_path);
    "wallarm_key_path", HttpServerLocation, One, "PATH", "/etc/wallarm/private.key",
        "The key of the customer's rules.",
        Effect::Idle(|reading, arguments| {
            let path = reading.path(arguments.first())?;
            once(&mut reading.block.key_path, path)
        });
    "wallarm_cache_path", Http, One, "PATH", "/var/lib/nginx/wallarm",
        "A folder that workers may write; holds the backup of the rule sets.",
        set_path!(global.cache_path);
    "wallarm_file_check_interval", Http, One, "TIME", "1",
        "How often the rule sets are looked at; without a unit in minutes.",
        set!(global.file_check_interval, |text| time(text, MINUTE));
    "wallarm_parser_disable", HttpServerLocation, One,
        "cookie | zlib | htmljs | json | multipart | base64 | percent | urlenc | xml | jwt", "-",
        "Switch a parser off; may be repeated.",
        add!(block.disabled_parsers, parser);
    "wallarm_enable_libdetection", HttpServerLocation, One, "on | off", "on",
        "Confirm SQL injections by grammar.",
        set!(block.confirm, flag);
    "wallarm_process_time_limit", HttpServerLocation, One, "MILLISECONDS", "1000",
        "Time for the analysis of one request.",
        set!(block.time_limit, milliseconds);
    "wallarm_process_time_limit_block", HttpServerLocation, One, "on | off | attack", "attack",
        "What becomes of a request whose analysis took too long.",
        set!(block.time_limit_block, |text| keyword(text, &["on", "off", "attack"], OverlimitBlock::by_name));
    "wallarm_request_memory_limit", HttpServerLocation, One, "SIZE", "0",
        "Memory for the analysis of one request; 0 is no limit.",
        set!(block.request_memory_limit, size);
    "wallarm_general_ruleset_memory_limit", HttpServerLocation, One, "SIZE", "1g",
        "Memory for one pair of rule sets; 0 is no limit.",
        set!(block.ruleset_memory_limit, size);
    "wallarm_request_chunk_size", HttpServerLocation, One, "SIZE", "8k",
        "Bytes of a body that are analysed in one step.",
        set!(block.chunk_size, chunk_size);
    "wallarm_parse_response", HttpServerLocation, One, "on | off", "on",
        "Look at the beginning of textual responses, 1 KB or 16 KB of errors, for what they give away; they pass unchanged.",
        set!(block.parse_response, flag);
    "disable_acl", HttpServerLocation, One, "on | off", "off",
        "Do not look up the source address in the lists.",
        idle!(block.disable_acl, flag);
    "wallarm_acl_access_phase", Http, One, "on | off", "on",
        "Refuse denylisted sources before the analysis.",
        idle!(global.acl_access_phase, flag);
    "wallarm_rate_limit", HttpServerLocation, AtLeastOne, RATE_LIMIT, "-",
        "Limit the rate of requests with the same key.",
        add!(block.rate_limits, rate_limit);
    "wallarm_rate_limit_enabled", HttpServerLocation, One, "on | off", "on",
        "Apply rate limits, the Cloud's included.",
        set!(block.rate_limit_enabled, flag);
    "wallarm_rate_limit_status_code", HttpServerLocation, One, "CODE", "503",
        "The code of the answer to requests over a rate limit.",
        set!(block.rate_limit_status_code, status_code);
    "wallarm_rate_limit_log_level", HttpServerLocation, One, "info | notice | warn | error", "error",
        "How requests over a rate limit are logged.",
        set!(block.rate_limit_log_level, |text| keyword(text, &["info", "notice", "warn", "error"], LogLevel::by_name));
    "wallarm_rate_limit_shm_size", Http, One, "SIZE", "64m",
        "Shared memory for the keys of rate limits.",
        set!(global.rate_limit_shm_size, zone_size);

    "wallarm_parse_html_response", HttpServerLocation, One, "on | off", "on",
        "Look at HTML responses too.",
        set!(block.parse_html_response, flag);
    "wallarm_unpack_response", HttpServerLocation, One, "on | off", "on",
        "Unpack compressed responses before looking.",
        idle!(block.unpack_response, flag);
    "wallarm_parse_websocket", HttpServerLocation, One, "on | off", "off",
        "Look at WebSocket messages.",
        idle!(block.parse_websocket, flag);
    "wallarm_timeslice", HttpServerLocation, One, "TIME", "0",
        "Length of one turn of analysis; without a unit in milliseconds, 0 is the built-in length.",
        Effect::Set(set_timeslice);
    "wallarm_stalled_worker_timeout", HttpServerLocation, One, "SECONDS", "5",
        "When a worker counts as stalled.",
        set!(block.stalled_worker_timeout, seconds);
    "wallarm_memlimit_debug", HttpServerLocation, One, "on | off", "on",
        "Write the last request that met its memory limit to proton_last_memlimit.req in the folder for temporary files.",
        set!(block.memlimit_debug, flag);
    "wallarm_partner_client_uuid", HttpServerLocation, One, "UUID | $variable", "-",
        "The tenant that requests belong to.",
        Effect::Set(set_client_uuid);
    "wallarm_force", HttpServerLocation, Two, FORCE, "-",
        "Values that records take instead of those of an out-of-band copy of traffic; seconds for the time. A block that forces a value of the \
         response only watches: `block` is `monitoring` there.",
        add!(block.force, force);
    "wallarm_acl_export_enable", Http, One, "on | off", "on",
        "Report blocked sources.",
        idle!(global.acl_export, flag);
    "wallarm_acl_export_shm_size", Http, One, "SIZE", "64m",
        "Shared memory for blocked sources.",
        idle!(global.acl_export_shm_size, size);
    "wallarm_acl_export_sample_limit", Http, One, "N", "10",
        "Requests that are kept of a blocked source.",
        idle!(global.acl_export_sample_limit, count);
    "wallarm_acl_export_sample_group_lifetime", Http, One, "SECONDS", "3600",
        "How long they are kept.",
        idle!(global.acl_export_sample_group_lifetime, seconds);
    "wallarm_acl_export_stats_bucket_interval", Http, One, "SECONDS", "60",
        "The interval over which blocked requests are counted.",
        idle!(global.acl_export_stats_bucket_interval, seconds);
    "wallarm_acl_export_stats_bucket_lifetime", Http, One, "SECONDS", "1800",
        "How long the counts are kept.",
        idle!(global.acl_export_stats_bucket_lifetime, seconds);
    "wallarm_set_tag", HttpServerLocation, Two, "NAME VALUE", "-",
        "Add a tag to records.",
        add!(block.tags, tag);
    "wallarm_proton_log_mask_master", Main, One, DEBUG_LOG_ONLY, "-",
        "Accepted for old configurations; has no effect.",
        accept!(text);
    "wallarm_proton_log_mask_worker", Main, One, DEBUG_LOG_ONLY, "-",
        "Accepted for old configurations; has no effect.",
        accept!(text);

    "wallarm_instance", HttpServerLocation, One, "N | $variable", "-1",
        "Old name.", Effect::Renamed("wallarm_application");
    "wallarm_global_trainingset_path", HttpServerLocation, One, "PATH", "-",
        "Old name.", Effect::Renamed("wallarm_protondb_path");
    "wallarm_local_trainingset_path", HttpServerLocation, One, "PATH", "-",
        "Old name.", Effect::Renamed("wallarm_custom_ruleset_path");
    "wallarm_ts_request_memory_limit", HttpServerLocation, One, "SIZE", "-",
        "Old name.", Effect::Renamed("wallarm_general_ruleset_memory_limit");
    "wallarm_worker_rlimit_vmem", HttpServerLocation, One, "SIZE", "-",
        "Old name.", Effect::Renamed("wallarm_general_ruleset_memory_limit");
    "wallarm_tarantool_connect_attempts", Http, One, "N", "-",
        "Old name.", Effect::Renamed("wallarm_upstream_connect_attempts");
    "wallarm_tarantool_connect_interval", Http, One, "TIME", "-",
        "Old name.", Effect::Renamed("wallarm_upstream_reconnect_interval");
    "wallarm_acl", HttpServerLocation, Any, "-", "-",
        "Gone.", Effect::Removed("lists of addresses come from the Cloud; remove the line, and use \"disable_acl\" to ignore the lists");
    "wallarm_acl_db", Http, Any, "-", "-",
        "Gone.", Effect::Removed("lists of addresses come from the Cloud; remove the line");
    "wallarm_acl_mapsize", HttpServerLocation, Any, "-", "-",
        "Gone.", Effect::Removed("lists of addresses come from the Cloud; remove the line");
    "wallarm_acl_path", HttpServerLocation, Any, "-", "-",
        "Gone.", Effect::Removed("lists of addresses come from the Cloud; remove the line");
    "wallarm_acl_api", HttpServerLocation, Any, "-", "-",
        "Gone.", Effect::Removed("lists of addresses come from the Cloud; remove the line");
    "wallarm_acl_block_page", HttpServerLocation, Any, "-", "-",
        "Gone.", Effect::Removed("use \"wallarm_block_page … type=acl_ip,acl_source\"");
}
