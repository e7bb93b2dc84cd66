//! Northwind sample data through the gateway, if they exist next to this repository.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Value, json};

use crate::process::{Nexo, home};

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

async fn read_back(nexo: &Nexo, token: &str, sort: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = nexo.get_as(token, &format!("/api/v1/clients?limit=7&sort={sort}{cursor}")).await;
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["page"]["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn real_clients_come_back_as_they_were_sent() {
    let (Some(customers), Some(suppliers)) = (read("customers.csv"), read("suppliers.csv")) else { return };
    assert_eq!((customers.len(), suppliers.len()), (91, 29));
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let mut accounts = Vec::new();
    for (rows, id) in [(customers, "customerID"), (suppliers, "supplierID")] {
        let token = nexo.register(&format!("{id}@nexo.test")).await;
        let sent: Vec<Value> = rows.iter().map(|row| client(row, id)).collect();
        for client in &sent {
            let made = nexo.post_as(&token, "/api/v1/clients", client).await;
            assert_eq!(made["version"], 1, "{made}");
        }
        accounts.push((token, sent));
    }
    for (token, sent) in &accounts {
        for sort in ["-created_at", "name", "billing_region,-billing_city"] {
            let back = read_back(&nexo, token, sort).await;
            assert_eq!(back.len(), sent.len(), "{sort}: none twice, none missing, none of the other account");
            for client in sent {
                let same: Vec<_> = back.iter().filter(|one| one["tax_id"] == client["tax_id"]).collect();
                assert_eq!(same.len(), 1, "{sort}: {client}");
                for (field, value) in client.as_object().unwrap() {
                    assert_eq!(&same[0][field], value, "{sort}: {field}");
                }
            }
        }
    }
    nexo.stop().await;
}
