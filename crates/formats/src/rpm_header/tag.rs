//! Tags: the numbers under which headers keep their values (rpm's `include/rpm/rpmtag.h`).

use std::fmt;

/// The number of a header entry. A signature header and a main header give different meanings to some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u32);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Tag {
    /// What the constant of a main header's tag is called here.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let groups = [REGION_NAMES, PACKAGE_NAMES, FILE_NAMES, RELATION_NAMES, CHANGELOG_NAMES];
        name_among(&groups, self)
    }

    /// What the constant of a signature header's tag is called here.
    #[must_use]
    pub fn name_in_signature(self) -> Option<&'static str> {
        name_among(&[REGION_NAMES, SIGNATURE_NAMES], self)
    }
}

type Names = &'static [(Tag, &'static str)];

fn name_among(groups: &[Names], tag: Tag) -> Option<&'static str> {
    groups.iter().copied().flatten().find(|(known, _)| *known == tag).map(|(_, name)| *name)
}

/// One constant a line, with its type in the file and its meaning; and a list of all of them.
macro_rules! tags {
    ($names:ident: $($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Tag {
            $($(#[$doc])* pub const $name: Self = Self($number);)*
        }

        const $names: Names = &[$((Tag::$name, stringify!($name))),*];
    };
}

// Regions: the first entry of a header, spanning all others.
tags! {
    REGION_NAMES:
    /// BIN 16: region of a signature header.
    HEADER_SIGNATURES = 62;
    /// BIN 16: region of a main header.
    HEADER_IMMUTABLE = 63;
    /// STRING_ARRAY: locales of the I18NSTRING entries.
    HEADER_I18N_TABLE = 100;
}

// Signature header.
tags! {
    SIGNATURE_NAMES:
    /// BIN: DSA signature (OpenPGP v4 packet) over the main header.
    SIG_DSA = 267;
    /// BIN: RSA signature (OpenPGP v4 packet) over the main header.
    SIG_RSA = 268;
    /// STRING: SHA-1 of the main header, lower-case hexadecimal.
    SIG_SHA1 = 269;
    /// INT64: size of main header and payload, when it exceeds 32 bits.
    SIG_LONG_SIZE = 270;
    /// STRING: SHA-256 of the main header, lower-case hexadecimal.
    SIG_SHA256 = 273;
    /// INT32: size of main header and payload in bytes.
    SIG_SIZE = 1000;
    /// BIN: RSA signature over main header and payload.
    SIG_PGP = 1002;
    /// BIN 16: MD5 of main header and payload.
    SIG_MD5 = 1004;
    /// BIN: DSA signature over main header and payload.
    SIG_GPG = 1005;
    /// INT32: size of the uncompressed payload in bytes, trailer included.
    SIG_PAYLOAD_SIZE = 1007;
    /// BIN: zeroes, room for a signature that is added in place.
    SIG_RESERVED_SPACE = 1008;
}

// Main header: the package.
tags! {
    PACKAGE_NAMES:
    /// STRING: name.
    NAME = 1000;
    /// STRING: version.
    VERSION = 1001;
    /// STRING: release.
    RELEASE = 1002;
    /// INT32: epoch; absent means 0.
    EPOCH = 1003;
    /// I18NSTRING: one line on what it is.
    SUMMARY = 1004;
    /// I18NSTRING: what it is, at length.
    DESCRIPTION = 1005;
    /// INT32: when it was built, seconds since 1970.
    BUILD_TIME = 1006;
    /// STRING: where it was built.
    BUILD_HOST = 1007;
    /// INT32: sum of the sizes of its files.
    SIZE = 1009;
    /// STRING: who distributes it.
    VENDOR = 1011;
    /// STRING: licence.
    LICENSE = 1014;
    /// STRING: who packed it.
    PACKAGER = 1015;
    /// I18NSTRING: group in the old classification.
    GROUP = 1016;
    /// STRING: project page.
    URL = 1020;
    /// STRING: operating system.
    OS = 1021;
    /// STRING: architecture.
    ARCH = 1022;
    /// STRING: `%pre`.
    PRE_IN = 1023;
    /// STRING: `%post`.
    POST_IN = 1024;
    /// STRING: `%preun`.
    PRE_UN = 1025;
    /// STRING: `%postun`.
    POST_UN = 1026;
    /// STRING: the source package; a package without it counts as source.
    SOURCE_RPM = 1044;
    /// INT32: size of the uncompressed payload.
    ARCHIVE_SIZE = 1046;
    /// STRING: version of rpm that built it.
    RPM_VERSION = 1064;
    /// STRING_ARRAY: interpreter of `%pre`.
    PRE_IN_PROG = 1085;
    /// STRING_ARRAY: interpreter of `%post`.
    POST_IN_PROG = 1086;
    /// STRING_ARRAY: interpreter of `%preun`.
    PRE_UN_PROG = 1087;
    /// STRING_ARRAY: interpreter of `%postun`.
    POST_UN_PROG = 1088;
    /// STRING: an opaque word of the build system.
    COOKIE = 1094;
    /// STRING: `cpio`.
    PAYLOAD_FORMAT = 1124;
    /// STRING: `gzip`, `xz`, …
    PAYLOAD_COMPRESSOR = 1125;
    /// STRING: compression level.
    PAYLOAD_FLAGS = 1126;
    /// INT64: sum of the sizes of its files, when it exceeds 32 bits.
    LONG_SIZE = 5009;
    /// STRING_ARRAY: hexadecimal digest of the compressed payload.
    PAYLOAD_DIGEST = 5092;
    /// INT32: its algorithm (OpenPGP number; 8 is SHA-256).
    PAYLOAD_DIGEST_ALGO = 5093;
    /// STRING_ARRAY: hexadecimal digest of the uncompressed payload.
    PAYLOAD_DIGEST_ALT = 5097;
}

// Main header: files. Arrays of equal length, one value a file.
tags! {
    FILE_NAMES:
    /// INT32: sizes.
    FILE_SIZES = 1028;
    /// INT16: types and permission bits.
    FILE_MODES = 1030;
    /// INT32: modification times.
    FILE_MTIMES = 1034;
    /// STRING_ARRAY: hexadecimal digests.
    FILE_DIGESTS = 1035;
    /// STRING_ARRAY: link targets.
    FILE_LINK_TARGETS = 1036;
    /// INT32: flags; 1 config, 2 doc, 16 noreplace, 64 ghost, 128 licence.
    FILE_FLAGS = 1037;
    /// STRING_ARRAY: owners.
    FILE_USERS = 1039;
    /// STRING_ARRAY: groups.
    FILE_GROUPS = 1040;
    /// INT32: numbers by which the payload's archive tells files apart.
    FILE_INODES = 1096;
    /// INT32: for each file, which of [`Tag::DIR_NAMES`] it stands in.
    DIR_INDEXES = 1116;
    /// STRING_ARRAY: names without folder.
    BASE_NAMES = 1117;
    /// STRING_ARRAY: folders with a slash at their end.
    DIR_NAMES = 1118;
    /// INT64: sizes, when one exceeds 32 bits.
    LONG_FILE_SIZES = 5008;
    /// INT32: algorithm of the digests (OpenPGP number; 8 is SHA-256); absent means MD5.
    FILE_DIGEST_ALGO = 5011;
}

// Main header: relations. Three arrays of equal length a kind: name, flags, version.
tags! {
    RELATION_NAMES:
    /// STRING_ARRAY: names of `Provides`.
    PROVIDE_NAME = 1047;
    /// INT32: flags of `Provides`.
    PROVIDE_FLAGS = 1112;
    /// STRING_ARRAY: versions of `Provides`.
    PROVIDE_VERSION = 1113;
    /// STRING_ARRAY: names of `Requires`.
    REQUIRE_NAME = 1049;
    /// INT32: flags of `Requires`.
    REQUIRE_FLAGS = 1048;
    /// STRING_ARRAY: versions of `Requires`.
    REQUIRE_VERSION = 1050;
    /// STRING_ARRAY: names of `Conflicts`.
    CONFLICT_NAME = 1054;
    /// INT32: flags of `Conflicts`.
    CONFLICT_FLAGS = 1053;
    /// STRING_ARRAY: versions of `Conflicts`.
    CONFLICT_VERSION = 1055;
    /// STRING_ARRAY: names of `Obsoletes`.
    OBSOLETE_NAME = 1090;
    /// INT32: flags of `Obsoletes`.
    OBSOLETE_FLAGS = 1114;
    /// STRING_ARRAY: versions of `Obsoletes`.
    OBSOLETE_VERSION = 1115;
    /// STRING_ARRAY: names of `Recommends`.
    RECOMMEND_NAME = 5046;
    /// STRING_ARRAY: versions of `Recommends`.
    RECOMMEND_VERSION = 5047;
    /// INT32: flags of `Recommends`.
    RECOMMEND_FLAGS = 5048;
    /// STRING_ARRAY: names of `Suggests`.
    SUGGEST_NAME = 5049;
    /// STRING_ARRAY: versions of `Suggests`.
    SUGGEST_VERSION = 5050;
    /// INT32: flags of `Suggests`.
    SUGGEST_FLAGS = 5051;
    /// STRING_ARRAY: names of `Supplements`.
    SUPPLEMENT_NAME = 5052;
    /// STRING_ARRAY: versions of `Supplements`.
    SUPPLEMENT_VERSION = 5053;
    /// INT32: flags of `Supplements`.
    SUPPLEMENT_FLAGS = 5054;
    /// STRING_ARRAY: names of `Enhances`.
    ENHANCE_NAME = 5055;
    /// STRING_ARRAY: versions of `Enhances`.
    ENHANCE_VERSION = 5056;
    /// INT32: flags of `Enhances`.
    ENHANCE_FLAGS = 5057;
}

// Main header: changelog. Arrays of equal length, newest first.
tags! {
    CHANGELOG_NAMES:
    /// INT32: dates, seconds since 1970.
    CHANGELOG_TIME = 1080;
    /// STRING_ARRAY: authors with versions.
    CHANGELOG_NAME = 1081;
    /// STRING_ARRAY: texts.
    CHANGELOG_TEXT = 1082;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_another_name_in_each_header() {
        assert_eq!(Tag(1004).name(), Some("SUMMARY"));
        assert_eq!(Tag(1004).name_in_signature(), Some("SIG_MD5"));
        assert_eq!(Tag(9999).name(), None);
    }
}
