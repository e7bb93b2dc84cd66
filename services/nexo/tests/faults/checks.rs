//! `nexo db check` on an inconsistent database.

use crate::site::Site;

/// Statements that violate every rule.
const WRONG: &str = "
    insert into app.users (id, email, display_name) values (md5('u')::uuid, 'u@x.test', 'U');
    insert into app.memberships (account_id, user_id) values (md5('a')::uuid, md5('u')::uuid);
    update app.clients set email = 'same@x.test';
    insert into app.clients (account_id, id, name, created_by, updated_by) values (md5('nobody')::uuid, md5('c')::uuid, 'Orphan', md5('u')::uuid, md5('u')::uuid);
    alter table app.clients add constraint ck_clients_late check (version > 0) not valid;
    set session_replication_role = replica;
    insert into app.member_roles values (md5('a')::uuid, md5('u')::uuid, md5('no role')::uuid);
    reset session_replication_role;
    create unique index ix_broken on app.clients (account_id, name, id);
    update pg_index set indisvalid = false where indexrelid = 'app.ix_broken'::regclass;";

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let site = Site::with(10).await;
    let (code, said) = site.run(&["check"]);
    assert!(code == 1 && said.contains("account without an owner"), "{said}");
    site.database.run(WRONG).await;
    let (code, said) = site.run(&["check"]);
    assert_eq!(code, 1, "{said}");
    for found in [
        "wrong  row of no account: app.clients (1)",
        "wrong  reference to nothing: fk_member_roles_role of app.member_roles (1)",
        "wrong  sum of the accounts is not the whole: app.clients (1)",
        "look   same e-mail in several live rows: app.clients (1)",
        "wrong  account without an owner",
        "wrong  invalid index: app.ix_broken",
        "look   constraint that was never validated: ck_clients_late of app.clients",
        "wrong  drift: + constraint app.clients.ck_clients_late is in no migration",
    ] {
        assert!(said.contains(found), "{found} in {said}");
    }
    site.database.run("delete from app.member_roles; drop table app_parts.audit_log_2026_12").await;
    let (_, said) = site.run(&["check", "--no-drift"]);
    assert!(said.contains("member without a role"), "{said}");
}

#[tokio::test]
async fn a_reset_is_undone_and_the_first_administrator_is_made_once() {
    let site = Site::with(20).await;
    site.answer(&["reset", "--confirm", "nexo"]);
    assert_eq!(site.one::<i64>(crate::site::CLIENTS).await, 0);
    let seed = |email: &str| {
        let mut command = site.nexo(&["seed", "--email", email, "--json"]);
        let address = site.database.settings("nexo_auth")[0].1.clone();
        command.env("AUTH_DATABASE_URL", address).output().unwrap()
    };
    let made = seed("root@nexo.test");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert!(made["password"].as_str().unwrap().len() > 30, "{made}");
    let again = seed("second@nexo.test");
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("the first administrator is there"));
    let mut production = site.nexo(&["reset", "--confirm", "nexo"]);
    let refused = production.env("NEXO_ENV", "production").output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not with NEXO_ENV=production"));
    site.answer(&["restore", "--undo", "--confirm", "nexo"]);
    assert_eq!(site.one::<i64>(crate::site::CLIENTS).await, 20);
}
