//! The answer to a blocked request.

use crate::conf::{LocationConf, MainConf};
use crate::module;
use crate::ngx::Answer;
use crate::ngx::conf::Conf;
use crate::ngx::log::Level;
use crate::ngx::request::Request;
use crate::ngx::template::Template;
use module_logic::block_page::{BlockPage, Target, Template as Page};
use module_logic::settings::Block;
use module_logic::verdict::BlockReason;
use nginx_sys::ngx_int_t;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The pages that a configuration names, read and compiled. None for one that cannot be used.
#[derive(Default)]
pub struct Pages(BTreeMap<PathBuf, Option<Compiled>>);

/// A page with its variables, in the order of their names.
struct Compiled {
    page: Page,
    variables: Vec<Template>,
}

impl Pages {
    /// Reads a page, unless that was done. One that cannot be read is a warning: blocked clients get the bare status code.
    ///
    /// # Errors
    ///
    /// When NGINX does not know a variable in it.
    pub fn add(&mut self, path: &Path, conf: &Conf) -> Result<(), String> {
        if self.0.contains_key(path) {
            return Ok(());
        }
        let compiled = match Page::read(path) {
            Ok(page) => {
                let compile = |name: &String| conf.template(&format!("${name}"));
                let variables = page.names().iter().map(compile).collect::<Result<_, _>>();
                let variables = variables.map_err(|error| format!("the block page {}: {error}", path.display()))?;
                Some(Compiled { page, variables })
            }
            Err(error) => {
                conf.message(Level::Warning, &format!("wallarm: {error}"));
                None
            }
        };
        self.0.insert(path.to_owned(), compiled);
        Ok(())
    }

    /// Reads the pages that a block names.
    ///
    /// # Errors
    ///
    /// As [`Self::add`].
    pub fn add_all(&mut self, block: &Block, conf: &Conf) -> Result<(), String> {
        block.block_pages.iter().try_for_each(|line| match &line.page.target {
            Target::Page(path) => self.add(path, conf),
            _ => Ok(()),
        })
    }
}

/// What a blocked client gets.
enum Response {
    /// NGINX's own page with this code.
    Bare(u16),
    /// A page.
    Page { code: u16, content_type: &'static str, body: Vec<u8> },
    /// Another place.
    Redirect { code: u16, place: String },
    /// What a named location answers.
    Location { code: u16, name: String },
}

/// Answers a blocked request. Where nothing better can be had, NGINX's page with the code is sent.
#[must_use]
pub fn answer(request: Request, reason: BlockReason) -> ngx_int_t {
    match choose(&request, reason) {
        Response::Bare(code) => Answer::Status(code).code(),
        Response::Page { code, content_type, body } => {
            let sent = request.send(code, content_type, &body);
            request.finish(sent)
        }
        Response::Redirect { code, place } => {
            let sent = request.redirect(code, place.as_bytes());
            request.finish(sent)
        }
        Response::Location { code, name } => request.answer_from(name.as_bytes(), code),
    }
}

fn choose(request: &Request, reason: BlockReason) -> Response {
    let main = request.global::<MainConf>(module::this());
    let block = request.location::<LocationConf>(module::this()).and_then(|location| location.holds.as_ref());
    let line = block.and_then(|block| block.block_pages.iter().find(|line| line.page.is_for(reason)));
    let (Some(main), Some(line)) = (main, line) else { return Response::Bare(BlockPage::DEFAULT_CODE) };
    let text = line.text.and_then(|id| main.template(id)).and_then(|template| request.evaluate(template));
    let text = text.map(|text| String::from_utf8_lossy(text).into_owned());
    let target = match (&line.page.target, text) {
        (Target::Redirect(_), Some(text)) => Some(Target::Redirect(text)),
        (Target::Chosen { page, .. }, Some(text)) => Target::by_value(&text, *page),
        (Target::Chosen { .. }, None) => None,
        (fixed, _) => Some(fixed.clone()),
    };
    let code = line.page.code;
    match target {
        Some(Target::Page(path)) => fill(request, &main.pages, &path, code),
        Some(Target::Redirect(place)) => Response::Redirect { code: line.page.redirect_code(), place },
        Some(Target::Location(name)) => Response::Location { code, name },
        Some(Target::Chosen { .. }) | None => Response::Bare(code),
    }
}

fn fill(request: &Request, pages: &Pages, path: &Path, code: u16) -> Response {
    let mut body = Vec::new();
    let content_type = match pages.0.get(path) {
        Some(Some(Compiled { page, variables })) => {
            let value = |place: usize| variables.get(place).and_then(|template| request.evaluate(template));
            page.fill(value, &mut body);
            page.content_type()
        }
        Some(None) => return Response::Bare(code),
        // A variable chose it, and it is not listed: it is sent as it is.
        None if path.components().any(|part| part == Component::ParentDir) => return Response::Bare(code),
        None => match Page::read(path) {
            Ok(page) => {
                page.write_plain(&mut body);
                page.content_type()
            }
            Err(error) => {
                request.log().write(Level::Error, &format!("wallarm: {error}"));
                return Response::Bare(code);
            }
        },
    };
    Response::Page { code, content_type, body }
}
