//! Property tests of the filter grammar.

use db::{AccessScope, Bindings, FromRow, HiddenFields};
use identity::Permissions;
use kernel::UserId;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use validator::Validate;
use web::ResourceName;

use super::Filter;
use crate::{Field, Kind, Related, Resource, Schema, query::column::Columns};

#[derive(Debug, Clone, Serialize, Deserialize, FromRow, Validate, ToSchema)]
struct Thing {
    name: Option<String>,
    size: Option<i32>,
    ready: bool,
    day: Option<String>,
    owner_id: Option<UserId>,
}

impl ResourceName for Thing {
    const NAME: &'static str = "thing";
}

impl Resource for Thing {
    const TABLE: &'static str = "things";
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("name", Kind::Text, |thing, row| row.bind(&thing.name)),
        Field::new("size", Kind::Integer, |thing, row| row.bind(thing.size)),
        Field::required("ready", Kind::Boolean, |thing, row| row.bind(thing.ready)),
        Field::new("day", Kind::Date, |thing, row| row.bind(&thing.day)),
        Field::new("state", Kind::Choice(&["new", "old"]), |_, _| {}),
        Field::new("owner_id", Kind::Id, |thing, row| row.bind(thing.owner_id)),
    ];
    const RELATIONS: &'static [Related] = &[Related::new::<Self>("parent", "owner_id")];
    type Refusal = std::convert::Infallible;
}

fn parse(text: &str) -> db::Result<Filter> {
    let all = AccessScope::new(Permissions::new(["*:*"]));
    Filter::parse(text, &Columns::new(Schema::of::<Thing>(), &HiddenFields::default(), &all))
}

impl Filter {
    fn to_json(&self) -> Json {
        match self {
            Self::And(all) => json!({ "and": all.iter().map(Self::to_json).collect::<Vec<_>>() }),
            Self::Or(all) => json!({ "or": all.iter().map(Self::to_json).collect::<Vec<_>>() }),
            Self::Not(one) => json!({ "not": one.to_json() }),
            Self::Term(term) => {
                json!({ "field": term.path.to_string(), "op": term.operator.name(), "value": term.json })
            }
        }
    }
}

fn term() -> impl Strategy<Value = String> {
    let text = any::<String>()
        .prop_filter("no NUL", |text| !text.contains('\0'))
        .prop_map(|text| json!(text).to_string());
    let list = prop::collection::vec(any::<i32>(), 1..5).prop_map(|all| json!(all).to_string());
    prop_oneof![
        (prop::sample::select(vec!["eq", "ne", "lt", "gte", "contains", "starts_with"]), text)
            .prop_map(|(operator, text)| format!("name[{operator}]:{text}")),
        (prop::sample::select(vec!["eq", "lte", "gt"]), any::<i32>())
            .prop_map(|(operator, size)| format!("size[{operator}]:{size}")),
        (prop::sample::select(vec!["in", "nin"]), list)
            .prop_map(|(operator, list)| format!("parent.size[{operator}]:{list}")),
        any::<bool>().prop_map(|ready| format!("ready[eq]:{ready}")),
        Just("owner_id[is]:null".to_owned()),
        Just("day[lt]:\"2026-02-28\"".to_owned()),
        Just("state[ne]:\"old\"".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    term().prop_recursive(3, 20, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            several.clone().prop_map(|all| format!("and({})", all.join(","))),
            several.prop_map(|all| format!("or({})", all.join(","))),
            inner.prop_map(|one| format!("not({one})")),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again_as_the_same(text in condition()) {
        let Ok(filter) = parse(&text) else { return Ok(()) }; // exceeds a limit of the parser
        let again = parse(&filter.to_string()).unwrap();
        prop_assert_eq!(&again, &filter);
        prop_assert_eq!(again.to_string(), filter.to_string());
    }

    #[test]
    fn the_same_tree_as_json_is_the_same(text in condition()) {
        let Ok(filter) = parse(&text) else { return Ok(()) };
        let (hidden, reach) = (HiddenFields::default(), AccessScope::new(Permissions::new(["*:*"])));
        let columns = Columns::new(Schema::of::<Thing>(), &hidden, &reach);
        prop_assert_eq!(Filter::read(&filter.to_json(), &columns).unwrap(), filter);
    }

    #[test]
    fn any_text_is_read_or_refused_and_never_reaches_sql(text in any::<String>()) {
        if let Ok(filter) = parse(&text) {
            prop_assert!(!filter.sql("record", &mut Bindings::default()).is_empty());
        }
    }

    #[test]
    fn what_was_typed_is_a_value_and_no_sql(text in "[a-z'\";()-]{1,30}") {
        let filter = parse(&format!("name[eq]:{}", json!(text))).unwrap();
        prop_assert_eq!(filter.sql("record", &mut Bindings::default()), "record.name = $1");
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    for (text, told) in [
        ("colour[eq]:1", "no field `colour`"),
        ("client.name[eq]:\"a\"", "no field `client.name`"),
        ("parent.colour[eq]:1", "no field `parent.colour`"),
        ("name[like]:\"a\"", "no operator `like`"),
        ("size[contains]:1", "no operator `contains`"),
        ("ready[gt]:true", "no operator `gt`"),
        ("size[eq]:\"1\"", "a whole number"),
        ("day[eq]:\"2026-02-30\"", "a date"),
        ("state[eq]:\"odd\"", "one of the words"),
        ("size[eq]:null", "size[is]:null"),
        ("size[is]:1", "wants null"),
        ("size[in]:1", "a list"),
        ("size[in]:[]", "a list"),
        ("and()", "no field ``"),
        ("not(size[eq]:1", "`)`"),
        ("size[eq]:1,size[eq]:2", "its end"),
        ("or(or(or(or(or(or(size[eq]:1))))))", "nests deeper"),
    ] {
        let told_instead = parse(text).unwrap_err().to_string();
        assert!(told_instead.contains(told), "{text}: {told_instead}");
    }
    let many = format!("and({})", vec!["size[eq]:1"; 60].join(","));
    assert!(parse(&many).unwrap_err().to_string().contains("more than 50 terms"));
}
