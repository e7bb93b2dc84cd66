//! Converts cells to the values of fields.

use kernel::Amount;
use resource::Kind;
use serde_json::{Value, json};
use time::{OffsetDateTime, PrimitiveDateTime, Time, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::plan::{CellPart, ColumnMapping};
use crate::imports::file::dates::{DateOrder, date};

/// Error code and message of a cell that cannot be converted.
pub(super) type Wrong = (&'static str, String);

/// Converts a non-empty cell to a value of this kind.
pub(super) fn value(kind: Kind, rule: &ColumnMapping, cell: &str) -> Result<Value, Wrong> {
    if let Some(meant) = rule.values.get(cell) {
        return Ok(meant.clone());
    }
    if cell.contains('\0') {
        return Err(("nul-character", "must not hold the character U+0000".to_owned()));
    }
    let wrong = |wanted: &str| ("type", format!("must be {wanted}"));
    match kind {
        Kind::Text | Kind::Json => Ok(json!(cell)), // for nested fields: the part, which is text
        Kind::Choice(words) => choice(words, cell),
        Kind::Integer => cell.trim().parse::<i64>().map(Value::from).map_err(|_| wrong("a whole number")),
        Kind::Amount => amount(cell, rule.decimal_comma).ok_or_else(|| {
            wrong(if rule.decimal_comma { "an amount such as 1500,00" } else { "an amount such as 1500.00" })
        }),
        Kind::Id => cell.trim().parse::<Uuid>().map(|id| json!(id)).map_err(|_| wrong("an id")),
        Kind::Date => {
            let day = date(cell.trim(), rule.date_order.unwrap_or_default());
            day.map(|(day, _)| json!(day.to_string())).ok_or_else(|| wrong(&wanted(rule)))
        }
        Kind::Instant => {
            instant(cell.trim(), rule.date_order.unwrap_or_default()).ok_or_else(|| wrong(&wanted(rule)))
        }
        Kind::Boolean => boolean(cell).ok_or_else(|| wrong("yes or no")),
        Kind::Texts => {
            let words = cell.split(rule.separator.as_deref().unwrap_or(";")).map(str::trim);
            Ok(words.filter(|word| !word.is_empty()).collect())
        }
    }
}

/// The part of a cell that a rule selects.
pub(super) fn part<'c>(rule: &ColumnMapping, cell: &'c str) -> &'c str {
    let words = cell.trim().split_once(char::is_whitespace);
    match (rule.take, words) {
        (None, _) => cell,
        (Some(CellPart::FirstWord), Some((first, _))) => first,
        (Some(CellPart::FirstWord), None) => cell.trim(),
        (Some(CellPart::OtherWords), words) => words.map_or("", |(_, others)| others.trim_start()),
    }
}

fn wanted(rule: &ColumnMapping) -> String {
    let order = match rule.date_order.unwrap_or_default() {
        DateOrder::Ymd => "2026-01-31",
        DateOrder::Dmy => "31/01/2026",
        DateOrder::Mdy => "01/31/2026",
    };
    format!("a date such as {order}")
}

fn choice(words: &[&str], cell: &str) -> Result<Value, Wrong> {
    let said = cell.trim();
    let known = words.iter().find(|word| word.eq_ignore_ascii_case(said));
    known.map(|word| json!(word)).ok_or_else(|| ("enum", format!("must be one of {}", words.join(", "))))
}

fn boolean(cell: &str) -> Option<Value> {
    match cell.trim().to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(json!(true)),
        "false" | "f" | "no" | "n" | "0" => Some(json!(false)),
        _ => None,
    }
}

/// Parses an amount with optional thousands separators. They must separate groups of three digits: `1,5` is not
/// fifteen.
fn amount(cell: &str, decimal_comma: bool) -> Option<Value> {
    let (point, mark) = if decimal_comma { (',', '.') } else { ('.', ',') };
    let said: String = cell.trim().chars().filter(|c| !c.is_whitespace() && *c != '\'').collect();
    let (sign, digits) = said.strip_prefix('-').map_or(("", said.as_str()), |digits| ("-", digits));
    let (whole, cents) =
        digits.split_once(point).map_or((digits, None), |(whole, cents)| (whole, Some(cents)));
    let mut groups = whole.split(mark);
    let first = groups.next()?;
    let marked = whole.contains(mark);
    if marked && (!(1..=3).contains(&first.len()) || groups.any(|group| group.len() != 3)) {
        return None;
    }
    let whole = whole.replace(mark, "");
    let plain = cents.map_or(format!("{sign}{whole}"), |cents| format!("{sign}{whole}.{cents}"));
    plain.parse::<Amount>().ok().map(|amount| json!(amount))
}

/// Parses a timestamp: RFC 3339, or a date with an optional time in UTC.
fn instant(said: &str, order: DateOrder) -> Option<Value> {
    if let Ok(instant) = OffsetDateTime::parse(said, &Rfc3339) {
        return instant.format(&Rfc3339).ok().map(Value::from);
    }
    let (day, rest) = date(said, order)?;
    let time = if rest.is_empty() { Time::MIDNIGHT } else { time(rest)? };
    PrimitiveDateTime::new(day, time).assume_utc().format(&Rfc3339).ok().map(Value::from)
}

fn time(said: &str) -> Option<Time> {
    let said = said.split_once('.').map_or(said, |(whole, _)| whole);
    let mut numbers = said.split(':').map(|number| number.parse::<u8>().ok());
    let (hour, minute) = (numbers.next()??, numbers.next()??);
    Time::from_hms(hour, minute, numbers.next().unwrap_or(Some(0))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, rule: &Value, cell: &str) -> Option<Value> {
        let mut whole = json!({ "field": "x" });
        whole.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
        value(kind, &serde_json::from_value(whole).unwrap(), cell).ok()
    }

    #[test]
    fn amounts_are_read_as_they_are_meant_or_not_at_all() {
        for (cell, comma, wanted) in [
            ("1500", false, Some("1500.00")),
            ("1,234.5", false, Some("1234.50")),
            ("1,5", false, None),
            ("12,34", false, None),
            ("1.234,5", true, Some("1234.50")),
            ("-7,25", true, Some("-7.25")),
            ("1 234 567", false, Some("1234567.00")),
            ("1.5", true, None),
            ("12 €", false, None),
            ("1e3", false, None),
        ] {
            let told = read(Kind::Amount, &json!({ "decimal_comma": comma }), cell);
            assert_eq!(told, wanted.map(|wanted| json!(wanted)), "{cell}");
        }
    }

    #[test]
    fn dates_are_read_in_the_order_that_was_said() {
        for (cell, order, wanted) in [
            ("1992-05-01 00:00:00.000", "ymd", Some("1992-05-01")),
            ("31/01/2026", "dmy", Some("2026-01-31")),
            ("1.2.2026", "dmy", Some("2026-02-01")),
            ("01/31/2026", "mdy", Some("2026-01-31")),
            ("31/01/2026", "mdy", None),
            ("31/01/26", "dmy", None),
            ("2026-02-30", "ymd", None),
        ] {
            assert_eq!(
                read(Kind::Date, &json!({ "date_order": order }), cell),
                wanted.map(|day| json!(day)),
                "{cell}"
            );
        }
        assert_eq!(read(Kind::Instant, &json!({}), "2026-01-31 08:30"), Some(json!("2026-01-31T08:30:00Z")));
        assert_eq!(
            read(Kind::Instant, &json!({}), "2026-01-31T08:30:00+02:00"),
            Some(json!("2026-01-31T08:30:00+02:00"))
        );
    }

    #[test]
    fn words_mean_what_they_are_said_to_mean() {
        assert_eq!(read(Kind::Boolean, &json!({}), "Yes"), Some(json!(true)));
        assert_eq!(read(Kind::Boolean, &json!({ "values": { "ja": true } }), "ja"), Some(json!(true)));
        assert_eq!(read(Kind::Boolean, &json!({}), "ja"), None);
        assert_eq!(read(Kind::Choice(&["lead", "active"]), &json!({}), "Active"), Some(json!("active")));
        assert_eq!(read(Kind::Texts, &json!({ "separator": "|" }), "a| b |"), Some(json!(["a", "b"])));
        assert_eq!(read(Kind::Text, &json!({}), "a\0"), None);
    }
}
