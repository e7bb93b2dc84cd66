//! Real input: the Northwind sample data, where they are beside this repository.

use std::{collections::BTreeMap, path::PathBuf};

use http::StatusCode;
use serde_json::{Value, json};
use testkit::Person;

use crate::{ALL, nexo};

#[expect(clippy::print_stdout, reason = "what is left out is told")]
fn read(file: &str) -> Option<Vec<BTreeMap<String, String>>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/northwind").join(file);
    let Ok(mut reader) = csv::Reader::from_path(&path) else {
        println!("left out: {} is not there", path.display());
        return None;
    };
    Some(reader.deserialize().collect::<Result<_, _>>().unwrap())
}

fn client(row: &BTreeMap<String, String>, id: &str) -> Value {
    let mut client = json!({ "name": row["companyName"], "tax_id": row[id], "status": "active" });
    for (field, column) in [
        ("company", "contactName"),
        ("industry", "contactTitle"),
        ("phone", "phone"),
        ("billing_street", "address"),
        ("billing_city", "city"),
        ("billing_region", "region"),
        ("billing_postal_code", "postalCode"),
        ("billing_country", "country"),
    ] {
        if row[column] != "NULL" {
            client[field] = json!(row[column]);
        }
    }
    client
}

async fn post_all(person: &Person, rows: &[Value]) {
    for row in rows {
        person.post("/clients", row.clone()).await.expect(StatusCode::CREATED);
    }
}

async fn read_back(person: &Person, sort: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(&format!("/clients?limit=7&sort={sort}{cursor}")).await.expect(StatusCode::OK);
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["page"]["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn real_clients_come_back_as_they_were_sent() {
    let (Some(customers), Some(suppliers)) = (read("customers.csv"), read("suppliers.csv")) else { return };
    assert_eq!((customers.len(), suppliers.len()), (91, 29));
    let nexo = nexo().await;
    for (rows, id) in [(customers, "customerID"), (suppliers, "supplierID")] {
        let person = nexo.person(ALL).await;
        let sent: Vec<Value> = rows.iter().map(|row| client(row, id)).collect();
        post_all(&person, &sent).await;
        for sort in ["-created_at", "name", "billing_region,-billing_city"] {
            let back = read_back(&person, sort).await;
            assert_eq!(back.len(), sent.len(), "{sort}");
            for client in &sent {
                let same: Vec<_> = back.iter().filter(|one| one["tax_id"] == client["tax_id"]).collect();
                assert_eq!(same.len(), 1, "{sort}: {client}");
                for (field, value) in client.as_object().unwrap() {
                    assert_eq!(&same[0][field], value, "{sort}: {field}");
                }
            }
        }
    }
}
