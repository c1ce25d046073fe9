//! The mode of filtering, and which one holds for a request.

/// What is done with a malicious request; a later one is stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Mode {
    /// Nothing is analysed.
    #[default]
    Off,
    /// Attacks are reported.
    Monitoring,
    /// Attacks are reported, and blocked when the source is graylisted.
    SafeBlocking,
    /// Attacks are reported and blocked.
    Block,
}

impl Mode {
    /// Every mode, by strictness.
    pub const ALL: [Self; 4] = [Self::Off, Self::Monitoring, Self::SafeBlocking, Self::Block];

    /// The word in configurations and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Monitoring => "monitoring",
            Self::SafeBlocking => "safe_blocking",
            Self::Block => "block",
        }
    }

    /// The mode with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// `wallarm_mode_allow_override`: how much the Cloud may change the mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Override {
    /// Not at all.
    Off,
    /// Only to a stricter mode.
    Strict,
    /// To any mode.
    #[default]
    On,
}

impl Override {
    /// The override with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "strict" => Some(Self::Strict),
            "on" => Some(Self::On),
            _ => None,
        }
    }
}

/// What the Cloud says about the mode of a request. `None` stands for nothing said, and in `rule` for the value "default" too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloudMode {
    /// The most specific mode rule that matches the request.
    pub rule: Option<RuleMode>,
    /// The general setting.
    pub general: Option<Mode>,
}

/// The value of a mode rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleMode {
    /// "default": the local directive decides, whatever the general setting says.
    Local,
    /// This mode.
    Set(Mode),
}

/// The mode that holds, from the most local `wallarm_mode`, the override and what the Cloud says.
#[must_use]
pub fn effective(local: Mode, allow: Override, cloud: CloudMode) -> Mode {
    let wanted = match cloud.rule {
        Some(RuleMode::Set(mode)) => Some(mode),
        Some(RuleMode::Local) => None,
        None => cloud.general,
    };
    match (allow, wanted) {
        (Override::Off, _) | (_, None) => local,
        (Override::On, Some(wanted)) => wanted,
        (Override::Strict, Some(wanted)) => local.max(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mode::{Block, Monitoring, Off, SafeBlocking};

    /// Local mode, override, rule, general setting, what holds.
    type Row = (Mode, Override, Option<RuleMode>, Option<Mode>, Mode);

    const TABLE: &[Row] = &[
        (Off, Override::Off, Some(RuleMode::Set(Block)), Some(Block), Off),
        (Block, Override::Off, None, Some(Off), Block),
        (Off, Override::On, None, None, Off),
        (Off, Override::On, None, Some(Block), Block),
        (Block, Override::On, None, Some(Off), Off),
        (Monitoring, Override::On, Some(RuleMode::Set(Off)), Some(Block), Off),
        (Monitoring, Override::On, Some(RuleMode::Local), Some(Block), Monitoring),
        (Monitoring, Override::Strict, None, None, Monitoring),
        (Monitoring, Override::Strict, None, Some(Off), Monitoring),
        (Monitoring, Override::Strict, None, Some(SafeBlocking), SafeBlocking),
        (SafeBlocking, Override::Strict, Some(RuleMode::Set(Monitoring)), Some(Block), SafeBlocking),
        (SafeBlocking, Override::Strict, Some(RuleMode::Set(Block)), Some(Off), Block),
        (SafeBlocking, Override::Strict, Some(RuleMode::Local), Some(Block), SafeBlocking),
    ];

    #[test]
    fn the_effective_mode_follows_the_table() {
        for (local, allow, rule, general, expected) in TABLE.iter().copied() {
            let cloud = CloudMode { rule, general };
            assert_eq!(effective(local, allow, cloud), expected, "{local:?} {allow:?} {cloud:?}");
        }
    }

    #[test]
    fn every_name_means_its_mode() {
        for mode in Mode::ALL {
            assert_eq!(Mode::by_name(mode.name()), Some(mode));
        }
        assert_eq!(Mode::by_name("BLOCK"), None);
    }
}
