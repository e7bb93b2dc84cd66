//! Lists return exactly what the reference implementation selects, in its order.

use std::collections::HashSet;

use http::StatusCode;
use resource::Resource;
use serde_json::{Value, json};

use super::{
    Contract,
    filter_oracle::{Column, columns},
    generate::vary,
};
use crate::TestUser;

/// Number of records per list test: few enough for one page.
const RECORDS: usize = 30;
/// Maximum number of samples to vary until there are enough records.
const MAX_SAMPLES: usize = 8;

impl<S: AsyncFn(&TestUser) -> Value> Contract<'_, S> {
    pub(super) async fn is_found<R: Resource>(&self, in_batches: bool) {
        let (owner, sample) = self.somebody().await;
        let mut records = self.search(&owner, json!({ "limit": 200 })).await; // records that the sample refers to
        for part in 0..MAX_SAMPLES {
            // If rules between records limit the variations of one sample, such as bookings of one person, further
            // samples are used.
            let other = if part == 0 { sample.clone() } else { (self.sample)(&owner).await };
            let varied: Vec<Value> = (0..RECORDS).map(|at| vary::<R>(&other, part * RECORDS + at)).collect();
            records.extend(self.keep_all(&owner, varied, in_batches).await);
            if records.len() >= RECORDS / 2 {
                break;
            }
        }
        assert!(records.len() >= RECORDS / 2, "{}: only {} varied records", self.many, records.len());
        for column in columns::<R>() {
            self.is_filtered_by(&owner, column, &records).await;
            self.is_sorted_by(&owner, column, &records).await;
        }
        for field in
            R::FIELDS.iter().filter(|field| !columns::<R>().iter().any(|one| one.name == field.name()))
        {
            let unsorted = owner.get(&format!("/{}?sort={}", self.many, field.name())).await;
            assert_eq!(unsorted.status, StatusCode::UNPROCESSABLE_ENTITY, "{}: {}", self.many, field.name());
        }
        self.is_paged::<R>(&owner, &sample).await;
    }

    /// Creates these records. A value that is taken is removed; a record that needs it is skipped.
    async fn keep_all(&self, owner: &TestUser, wanted: Vec<Value>, in_batches: bool) -> Vec<Value> {
        let mut kept = Vec::new();
        if !in_batches {
            for one in wanted {
                kept.push(self.made(owner, &one).await);
            }
            return kept;
        }
        let mut wanted = wanted;
        for _ in 0..3 {
            let body = json!({ "operation": "create", "items": wanted, "atomic": false });
            let told =
                owner.post(&format!("/{}/bulk", self.many), body).await.expect(StatusCode::MULTI_STATUS);
            let told = told["data"].as_array().unwrap().clone();
            kept.extend(told.iter().filter(|one| one["status"] == 201).map(|one| one["record"].clone()));
            let refused = wanted.iter().zip(&told).filter(|(_, told)| told["status"] != 201);
            wanted = refused.map(|(body, told)| without_taken(body, told)).collect();
            if wanted.is_empty() {
                break;
            }
        }
        kept
    }

    pub(super) async fn search(&self, owner: &TestUser, asked: Value) -> Vec<Value> {
        let answer = owner.post(&format!("/{}/search", self.many), asked.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}: {asked} {}", self.many, answer.body);
        answer.body["data"].as_array().unwrap().clone()
    }

    async fn is_filtered_by(&self, owner: &TestUser, column: Column, records: &[Value]) {
        let mut conditions = vec![("is", Value::Null)];
        let probes = column.probes(records);
        for operator in column.operators() {
            match operator {
                "in" | "nin" => conditions.push((operator, json!(probes))),
                _ => conditions.extend(probes.iter().map(|probe| (operator, probe.clone()))),
            }
        }
        for (operator, value) in conditions {
            let term = json!({ "field": column.name, "op": operator, "value": value });
            let met = |record: &&Value| column.meets(record, operator, &value);
            let expected: HashSet<_> = records.iter().filter(met).map(id).collect();
            let found = self.search(owner, json!({ "filter": term, "limit": 200 })).await;
            assert_eq!(found.iter().map(id).collect::<HashSet<_>>(), expected, "{}: {term}", self.many);
            if probes.first() == Some(&value) || value.is_null() {
                let others = self.search(owner, json!({ "filter": { "not": term }, "limit": 200 })).await;
                assert_eq!(found.len() + others.len(), records.len(), "{}: not {term}", self.many);
            }
        }
        for operator in column.refused() {
            let value =
                if operator == "in" { json!(probes) } else { probes.first().cloned().unwrap_or_default() };
            let term = json!({ "filter": { "field": column.name, "op": operator, "value": value } });
            let refused = owner.post(&format!("/{}/search", self.many), term.clone()).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}: {term}", self.many);
        }
    }

    async fn is_sorted_by(&self, owner: &TestUser, column: Column, records: &[Value]) {
        let mut expected = records.to_vec();
        expected.sort_by(|one, other| column.order(one, other));
        for descending in [false, true] {
            let sort = format!("{}{}", if descending { "-" } else { "" }, column.name);
            let found = self.search(owner, json!({ "sort": sort, "limit": 200 })).await;
            let ids = |of: &[Value]| of.iter().map(id).collect::<Vec<_>>();
            assert_eq!(ids(&found), ids(&expected), "{}: sorted by {sort}", self.many);
            expected.reverse();
        }
    }
}

pub(super) fn id(record: &Value) -> String {
    record["id"].as_str().unwrap().to_owned()
}

/// Removes the value that another record has taken.
fn without_taken(body: &Value, told: &Value) -> Value {
    let mut body = body.clone();
    let pointer = told["problem"]["errors"][0]["pointer"].as_str().unwrap();
    let field = pointer.rsplit('/').next().unwrap();
    body[field] = if body[field].is_boolean() { json!(false) } else { Value::Null };
    body
}
