//! The notation of request points, as facts: which value stands at which point.

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
