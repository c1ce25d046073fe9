//! What becomes of a request, once its mode, its source and its attacks are known.

use crate::ip_lists::List;
use crate::mode::Mode;
use detection::attack::{Attack, AttackSet};

/// In which list the source address stands. Lists are searched in the order allow, deny, gray; the first hit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// In none.
    #[default]
    Unlisted,
    /// In the allowlist: nothing is checked.
    Allowed,
    /// In the denylist, as an address or subnet (`acl_ip`).
    DeniedAddress,
    /// In the denylist, by country, region or data centre (`acl_source`).
    DeniedOrigin,
    /// In the graylist.
    Gray,
}

impl Source {
    /// What it means in a mode to stand in a list. The graylist is consulted in mode `safe_blocking` only.
    #[must_use]
    pub const fn listed(list: Option<List>, mode: Mode) -> Self {
        match (list, mode) {
            (None, _) | (_, Mode::Off) | (Some(List::Gray), Mode::Monitoring | Mode::Block) => Self::Unlisted,
            (Some(List::Allow), _) => Self::Allowed,
            (Some(List::Deny), _) => Self::DeniedAddress,
            (Some(List::Gray), Mode::SafeBlocking) => Self::Gray,
        }
    }
}

/// `wallarm_process_time_limit_block`: what happens when the analysis runs out of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlimitBlock {
    /// Block, unless the mode is `off`.
    On,
    /// Never block because of it.
    Off,
    /// As any attack, by mode.
    #[default]
    Attack,
}

impl OverlimitBlock {
    /// The value with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "on" => Some(Self::On),
            "off" => Some(Self::Off),
            "attack" => Some(Self::Attack),
            _ => None,
        }
    }
}

/// Why a request is blocked: the `block_reason` of a record, and the `type` of a block page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockReason {
    /// An attack was found.
    Attack,
    /// The source's address or subnet is denylisted.
    AclIp,
    /// The source's country, region or data centre is denylisted.
    AclSource,
    /// A virtual patch matched.
    VirtualPatch,
}

impl BlockReason {
    /// The name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attack => "attack",
            Self::AclIp => "acl_ip",
            Self::AclSource => "acl_source",
            Self::VirtualPatch => "vpatch",
        }
    }
}

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes on to the application.
    Pass,
    /// It is answered with the block page.
    Block(BlockReason),
}

/// Decides before the analysis, from the source alone.
///
/// Denylisted sources are blocked here only with `wallarm_acl_access_phase on` (`early`); without it [`after_analysis`]
/// does.
#[must_use]
pub fn before_analysis(mode: Mode, source: Source, early: bool) -> Action {
    match (mode, denied(source)) {
        (Mode::Off, _) | (_, None) => Action::Pass,
        (_, Some(reason)) if early => Action::Block(reason),
        (_, Some(_)) => Action::Pass,
    }
}

/// Decides after the analysis.
#[must_use]
pub fn after_analysis(mode: Mode, source: Source, attacks: AttackSet, overlimit: OverlimitBlock) -> Action {
    if mode == Mode::Off || source == Source::Allowed {
        return Action::Pass;
    }
    if attacks.contains(Attack::Vpatch) {
        return Action::Block(BlockReason::VirtualPatch);
    }
    if mode >= Mode::SafeBlocking
        && let Some(reason) = denied(source)
    {
        return Action::Block(reason);
    }
    let overlimited = attacks.contains(Attack::OverlimitRes);
    if overlimited && overlimit == OverlimitBlock::On {
        return Action::Block(BlockReason::Attack);
    }
    let mut counted = attacks;
    if overlimit == OverlimitBlock::Off {
        counted.remove(Attack::OverlimitRes);
    }
    let blocks = match mode {
        Mode::Off | Mode::Monitoring => false,
        Mode::SafeBlocking => source == Source::Gray,
        Mode::Block => true,
    };
    if blocks && !counted.is_empty() { Action::Block(BlockReason::Attack) } else { Action::Pass }
}

fn denied(source: Source) -> Option<BlockReason> {
    match source {
        Source::DeniedAddress => Some(BlockReason::AclIp),
        Source::DeniedOrigin => Some(BlockReason::AclSource),
        Source::Unlisted | Source::Allowed | Source::Gray => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Block, Pass};
    use Mode::{Monitoring, Off, SafeBlocking};
    use Source::{Allowed, DeniedAddress, DeniedOrigin, Gray, Unlisted};

    fn set(attacks: &[Attack]) -> AttackSet {
        attacks.iter().copied().collect()
    }

    #[test]
    fn attacks_are_blocked_as_the_table_of_modes_says() {
        let blocked = Block(BlockReason::Attack);
        let table = [
            (Off, Unlisted, Pass),
            (Monitoring, Unlisted, Pass),
            (Monitoring, Gray, Pass),
            (SafeBlocking, Unlisted, Pass),
            (SafeBlocking, Gray, blocked),
            (Mode::Block, Unlisted, blocked),
            (Mode::Block, Gray, blocked),
            (Mode::Block, Allowed, Pass),
        ];
        for (mode, source, expected) in table {
            let action = after_analysis(mode, source, set(&[Attack::Sqli]), OverlimitBlock::Attack);
            assert_eq!(action, expected, "{mode:?} {source:?}");
        }
    }

    #[test]
    fn lists_are_consulted_as_the_table_of_modes_says() {
        for (mode, sources) in [
            (Off, [Unlisted, Unlisted, Unlisted]),
            (Monitoring, [Allowed, DeniedAddress, Unlisted]),
            (SafeBlocking, [Allowed, DeniedAddress, Gray]),
            (Mode::Block, [Allowed, DeniedAddress, Unlisted]),
        ] {
            assert_eq!(List::ALL.map(|list| Source::listed(Some(list), mode)), sources, "{mode:?}");
            assert_eq!(Source::listed(None, mode), Unlisted);
        }
    }

    #[test]
    fn clean_requests_pass_in_every_mode() {
        for mode in Mode::ALL {
            for source in [Unlisted, Allowed, Gray] {
                assert_eq!(after_analysis(mode, source, AttackSet::EMPTY, OverlimitBlock::On), Pass);
            }
        }
    }

    #[test]
    fn a_virtual_patch_blocks_in_every_mode_but_off_and_spares_the_allowlist() {
        for mode in [Monitoring, SafeBlocking, Mode::Block] {
            let patched = set(&[Attack::Vpatch]);
            assert_eq!(
                after_analysis(mode, Unlisted, patched, OverlimitBlock::Attack),
                Block(BlockReason::VirtualPatch)
            );
            assert_eq!(after_analysis(mode, Allowed, patched, OverlimitBlock::Attack), Pass);
        }
        assert_eq!(after_analysis(Off, Unlisted, set(&[Attack::Vpatch]), OverlimitBlock::Attack), Pass);
    }

    #[test]
    fn denylisted_sources_are_blocked_early_in_every_mode_but_off() {
        assert_eq!(before_analysis(Off, DeniedAddress, true), Pass);
        for mode in [Monitoring, SafeBlocking, Mode::Block] {
            assert_eq!(before_analysis(mode, DeniedAddress, true), Block(BlockReason::AclIp));
            assert_eq!(before_analysis(mode, DeniedOrigin, true), Block(BlockReason::AclSource));
            assert_eq!(before_analysis(mode, DeniedAddress, false), Pass);
            assert_eq!(before_analysis(mode, Gray, true), Pass);
        }
    }

    #[test]
    fn denylisted_sources_are_blocked_late_only_in_the_blocking_modes() {
        let late = |mode| after_analysis(mode, DeniedAddress, AttackSet::EMPTY, OverlimitBlock::Attack);
        assert_eq!(late(Off), Pass);
        assert_eq!(late(Monitoring), Pass);
        assert_eq!(late(SafeBlocking), Block(BlockReason::AclIp));
        assert_eq!(late(Mode::Block), Block(BlockReason::AclIp));
    }

    #[test]
    fn an_overlimit_follows_its_own_directive() {
        let over = set(&[Attack::OverlimitRes]);
        let decide = |mode, overlimit| after_analysis(mode, Unlisted, over, overlimit);
        assert_eq!(decide(Monitoring, OverlimitBlock::On), Block(BlockReason::Attack));
        assert_eq!(decide(Off, OverlimitBlock::On), Pass);
        assert_eq!(decide(Mode::Block, OverlimitBlock::Off), Pass);
        assert_eq!(decide(Mode::Block, OverlimitBlock::Attack), Block(BlockReason::Attack));
        assert_eq!(decide(Monitoring, OverlimitBlock::Attack), Pass);
    }

    #[test]
    fn an_overlimit_that_never_blocks_does_not_hide_what_else_was_found() {
        let both = set(&[Attack::OverlimitRes, Attack::Rce]);
        assert_eq!(after_analysis(Mode::Block, Unlisted, both, OverlimitBlock::Off), Block(BlockReason::Attack));
    }
}
