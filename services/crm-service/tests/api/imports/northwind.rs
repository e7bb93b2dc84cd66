//! Imports of the Northwind sample data, if `NEXO_TEST_DATA` names its folder.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};

use super::{Site, all, counts, errors, imported, planned, seen, uploaded};

type Row = BTreeMap<String, String>;

#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "where the data are is told to the test, and what is left out by it"
)]
fn read(file: &str) -> Option<String> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var("NEXO_TEST_DATA").map_or_else(|_| beside(), PathBuf::from).join(file);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("left out: {} is not there", path.display());
    }
    text
}

fn rows(text: &str) -> Vec<Row> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| row.unwrap()).collect()
}

/// Expected value of a field that is filled from this column.
fn said(row: &Row, column: &str) -> Value {
    if row[column] == "NULL" { Value::Null } else { json!(row[column]) }
}

fn words(name: &str) -> (Value, Value) {
    name.split_once(' ').map_or((json!(name), Value::Null), |(first, rest)| (json!(first), json!(rest)))
}

const PLACE: [(&str, &str); 6] = [
    ("phone", "phone"),
    ("street", "address"),
    ("city", "city"),
    ("region", "region"),
    ("postal_code", "postalCode"),
    ("country", "country"),
];

fn place(prefix: &str) -> Vec<Value> {
    let field = |field: &str| if field == "phone" { field.to_owned() } else { format!("{prefix}{field}") };
    PLACE.iter().map(|(name, column)| json!({ "field": field(name), "column": column })).collect()
}

fn clients() -> Value {
    let mut mapping = vec![
        json!({ "field": "tax_id", "column": "customerID" }),
        json!({ "field": "name", "column": "companyName" }),
        json!({ "field": "status", "value": "active" }),
    ];
    mapping.extend(place("billing_"));
    json!({ "mode": "upsert", "key": ["tax_id"], "nulls": ["NULL"], "mapping": mapping })
}

fn contacts() -> Value {
    json!({ "mode": "upsert", "key": ["client_id", "first_name"], "nulls": ["NULL"], "mapping": [
        { "field": "client_id", "column": "customerID", "by": "tax_id" },
        { "field": "first_name", "column": "contactName", "take": "first_word" },
        { "field": "last_name", "column": "contactName", "take": "other_words" },
        { "field": "job_title", "column": "contactTitle" },
        { "field": "is_primary", "value": true },
        { "field": "phones.0.number", "column": "phone" },
        { "field": "phones.1.number", "column": "fax" },
        { "field": "phones.1.kind", "value": "other" },
    ] })
}

fn suppliers() -> Value {
    let mut mapping = vec![
        json!({ "field": "external_ids.northwind", "column": "supplierID" }),
        json!({ "field": "name", "column": "companyName" }),
    ];
    mapping.extend(place(""));
    json!({ "mode": "upsert", "key": ["external_ids.northwind"], "nulls": ["NULL"], "mapping": mapping })
}

fn employees() -> Value {
    json!({ "mode": "upsert", "key": ["code"], "nulls": ["NULL"], "mapping": [
        { "field": "code", "column": "employeeID" },
        { "field": "first_name", "column": "firstName" },
        { "field": "last_name", "column": "lastName" },
        { "field": "position", "column": "title" },
        { "field": "phone", "column": "homePhone" },
        { "field": "hire_date", "column": "hireDate" },
        { "field": "manager_id", "column": "reportsTo", "by": "code" },
    ] })
}

/// The only record that matches the row.
fn one<'a>(all: &'a [Value], is: impl Fn(&Value) -> bool, row: &Row) -> &'a Value {
    let found: Vec<_> = all.iter().filter(|one| is(one)).collect();
    assert_eq!(found.len(), 1, "{row:?}");
    found[0]
}

fn hold(record: &Value, wanted: impl IntoIterator<Item = (String, Value)>) {
    for (field, value) in wanted {
        assert_eq!(record[&field], value, "{field} of {record}");
    }
}

fn placed(prefix: &str, row: &Row) -> Vec<(String, Value)> {
    let field = |field: &str| if field == "phone" { field.to_owned() } else { format!("{prefix}{field}") };
    PLACE.iter().map(|(name, column)| (field(name), said(row, column))).collect()
}

/// Number of direct reports of each employee, by code, as in the org chart.
fn reports(places: &Value, codes: &BTreeMap<String, String>, into: &mut BTreeMap<String, usize>) {
    for place in places.as_array().unwrap() {
        into.insert(codes[place["id"].as_str().unwrap()].clone(), place["reports"].as_array().unwrap().len());
        reports(&place["reports"], codes, into);
    }
}

#[tokio::test]
async fn all_of_it_comes_in_once_and_goes_away_again() {
    let files = ["customers", "suppliers", "employees"].map(|name| read(&format!("northwind/{name}.csv")));
    let [Some(customers), Some(supplied), Some(employed)] = files else { return };
    let (site, ana) = Site::set().await;
    let works = [
        ("clients", &customers, clients()),
        ("contacts", &customers, contacts()),
        ("suppliers", &supplied, suppliers()),
        ("employees", &employed, employees()),
    ];
    let mut imports = Vec::new();
    for (resource, file, plan) in &works {
        let count = i64::try_from(rows(file).len()).unwrap();
        let done = imported(&site, &ana, resource, file, plan.clone()).await;
        assert_eq!(
            counts(&done["done"]),
            (count, 0, 0, 0),
            "{resource}: {:?}",
            errors(&ana, &done, "run").await
        );
        assert_eq!(done["done"]["unlinked"], 0);
        imports.push(done);
    }
    compare(&ana, &customers, &supplied, &employed).await;

    for (resource, file, plan) in &works {
        let count = i64::try_from(rows(file).len()).unwrap();
        let again = imported(&site, &ana, resource, file, plan.clone()).await;
        assert_eq!(counts(&again["done"]), (0, 0, count, 0), "{resource}, once more: nothing is new");
    }
    compare(&ana, &customers, &supplied, &employed).await;

    for import in imports.iter().rev() {
        let undone = site.run(&ana, import, "undo").await;
        assert_eq!(
            (&undone["status"], &undone["undone"]["removed"]),
            (&json!("undone"), &import["done"]["created"])
        );
        assert_eq!(undone["undone"]["kept"], 0);
    }
    for resource in ["clients", "contacts", "suppliers", "employees"] {
        assert_eq!(all(&ana, resource).await, [json!(null); 0], "{resource}: nothing is left");
    }
    let anew = imported(&site, &ana, "employees", &employed, employees()).await;
    assert_eq!(counts(&anew["done"]).0, 9, "and what was theirs alone is free");
}

async fn compare(ana: &testkit::TestUser, customers: &str, supplied: &str, employed: &str) {
    let (clients, contacts) = (all(ana, "clients").await, all(ana, "contacts").await);
    assert_eq!((clients.len(), contacts.len()), (91, 91));
    for row in rows(customers) {
        let client = one(&clients, |one| one["tax_id"] == row["customerID"], &row);
        hold(client, placed("billing_", &row));
        hold(
            client,
            [("name".to_owned(), said(&row, "companyName")), ("status".to_owned(), json!("active"))],
        );
        let contact = one(&contacts, |one| one["client_id"] == client["id"], &row);
        let (first, last) = words(&row["contactName"]);
        let numbers =
            [("phone", "work"), ("fax", "other")].into_iter().filter(|(column, _)| row[*column] != "NULL");
        let phones: Value =
            numbers.map(|(column, kind)| json!({ "kind": kind, "number": row[column] })).collect();
        let wanted = [
            ("first_name", first),
            ("last_name", last),
            ("job_title", said(&row, "contactTitle")),
            ("phones", phones),
            ("is_primary", json!(true)),
        ];
        hold(contact, wanted.map(|(field, value)| (field.to_owned(), value)));
    }
    let suppliers = all(ana, "suppliers").await;
    assert_eq!(suppliers.len(), 29);
    for row in rows(supplied) {
        let supplier = one(&suppliers, |one| one["external_ids"]["northwind"] == row["supplierID"], &row);
        hold(supplier, placed("", &row));
        hold(supplier, [("name".to_owned(), said(&row, "companyName"))]);
    }
    let employees = all(ana, "employees").await;
    assert_eq!(employees.len(), 9);
    let codes: BTreeMap<String, String> = employees
        .iter()
        .map(|one| (one["id"].as_str().unwrap().to_owned(), one["code"].as_str().unwrap().to_owned()))
        .collect();
    let mut answer_to: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows(employed) {
        let employee = one(&employees, |one| one["code"] == row["employeeID"], &row);
        let manager = employee["manager_id"].as_str().map_or("NULL", |id| &codes[id]);
        assert_eq!(manager, row["reportsTo"]);
        answer_to.entry(row["employeeID"].clone()).or_default();
        if row["reportsTo"] != "NULL" {
            *answer_to.entry(row["reportsTo"].clone()).or_default() += 1;
        }
        let wanted = [
            ("first_name", said(&row, "firstName")),
            ("last_name", said(&row, "lastName")),
            ("position", said(&row, "title")),
            ("phone", said(&row, "homePhone")),
            ("hire_date", json!(row["hireDate"][..10])),
        ];
        hold(employee, wanted.map(|(field, value)| (field.to_owned(), value)));
    }
    let chart = ana.get("/employees/org-chart").await.expect(http::StatusCode::OK);
    let mut shown = BTreeMap::new();
    reports(&chart["data"], &codes, &mut shown);
    assert_eq!(shown, answer_to);
}

/// Line numbers of rows with an unexpected number of cells, and the number of other rows.
fn ragged(text: &str) -> (Vec<i64>, i64) {
    let mut lines = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut width = None;
    let (mut bad, mut good) = (Vec::new(), -1);
    for line in lines.records().map(Result::unwrap) {
        if line.len() == *width.get_or_insert(line.len()) {
            good += 1;
        } else {
            bad.push(i64::try_from(line.position().unwrap().line()).unwrap());
        }
    }
    (bad, good)
}

#[tokio::test]
async fn a_line_with_one_cell_too_many_is_reported_and_shifts_nothing() {
    let (site, ana) = Site::set().await;
    let tasks = json!({ "mode": "create", "mapping": [
        { "field": "title", "column": "orderID" }, { "field": "description", "column": "shipAddress" }, { "field": "due_at", "column": "requiredDate" },
    ], "nulls": ["NULL"] });
    for (file, resource, plan, many) in [
        ("customers", "clients", clients(), 24),
        ("suppliers", "suppliers", suppliers(), 9),
        ("orders", "tasks", tasks, 176),
    ] {
        let Some(text) = read(&format!("northwind-raw/{file}.csv")) else { return };
        let (bad, good) = ragged(&text);
        assert_eq!(bad.len(), many, "{file}");
        let import = uploaded(&ana, resource, text).await;
        assert_eq!(
            (&import["file"]["ragged"], &import["file"]["rows"]),
            (&json!(many), &json!(good + i64::try_from(many).unwrap()))
        );
        planned(&ana, &import, plan).await;
        let checked = site.run(&ana, &import, "check").await;
        let foreseen = errors(&ana, &import, "check").await;
        site.run(&ana, &import, "start").await;
        let done = seen(&ana, &import).await;
        assert_eq!(counts(&done["done"]), (good, 0, 0, i64::try_from(many).unwrap()), "{file}");
        assert_eq!(checked["checked"], done["done"], "{file}: as it was foreseen");
        let told = errors(&ana, &import, "run").await;
        assert_eq!(told, foreseen);
        let lines: Vec<i64> = told.iter().map(|one| one["line"].as_i64().unwrap()).collect();
        assert_eq!(lines, bad, "{file}");
        assert!(told.iter().all(|one| one["code"] == "column-count"));
        assert_eq!(i64::try_from(all(&ana, resource).await.len()).unwrap(), good);
    }
}
