//! Sets of places, and the names that rule sources call them by.

use crate::scan::Place;

/// Which places of a request a rule looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaceSet(u32);

/// Every place by its name in rule sources.
const PLACES: &[(&str, Place)] = &[
    ("uri", Place::Uri),
    ("path", Place::Path),
    ("path-part", Place::PathPart),
    ("query-value", Place::QueryValue),
    ("parameter-name", Place::ParameterName),
    ("body-value", Place::BodyValue),
    ("file-content", Place::FileContent),
    ("file-name", Place::FileName),
    ("xml-dtd", Place::XmlDtd),
    ("raw-body", Place::RawBody),
    ("cookie", Place::Cookie),
    ("user-agent", Place::UserAgent),
    ("referer", Place::Referer),
    ("host", Place::Host),
    ("header", Place::Header),
    ("header-name", Place::HeaderName),
    ("method", Place::Method),
    ("response", Place::Response),
];

/// Names for places that rules often want together.
const GROUPS: &[(&str, &[Place])] = &[
    ("values", &[Place::QueryValue, Place::BodyValue, Place::Cookie, Place::PathPart, Place::FileName]),
    ("headers", &[Place::UserAgent, Place::Referer, Place::Header, Place::Host]),
    ("names", &[Place::ParameterName, Place::HeaderName]),
    ("bodies", &[Place::RawBody, Place::FileContent]),
];

impl PlaceSet {
    /// The place or the group of places with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        if let Some((_, place)) = PLACES.iter().find(|(known, _)| *known == name) {
            return Some(Self::from_iter([*place]));
        }
        GROUPS.iter().find(|(known, _)| *known == name).map(|(_, places)| places.iter().copied().collect())
    }

    /// The set with these bits, or nothing when a bit belongs to no place.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if bits >> PLACES.len() == 0 { Some(Self(bits)) } else { None }
    }

    /// Bit *n* stands for the place with the number *n*.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether the place is in the set.
    #[must_use]
    pub const fn contains(self, place: Place) -> bool {
        self.0 >> place as u32 & 1 == 1
    }

    /// Whether the sets share a place.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it holds no place.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Every place, by number.
    pub(crate) fn every_place() -> impl Iterator<Item = Place> {
        PLACES.iter().map(|(_, place)| *place)
    }
}

impl FromIterator<Place> for PlaceSet {
    fn from_iter<I: IntoIterator<Item = Place>>(places: I) -> Self {
        Self(places.into_iter().fold(0, |bits, place| bits | 1 << place as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_the_places_by_number() {
        for (number, (name, place)) in PLACES.iter().enumerate() {
            assert_eq!(*place as usize, number, "{name}");
        }
    }

    #[test]
    fn a_group_is_all_of_its_places() {
        let values = PlaceSet::by_name("values").unwrap();
        assert!(values.contains(Place::Cookie) && values.contains(Place::BodyValue));
        assert!(!values.contains(Place::Uri));
        assert_eq!(PlaceSet::by_name("everywhere"), None);
    }

    #[test]
    fn bits_of_no_place_are_refused() {
        assert_eq!(PlaceSet::from_bits(1 << 31), None);
    }
}
