//! A real browser for tests: headless Chromium, driven through ChromeDriver by the WebDriver protocol (W3C) and Chromium's own extensions of it.
//!
//! | Module | Does |
//! |---|---|
//! | [`driver`] | starts ChromeDriver, and ends it with everything that it has started |
//! | [`wire`] | commands of the protocol: JSON over HTTP |
//! | [`log`] | what a page has written to the console, and what it has asked the network for |

mod driver;
pub mod log;
mod wire;

use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use driver::Driver;
pub use log::Log;
use wire::Session;

/// Debian packages with the browser and its driver, and a typeface for screenshots.
pub const NEEDS: &[&str] = &["chromium", "chromium-driver", "fonts-dejavu-core"];

/// Tests run as root, where Chromium's sandbox does not; and it must not call home.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];

/// One window. Dropped, it is closed and everything that belongs to it ended.
pub struct Browser {
    session: Session,
    // Dropped after the session, and before the folder that it writes to.
    _driver: Driver,
    _profile: tempfile::TempDir,
}

/// A screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// For file names.
    pub name: &'static str,
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// Whether the user likes it dark.
    pub dark: bool,
}

impl Browser {
    /// Starts a browser with an empty profile.
    ///
    /// # Errors
    /// When ChromeDriver or Chromium cannot be started.
    pub fn start() -> Result<Self> {
        let profile = tempfile::tempdir().context("cannot make a folder for the browser's profile")?;
        let driver = Driver::start()?;
        let mut flags: Vec<String> = FLAGS.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let session = Session::open(&driver.address(), &capabilities).context("cannot start Chromium")?;
        Ok(Self { session, _driver: driver, _profile: profile })
    }

    /// Goes to an address and waits until it is loaded.
    pub fn open(&self, url: &str) -> Result<()> {
        self.session.post("url", &json!({ "url": url })).map(drop).with_context(|| format!("cannot open {url}"))
    }

    /// Pretends to be a screen.
    pub fn show_on(&self, screen: Screen) -> Result<()> {
        let metrics =
            json!({ "width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics)?;
        let scheme = if screen.dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &features).map(drop)
    }

    /// What a script in the page returns. It is run by the browser itself, whatever the page's own policy forbids.
    pub fn evaluate<T: DeserializeOwned>(&self, script: &str) -> Result<T> {
        let value = self.session.post("execute/sync", &json!({ "script": script, "args": [] }))?;
        serde_json::from_value(value).context("the script returned something else than expected")
    }

    /// The whole page as PNG, however long it is.
    pub fn screenshot(&self, path: &Path) -> Result<()> {
        let taken = self.devtools("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }))?;
        let png = BASE64.decode(taken["data"].as_str().context("no picture in the answer")?)?;
        std::fs::write(path, png).with_context(|| format!("cannot write {}", path.display()))
    }

    /// What has happened since the last call.
    pub fn log(&self) -> Result<Log> {
        let read = |kind: &str| self.session.post("se/log", &json!({ "type": kind }));
        Log::parse(&read("browser")?, &read("performance")?)
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        self.session.post("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }
}
