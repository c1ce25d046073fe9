//! The kinds of attack, and sets of them: what the module finds and the server counts under the same bits and codes.

/// Declares each attack once: its variant, its bit in `$wallarm_attack_type`, its code, and whether it belongs to the group
/// "input validation", which graylists and blocking rules refer to.
macro_rules! attacks {
    ($($(#[doc = $doc:literal])+ $variant:ident = $bit:literal, $code:literal, $input:literal;)+) => {
        /// A kind of attack. The order is that of the bits, which is also the order of `$wallarm_attack_type_list`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum Attack {
            $($(#[doc = $doc])+ $variant = $bit,)+
        }

        impl Attack {
            /// Every kind, by bit.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code that logs, variables and the API use.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Whether it is found by looking at what a client sends in, as against limits, responses and virtual patches.
            #[must_use]
            pub const fn is_input_validation(self) -> bool {
                match self { $(Self::$variant => $input,)+ }
            }
        }
    };
}

attacks! {
    /// Cross-site scripting (CWE-79).
    Xss = 0x2, "xss", true;
    /// SQL injection (CWE-89).
    Sqli = 0x4, "sqli", true;
    /// Remote code or command execution (CWE-78, CWE-94).
    Rce = 0x8, "rce", true;
    /// XML external entity (CWE-611).
    Xxe = 0x10, "xxe", true;
    /// Path traversal and access to system files (CWE-22).
    Ptrav = 0x20, "ptrav", true;
    /// CR/LF injection (CWE-93).
    Crlf = 0x40, "crlf", true;
    /// Open redirect (CWE-601).
    Redir = 0x80, "redir", true;
    /// NoSQL injection (CWE-943).
    Nosqli = 0x100, "nosqli", true;
    /// Information exposure, seen in responses (CWE-200).
    Infoleak = 0x200, "infoleak", false;
    /// LDAP injection (CWE-90).
    Ldapi = 0x2000, "ldapi", true;
    /// Scanning by known tools.
    Scanner = 0x4000, "scanner", true;
    /// Mass assignment.
    MassAssignment = 0x2_0000, "mass_assignment", true;
    /// Server-side request forgery (CWE-918).
    Ssrf = 0x8_0000, "ssrf", true;
    /// Server-side include injection (CWE-96, CWE-97).
    Ssi = 0x200_0000, "ssi", true;
    /// E-mail command injection (CWE-20, CWE-88, CWE-150).
    MailInjection = 0x400_0000, "mail_injection", true;
    /// Server-side template injection (CWE-94, CWE-159).
    Ssti = 0x800_0000, "ssti", true;
    /// An XML body whose real encoding is not the declared one.
    InvalidXml = 0x1000_0000, "invalid_xml", false;
    /// A limit of the analysis was exceeded.
    OverlimitRes = 0x2000_0000, "overlimit_res", false;
    /// An archive or entity bomb (CWE-409, CWE-776).
    DataBomb = 0x4000_0000, "data_bomb", false;
    /// Stopped by a virtual patch.
    Vpatch = 0x8000_0000, "vpatch", false;
}

impl Attack {
    /// The kind with this code.
    #[must_use]
    pub fn by_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|attack| attack.code() == code)
    }
}

/// A set of attacks; its number is the value of `$wallarm_attack_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AttackSet(u32);

impl AttackSet {
    /// No attack.
    pub const EMPTY: Self = Self(0);

    /// The set with these bits; bits that mean nothing are dropped.
    #[must_use]
    pub fn from_bits(bits: u32) -> Self {
        Attack::ALL.iter().filter(|attack| bits & **attack as u32 != 0).copied().collect()
    }

    /// The bit mask.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Adds one kind.
    pub const fn insert(&mut self, attack: Attack) {
        self.0 |= attack as u32;
    }

    /// Takes one kind away.
    pub const fn remove(&mut self, attack: Attack) {
        self.0 &= !(attack as u32);
    }

    /// Whether the kind is in the set.
    #[must_use]
    pub const fn contains(self, attack: Attack) -> bool {
        self.0 & attack as u32 != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in it, by bit.
    pub fn iter(self) -> impl Iterator<Item = Attack> {
        Attack::ALL.iter().copied().filter(move |attack| self.contains(*attack))
    }
}

impl FromIterator<Attack> for AttackSet {
    fn from_iter<I: IntoIterator<Item = Attack>>(attacks: I) -> Self {
        let mut set = Self::EMPTY;
        attacks.into_iter().for_each(|attack| set.insert(attack));
        set
    }
}

/// The codes, joined by `|`: the value of `$wallarm_attack_type_list`.
impl std::fmt::Display for AttackSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, attack) in self.iter().enumerate() {
            let separator = if position == 0 { "" } else { "|" };
            write!(f, "{separator}{}", attack.code())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vpatch_alone_is_2147483648() {
        assert_eq!(AttackSet::from_iter([Attack::Vpatch]).bits(), 2_147_483_648);
    }

    #[test]
    fn the_list_is_in_the_order_of_the_bits() {
        let set = AttackSet::from_iter([Attack::Ptrav, Attack::Xss, Attack::Ssti]);
        assert_eq!(set.to_string(), "xss|ptrav|ssti");
        assert_eq!(AttackSet::EMPTY.to_string(), "");
    }

    #[test]
    fn every_code_names_its_attack() {
        for attack in Attack::ALL {
            assert_eq!(Attack::by_code(attack.code()), Some(*attack));
        }
    }

    #[test]
    fn bits_without_a_meaning_are_dropped() {
        assert_eq!(AttackSet::from_bits(u32::MAX).iter().count(), Attack::ALL.len());
        assert_eq!(AttackSet::from_bits(1), AttackSet::EMPTY);
    }
}
