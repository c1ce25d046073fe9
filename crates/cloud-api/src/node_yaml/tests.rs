use proptest::prelude::*;

use super::*;

const UUID: &str = "8f9a2b7e-6a0f-4f6e-9a3e-6f1f0c9f7a11";
const SECRET: &str = "c0ffee-c0ffee";

fn parse(text: &str) -> Result<NodeYaml, String> {
    NodeYaml::parse(text, Path::new("/etc/wallarm/node.yaml")).map_err(|error| error.to_string())
}

/// A file with these lines beside those that must be there.
fn with(lines: &str) -> Result<NodeYaml, String> {
    parse(&format!("---\nhostname: edge-1\nuuid: {UUID}\nsecret: {SECRET}\n{lines}"))
}

#[test]
fn what_is_left_out_takes_its_default() {
    let node = with("api:\n  host: api.example\n").unwrap();
    let api = Api {
        host: "api.example".to_owned(),
        port: 443,
        use_ssl: true,
        ca_verify: true,
        ca_file: None,
        local_host: None,
        local_port: None,
    };
    assert_eq!((node.uuid.as_str(), node.secret.as_str()), (UUID, SECRET));
    assert_eq!((node.api, node.export_attacks), (api, ExportAttacks { threads: 2, api_chunk: 10 }));
}

#[test]
fn everything_is_read_with_quotes_and_without_and_other_keys_are_left_alone() {
    let node = with(
        "api:\n  host: '192.0.2.9'\n  port: '8443'\n  use_ssl: no\n  ca_verify: \"False\"\n  ca_file: /etc/ca.pem\n  later: [1, {a: b}]\n\
         export_attacks:\n  threads: 5\n  api_chunk: '20'\nsyncnode:\n  proton.db:\n    mode: '0640'\n",
    )
    .unwrap();
    assert_eq!((node.api.host.as_str(), node.api.port), ("192.0.2.9", 8443));
    assert_eq!((node.api.use_ssl, node.api.ca_verify), (false, false));
    assert_eq!(node.api.ca_file.as_deref(), Some(Path::new("/etc/ca.pem")));
    assert_eq!(node.export_attacks, ExportAttacks { threads: 5, api_chunk: 20 });
}

#[test]
fn the_source_address_has_two_spellings() {
    for (host, port) in [("localhost", "localport"), ("local_host", "local_port")] {
        let api = with(&format!("api:\n  host: a\n  {host}: 10.0.0.3\n  {port}: 40000\n")).unwrap().api;
        assert_eq!((api.local_host, api.local_port), (Some("10.0.0.3".parse().unwrap()), Some(40_000)), "{host}");
    }
}

#[test]
fn an_ipv6_address_gets_its_brackets() {
    for text in ["'2001:db8::1'", "'[2001:db8::1]'"] {
        assert_eq!(with(&format!("api:\n  host: {text}\n")).unwrap().api.host, "[2001:db8::1]", "{text}");
    }
}

#[test]
fn a_missing_key_is_named_with_the_file() {
    for (key, text) in [
        ("uuid", "secret: s\napi: {host: a}\n"),
        ("secret", "uuid: u\nsecret:\napi: {host: a}\n"),
        ("api.host", "uuid: u\nsecret: s\n"),
        ("api.host", "uuid: u\nsecret: s\napi:\n"),
        ("api.host", "uuid: u\nsecret: s\napi: {host: ''}\n"),
        ("uuid", ""),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error, format!("/etc/wallarm/node.yaml: \"{key}\" is missing; registration writes it"), "{text}");
    }
}

#[test]
fn a_value_that_cannot_be_used_is_named_and_not_shown() {
    for (key, lines) in [
        ("api.port", "api: {host: a, port: 0}"),
        ("api.port", "api: {host: a, port: 99999}"),
        ("api.use_ssl", "api: {host: a, use_ssl: perhaps}"),
        ("api.local_host", "api: {host: a, local_host: eth0}"),
        ("api.host", "api: {host: 'https://a/'}"),
        ("api.host", "api: a"),
        ("api.ca_file", "api: {host: a, ca_file: [1]}"),
        ("export_attacks.api_chunk", "api: {host: a}\nexport_attacks: {api_chunk: 0}"),
    ] {
        let error = with(lines).unwrap_err();
        assert!(error.starts_with(&format!("/etc/wallarm/node.yaml: \"{key}\" is not ")), "{lines}: {error}");
    }
    let error = parse(&format!("uuid: u\nsecret: \"{SECRET}\\nX-Header: 1\"\napi: {{host: a}}\n")).unwrap_err();
    assert!(error.contains("\"secret\"") && !error.contains(SECRET), "{error}");
}

#[test]
fn what_is_no_yaml_is_said_with_its_place_and_without_its_text() {
    let error = parse(&format!("uuid: u\nsecret: \"{SECRET}\napi: {{host: a}}\n")).unwrap_err();
    assert!(error.starts_with("/etc/wallarm/node.yaml:") && !error.contains(SECRET), "{error}");
}

#[test]
fn aliases_are_not_followed_and_depth_does_no_harm() {
    let levels: String =
        (1..30).map(|level| format!("l{level}: &l{level} [*l{0}, *l{0}, *l{0}]\n", level - 1)).collect();
    assert_eq!(with(&format!("l0: &l0 [x]\n{levels}api: {{host: a}}\n")).unwrap().api.host, "a");
    let error = parse("uuid: &u x\nsecret: *u\napi: {host: a}\n").unwrap_err();
    assert!(error.contains("\"secret\" is not a text"), "{error}");
    assert!(with(&format!("deep: {}{}\napi: {{host: a}}\n", "[".repeat(100), "]".repeat(100))).is_ok());
}

#[test]
fn a_mapping_as_a_key_shifts_nothing() {
    let node = with("? {a: b}\n: {host: wrong}\nlist:\n- api: {host: wrong}\napi: {host: a}\n").unwrap();
    assert_eq!(node.api.host, "a");
}

#[test]
fn a_secret_that_looks_like_a_number_keeps_its_digits() {
    assert_eq!(parse("uuid: 0x10\nsecret: 0123e5\napi: {host: a}\n").unwrap().secret, "0123e5");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = NodeYaml::read(Path::new("/nowhere/node.yaml")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/node.yaml cannot be read: "), "{error}");
}

#[test]
fn the_secret_is_not_shown_for_debugging() {
    let shown = format!("{:?}", with("api: {host: a}\n").unwrap());
    assert!(shown.contains(UUID) && !shown.contains(SECRET), "{shown}");
}

#[test]
fn the_uuid_alone_is_found_where_nothing_else_can_be_used() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (text, uuid) in
        [(format!("uuid: '{UUID}'\n"), Some(UUID)), ("api:\n  uuid: x\n".to_owned(), None), (String::new(), None)]
    {
        std::fs::write(file.path(), &text).unwrap();
        assert_eq!(uuid_in(file.path()).as_deref(), uuid, "{text}");
    }
    assert_eq!(uuid_in(Path::new("/nowhere")), None);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(?s).{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_yaml_like_text_makes_the_reader_panic(text in "([-a-c:{}\\[\\],&*!|>'\" \n]|uuid: |api: ){0,60}") {
        let _ = parse(&text);
    }
}
