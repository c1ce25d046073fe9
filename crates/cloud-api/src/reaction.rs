//! What a node does about the status of an answer.

/// What a node does about the status of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing: it was taken.
    Done,
    /// It stops for an hour, since nothing that it could send would be taken: wrong credentials, or a host that is no node API.
    Stop,
    /// It sends the same in smaller pieces.
    Halve,
    /// It sends the same later.
    Later,
    /// It puts this one aside, since it would be refused again.
    SetAside,
}

impl Reaction {
    /// The reaction to a status.
    #[must_use]
    pub const fn to(status: u16) -> Self {
        match status {
            200..=299 => Self::Done,
            // A redirection is none to follow: it would carry the secret to another host.
            300..=399 | 401 | 403 | 404 | 405 | 407 => Self::Stop,
            413 => Self::Halve,
            408 | 425 | 429 => Self::Later,
            400..=499 => Self::SetAside,
            // 5xx, and what no server should say.
            _ => Self::Later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_of_the_specification_has_its_reaction() {
        for (status, reaction) in [
            (200, Reaction::Done),
            (201, Reaction::Done),
            (302, Reaction::Stop),
            (401, Reaction::Stop),
            (403, Reaction::Stop),
            (404, Reaction::Stop),
            (413, Reaction::Halve),
            (422, Reaction::SetAside),
            (400, Reaction::SetAside),
            (429, Reaction::Later),
            (500, Reaction::Later),
            (503, Reaction::Later),
            (0, Reaction::Later),
        ] {
            assert_eq!(Reaction::to(status), reaction, "{status}");
        }
    }
}
