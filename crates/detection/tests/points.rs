//! The notation of request points, as facts: which value stands at which point.

#![expect(clippy::expect_used, reason = "a helper that fails is a failed test")]

mod inspections;

use inspections::{Request, inspect};

/// Asserts that each of `facts`, a point and its value, is seen in the request.
fn assert_points(request: &Request, facts: &[(&str, &str)]) {
    let seen = inspect(request);
    for (point, value) in facts {
        assert!(seen.has(point, value.as_bytes()), "no {point} = {value} in\n{}", seen.listing());
    }
}

#[test]
fn a_path_has_parts_an_action_and_an_extension() {
    assert_points(
        &Request::get("/shop/items/list.json?sort=up"),
        &[
            (r#"["uri"]"#, "/shop/items/list.json"),
            (r#"["path",0]"#, "shop"),
            (r#"["path",1]"#, "items"),
            (r#"["action_name"]"#, "list"),
            (r#"["action_ext"]"#, "json"),
            (r#"["query","sort"]"#, "up"),
            (r#"["query_name"]"#, "sort"),
        ],
    );
}

#[test]
fn the_extension_begins_at_the_first_dot() {
    assert_points(
        &Request::get("/backup.tar.gz"),
        &[(r#"["action_name"]"#, "backup"), (r#"["action_ext"]"#, "tar.gz")],
    );
}

#[test]
fn brackets_in_names_are_structure() {
    assert_points(
        &Request::get("/?f[min]=3&f[max]=9&id[]=7&id[]=8&u[a][b]=x"),
        &[
            (r#"["query","f","hash","min"]"#, "3"),
            (r#"["query","f","hash","max"]"#, "9"),
            (r#"["query","id","array",0]"#, "7"),
            (r#"["query","id","array",1]"#, "8"),
            (r#"["query","u","hash","a","hash","b"]"#, "x"),
            (r#"["query","f","hash_name"]"#, "min"),
        ],
    );
}

#[test]
fn broken_brackets_are_part_of_the_name() {
    assert_points(
        &Request::get("/?a[=1&[b]=2&c[d]e=3"),
        &[(r#"["query","a["]"#, "1"), (r#"["query","[b]"]"#, "2"), (r#"["query","c[d]e"]"#, "3")],
    );
}

#[test]
fn a_repeated_name_is_an_array_and_pollution() {
    assert_points(
        &Request::get("/?tag=a&x=y&tag=b&%74ag=c+d"),
        &[
            (r#"["query","tag","array",0]"#, "a"),
            (r#"["query","tag","array",1]"#, "b"),
            (r#"["query","tag","array",2]"#, "c d"),
            (r#"["query","tag","pollution"]"#, "a,b,c d"),
            (r#"["query","x"]"#, "y"),
        ],
    );
}

#[test]
fn both_the_raw_and_the_decoded_form_of_a_parameter_are_examined() {
    assert_points(&Request::get("/?q=%2e%2E/+"), &[(r#"["query","q"]"#, "%2e%2E/+"), (r#"["query","q"]"#, "../ ")]);
}

#[test]
fn percent_encoding_is_taken_off_layer_by_layer() {
    assert_points(
        &Request::get("/%252e%252e/x?q=%25252e"),
        &[
            (r#"["uri"]"#, "/%252e%252e/x"),
            (r#"["uri","percent"]"#, "/%2e%2e/x"),
            (r#"["uri","percent","percent"]"#, "/../x"),
            (r#"["path",0]"#, "%2e%2e"),
            (r#"["path",0,"percent"]"#, ".."),
            (r#"["query","q","percent"]"#, "%2e"),
            (r#"["query","q","percent","percent"]"#, "."),
        ],
    );
}

#[test]
fn headers_are_named_in_upper_case_whatever_was_sent() {
    let request = Request::get("/").with("X-Trace", "q").with("x-trace", "r").with("Host", "shop.example");
    assert_points(
        &request,
        &[
            (r#"["header","X-TRACE","array",0]"#, "q"),
            (r#"["header","X-TRACE","array",1]"#, "r"),
            (r#"["header","X-TRACE","pollution"]"#, "q,r"),
            (r#"["header","HOST"]"#, "shop.example"),
        ],
    );
}

#[test]
fn cookies_are_taken_apart() {
    assert_points(
        &Request::get("/").with("Cookie", "sid=abc; theme=\"dark\" ;q=a%27; empty"),
        &[
            (r#"["header","COOKIE","cookie","sid"]"#, "abc"),
            (r#"["header","COOKIE","cookie","theme"]"#, "dark"),
            (r#"["header","COOKIE","cookie","q","percent"]"#, "a'"),
        ],
    );
}

#[test]
fn a_json_body_is_taken_apart() {
    assert_points(
        &Request::post("application/json", r#"{"user":{"ids":[4, "x"], "n\u0061me":"O\u0027Brien"}, "on":true}"#),
        &[
            (r#"["post","json_doc","hash","user","hash","ids","array",0]"#, "4"),
            (r#"["post","json_doc","hash","user","hash","ids","array",1]"#, "x"),
            (r#"["post","json_doc","hash","user","hash","name"]"#, "O'Brien"),
            (r#"["post","json_doc","hash","user","hash","name"]"#, r"O\u0027Brien"),
            (r#"["post","json_doc","hash","on"]"#, "true"),
            (r#"["post","json_doc","hash_name"]"#, "user"),
        ],
    );
}

#[test]
fn a_well_formed_document_is_not_examined_as_a_whole() {
    let body = r#"{"a":"1","b":"2"}"#;
    assert!(!inspect(&Request::post("application/json", body)).has_value(body.as_bytes()));
}

#[test]
fn a_broken_document_is_examined_in_parts_and_as_a_whole() {
    let body = r#"{"a":"1","b":oops!}"#;
    assert_points(
        &Request::post("application/json", body),
        &[(r#"["post","json_doc","hash","a"]"#, "1"), (r#"["post"]"#, body)],
    );
}

#[test]
fn json_lines_are_several_documents() {
    assert_points(
        &Request::post("application/x-ndjson", "{\"a\":\"1\"}\n{\"a\":\"2\"}\n"),
        &[(r#"["post","json_doc","hash","a"]"#, "1"), (r#"["post","json_doc","hash","a"]"#, "2")],
    );
}

#[test]
fn json_is_seen_wherever_it_is() {
    assert_points(
        &Request::get("/?f=%7B%22a%22%3A%22b%22%7D").with("X-Data", r#"{"q":"[\"deep\"]"}"#),
        &[
            (r#"["query","f","json_doc","hash","a"]"#, "b"),
            (r#"["header","X-DATA","json_doc","hash","q","json_doc","array",0]"#, "deep"),
        ],
    );
}

#[test]
fn an_xml_body_is_taken_apart() {
    assert_points(
        &Request::post(
            "text/xml",
            r#"<?xml version="1.0"?><!-- note --><a b="c">d<e>1</e><e f='&lt;g'>2</e><?run x?></a>"#,
        ),
        &[
            (r#"["post","xml","xml_tag","a"]"#, "d"),
            (r#"["post","xml","xml_tag","a","xml_attr","b"]"#, "c"),
            (r#"["post","xml","xml_tag","a","xml_tag","e"]"#, "1"),
            (r#"["post","xml","xml_tag","a","xml_tag","e","xml_tag_array",1]"#, "2"),
            (r#"["post","xml","xml_tag","a","xml_tag","e","xml_tag_array",1,"xml_attr","f"]"#, "<g"),
            (r#"["post","xml","xml_comment"]"#, " note "),
            (r#"["post","xml","xml_tag","a","xml_pi"]"#, "run x"),
        ],
    );
}

#[test]
fn document_types_and_entities_have_points() {
    let dtd = r#"<!DOCTYPE a [<!ENTITY who "wor"><!ENTITY ext SYSTEM "file:///x">]>"#;
    assert_points(
        &Request::post("application/xml", format!("{dtd}<a>&who;ld &ext;</a>")),
        &[
            (r#"["post","xml","xml_dtd"]"#, dtd),
            (r#"["post","xml","xml_dtd_entity","who"]"#, "wor"),
            (r#"["post","xml","xml_dtd_entity","ext"]"#, "file:///x"),
            (r#"["post","xml","xml_tag","a"]"#, "world &ext;"),
            (r#"["post","xml","xml_tag","a"]"#, "&who;ld &ext;"),
        ],
    );
}

#[test]
fn a_form_is_taken_apart_with_or_without_its_type() {
    for content_type in ["application/x-www-form-urlencoded", "text/plain", ""] {
        assert_points(
            &Request::post(content_type, "a=1%32&b[]=x+y&b[]=z"),
            &[
                (r#"["post","form_urlencoded","a"]"#, "12"),
                (r#"["post","form_urlencoded","b","array",0]"#, "x y"),
                (r#"["post","form_urlencoded","b","array",1]"#, "z"),
                (r#"["post","form_urlencoded_name"]"#, "a"),
            ],
        );
    }
}

#[test]
fn a_form_that_is_json_is_both() {
    let seen = inspect(&Request::post("application/x-www-form-urlencoded", r#"{"a":"b=c"}"#));
    assert!(seen.has(r#"["post","json_doc","hash","a"]"#, b"b=c"), "{}", seen.listing());
    assert!(seen.has(r#"["post","form_urlencoded_name"]"#, br#"{"a":"b"#), "{}", seen.listing());
}

const UPLOAD: &str = "before\r\n--xyz\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nA day\r\n\
    --xyz\r\nContent-Disposition: form-data; name=\"doc\"; filename=\"../a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
    line 1\r\nline 2\r\n--xyz--\r\nbehind";

#[test]
fn a_multipart_body_has_parts_files_and_headers() {
    assert_points(
        &Request::post("multipart/form-data; boundary=xyz", UPLOAD),
        &[
            (r#"["post","multipart","title"]"#, "A day"),
            (r#"["post","multipart","doc","file"]"#, "line 1\r\nline 2"),
            (r#"["post","multipart","doc","header","CONTENT-DISPOSITION"]"#, "../a.txt"),
            (r#"["post","multipart","doc","header","CONTENT-TYPE"]"#, "text/plain"),
            (r#"["post","multipart"]"#, "before"),
            (r#"["post","multipart"]"#, "behind"),
        ],
    );
}

#[test]
fn a_multipart_body_is_known_by_its_bytes() {
    let body = UPLOAD.trim_start_matches("before\r\n");
    for content_type in ["text/plain", "multipart/form-data; boundary=other", "application/x-www-form-urlencoded"] {
        assert_points(
            &Request::post(content_type, body),
            &[(r#"["post","multipart","doc","file"]"#, "line 1\r\nline 2")],
        );
    }
}

#[test]
fn a_last_part_without_an_end_is_examined() {
    assert_points(
        &Request::post("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue"),
        &[(r#"["post","multipart","a"]"#, "value")],
    );
}

#[test]
fn base64_is_decoded_and_looked_into() {
    assert_points(
        &Request::get("/?d=eyJxIjoiJzxiPiJ9&p=Li4vLi4vZXRj"),
        &[(r#"["query","d","base64","json_doc","hash","q"]"#, "'<b>"), (r#"["query","p","base64"]"#, "../../etc")],
    );
}

#[test]
fn a_token_is_decoded() {
    assert_points(
        &Request::get("/").with("Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiI8eD4ifQ."),
        &[
            (r#"["header","AUTHORIZATION","jwt","jwt_prefix"]"#, "Bearer"),
            (r#"["header","AUTHORIZATION","jwt","jwt_header","base64","json_doc","hash","alg"]"#, "none"),
            (r#"["header","AUTHORIZATION","jwt","jwt_payload","base64","json_doc","hash","sub"]"#, "<x>"),
        ],
    );
}

#[test]
fn basic_credentials_are_decoded() {
    assert_points(
        &Request::get("/").with("Authorization", "Basic dXNlcjonIG9yIDE9MQ=="),
        &[(r#"["header","AUTHORIZATION","base64"]"#, "user:' or 1=1")],
    );
}

#[test]
fn references_and_escapes_are_decoded() {
    assert_points(
        &Request::get("/?a=%26lt;b%26gt;&b=%5Cu003cscript"),
        &[(r#"["query","a","htmljs"]"#, "<b>"), (r#"["query","b","htmljs"]"#, "<script")],
    );
}

#[test]
fn overlong_characters_are_decoded_in_place() {
    assert_points(
        &Request::get("/a%c0%afb?q=%e0%80%ae%e0%80%ae/"),
        &[(r#"["uri","percent"]"#, "/a/b"), (r#"["query","q"]"#, "../")],
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("compressing to memory");
    encoder.finish().expect("compressing to memory")
}

#[test]
fn a_compressed_body_is_the_body_that_it_stands_for() {
    let form = gzip(b"a=1&b=2");
    assert_points(
        &Request::post("application/x-www-form-urlencoded", &form).with("Content-Encoding", "gzip"),
        &[(r#"["post","gzip","form_urlencoded","b"]"#, "2")],
    );
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut zlib, b"{\"a\":\"b\"}").expect("compressing to memory");
    let body = zlib.finish().expect("compressing to memory");
    let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut bare, b"{\"a\":\"b\"}").expect("compressing to memory");
    for body in [body, bare.finish().expect("compressing to memory")] {
        assert_points(
            &Request::post("application/json", &body).with("Content-Encoding", "deflate"),
            &[(r#"["post","gzip","json_doc","hash","a"]"#, "b")],
        );
    }
}

#[test]
fn a_zlib_stream_of_ascii_bytes_alone_is_decompressed() {
    let stream = b"x^KN,QP\x00\x00\x054\x01y";
    assert_points(&Request::post("", stream), &[(r#"["post","gzip"]"#, "cat  ")]);
}

#[test]
fn members_of_a_gzip_file_are_all_examined() {
    let file = [gzip(b"first "), gzip(b"second")].concat();
    assert_points(&Request::post("application/gzip", &file), &[(r#"["post","gzip"]"#, "first second")]);
}

#[test]
fn a_body_that_lies_about_its_compression_is_examined() {
    assert_points(
        &Request::post("application/x-www-form-urlencoded", "a=%27").with("Content-Encoding", "gzip"),
        &[(r#"["post","form_urlencoded","a"]"#, "'")],
    );
}

#[test]
fn messages_of_grpc_are_taken_apart() {
    let message = b"\x0a\x05hello\x12\x06\x0a\x01x\x10\x96\x01\x1a\x02\x08\x01";
    let mut body = vec![0, 0, 0, 0, message.len() as u8];
    body.extend_from_slice(message);
    assert_points(
        &Request::post("application/grpc", &body),
        &[
            (r#"["post","grpc","protobuf","hash","1"]"#, "hello"),
            (r#"["post","grpc","protobuf","hash","2","hash","1"]"#, "x"),
        ],
    );
}

#[test]
fn what_no_parser_knows_is_examined_as_it_is() {
    assert_points(
        &Request::post("application/octet-stream", "plain text, nothing else"),
        &[(r#"["post"]"#, "plain text, nothing else")],
    );
}
