use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use http::StatusCode;
use serde_json::{Value, json};

use crate::{TestApp, TestUser};

/// A sample record of one resource. In its texts `~` becomes a mark that is unique to the field. `$clients` becomes
/// the id of the shared client, `$new-clients` that of a new one, and `$boss` that of the creator.
#[derive(Debug, Clone)]
pub struct Sample {
    pub(super) name: String,
    pub(super) plural: String,
    at: usize,
    pub(super) body: Value,
    pub(super) change: Value,
    pub(super) owned: bool,
    pub(super) hideable: bool,
    /// Field that other records show besides its id.
    pub(super) named_by: Option<&'static str>,
    made: Made,
}

/// Way in which a record is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// By `POST` to the resource's path.
    Posted,
    /// By adding a member with this name and address to the account.
    Member,
}

impl Sample {
    /// Sample of the resource with this name and plural, with all fields; `change` is a patch of it.
    #[must_use]
    pub fn new(name: &str, plural: &str, body: Value, change: Value) -> Self {
        Self {
            name: name.to_owned(),
            plural: plural.to_owned(),
            at: 0,
            body,
            change,
            owned: true,
            hideable: true,
            named_by: None,
            made: Made::Posted,
        }
    }

    /// Sample of a member of the account.
    #[must_use]
    pub fn member(change: Value) -> Self {
        let body = json!({ "display_name": "~", "email": "~@acme.test" });
        Self { made: Made::Member, ..Self::new("member", "members", body, change).administers() }
    }

    /// Marks the resource as administrative: no owners, and no hideable fields.
    #[must_use]
    pub fn administers(self) -> Self {
        Self { owned: false, hideable: false, ..self }
    }

    /// Declares that records with its id also show this field, whatever their reader may see.
    #[must_use]
    pub fn named_by(self, field: &'static str) -> Self {
        Self { named_by: Some(field), ..self }
    }

    pub(super) fn fields(&self) -> Vec<String> {
        self.body.as_object().unwrap().keys().cloned().collect()
    }

    /// Fields with a unique text.
    pub(super) fn marked(&self) -> impl Iterator<Item = String> {
        self.fields().into_iter().filter(|field| self.body[field].to_string().contains('~'))
    }

    /// Names of references for `expand` and filters.
    pub(super) fn references(&self) -> impl Iterator<Item = String> {
        self.fields().into_iter().filter_map(|field| field.strip_suffix("_id").map(ToOwned::to_owned))
    }

    pub(super) fn refers_to(&self, plural: &str) -> bool {
        self.body.to_string().contains(&format!("\"${plural}\""))
    }

    /// Whether its records have those of `plural` as subject, and share their fate.
    fn is_about(&self, plural: &str) -> bool {
        self.body["subject_id"] == json!(format!("${plural}"))
    }

    /// Mark of a field, without the serial number.
    pub(super) fn mark(&self, field: &str) -> String {
        self.marked_with("zq", field)
    }

    fn marked_with(&self, mark: &str, field: &str) -> String {
        let at = self.fields().iter().position(|known| known == field).unwrap_or(99);
        format!("{mark}{}x{at}y", self.at)
    }
}

/// All samples, with a record of each.
pub(super) struct Samples {
    all: Vec<Sample>,
    ids: BTreeMap<String, Value>,
    serial: AtomicUsize,
}

impl Samples {
    pub(super) async fn kept(nexo: &TestApp, boss: &TestUser, all: Vec<Sample>) -> Self {
        let ids = BTreeMap::from([("boss".to_owned(), json!(boss.user))]);
        let mut samples = Self { all: Vec::new(), ids, serial: AtomicUsize::new(1) };
        for (at, sample) in all.into_iter().enumerate() {
            let sample = Sample { at, ..sample };
            let made = samples.record(nexo, boss, &sample).await;
            samples.ids.insert(sample.plural.clone(), made["id"].clone());
            samples.all.push(sample);
        }
        samples
    }

    /// Creates a new record, owned by the privileged user.
    pub(super) async fn record(&self, nexo: &TestApp, boss: &TestUser, of: &Sample) -> Value {
        let body = self.filled(&self.fresh(boss, &of.body).await, "zq", of);
        match of.made {
            Made::Posted => boss.post(&format!("/{}", of.plural), body).await.expect(StatusCode::CREATED),
            Made::Member => {
                let member = nexo.member(boss.account, "").await.user;
                let text = |field: &str| body[field].as_str().unwrap().to_owned();
                let (name, email) = (text("display_name"), text("email"));
                let named = format!(
                    "update app.users set display_name = '{name}', email = '{email}' where id = '{member}'"
                );
                nexo.ground.database.run(&named).await;
                boss.get(&format!("/members/{member}")).await.expect(StatusCode::OK)
            }
        }
    }

    pub(super) fn find(&self, plural: &str) -> Option<&Sample> {
        self.all.iter().find(|sample| sample.plural == plural)
    }

    pub(super) fn get(&self, plural: &str) -> &Sample {
        self.find(plural).unwrap_or_else(|| panic!("{plural} has no sample: add one"))
    }

    /// Resources whose records have those of `plural` as subject.
    pub(super) fn about(&self, plural: &str) -> impl Iterator<Item = &Sample> {
        self.all.iter().filter(move |sample| sample.is_about(plural))
    }

    pub(super) fn plurals(&self) -> impl Iterator<Item = &String> {
        self.all.iter().map(|sample| &sample.plural)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.all.iter().map(|sample| &sample.name)
    }

    pub(super) fn id(&self, plural: &str) -> Option<Value> {
        self.ids.get(plural).cloned()
    }

    pub(super) fn add(&mut self, plural: &str, id: Value) {
        self.ids.insert(plural.to_owned(), id);
    }

    /// Replaces references in the text by ids.
    pub(super) fn fill(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (name, id)| {
            text.replace(&format!("${name}"), id.as_str().unwrap_or_default())
        })
    }

    /// Replaces each `$new-suppliers` in the body by the id of a new record that nothing refers to.
    pub(super) async fn fresh(&self, boss: &TestUser, body: &Value) -> Value {
        let mut body = body.clone();
        for plural in self.all.iter().map(|sample| &sample.plural) {
            let name = format!("$new-{plural}");
            if body.to_string().contains(&name) {
                let of = self.get(plural);
                let made = boss.post(&format!("/{plural}"), self.filled(&of.body, "zq", of)).await;
                let id = made.expect(StatusCode::CREATED)["id"].clone();
                body = replaced(&body, &|text| (text == name).then(|| id.clone()));
            }
        }
        body
    }

    /// Replaces marks and references in the body; the marks are unique per call.
    pub(super) fn filled(&self, body: &Value, mark: &str, of: &Sample) -> Value {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let whole = replaced(body, &|text| self.ids.get(text.strip_prefix('$')?).cloned());
        marked(&whole, mark, of, serial)
    }
}

fn marked(body: &Value, mark: &str, of: &Sample, serial: usize) -> Value {
    let Value::Object(fields) = body else { return body.clone() };
    let each = fields.iter().map(|(field, value)| {
        let text = format!("{}{serial}", of.marked_with(mark, field));
        let nested = value.get("patch").is_some() || ["items", "patch"].contains(&field.as_str());
        let value = match value {
            Value::Array(items) if nested => {
                items.iter().map(|item| marked(item, mark, of, serial)).collect()
            }
            Value::Object(_) if nested => marked(value, mark, of, serial),
            value => replaced(value, &|old| old.contains('~').then(|| json!(old.replace('~', &text)))),
        };
        (field.clone(), value)
    });
    Value::Object(each.collect())
}

/// Replaces strings in a value as `by` says.
pub(super) fn replaced(value: &Value, by: &impl Fn(&str) -> Option<Value>) -> Value {
    match value {
        Value::String(text) => by(text).unwrap_or_else(|| value.clone()),
        Value::Array(items) => items.iter().map(|item| replaced(item, by)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), replaced(value, by))).collect()
        }
        other => other.clone(),
    }
}
