//! Whether this checkout may be released: tag, versions, key. All that is wrong is told at once.

use anyhow::{Result, bail};

use super::{Context, source};
use crate::keys;
use crate::steps::{Facts, Lasts, Step};

/// The step.
pub const STEP: Step<Context> = Step {
    name: "check",
    what: "Look at the tag, the versions and the key",
    lasts: Lasts::ForNow,
    inputs: |_| Ok(Facts::new()),
    outputs: |_| Ok(Facts::new()),
    run,
};

fn run(context: &Context) -> Result<String> {
    let head = source::head(&context.session.root)?;
    let mut wrong = versions(context)?;
    if !context.untagged {
        wrong.extend(tree(context, &head)?);
    }
    wrong.extend(key(context));
    match wrong.len() {
        0 => Ok(format!("{} at {head}", context.version)),
        _ => bail!("{} cannot be released:\n  {}", context.version, wrong.join("\n  ")),
    }
}

/// One version everywhere.
fn versions(context: &Context) -> Result<Vec<String>> {
    let built = context.session.version()?;
    if built != context.version {
        return Ok(vec![format!("Cargo.toml has {built}: correct it there, or the version that is asked for")]);
    }
    Ok(context.session.release(context.revision, None).err().map(|error| format!("{error:#}")).into_iter().collect())
}

/// A commit that everyone can have, under the name that everyone looks for.
fn tree(context: &Context, head: &str) -> Result<Vec<String>> {
    let (root, tag) = (&context.session.root, format!("v{}", context.version));
    let mut wrong = Vec::new();
    let changed = source::changed(root)?;
    if let Some(first) = changed.first() {
        wrong.push(format!(
            "{} files are not as the commit has them, {first} first: commit or remove them",
            changed.len()
        ));
    }
    match source::tagged(root, &tag)? {
        None => wrong.push(format!("there is no tag {tag}: git tag --sign {tag}")),
        Some(commit) if commit != head => {
            wrong.push(format!("the tag {tag} is at {commit}, and HEAD at {head}: git checkout {tag}"));
        }
        Some(_) => {}
    }
    Ok(wrong)
}

/// The key signs, and goes on doing so for a while.
fn key(context: &Context) -> Vec<String> {
    if !keys::is_configured(&context.key.which) && !context.untagged {
        return vec!["no signing key is configured: set WALLARM_SIGNING_KEY or --key".to_owned()];
    }
    let loaded = keys::load(&context.key, &context.session.hushed());
    loaded.err().map(|error| format!("{error:#}")).into_iter().collect()
}
