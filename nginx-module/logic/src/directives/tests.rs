//! Facts about the directives.

use super::*;
use crate::mode::Mode;
use crate::settings::{Block, Global};
use crate::status::Format;
use detection::Parser;
use std::collections::BTreeSet;
use std::time::Duration;

/// A host without variables: a template is a text that starts with a dollar.
#[derive(Default)]
struct Plain {
    templates: Vec<String>,
}

impl Host for Plain {
    fn template(&mut self, text: &str) -> Result<TemplateId, String> {
        if text == "$unknown" {
            return Err("unknown \"unknown\" variable".to_owned());
        }
        self.templates.push(text.to_owned());
        Ok(TemplateId(self.templates.len() - 1))
    }

    fn path(&self, text: &str) -> PathBuf {
        PathBuf::from("/etc/nginx").join(text)
    }

    fn place(&self) -> String {
        "nginx.conf:3".to_owned()
    }
}

/// Reads lines as one block; the arguments are split at spaces.
fn read(lines: &[&str]) -> Result<(Global, Block, Vec<Note>), DirectiveError> {
    let (mut global, mut block, mut host) = (GlobalRead::default(), BlockRead::default(), Plain::default());
    let mut notes = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let directive = Directive::by_name(words[0]).unwrap();
        let mut reading = Reading { global: &mut global, block: &mut block, host: &mut host };
        notes.push(directive.read(&mut reading, Arguments(&words[1..]))?);
    }
    Ok((global.resolve(), block.resolve(), notes))
}

fn block(line: &str) -> Block {
    read(&[line]).unwrap().1
}

fn refusal(lines: &[&str]) -> String {
    let error = read(lines).unwrap_err();
    error.to_string()
}

#[test]
fn no_name_stands_twice_in_the_table() {
    let names: BTreeSet<&str> = TABLE.iter().map(|directive| directive.name).collect();
    assert_eq!(names.len(), TABLE.len());
}

#[test]
fn every_name_is_the_same_in_c() {
    for directive in TABLE {
        assert_eq!(directive.c_name.to_bytes(), directive.name.as_bytes());
    }
}

#[test]
fn every_old_name_leads_to_a_directive_with_the_same_form() {
    for directive in TABLE {
        if let Effect::Renamed(new) = directive.effect {
            let new = Directive::by_name(new).unwrap();
            assert_eq!((new.contexts, new.arity), (directive.contexts, directive.arity), "{}", directive.name);
        }
    }
}

#[test]
fn the_document_is_the_one_in_the_repository() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/directives.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, document()).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert_eq!(kept, document(), "run this test with UPDATE_GOLDEN=1 to write {path} anew");
}

#[test]
fn a_mode_is_a_word_or_a_variable() {
    assert_eq!(block("wallarm_mode block").mode, Dynamic::Fixed(Mode::Block));
    assert_eq!(block("wallarm_mode $mode").mode, Dynamic::Template(TemplateId(0)));
    assert_eq!(
        refusal(&["wallarm_mode blocking"]),
        "\"wallarm_mode\" directive: invalid value \"blocking\", it must be one of: off, monitoring, safe_blocking, block"
    );
    assert!(refusal(&["wallarm_mode $unknown"]).contains("unknown \"unknown\" variable"));
}

#[test]
fn an_application_is_a_positive_number_or_a_variable() {
    assert_eq!(block("wallarm_application 7").application, Some(Dynamic::Fixed(7)));
    assert_eq!(block("wallarm_application $app").application, Some(Dynamic::Template(TemplateId(0))));
    assert_eq!(block("wallarm_application -1").application, None);
    for value in ["0", "-2", "x", "4294967296"] {
        assert!(refusal(&[&format!("wallarm_application {value}")]).contains("whole number"), "{value}");
    }
}

#[test]
fn a_directive_that_stands_twice_in_a_block_is_refused() {
    assert!(refusal(&["wallarm_fallback on", "wallarm_fallback on"]).contains("is duplicate"));
}

#[test]
fn an_old_name_sets_the_new_directive_and_asks_for_a_warning() {
    let (_, block, notes) = read(&["wallarm_instance 3"]).unwrap();
    assert_eq!(block.application, Some(Dynamic::Fixed(3)));
    assert_eq!(notes, [Note::Deprecated("wallarm_application")]);
}

#[test]
fn an_old_name_beside_the_new_one_is_a_duplicate() {
    assert!(refusal(&["wallarm_application 3", "wallarm_instance 3"]).contains("is duplicate"));
}

#[test]
fn a_removed_directive_names_what_to_do() {
    let message = refusal(&["wallarm_acl_block_page /x"]);
    assert!(message.contains("no longer supported") && message.contains("wallarm_block_page"), "{message}");
}

#[test]
fn a_check_interval_without_a_unit_counts_minutes() {
    let interval = |value| read(&[&format!("wallarm_file_check_interval {value}")]).unwrap().0.file_check_interval;
    assert_eq!(interval("2"), Duration::from_secs(120));
    assert_eq!(interval("30s"), Duration::from_secs(30));
    assert_eq!(interval("500ms"), Duration::from_millis(500));
}

#[test]
fn a_time_limit_has_no_unit() {
    assert_eq!(block("wallarm_process_time_limit 50").time_limit, Duration::from_millis(50));
    assert!(refusal(&["wallarm_process_time_limit 50ms"]).contains("without a unit"));
}

#[test]
fn parsers_are_switched_off_one_by_one() {
    let (_, block, _) = read(&["wallarm_parser_disable json", "wallarm_parser_disable xml"]).unwrap();
    assert_eq!(block.disabled_parsers, [Parser::Json, Parser::Xml]);
    assert!(refusal(&["wallarm_parser_disable yaml"]).contains("cookie, zlib"));
}

#[test]
fn a_zone_that_is_too_small_for_nginx_is_refused() {
    let message = refusal(&["wallarm_rate_limit_shm_size 31k"]);
    assert!(message.contains("\"31k\"") && message.contains("at least 32k"), "{message}");
    assert_eq!(read(&["wallarm_rate_limit_shm_size 32k"]).unwrap().0.rate_limit_shm_size, 32 << 10);
}

#[test]
fn a_status_without_arguments_is_on_and_speaks_json() {
    let status = |line: &[&str]| read(line).unwrap().1.status;
    let (mut global, mut block, mut host) = (GlobalRead::default(), BlockRead::default(), Plain::default());
    let mut reading = Reading { global: &mut global, block: &mut block, host: &mut host };
    Directive::by_name("wallarm_status").unwrap().read(&mut reading, Arguments(&[])).unwrap();
    assert_eq!(block.resolve().status, Some(Format::Json));
    assert_eq!(status(&["wallarm_status on format=prometheus"]), Some(Format::Prometheus));
    assert_eq!(status(&["wallarm_status off"]), None);
    assert!(refusal(&["wallarm_status on format=xml"]).contains("format=json"));
}

#[test]
fn a_rate_limit_is_checked_when_it_is_read() {
    let (_, block, _) =
        read(&["wallarm_rate_limit $remote_addr rate=10r/s burst=5", "wallarm_rate_limit x rate=1r/m"]).unwrap();
    assert_eq!(block.rate_limits.len(), 2);
    assert!(refusal(&["wallarm_rate_limit $remote_addr rate=fast"]).contains("\"wallarm_rate_limit\" directive"));
}

#[test]
fn a_block_page_is_checked_when_it_is_read() {
    let (_, block, _) = read(&["wallarm_block_page /blocked?id=$request_id response_code=302"]).unwrap();
    assert_eq!(block.block_pages.len(), 1);
    assert_eq!(block.block_pages[0].text, Some(TemplateId(0)));
    assert!(refusal(&["wallarm_block_page &/x.html type=everything"]).contains("\"wallarm_block_page\" directive"));
}

#[test]
fn a_tenant_is_a_uuid_or_a_variable() {
    let uuid = "wallarm_partner_client_uuid 11111111-2222-3333-4444-555555555555";
    assert!(matches!(block(uuid).client_uuid, Some(Dynamic::Fixed(_))));
    assert!(matches!(block("wallarm_partner_client_uuid $tenant").client_uuid, Some(Dynamic::Template(_))));
    assert!(refusal(&["wallarm_partner_client_uuid 7"]).contains("UUID"));
}

#[test]
fn switched_off_parsers_and_limits_reach_the_engine() {
    let (_, block, _) =
        read(&["wallarm_parser_disable json", "wallarm_request_memory_limit 1m", "wallarm_enable_libdetection off"])
            .unwrap();
    let settings = block.detection();
    assert!(!settings.parsers.contains(Parser::Json) && settings.parsers.contains(Parser::Xml));
    assert_eq!((settings.limits.memory, settings.confirm), (1 << 20, false));
}

#[test]
fn relative_paths_start_at_the_configuration_folder() {
    assert_eq!(block("wallarm_protondb_path db/proton.db").protondb_path, PathBuf::from("/etc/nginx/db/proton.db"));
}

#[test]
fn an_upstream_remembers_where_it_was_named() {
    let (global, ..) = read(&["wallarm_tarantool_upstream wallarm_tarantool"]).unwrap();
    let upstream = global.upstream.unwrap();
    assert_eq!((upstream.name.as_str(), upstream.place.as_str()), ("wallarm_tarantool", "nginx.conf:3"));
}

#[test]
fn every_default_of_the_table_is_one_that_the_directive_takes() {
    for directive in TABLE {
        let skipped = ["-", "127.0.0.1:3313", "403"];
        if !matches!(directive.effect, Effect::Set(_)) || skipped.contains(&directive.default) {
            continue;
        }
        let line = format!("{} {}", directive.name, directive.default);
        assert!(read(&[&line]).is_ok(), "{line}");
    }
}

#[test]
fn a_block_takes_copies_of_traffic_where_a_value_of_the_response_is_forced() {
    for what in ["response_status", "response_time", "response_size"] {
        assert!(block(&format!("wallarm_force {what} 0")).takes_copies(), "{what}");
    }
    assert!(!block("wallarm_force server_addr $uri").takes_copies());
    assert!(!block("wallarm_mode block").takes_copies());
}
