//! The shell functions that link the module which fits the machine's NGINX, for install scripts and as an installed program.

use std::fmt::Write as _;

use crate::lifecycle::NginxModule;

const CHECK: &str = include_str!("nginx-check.sh");
const LINK: &str = include_str!("nginx-link.sh");

/// Variables, and functions that compare. Scripts that run before the package's files are there begin with this.
pub fn checks(package: &str, module: &NginxModule) -> String {
    let builds: Vec<String> =
        module.builds.iter().map(|(version, signature)| format!("{version} {signature}")).collect();
    let (available, enabled) =
        module.stanza.as_ref().map(|stanza| (stanza.available.as_str(), stanza.enabled.as_str())).unwrap_or_default();
    let mut text = String::new();
    let variables = [
        ("package", package),
        ("builds", &format!("'{}'", builds.join("\n"))),
        ("folder", module.folder.as_str()),
        ("modules", module.modules.as_str()),
        ("available", available),
        ("enabled", enabled),
        ("group", &module.group),
    ];
    for (name, value) in variables {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{name}={value}");
    }
    text + "\n" + CHECK
}

/// The program that is installed beside the modules: install scripts call it, and so may an administrator with an NGINX of their own.
pub fn program(package: &str, module: &NginxModule) -> String {
    format!(
        "#!/bin/sh\n\
         # Compares this package's modules with the NGINX of this machine, and links the one that fits.\n\
         #   nginx-module check          says what does not fit\n\
         #   nginx-module link           links the module that fits\n\
         # NGINX=/path/to/nginx names an NGINX that is not where packages put it.\n\
         set -e\n\n\
         {}\n{LINK}\n\
         case \"$1\" in\n\
         check|link|unlink|install_rules)\n    \"$@\"\n    ;;\n\
         *)\n    echo \"usage: $0 check | link\" >&2\n    exit 2\n    ;;\n\
         esac\n",
        checks(package, module)
    )
}
