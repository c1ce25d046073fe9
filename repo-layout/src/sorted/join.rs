//! Walking two streams side by side.

use std::cmp::Ordering;
use std::iter::Peekable;

use crate::Error;

/// Has a text that streams are in the order of.
pub(crate) trait Keyed {
    /// That text.
    fn key(&self) -> &str;
}

/// The items of two streams, those with the same key together. Both have to be in rising order of their keys, and have each once.
pub(crate) fn join<A, B>(
    left: impl Iterator<Item = Result<A, Error>>,
    right: impl Iterator<Item = Result<B, Error>>,
) -> impl Iterator<Item = Result<(Option<A>, Option<B>), Error>>
where
    A: Keyed,
    B: Keyed,
{
    let (mut left, mut right) = (left.peekable(), right.peekable());
    std::iter::from_fn(move || {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return None,
            (Some(Ok(a)), Some(Ok(b))) => a.key().cmp(b.key()),
            // An error is passed on as it is met.
            (Some(_), None) | (Some(Err(_)), Some(_)) => Ordering::Less,
            (None, Some(_)) | (Some(Ok(_)), Some(Err(_))) => Ordering::Greater,
        };
        Some(pair(order, &mut left, &mut right))
    })
}

type Pair<A, B> = (Option<A>, Option<B>);

fn pair<A, B>(
    order: Ordering,
    left: &mut Peekable<impl Iterator<Item = Result<A, Error>>>,
    right: &mut Peekable<impl Iterator<Item = Result<B, Error>>>,
) -> Result<Pair<A, B>, Error> {
    let left = if order.is_le() { left.next().transpose()? } else { None };
    let right = if order.is_ge() { right.next().transpose()? } else { None };
    Ok((left, right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(keys: &str) -> impl Iterator<Item = Result<String, Error>> {
        keys.chars().map(|key| Ok(key.to_string())).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn what_has_one_key_comes_together() {
        let joined: Vec<String> = join(lines("abde"), lines("bcef"))
            .map(Result::unwrap)
            .map(|(a, b)| format!("{}{}", a.unwrap_or("-".to_owned()), b.unwrap_or("-".to_owned())))
            .collect();
        assert_eq!(joined, ["a-", "bb", "-c", "d-", "ee", "-f"]);
    }

    #[test]
    fn an_error_of_either_side_is_passed_on() {
        let broken = || std::iter::once(Err::<String, _>(Error::TreePath { path: "broken".to_owned() }));
        assert!(join(broken(), lines("a")).next().unwrap().is_err());
        assert!(join(lines("a"), broken()).next().unwrap().is_err());
    }
}
