//! Time zones, from the database of the system, or else from the one that is part of the program.

use jiff::tz::TimeZone;

/// The time zone of this exact IANA name; `None` if there is none.
#[must_use]
pub fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok().filter(|zone| zone.iana_name() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_exact_name() {
        assert!(time_zone("Europe/Berlin").is_some() && time_zone("UTC").is_some());
        for name in ["europe/berlin", "+02:00", "", "Europe/Nowhere", "CET-1CEST"] {
            assert!(time_zone(name).is_none(), "{name}");
        }
    }
}
