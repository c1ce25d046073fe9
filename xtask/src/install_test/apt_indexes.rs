//! What apt makes of the indexes beside `Packages`.

use anyhow::{Result, ensure};

use super::Step;
use super::stage::Stage;

/// Our source alone; what was fetched from others stays.
const OURS: &str = "-o Dir::Etc::SourceList=/etc/apt/sources.list.d/wallarm.list -o Dir::Etc::SourceParts=/dev/null \
                    -o APT::Get::List-Cleanup=0";

/// What apt-file tells apt of itself, so that it need not be installed.
const AS_APT_FILE: &str = "-o 'Acquire::IndexTargets::deb::Contents-deb::MetaKey=$(COMPONENT)/Contents-$(ARCHITECTURE)' \
                           -o 'Acquire::IndexTargets::deb::Contents-deb::ShortDescription=Contents-$(ARCHITECTURE)' \
                           -o 'Acquire::IndexTargets::deb::Contents-deb::flatMetaKey=Contents-$(ARCHITECTURE)' \
                           -o 'Acquire::IndexTargets::deb::Contents-deb::flatDescription=$(RELEASE) Contents (deb)' \
                           -o Acquire::IndexTargets::deb::Contents-deb::KeepCompressed=true";

/// What holds when the packages are installed.
pub(super) const FACTS: &[Step] = &[
    Step::fact("apt fetches what apt-file asks for, and that tells whose wtarantool is", tells_whose),
    Step::fact("apt shows the whole description with translations and without", shows_description),
];

fn tells_whose(stage: &mut Stage<'_>) -> Result<()> {
    stage.root(&format!("apt-get {OURS} {AS_APT_FILE} update"))?;
    let fetched = format!(
        "apt-get {OURS} {AS_APT_FILE} indextargets --format '$(FILENAME)' 'Created-By: Contents-deb' \
         | xargs /usr/lib/apt/apt-helper cat-file | grep -F usr/bin/wtarantool"
    );
    stage.says(&fetched, "usr/bin/wtarantool net/wallarm-tarantool")
}

fn shows_description(stage: &mut Stage<'_>) -> Result<()> {
    let whole = stage.root("dpkg-query -W -f '${Description}' wallarm-tarantool")?;
    ensure!(whole.lines().count() > 1, "the package has no long description");
    for language in ["none", "en"] {
        let languages = format!("-o Acquire::Languages={language}");
        stage.root(&format!("apt-get {OURS} {languages} update"))?;
        let shown = stage.root(&format!("apt-cache {OURS} {languages} show wallarm-tarantool"))?;
        // Which of the two fields a version of apt names it by is its own affair.
        let fields = ["Description", "Description-en"].map(|field| format!("{field}: {}", whole.trim_end()));
        let found = fields.iter().any(|field| shown.contains(field.as_str()));
        ensure!(found, "with {languages}, apt-cache does not show\n{whole}\nbut\n{shown}");
    }
    Ok(())
}
