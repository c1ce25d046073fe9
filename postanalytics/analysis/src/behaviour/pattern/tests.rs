use proptest::prelude::*;

use super::*;

fn compiled(text: &str) -> Pattern {
    Pattern::compile(text).unwrap()
}

fn matches(pattern: &str, path: &str) -> bool {
    compiled(pattern).matches(b"shop.example", path.as_bytes())
}

#[test]
fn a_star_is_one_part_and_two_are_any() {
    for (pattern, fitting, others) in [
        ("/login", &["/login"][..], &["/login/", "/login2", "/", "/a/login", "/Login"][..]),
        ("/", &["/"], &["/a"]),
        ("/user/*", &["/user/7", "/user/a b"], &["/user/", "/user", "/user/7/", "/user/7/8"]),
        ("/user/*/orders", &["/user/7/orders"], &["/user//orders", "/user/7/8/orders", "/user/orders"]),
        ("/api/**", &["/api", "/api/", "/api/a/b/c"], &["/apis", "/", "/v1/api"]),
        ("/**/login", &["/login", "/a/login", "/a/b/login", "/login/login"], &["/", "/login/", "/xlogin"]),
        ("/a/**/b/**/c", &["/a/b/c", "/a/x/b/b/y/c", "/a/b/c/b/c"], &["/a/c", "/a/b/c/d", "/a/b"]),
        ("/*.php", &["/index.php", "/.php"], &["/index.php5", "/a/index.php"]),
        ("/caf%C3%A9", &["/café"], &["/caf%C3%A9"]),
        ("/**", &["/", "/a/b"], &[]),
    ] {
        assert!(fitting.iter().all(|path| matches(pattern, path)), "{pattern}");
        assert!(others.iter().all(|path| !matches(pattern, path)), "{pattern}");
    }
}

#[test]
fn a_regular_expression_matches_a_whole_part() {
    assert!(matches(r"/user/{{\d+}}", "/user/42") && !matches(r"/user/{{\d+}}", "/user/42a"));
    assert!(matches(r"/user/{{\d{2}}}/x", "/user/42/x") && !matches(r"/user/{{\d{2}}}/x", "/user/421/x"));
    assert!(matches(r"/v{{1|2}}.*/x", "/v2.7/x") && !matches(r"/v{{1|2}}.*/x", "/v3.7/x"));
    assert!(!matches("/{{a/b}}", "/a/b"), "a part holds no slash");
}

#[test]
fn a_host_may_stand_before_the_path() {
    let pattern = compiled("Shop.example/login");
    for host in ["shop.example", "SHOP.example:8080"] {
        assert!(pattern.matches(host.as_bytes(), b"/login"), "{host}");
    }
    assert!(!pattern.matches(b"other.example", b"/login") && !pattern.matches(b"", b"/login"));
    assert!(compiled("shop.example").matches(b"shop.example", b"/any/path"));
    assert!(compiled("*/login").matches(b"[2001:db8::1]:80", b"/login"));
}

#[test]
fn what_says_more_is_more_special() {
    let order =
        ["/**", "/*", "/*/*", "/{{a}}", "/a/**", "/a/*", "/a/{{x}}", "/a/b", "/a/b/*", "/a/b/c", "shop.example/a/b/c"];
    let measured: Vec<_> = order.iter().map(|pattern| compiled(pattern).specificity()).collect();
    assert!(measured.is_sorted_by(|less, more| less < more), "{measured:?}");
    assert!(Specificity::default() < measured[0]);
}

#[test]
fn variable_parts_are_counted() {
    for (pattern, one) in
        [("/a/*", true), ("/a/{{x}}/b", true), ("/a", false), ("/*/*", false), ("/**", false), ("*/a", false)]
    {
        assert_eq!(compiled(pattern).has_one_variable(), one, "{pattern}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    let refusal = |pattern: &str| Pattern::compile(pattern).unwrap_err().to_string();
    assert_eq!(refusal(""), "its URI must have 1 to 1024 bytes and at most 32 parts");
    assert_eq!(refusal(&"/a".repeat(33)), "its URI must have 1 to 1024 bytes and at most 32 parts");
    assert_eq!(refusal("/a/{{b"), "its URI opens {{ and does not close it with }}");
    assert_eq!(refusal("/a?b=c"), "its URI has \"?\" or \"#\", but only hosts and paths are compared");
    assert_eq!(refusal("/{{(}}"), r#"its regular expression "{{(}}" cannot be used: unclosed group"#);
    let large = refusal(r"/{{(\w{100}){100}}}");
    assert!(large.ends_with("cannot be used: it would take more than 65536 bytes"), "{large}");
}

#[test]
fn a_path_made_to_cost_much_is_given_up() {
    let path = "/a".repeat(8000);
    let start = std::time::Instant::now();
    assert!(!matches("/**/{{a*a*a*}}/a/a/a/a/a/b", &path));
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn a_compiled_expression_keeps_to_its_memory() {
    for expression in [r"\d+", "[a-z0-9-]{1,36}", r"(a|b)(c|d)(e|f)[^x]*\w{40}", r"(?i)(\w+)-(\w+)-(\w+)"] {
        let used = allocation_counter::measure(|| {
            let pattern = compiled(&format!("/{{{{{expression}}}}}"));
            (0..200).for_each(|n| _ = pattern.matches(b"", format!("/{n}-{n}ab{n}").as_bytes()));
            std::mem::forget(pattern);
        });
        assert!(used.bytes_max < 6 * REGEX_BYTES as u64, "{expression} {used:?}");
    }
}

proptest! {
    #[test]
    fn a_path_matches_itself(parts in prop::collection::vec("[a-z0-9._~-]{1,8}", 1..8)) {
        let path = format!("/{}", parts.join("/"));
        prop_assert!(matches(&path, &path));
        let (below, child) = (format!("{path}/**"), format!("{path}/*"));
        prop_assert!(matches(&below, &path) && matches("/**", &path));
        prop_assert!(!matches(&child, &path));
    }

    #[test]
    fn any_text_is_a_pattern_or_refused(pattern in ".{0,60}", path in "[a-c/]{0,30}") {
        if let Ok(pattern) = Pattern::compile(&pattern) {
            let _ = pattern.matches(b"a", format!("/{path}").as_bytes());
        }
    }
}
