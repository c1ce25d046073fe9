//! What happens in a browser behind what is seen.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// Lines of the console, whatever their level.
    pub console: Vec<String>,
    /// Addresses that were asked for, in order; those that hold their content themselves (`data:`) ask nobody.
    pub requests: Vec<String>,
}

impl Log {
    /// Reads the two logs of ChromeDriver: lists of entries with a `message`, which in the second one is JSON of a DevTools event.
    pub(super) fn parse(console: &Value, performance: &Value) -> Result<Self> {
        let entries = |log: &Value| log.as_array().cloned().context("a log is no list");
        let text = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        let console = entries(console)?.iter().map(text).collect();
        let mut requests = Vec::new();
        for entry in entries(performance)? {
            let event: Value = serde_json::from_str(&text(&entry)).context("an event is no JSON")?;
            let event = &event["message"];
            if event["method"] == "Network.requestWillBeSent" {
                let parameters = &event["params"];
                let url = parameters["request"]["url"].as_str().unwrap_or_default();
                // The page that Chromium itself shows in a new window.
                let by_browser = parameters["documentURL"].as_str().is_some_and(|page| page.starts_with("chrome:"));
                if !url.starts_with("data:") && !by_browser {
                    requests.push(url.to_owned());
                }
            }
        }
        Ok(Self { console, requests })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn console_lines_and_requests_are_told_apart_from_everything_else() {
        let event_of = |method: &str, url: &str, page: &str| {
            let parameters = json!({ "request": { "url": url }, "documentURL": page });
            let event = json!({ "message": { "method": method, "params": parameters } });
            json!({ "level": "INFO", "message": event.to_string() })
        };
        let event = |method: &str, url: &str| event_of(method, url, "http://127.0.0.1/");
        let console = json!([{ "level": "SEVERE", "message": "refused" }]);
        let performance = json!([
            event("Network.requestWillBeSent", "http://127.0.0.1/"),
            event("Network.requestWillBeSent", "data:image/svg+xml,x"),
            event_of("Network.requestWillBeSent", "chrome://resources/icon.svg", "chrome://newtab/"),
            event("Network.dataReceived", "http://127.0.0.1/other"),
        ]);
        let log = Log::parse(&console, &performance).unwrap();
        assert_eq!(log, Log { console: vec!["refused".to_owned()], requests: vec!["http://127.0.0.1/".to_owned()] });
    }
}
