//! Lists of addresses: loaded at start with the configuration, asked for each request.
//!
//! Denylisted sources are refused before anything else is done for them, unless `wallarm_acl_access_phase` is `off`; what the
//! lists say otherwise becomes part of the verdict.

use crate::analysis::{Analysis, mode_of};
use crate::block_page;
use crate::conf::{LocationConf, MainConf};
use crate::module;
use crate::ngx::Answer;
use crate::ngx::ends;
use crate::ngx::guard;
use crate::ngx::log::{Level, Log};
use crate::ngx::request::Request;
use crate::status;
use module_logic::ip_lists::{Event, IpLists, Job, List, Outcome};
use module_logic::mode::Mode;
use module_logic::settings::Block;
use module_logic::verdict::{Action, BlockReason, Source, before_analysis};
use nginx_sys::{ngx_http_request_t, ngx_int_t};
use std::cell::RefCell;
use std::path::Path;
use std::time::SystemTime;

/// The lists of a configuration.
pub struct Lists(RefCell<IpLists>);

impl Lists {
    /// Reads the file of the lists.
    #[must_use]
    pub fn load(path: &Path, log: Log<'_>) -> Self {
        let mut lists = IpLists::new(path);
        tell(log, lists.load());
        Self(RefCell::new(lists))
    }

    /// A worker starts.
    pub fn start(&self) {
        tell(Log::of_cycle(), self.0.try_borrow().ok().and_then(|lists| lists.check_access()));
    }

    /// What a thread has to read.
    #[must_use]
    pub fn due(&self) -> Option<Job> {
        self.0.try_borrow().ok()?.due()
    }

    /// Takes up what it brought.
    pub fn finish(&self, outcome: Outcome, log: Log<'_>) {
        if let Ok(mut lists) = self.0.try_borrow_mut() {
            tell(log, lists.finish(outcome));
        }
    }

    /// Whether there are any.
    fn any(&self) -> bool {
        self.0.try_borrow().is_ok_and(|lists| lists.table().is_some())
    }

    /// The list in which the source of a request stands.
    fn find(&self, request: &Request, main: &MainConf, block: &Block) -> Option<List> {
        let lists = self.0.try_borrow().ok()?;
        let table = lists.table()?;
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let application = status::application_number(request, main, block);
        table.find(ends::remote_address(request), application, now.as_secs())
    }
}

/// Where the source of a request stands, as far as the mode asks for it.
#[must_use]
pub fn source(request: &Request, main: &MainConf, block: &Block, mode: Mode) -> Source {
    let Some(lists) = main.lists.as_ref().filter(|_| !block.disable_acl) else { return Source::Unlisted };
    match Source::listed(lists.find(request, main, block), mode) {
        // A copy was answered elsewhere: it is of use only if it is looked at.
        Source::DeniedAddress if block.takes_copies() => Source::Unlisted,
        source => source,
    }
}

/// Called by NGINX before rate limits and the analysis, and again after internal redirects.
pub unsafe extern "C" fn preaccess(raw: *mut ngx_http_request_t) -> ngx_int_t {
    guard::run(Log::of_cycle(), Answer::Declined.code(), || {
        // SAFETY: NGINX gives a valid request; it ends during this call only where the value is consumed.
        let Some(request) = (unsafe { Request::new(raw) }) else { return Answer::Declined.code() };
        let Some((analysis, reason)) = refusal(&request) else { return Answer::Declined.code() };
        // Without memory for it, the request is refused and not counted.
        let _ = request.set_context(module::this(), analysis);
        block_page::answer(request, reason)
    })
}

/// Why a request is refused unseen, and what is reported of it.
fn refusal(request: &Request) -> Option<(Analysis, BlockReason)> {
    let main = request.global::<MainConf>(module::this()).filter(|main| main.lists.as_ref().is_some_and(Lists::any))?;
    let block = request.location::<LocationConf>(module::this())?.holds.as_ref()?;
    // What was decided once stays so.
    if block.disable_acl || block.status.is_some() || !request.is_main() || Analysis::of(request).is_some() {
        return None;
    }
    let mode = mode_of(request, main, block);
    let source = source(request, main, block, mode);
    let action = before_analysis(mode, source, true);
    let Action::Block(reason) = action else { return None };
    let mut analysis = Analysis::unseen(mode, block);
    (analysis.outcome.source, analysis.outcome.action) = (source, action);
    Some((analysis, reason))
}

/// Writes what happened.
fn tell(log: Log<'_>, event: Option<Event>) {
    let (level, text) = match event {
        None => return,
        Some(Event::Replaced(text)) => (Level::Notice, text),
        Some(Event::Warning(text)) => (Level::Warning, text),
        Some(Event::Error(text)) => (Level::Error, text),
    };
    log.write(level, &format!("wallarm: {text}"));
}
