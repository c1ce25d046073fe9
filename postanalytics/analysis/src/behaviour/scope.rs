//! Counting scopes: which requests a counter counts.

use std::net::IpAddr;

use cloud_api::behaviour::Behaviour;
use cloud_api::markers::{Marker, Markers};
use cloud_api::network::{Network, NoNetwork};

use super::pattern::{Pattern, PatternError, Specificity};

/// Scopes, filters of one, and regular expressions of all: what a Cloud needs, and not what would make requests wait.
const MOST_SCOPES: usize = 256;
const MOST_FILTERS: usize = 256;
const MOST_REGEXES: usize = 64;

/// A marker that cannot be used. The others are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("marker {id} is not counted: {why}")]
pub struct RefusedMarker {
    /// The marker.
    pub id: u64,
    /// The reason.
    pub why: WhyRefused,
}

/// Why a marker cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyRefused {
    /// A newer Cloud counts something that this node does not.
    #[error("this node does not know its kind")]
    Kind,
    /// No window, or one of more than a century.
    #[error("its window must be 1 to {} seconds", u32::MAX)]
    Window,
    /// A URI that is no pattern.
    #[error(transparent)]
    Uri(#[from] PatternError),
    /// A URI that says nothing about objects.
    #[error("its URI must have exactly one variable part, as bola counts requests for objects")]
    Bola,
    /// A source that is none.
    #[error("its source {0:?} is {1}")]
    Source(String, NoNetwork),
    /// More than is taken.
    #[error("it has more than {MOST_FILTERS} applications or sources")]
    Filters,
    /// More than is taken.
    #[error("there are more than {MOST_SCOPES} markers, or {MOST_REGEXES} regular expressions in them")]
    TooMany,
    /// Two of one name could not be told apart.
    #[error("another one has its id")]
    Repeated,
}

/// A marker whose window is longer than requests are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("marker {id} is unreliable: its window of {window} s is longer than requests are kept")]
pub struct UnreliableMarker {
    /// The marker.
    pub id: u64,
    /// Seconds of its window.
    pub window: u32,
}

/// A scope.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) id: u64,
    pub(crate) kind: Behaviour,
    pub(crate) window: u32,
    pattern: Option<Pattern>,
    apps: Vec<i64>,
    sources: Vec<Network>,
}

impl Scope {
    fn compile(marker: &Marker) -> Result<Self, WhyRefused> {
        let kind = marker.kind.ok_or(WhyRefused::Kind)?;
        let window = u32::try_from(marker.window).ok().filter(|window| *window > 0).ok_or(WhyRefused::Window)?;
        if marker.apps.len() > MOST_FILTERS || marker.sources.len() > MOST_FILTERS {
            return Err(WhyRefused::Filters);
        }
        let pattern = marker.uri.as_deref().map(Pattern::compile).transpose()?;
        if kind == Behaviour::Bola && !pattern.as_ref().is_some_and(Pattern::has_one_variable) {
            return Err(WhyRefused::Bola);
        }
        let source = |text: &String| text.parse().map_err(|error| WhyRefused::Source(text.clone(), error));
        let sources = marker.sources.iter().map(source).collect::<Result<_, _>>()?;
        Ok(Self { id: marker.id, kind, window, pattern, apps: marker.apps.clone(), sources })
    }

    fn specificity(&self) -> Specificity {
        self.pattern.as_ref().map(Pattern::specificity).unwrap_or_default()
    }

    fn regexes(&self) -> usize {
        self.pattern.as_ref().map_or(0, Pattern::regexes)
    }

    fn holds(&self, app: i64, host: &[u8], path: &[u8], source: IpAddr) -> bool {
        (self.apps.is_empty() || self.apps.contains(&app))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.matches(host, path))
            && (self.sources.is_empty() || self.sources.iter().any(|network| network.contains(source)))
    }
}

/// Counting scopes, ready for use: for each kind the most special ones first.
#[derive(Debug, Default)]
pub struct Scopes([Vec<Scope>; Behaviour::ALL.len()]);

impl Scopes {
    /// Makes scopes of markers, and says which of them cannot be used. That takes longer than most things here, so it is apart from
    /// their use.
    #[must_use]
    pub fn compile(markers: &Markers) -> (Self, Vec<RefusedMarker>) {
        let (mut scopes, mut refused) = (Self::default(), Vec::new());
        for marker in &markers.0 {
            if let Err(why) = scopes.add(marker) {
                refused.push(RefusedMarker { id: marker.id, why });
            }
        }
        for scopes in &mut scopes.0 {
            scopes.sort_by_key(|scope| std::cmp::Reverse(scope.specificity()));
        }
        (scopes, refused)
    }

    fn add(&mut self, marker: &Marker) -> Result<(), WhyRefused> {
        if self.iter().any(|scope| scope.id == marker.id) {
            return Err(WhyRefused::Repeated);
        }
        if self.iter().count() >= MOST_SCOPES {
            return Err(WhyRefused::TooMany);
        }
        let scope = Scope::compile(marker)?;
        if self.iter().map(Scope::regexes).sum::<usize>() + scope.regexes() > MOST_REGEXES {
            return Err(WhyRefused::TooMany);
        }
        if let Some(scopes) = self.0.get_mut(scope.kind as usize) {
            scopes.push(scope);
        }
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter().flatten()
    }

    /// Whether anything of this kind is counted.
    pub(crate) fn has(&self, kind: Behaviour) -> bool {
        self.0.get(kind as usize).is_some_and(|scopes| !scopes.is_empty())
    }

    /// The scopes of a kind that count a request: of those that hold it, the most special ones.
    pub(crate) fn counting<'s>(
        &'s self,
        kind: Behaviour,
        app: i64,
        host: &'s [u8],
        path: &'s [u8],
        source: IpAddr,
    ) -> impl Iterator<Item = &'s Scope> {
        let scopes = self.0.get(kind as usize).map(Vec::as_slice).unwrap_or_default();
        let mut most = None;
        // They are sorted: behind the first that holds the request, only its equals can count it.
        let candidates = scopes.iter().take_while(move |scope| {
            let holds = most.is_none() && scope.holds(app, host, path, source);
            if holds {
                most = Some(scope.specificity());
            }
            most.is_none_or(|most| scope.specificity() == most)
        });
        candidates.filter(move |scope| scope.holds(app, host, path, source))
    }
}
