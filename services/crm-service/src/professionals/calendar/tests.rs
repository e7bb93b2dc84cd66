use time::format_description::well_known::Rfc3339;

use super::*;
use crate::professionals::{hours::Weekday, span::without};

const BERLIN: &str = "Europe/Berlin";
const NEW_YORK: &str = "America/New_York";

fn span_of(text: &str) -> TimeSlot {
    let (from, to) = text.split_once(' ').unwrap();
    let at = |text| OffsetDateTime::parse(text, &Rfc3339).unwrap();
    TimeSlot { from: at(from), to: at(to) }
}

fn told(spans: &[TimeSlot]) -> Vec<String> {
    let utc = |at: OffsetDateTime| at.to_offset(time::UtcOffset::UTC).format(&Rfc3339).unwrap();
    spans.iter().map(|span| format!("{} {}", utc(span.from), utc(span.to))).collect()
}

fn hours(text: &str) -> WorkingHours {
    let (from, to) = text.split_once('-').unwrap();
    WorkingHours { from: from.parse().unwrap(), to: to.parse().unwrap() }
}

fn daily(text: &str) -> Vec<WeeklyHours> {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let all = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
    let WorkingHours { from, to } = hours(text);
    all.map(|weekday| WeeklyHours { weekday, from, to }).to_vec()
}

/// Working intervals within `asked`, for the same hours each day.
fn open(zone: &str, each_day: &str, asked: &str) -> Vec<String> {
    let weekly: Vec<_> = each_day.split(',').flat_map(daily).collect();
    told(&Calendar::new(zone, &weekly, &[]).unwrap().open(span_of(asked)))
}

#[test]
fn there_are_no_working_hours_in_the_hour_that_the_clock_skips() {
    // New York, 8 March 2026: 02:00 EST is 03:00 EDT, at 07:00 UTC.
    let night = "2026-03-08T05:00:00Z 2026-03-08T10:00:00Z";
    assert_eq!(open(NEW_YORK, "01:00-04:00", night), ["2026-03-08T06:00:00Z 2026-03-08T08:00:00Z"]);
    assert_eq!(open(NEW_YORK, "02:00-03:00", night), Vec::<String>::new());
    assert_eq!(open(NEW_YORK, "02:30-04:00", night), ["2026-03-08T07:00:00Z 2026-03-08T08:00:00Z"]);
    assert_eq!(open(NEW_YORK, "01:00-02:30", night), ["2026-03-08T06:00:00Z 2026-03-08T07:00:00Z"]);
    // Berlin, 29 March 2026: at 01:00 UTC.
    let night = "2026-03-28T23:00:00Z 2026-03-29T04:00:00Z";
    assert_eq!(open(BERLIN, "01:00-04:00", night), ["2026-03-29T00:00:00Z 2026-03-29T02:00:00Z"]);
}

#[test]
fn the_hour_that_the_clock_shows_twice_is_worked_twice() {
    // New York, 1 November 2026: 02:00 EDT is 01:00 EST, at 06:00 UTC.
    let night = "2026-11-01T04:00:00Z 2026-11-01T10:00:00Z";
    assert_eq!(open(NEW_YORK, "01:00-02:00", night), ["2026-11-01T05:00:00Z 2026-11-01T07:00:00Z"]);
    assert_eq!(
        open(NEW_YORK, "01:30-03:00", night),
        ["2026-11-01T05:30:00Z 2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z 2026-11-01T08:00:00Z"],
        "at 01:00 EST the clock shows a time before the hours once more"
    );
    // Berlin, 25 October 2026: at 01:00 UTC. A night of nine hours.
    let night = "2026-10-24T20:00:00Z 2026-10-25T07:00:00Z";
    assert_eq!(open(BERLIN, "22:00-24:00,00:00-06:00", night), ["2026-10-24T20:00:00Z 2026-10-25T05:00:00Z"]);
}

#[test]
fn hours_are_those_of_the_clock_in_summer_and_in_winter() {
    assert_eq!(
        open(BERLIN, "09:00-17:00", "2026-03-28T00:00:00Z 2026-03-30T00:00:00Z"),
        ["2026-03-28T08:00:00Z 2026-03-28T16:00:00Z", "2026-03-29T07:00:00Z 2026-03-29T15:00:00Z"]
    );
    assert_eq!(
        open("Asia/Kathmandu", "09:00-10:00", "2026-06-01T00:00:00Z 2026-06-02T00:00:00Z"),
        ["2026-06-01T03:15:00Z 2026-06-01T04:15:00Z"]
    );
    assert_eq!(
        open("Australia/Lord_Howe", "01:00-02:00", "2026-04-04T12:00:00Z 2026-04-04T18:00:00Z"),
        ["2026-04-04T14:00:00Z 2026-04-04T15:30:00Z"],
        "half an hour comes twice there"
    );
    assert_eq!(
        open("Pacific/Apia", "00:00-24:00", "2011-12-29T10:00:00Z 2011-12-31T10:00:00Z").len(),
        1,
        "a day that never was is no gap"
    );
}

#[test]
fn an_exception_replaces_the_hours_of_its_days() {
    let weekly = daily("09:00-12:00");
    let day =
        |text: &str| Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).unwrap();
    let exceptions = [
        WorkingHoursException {
            first_day: day("2026-06-02"),
            last_day: Some(day("2026-06-03")),
            hours: vec![],
            reason: None,
        },
        WorkingHoursException {
            first_day: day("2026-06-04"),
            last_day: None,
            hours: vec![hours("20:00-24:00")],
            reason: None,
        },
    ];
    let calendar = Calendar::new("UTC", &weekly, &exceptions).unwrap();
    assert_eq!(
        told(&calendar.open(span_of("2026-06-01T00:00:00Z 2026-06-06T00:00:00Z"))),
        [
            "2026-06-01T09:00:00Z 2026-06-01T12:00:00Z",
            "2026-06-04T20:00:00Z 2026-06-05T00:00:00Z",
            "2026-06-05T09:00:00Z 2026-06-05T12:00:00Z"
        ]
    );
}

#[test]
fn a_professional_is_available_who_works_all_of_the_time() {
    let weekly =
        [daily("08:00-12:00"), daily("12:00-16:00"), daily("22:00-24:00"), daily("00:00-02:00")].concat();
    let calendar = Calendar::new("UTC", &weekly, &[]).unwrap();
    for (asked, covered) in [
        ("2026-06-01T08:00:00Z 2026-06-01T16:00:00Z", true),
        ("2026-06-01T07:59:59Z 2026-06-01T09:00:00Z", false),
        ("2026-06-01T15:00:00Z 2026-06-01T16:00:01Z", false),
        ("2026-06-01T23:00:00Z 2026-06-02T01:00:00Z", true),
        ("2026-06-01T10:00:00+02:00 2026-06-01T11:00:00+02:00", true),
    ] {
        assert_eq!(calendar.covers(span_of(asked)), covered, "{asked}");
    }
}

#[test]
fn what_is_taken_is_not_free() {
    let open = vec![
        span_of("2026-06-01T08:00:00Z 2026-06-01T12:00:00Z"),
        span_of("2026-06-01T14:00:00Z 2026-06-01T16:00:00Z"),
    ];
    let busy = vec![
        span_of("2026-06-01T11:00:00Z 2026-06-01T15:00:00Z"),
        span_of("2026-06-01T07:00:00Z 2026-06-01T08:30:00Z"),
        span_of("2026-06-01T09:00:00Z 2026-06-01T09:30:00Z"),
    ];
    assert_eq!(
        told(&without(open, busy)),
        [
            "2026-06-01T08:30:00Z 2026-06-01T09:00:00Z",
            "2026-06-01T09:30:00Z 2026-06-01T11:00:00Z",
            "2026-06-01T15:00:00Z 2026-06-01T16:00:00Z"
        ]
    );
}

#[test]
fn a_zone_is_called_as_the_iana_writes_it() {
    for good in ["Europe/Berlin", "America/New_York", "UTC", "Etc/UTC", "Asia/Calcutta"] {
        assert!(zone::zone(good).is_some(), "{good}");
    }
    for bad in
        ["", "europe/berlin", "Berlin", "+01:00", "Etc/Unknown", "../etc/passwd", "EST5EDT,M3.2.0,M11.1.0"]
    {
        assert!(zone::zone(bad).is_none(), "{bad}");
    }
}
