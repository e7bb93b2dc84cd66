use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use http::StatusCode;
use serde_json::{Value, json};

use super::watch::replaced;
use crate::{Nexo, Person};

/// A record of one resource. `~` in a text becomes a mark that stands in no other field, `$clients` the id of the client
/// before it, `$new-clients` that of another one, `$boss` the id of the person who makes it.
#[derive(Debug, Clone)]
pub struct Sample {
    pub(super) name: String,
    pub(super) plural: String,
    at: usize,
    pub(super) body: Value,
    pub(super) change: Value,
    pub(super) owned: bool,
    pub(super) hideable: bool,
    /// The field that others show beside its id.
    pub(super) named_by: Option<&'static str>,
    made: Made,
}

/// How a record comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// By `POST` to the resource.
    Posted,
    /// As a person who is a member of the account, and has this name and this address.
    Member,
}

impl Sample {
    /// Of the resource with this name and plural, with every field; `change` is a patch of it.
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

    /// A member of the account, with the name and the address of this body.
    #[must_use]
    pub fn member(change: Value) -> Self {
        let body = json!({ "display_name": "~", "email": "~@acme.test" });
        Self { made: Made::Member, ..Self::new("member", "members", body, change).administers() }
    }

    /// Its records belong to nobody, and its fields cannot be hidden: it administers the account.
    #[must_use]
    pub fn administers(self) -> Self {
        Self { owned: false, hideable: false, ..self }
    }

    /// Things that hold its id show this field beside it, whatever their reader may do with its records.
    #[must_use]
    pub fn named_by(self, field: &'static str) -> Self {
        Self { named_by: Some(field), ..self }
    }

    pub(super) fn fields(&self) -> Vec<String> {
        self.body.as_object().unwrap().keys().cloned().collect()
    }

    /// The fields that hold a text of their own.
    pub(super) fn marked(&self) -> impl Iterator<Item = String> {
        self.fields().into_iter().filter(|field| self.body[field].to_string().contains('~'))
    }

    /// The references, as `expand` and conditions name them.
    pub(super) fn references(&self) -> impl Iterator<Item = String> {
        self.fields().into_iter().filter_map(|field| field.strip_suffix("_id").map(ToOwned::to_owned))
    }

    pub(super) fn refers_to(&self, plural: &str) -> bool {
        self.body.to_string().contains(&format!("\"${plural}\""))
    }

    /// Whether its records are about those of `plural`, and go where they go.
    fn is_about(&self, plural: &str) -> bool {
        self.body["subject_id"] == json!(format!("${plural}"))
    }

    /// The mark of a field, as long as its number is not written.
    pub(super) fn mark(&self, field: &str) -> String {
        self.marked_with("zq", field)
    }

    fn marked_with(&self, mark: &str, field: &str) -> String {
        let at = self.fields().iter().position(|known| known == field).unwrap_or(99);
        format!("{mark}{}x{at}y", self.at)
    }
}

/// The samples, and a record of each.
pub(super) struct Samples {
    all: Vec<Sample>,
    ids: BTreeMap<String, Value>,
    serial: AtomicUsize,
}

impl Samples {
    pub(super) async fn kept(nexo: &Nexo, boss: &Person, all: Vec<Sample>) -> Self {
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

    /// A new record, of the boss's.
    pub(super) async fn record(&self, nexo: &Nexo, boss: &Person, of: &Sample) -> Value {
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

    /// The resources whose records are about those of `plural`.
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

    /// The text with the ids that it names.
    pub(super) fn fill(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (name, id)| {
            text.replace(&format!("${name}"), id.as_str().unwrap_or_default())
        })
    }

    /// The body with the id of a record that nothing refers to yet, made for it, in place of each `$new-suppliers`.
    pub(super) async fn fresh(&self, boss: &Person, body: &Value) -> Value {
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

    /// A body with its marks and references in it, unlike every other one.
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
