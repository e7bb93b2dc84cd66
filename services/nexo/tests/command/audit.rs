//! `nexo audit verify` on an audit log that running services have written.

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::Database;

use crate::{
    api::Api,
    boot::{Booted, boot, healthy},
    process::{Nexo, home},
};

/// Running services, and an account with an audit log.
struct Site {
    database: Database,
    state: tempfile::TempDir,
    _services: [Booted; 2],
}

const SLUG: &str = "n";
/// Number of entries left by 32 clients, their changes and a bulk write of a hundred.
const OF_CLIENTS: usize = 32 + 32 + 100;

impl Site {
    async fn start() -> Self {
        let (database, state) = (Database::migrated().await, tempfile::tempdir().unwrap());
        let auth = boot(&database, "auth-service", state.path(), &[]);
        let jwks = format!("http://127.0.0.1:{}/.well-known/jwks.json", auth.port);
        let crm = boot(&database, "crm-service", state.path(), &[("NEXO_JWKS_URL", jwks.as_str())]);
        assert!(healthy(auth.port).await && healthy(crm.port).await);
        let token = Api { url: format!("http://127.0.0.1:{}", auth.port) }.register("ana@acme.test").await;
        let api = Api { url: format!("http://127.0.0.1:{}", crm.port) };
        let (api, token) = (&api, &token);
        join_all((0..32).map(|n| async move {
            let made = api.post_as(token, "/api/v1/clients", &json!({ "name": format!("Client {n}") })).await;
            let item = json!([{ "id": made["id"], "version": 1, "patch": { "rating": 5 } }]);
            let changed = json!({ "operation": "update", "items": item });
            assert_eq!(
                api.post_as(token, "/api/v1/clients/bulk", &changed).await["data"][0]["record"]["version"],
                2
            );
        }))
        .await;
        let items: Vec<_> = (0..100).map(|n| json!({ "name": format!("Many {n}") })).collect();
        api.post_as(token, "/api/v1/clients/bulk", &json!({ "operation": "create", "items": items })).await;
        Self { database, state, _services: [auth, crm] }
    }

    fn audit(&self, arguments: &[&str]) -> (i32, String) {
        let settings = self.database.settings("nexo_migrator");
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Nexo::command_with(&home(), &[&["audit"], arguments].concat(), &settings)
    }

    /// Runs the verification: exit code, report, and kinds of its faults.
    fn verify(&self) -> (i32, Value, Vec<String>) {
        let (code, said) = self.audit(&["verify", SLUG, "--json"]);
        let report: Value = serde_json::from_str(&said[said.find('{').unwrap()..]).unwrap();
        let kinds = report["faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["fault"].as_str().unwrap().to_owned());
        let mut kinds: Vec<_> = kinds.collect();
        kinds.dedup();
        (code, report, kinds)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_was_changed_removed_or_put_in_is_found() {
    let site = Site::start().await;
    let (code, report, _) = site.verify();
    let (count, chains) = (report["entries"].as_u64().unwrap(), report["chains"].as_array().unwrap().len());
    assert_eq!((code, report["faults"].clone()), (0, json!([])));
    assert!(count > OF_CLIENTS as u64 && (1..=32).contains(&chains), "{count} entries, {chains} chains");
    site.database.run("create table saved as select * from app.audit_log; alter table app.audit_log disable trigger keep_history_true").await;

    // Attacks by a user with full write access to the database, and the fault that each one causes.
    let a_change = "(select id from saved where action = 'changed' order by id limit 1)";
    let newest = "(select id from saved order by link desc, id desc limit 1)";
    for (attack, found) in [
        (format!("update app.audit_log set after = '{{\"rating\": 1}}' where id = {a_change}"), "altered"),
        (format!("update app.audit_log set created_by = gen_random_uuid() where id = {a_change}"), "altered"),
        (format!("update app.audit_log set created_at = created_at - interval '1 second' where id = {a_change}"), "altered"),
        (format!("update app.audit_log set erased = sha256('x'), before = null, after = null where id = {a_change}"), "altered"),
        (format!("update app.audit_log set erased = sha256('x') where id = {a_change}"), "altered"),
        ("delete from app.audit_log where id = (select id from saved where place = 50)".to_owned(), "altered"),
        ("update app.audit_log set place = 101 - place where (chain_id, link) = (select chain_id, link from saved where place = 50)".to_owned(), "altered"),
        ("delete from app.audit_log where (chain_id, link) = (select chain_id, link - 1 from saved order by link desc limit 1)".to_owned(), "missing"),
        (format!("delete from app.audit_log where (chain_id, link) = (select chain_id, link from saved where id = {newest})"), "cut off"),
        (format!("insert into app.audit_log select (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid()))).* from saved s where id = {a_change}"), "altered"),
        (format!("insert into app.audit_log select (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'link', s.link + 1))).* from saved s where id = {newest}"), "altered,put in"),
        (format!("insert into app.audit_log select (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'chain_id', null))).* from saved s where id = {newest}"), "unchained"),
    ] {
        site.database.run(&attack).await;
        let (code, _, kinds) = site.verify();
        assert_eq!((code, kinds.join(",")), (1, found.to_owned()), "{attack}");
        site.database.run("delete from app.audit_log; insert into app.audit_log select * from saved").await;
    }
    assert_eq!(site.verify().0, 0, "what was put back holds again");
    let (code, said) = site.audit(&["verify", SLUG]);
    assert!(code == 0 && said.contains("none was changed, removed or put in"), "{said}");

    site.database.run("alter table app.audit_log enable trigger keep_history_true").await;
    site.database.run("update app.audit_log set before = null, after = null where action = 'changed'").await;
    let (code, report, _) = site.verify();
    assert_eq!((code, &report["erased"]), (0, &json!(32)), "what a purge takes out leaves its digest");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewritten_chain_is_detected_by_an_earlier_checkpoint() {
    let site = Site::start().await;
    let (_, before, _) = site.verify();
    let file = site.state.path().join("before.json");
    std::fs::write(&file, before.to_string()).unwrap();
    let against = ["verify", SLUG, "--against", file.to_str().unwrap()];
    assert_eq!(site.audit(&against).0, 0);

    site.database.run("delete from app.audit_log where action = 'changed'").await;
    let (code, said) = site.audit(&["rebuild", SLUG]);
    assert!(code == 4 && said.contains("not confirmed"), "{said}");
    let name = site.database.env("nexo_migrator").optional("DATABASE_URL").unwrap();
    let name = name.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let (code, said) = site.audit(&["rebuild", SLUG, "--confirm", &name]);
    assert!(code == 0 && said.contains("is one chain"), "{said}");
    assert_eq!(site.verify().0, 0, "from inside, it looks whole");
    let (code, said) = site.audit(&against);
    assert!(code == 1 && said.contains("written anew"), "{said}");
    let (code, said) = site.audit(&["verify", "nobody"]);
    assert!(code == 2 && said.contains("there is no account nobody"), "{said}");
}
