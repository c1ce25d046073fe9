//! The pages of a repository in a real browser: what they say, how they look on several screens, and that they ask nobody for anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use packaging::distro::Distro;
use repo_layout::TreePath;
use serde::Deserialize;

use super::stage::Count;
use super::tree;
use crate::browser::{Browser, Screen};
use crate::commands::repo;
use crate::session::Session;
use crate::{guide, http, keys};

const SCREENS: [Screen; 3] = [
    Screen { name: "desktop", width: 1280, height: 900, dark: false },
    Screen { name: "dark", width: 1280, height: 900, dark: true },
    Screen { name: "phone", width: 360, height: 740, dark: false },
];

/// What a reader can make out worse than this is grey on grey (WCAG 2.2, 1.4.3).
const LEAST_CONTRAST: f64 = 4.5;

const READ: &str = include_str!("pages/read.js");
const LOOK: &str = include_str!("pages/look.js");

/// What a page says.
#[derive(Deserialize)]
struct Read {
    text: String,
    systems: Vec<Shown>,
    /// As written, and as the browser understands them.
    links: Vec<(String, String)>,
}

/// The commands for one system.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Shown {
    title: String,
    commands: Vec<String>,
}

/// How a page looks.
#[derive(Deserialize)]
struct Look {
    overflow: i64,
    /// The worst one, and the text that has it.
    contrast: (f64, String),
}

/// Runs the stage over the tree that an earlier one has made.
pub fn run(session: &Session) -> Result<Count> {
    let root = session.target.join("test/repo");
    ensure!(root.join("index.html").is_file(), "no page was made: an earlier stage failed");
    let server = http::serve(&root, ([127, 0, 0, 1], 0).into())?;
    let pictures = session.target.join("test/pages");
    fs::create_dir_all(&pictures).with_context(|| format!("cannot make {}", pictures.display()))?;
    let browser = Browser::start()?;
    let visit = Visit { browser: &browser, url: server.url(), root: &root, pictures: &pictures, session };
    let systems = visit.documented()?;
    let mut count = visit.page(None, &systems)?;
    let line = session.version()?.line();
    for distro in session.matrix()?.iter() {
        for repository in guide::repositories(distro, &line)?.into_iter().filter(|path| path.under(&root).is_dir()) {
            count += visit.page(Some((distro, &repository)), &systems)?;
        }
    }
    Ok(count)
}

struct Visit<'a> {
    browser: &'a Browser,
    url: String,
    root: &'a Path,
    pictures: &'a Path,
    session: &'a Session,
}

impl Visit<'_> {
    /// What `docs/commands.toml` has, with the published host.
    fn documented(&self) -> Result<Vec<repo_layout::System>> {
        let mut systems = repo::front(&tree::order(self.session), self.session)?.systems;
        systems.retain(|system| system.repository.under(self.root).is_dir());
        Ok(systems)
    }

    /// Looks at one page on every screen.
    fn page(&self, place: Option<(&Distro, &TreePath)>, systems: &[repo_layout::System]) -> Result<Count> {
        let folder = place.map_or_else(String::new, |(_, path)| format!("{path}/"));
        let name = place.map_or("root", |(distro, _)| distro.id.as_str());
        self.browser.log()?;
        self.browser.open(&format!("{}/{folder}", self.url))?;
        let read: Read = self.browser.evaluate(READ)?;
        let mut wrong = self.commands(place, &read, systems);
        wrong.extend(self.texts(place, &read)?);
        wrong.extend(self.links(&read));
        let mut count = Count::default();
        for screen in SCREENS {
            self.browser.show_on(screen)?;
            self.browser.screenshot(&self.pictures.join(format!("{name}-{}.png", screen.name)))?;
            let look: Look = self.browser.evaluate(LOOK)?;
            if look.overflow > 0 {
                wrong.push(format!("{}: {} pixels wider than the screen", screen.name, look.overflow));
            }
            if look.contrast.0 < LEAST_CONTRAST {
                let (contrast, text) = &look.contrast;
                wrong.push(format!("{}: a contrast of {contrast:.1} in `{text}`", screen.name));
            }
            count += Count::ONE;
        }
        let log = self.browser.log()?;
        wrong.extend(log.console.iter().map(|line| format!("the console says: {line}")));
        if log.requests != [format!("{}/{folder}", self.url)] {
            wrong.push(format!("asks for more than itself: {}", log.requests.join(" ")));
        }
        for complaint in &wrong {
            self.session.say(&format!("page /{folder}: {complaint}"));
        }
        count.failed += wrong.len();
        Ok(count)
    }

    /// Every system has the documented commands, and there are no others.
    fn commands(
        &self,
        place: Option<(&Distro, &TreePath)>,
        read: &Read,
        systems: &[repo_layout::System],
    ) -> Vec<String> {
        let here = systems.iter().filter(|system| place.is_none_or(|(_, path)| *path == system.repository));
        let expected: BTreeSet<Shown> = here
            .map(|system| Shown {
                title: system.title.clone(),
                commands: system.steps.iter().flat_map(|step| step.commands.clone()).collect(),
            })
            .collect();
        let shown: BTreeSet<&Shown> = read.systems.iter().collect();
        let missing = expected.iter().filter(|system| !shown.contains(system));
        let foreign = shown.iter().filter(|system| !expected.contains(**system));
        let missing = missing.map(|system| format!("does not show the documented commands of {}", system.title));
        missing.chain(foreign.map(|system| format!("shows other commands than documented: {system:?}"))).collect()
    }

    /// The key and the date everywhere; of a repository, every package with its size and checksum.
    fn texts(&self, place: Option<(&Distro, &TreePath)>, read: &Read) -> Result<Vec<String>> {
        let key = keys::load(&tree::key_of(self.session), &self.session.hushed())?;
        let plain = |text: &str| text.split_whitespace().collect::<String>();
        let mut wanted = vec![key.keyring().first().fingerprint().to_string()];
        wanted.extend(key.keyring().first().expires().map(|end| end.to_string()));
        wanted.extend(self.session.commit());
        wanted.push(signing::UtcTime::from(self.session.epoch_time()?).release_date());
        if let Some((distro, _)) = place {
            for path in tree::packages(self.session, distro.format().extension())? {
                if path.parent().and_then(Path::file_name).is_some_and(|name| name == distro.id.as_str()) {
                    wanted.push(repo_layout::Sha256Hex::of(&fs::read(&path)?).to_string());
                }
            }
        }
        let text = plain(&read.text);
        let missing = wanted.into_iter().filter(|wanted| !text.contains(&plain(wanted)));
        Ok(missing.map(|wanted| format!("does not say `{wanted}`")).collect())
    }

    /// What is linked within the tree is there.
    fn links(&self, read: &Read) -> Vec<String> {
        let inside = read.links.iter().filter_map(|(written, whole)| Some((written, whole.strip_prefix(&self.url)?)));
        let dead = inside
            .filter(|(_, path)| http::target::resolve(&self.root.canonicalize().unwrap_or_default(), path).is_none());
        dead.map(|(written, _)| format!("links to `{written}`, which is not there")).collect()
    }
}
