//! Visibility tests: calls every operation that can show or change a record, as callers with restricted rights.

mod requests;
mod sample;
mod watch;

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use requests::{Target, TestRequest};
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use crate::{
    TestApp, TestResponse, TestUser,
    requires_auth::{is_public, operations},
};
pub use sample::Sample;
use sample::Samples;
use watch::Watch;

/// A caller with restricted rights to one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RestrictedCaller {
    /// May write, delete and purge, but not read.
    NoRead,
    /// Has all permissions with scope `own`.
    Own,
    /// Has all permissions with scope `team`, in a team without owners of records.
    Team,
    /// Has all permissions, but these fields are hidden.
    Hidden(Vec<String>),
    /// Had all permissions; the membership is suspended.
    Suspended,
    /// Had all permissions; the membership was removed.
    Removed,
}

/// Call of a non-generic operation: `GET /professionals/available`, its query, and its body.
pub type Special = (&'static str, &'static str, Value);

/// The service under test, with a record of each of its resources.
pub struct Rights<'d> {
    nexo: TestApp,
    document: &'d OpenApi,
    boss: TestUser,
    samples: Samples,
    others: &'static str,
    special: &'static [fn() -> Special],
}

/// Operations tried so far, and faults found.
#[derive(Default)]
struct RightsReport {
    tried: BTreeSet<String>,
    requests: usize,
    faults: Vec<String>,
}

impl<'d> Rights<'d> {
    /// Creates the fixture; each sample may refer to earlier ones. `others` are permissions that every caller has
    /// besides those on the samples. `special` describes calls of non-generic operations.
    pub async fn new(
        nexo: TestApp,
        document: &'d OpenApi,
        samples: Vec<Sample>,
        others: &'static str,
        special: &'static [fn() -> Special],
    ) -> Self {
        let all: Vec<String> = samples.iter().map(|sample| format!("{}:*", sample.name)).collect();
        let boss = nexo.person(&format!("{} {others}", all.join(" "))).await;
        let samples = Samples::kept(&nexo, &boss, samples).await;
        Self { nexo, document, boss, samples, others, special }
    }

    /// Adds another object that paths refer to, such as an import.
    pub async fn beside(mut self, plural: &str, made: impl AsyncFn(&Self, &TestUser) -> Value) -> Self {
        let id = made(&self, &self.boss).await;
        self.samples.add(plural, id);
        self
    }

    /// Unique prefix of the texts in this field.
    #[must_use]
    pub fn mark(&self, plural: &str, field: &str) -> String {
        self.samples.get(plural).mark(field)
    }

    /// Calls every operation as every restricted caller; returns the number of operations and requests. Panics on
    /// a response that shows too much, an operation without a known request, or a resource without a sample.
    pub async fn hold(&self) -> (usize, usize) {
        let mut tally = RightsReport::default();
        for plural in self.plurals() {
            let sample = self.samples.get(&plural);
            for case in Self::cases(sample) {
                self.case(sample, &case, &mut tally).await;
            }
        }
        let all: BTreeSet<String> =
            self.operations().map(|(method, path)| format!("{method} {path}")).collect();
        let missed: Vec<_> = all.difference(&tally.tried).collect();
        assert!(missed.is_empty(), "no case for {missed:#?}");
        assert!(tally.faults.is_empty(), "{} faults:\n{}", tally.faults.len(), tally.faults.join("\n"));
        (all.len(), tally.requests)
    }

    /// Operations that require a token. Public ones show nothing of an account.
    fn operations(&self) -> impl Iterator<Item = (Method, String)> {
        let closed = operations(self.document).into_iter().filter(|(.., operation)| !is_public(operation));
        closed.map(|(method, path, _)| (method, path))
    }

    /// Resources with a history endpoint, and all others with a sample.
    fn plurals(&self) -> BTreeSet<String> {
        let one = |(_, path): (Method, String)| {
            Some(path.strip_prefix("/api/v1/")?.strip_suffix("/{id}/history")?.to_owned())
        };
        self.operations().filter_map(one).chain(self.samples.plurals().cloned()).collect()
    }

    fn cases(sample: &Sample) -> Vec<RestrictedCaller> {
        let fields = sample.fields();
        let alone = fields.iter().map(|field| RestrictedCaller::Hidden(vec![field.clone()]));
        let mut cases = vec![RestrictedCaller::NoRead];
        if sample.owned {
            cases.extend([RestrictedCaller::Own, RestrictedCaller::Team]);
        }
        if sample.hideable {
            cases.extend(alone);
            cases.push(RestrictedCaller::Hidden(fields.clone()));
        }
        cases.extend([RestrictedCaller::Suspended, RestrictedCaller::Removed]);
        cases
    }

    async fn case(&self, sample: &Sample, case: &RestrictedCaller, tally: &mut RightsReport) {
        let caller = self.caller(sample, case).await;
        for (method, path) in self.operations() {
            let Some((of, shots)) = self.shots(&method, &path, sample, case) else { continue };
            tally.tried.insert(format!("{method} {path}"));
            for shot in shots {
                let (answer, target) = self.send(&caller, &method, &path, of, &shot).await;
                tally.requests += 1;
                let own = of.plural == sample.plural && !shot.special;
                let about = self.samples.about(&sample.plural).collect();
                let looked = Watch { sample, about, case, own }.look(&answer, &shot, target.as_ref());
                let (status, text) = (answer.status, answer.text());
                tally.faults.extend(looked.err().map(|fault| {
                    let text: String = text.chars().take(600).collect();
                    format!(
                        "{} as {case:?}: {method} {path} {shot:?}: {fault}: {status} {text}",
                        sample.plural
                    )
                }));
            }
        }
    }

    /// Requests to an operation that may show a record of `sample`, and the resource that they concern.
    fn shots<'s>(
        &'s self,
        method: &Method,
        path: &str,
        sample: &'s Sample,
        case: &RestrictedCaller,
    ) -> Option<(&'s Sample, Vec<TestRequest>)> {
        let short = path.strip_prefix("/api/v1").unwrap_or(path);
        let (plural, tail) = match short.strip_prefix('/')?.split_once('/') {
            None => (short.strip_prefix('/')?, String::new()),
            Some((plural, tail)) => (plural, format!("/{tail}")),
        };
        let special =
            self.special.iter().map(|one| one()).find(|(name, ..)| *name == format!("{method} {short}"));
        if let Some((_, query, body)) = special {
            let of = self.samples.find(plural).unwrap_or(sample);
            let query = query.replace("$base", &format!("${}", sample.plural));
            return Some((of, vec![TestRequest::special(&query.replace("$name", &sample.name), body)]));
        }
        let of = self.samples.find(plural)?;
        let shots = requests::for_operation(method, &tail, of, case)?;
        let own = of.plural == sample.plural;
        let elsewhere = of.refers_to(&sample.plural) && requests::reads(method, &tail);
        (own || elsewhere).then(|| (of, requests::needed(shots, case)))
    }

    async fn caller(&self, sample: &Sample, case: &RestrictedCaller) -> TestUser {
        let name = &sample.name;
        let reached = |reach: &str| {
            ["read", "write", "delete", "purge"].map(|action| format!("{name}:{action}{reach}")).join(" ")
        };
        let on_it = match case {
            RestrictedCaller::NoRead => format!("{name}:write {name}:delete {name}:purge"),
            RestrictedCaller::Own => reached("@own"),
            RestrictedCaller::Team => reached("@team"),
            RestrictedCaller::Hidden(_) | RestrictedCaller::Suspended | RestrictedCaller::Removed => {
                format!("{name}:*")
            }
        };
        let others = self.samples.names().filter(|other| *other != name).map(|other| format!("{other}:*"));
        let rights = format!("{on_it} {} {}", others.collect::<Vec<_>>().join(" "), self.others);
        let hidden: Vec<String> = match case {
            RestrictedCaller::Hidden(fields) => {
                fields.iter().map(|field| format!("{name}.{field}")).collect()
            }
            _ => Vec::new(),
        };
        let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
        let caller = self.nexo.member_without(self.boss.account, &rights, &hidden).await;
        match case {
            RestrictedCaller::Team => self.with_a_mate(&caller).await,
            RestrictedCaller::Suspended => self.ends(&caller, "suspended").await,
            RestrictedCaller::Removed => self.ends(&caller, "removed").await,
            _ => {}
        }
        caller
    }

    async fn with_a_mate(&self, caller: &TestUser) {
        let mate = self.nexo.member(caller.account, "").await;
        let (account, team) = (caller.account, uuid::Uuid::now_v7());
        self.nexo
            .ground
            .database
            .run(&format!(
                "insert into app.teams (account_id, id, name, created_by, updated_by) values ('{account}', '{team}', '{team}', '{0}', '{0}');
                 insert into app.team_members (account_id, team_id, user_id) values ('{account}', '{team}', '{0}'), ('{account}', '{team}', '{1}');",
                caller.user, mate.user
            ))
            .await;
    }

    /// Simulates suspending or removing a member, which ends their sessions.
    async fn ends(&self, caller: &TestUser, status: &str) {
        let (account, user) = (caller.account, caller.user);
        self.nexo
            .ground
            .database
            .run(&format!(
                "update app.memberships set status = '{status}' where account_id = '{account}' and user_id = '{user}';
                 update app.sessions set revoked_at = now() where account_id = '{account}' and user_id = '{user}';"
            ))
            .await;
    }

    async fn send(
        &self,
        caller: &TestUser,
        method: &Method,
        path: &str,
        of: &Sample,
        shot: &TestRequest,
    ) -> (TestResponse, Option<Value>) {
        let target = self.target(of, shot).await;
        let about = path.split('/').nth(3).unwrap_or_default();
        let base =
            || self.samples.id(about).unwrap_or_else(|| self.samples.id(&of.plural).unwrap_or_default());
        let id = target.as_ref().map_or_else(base, |target| target["id"].clone());
        let version = target.as_ref().map_or_else(|| json!(1), |target| target["version"].clone());
        let path = path.replace("{id}", id.as_str().unwrap());
        let path =
            if shot.query.is_empty() { path } else { format!("{path}?{}", self.samples.fill(&shot.query)) };
        let body = match &shot.body {
            Some(body) => Some(self.samples.fresh(&self.boss, body).await),
            None => None,
        };
        let body = body.map(|body| {
            let body = self.samples.filled(&body, "fr", of);
            sample::replaced(&body, &|text| match text {
                "$id" => Some(id.clone()),
                "$version" => Some(version.clone()),
                _ => None,
            })
        });
        let tag = shot.seen.map(|ahead| format!("\"{}\"", version.as_i64().unwrap() + ahead));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(tag.as_deref().map(|tag| ("if-match", tag)));
        let key = uuid::Uuid::now_v7().to_string();
        headers.extend(shot.once.then_some(("idempotency-key", key.as_str())));
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        (caller.send_raw(method.clone(), &path, &headers, body).await, target)
    }

    /// A new record of the privileged user, made for this request.
    async fn target(&self, of: &Sample, shot: &TestRequest) -> Option<Value> {
        if shot.on == Target::Base {
            return self
                .samples
                .id(&of.plural)
                .filter(|_| !shot.special)
                .map(|id| json!({ "id": id, "version": 1 }));
        }
        let made = self.samples.record(&self.nexo, &self.boss, of).await;
        let path = format!("/{}/{}", of.plural, made["id"].as_str().unwrap());
        if shot.on == Target::Live {
            return Some(made);
        }
        assert_eq!(self.boss.delete(&path, &made).await.status, StatusCode::NO_CONTENT, "{path}");
        let version = made["version"].as_i64().unwrap() + 1;
        Some(json!({ "id": made["id"], "version": version }))
    }
}
