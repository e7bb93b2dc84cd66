//! Export, import and restore of one account.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    path::PathBuf,
};

use backup::{
    Error,
    tenant::{OpenArchive, Operator, RECORDED, export, import},
};
use db::OPERATOR;
use sqlx::{Connection as _, Executor as _, PgConnection};
use time::macros::datetime;

use crate::support::{Ground, one};

const NOW: time::OffsetDateTime = datetime!(2026-02-03 04:05:06 UTC);

/// Accounts `account-1` to `account-3`, each with two people, a role, owned clients, and history.
async fn company() -> Ground {
    let ground = Ground::filled().await;
    ground
        .database
        .run(
            "insert into app.users (id, email, display_name) select md5('person ' || a || n)::uuid, 'p' || n || '@account-' || a || '.test', 'P' from generate_series(1, 3) a, generate_series(1, 2) n;
             insert into app.memberships (account_id, user_id) select md5('account ' || a)::uuid, md5('person ' || a || n)::uuid from generate_series(1, 3) a, generate_series(1, 2) n;
             insert into app.roles (account_id, id, name, standard, permissions, created_by, updated_by) select account_id, gen_random_uuid(), 'owner', true, '{*:*}', account_id, account_id from app.accounts;
             insert into app.member_roles select m.account_id, m.user_id, r.id from app.memberships m join app.roles r using (account_id);
             update app.clients c set owner_id = (select user_id from app.memberships m where m.account_id = c.account_id limit 1) where name like 'Client 1%';
             insert into app.audit_log (account_id, id, resource, record_id, version, action, after, request_id, created_by)
                 select account_id, gen_random_uuid(), 'client', id, 1, 'create', jsonb_build_object('id', id, 'rate', 1.50), gen_random_uuid(), account_id from app.clients where name = 'Client 7';
             insert into app.sessions (account_id, id, user_id, seed, expires_at) select account_id, gen_random_uuid(), user_id, 'secret', now() from app.memberships;
             insert into app.api_keys (account_id, id, name, secret_hash, permissions, created_by)
                 select account_id, id, 'key', sha256('secret'), '{client:read}', user_id from app.sessions;",
        )
        .await;
    ground
}

/// Adds working data: rows that reference other tables and their own.
async fn at_work(ground: &Ground) {
    ground
        .database
        .run(
            "insert into app.suppliers (account_id, id, name, external_ids, created_by, updated_by)
                 select account_id, gen_random_uuid(), 'S', '{\"sap\": \"1\"}', account_id, account_id from app.accounts;
             insert into app.contacts (account_id, id, client_id, supplier_id, first_name, emails, created_by, updated_by)
                 select c.account_id, gen_random_uuid(), c.id, s.id, c.name, '[{\"kind\": \"work\", \"address\": \"a@b.test\"}]', c.id, c.id
                 from app.clients c join app.suppliers s using (account_id) where c.name like 'Client 1%';
             insert into app.employees (account_id, id, code, first_name, last_name, manager_id, created_by, updated_by)
                 select account_id, md5('employee ' || n)::uuid, 'E-' || n, 'E', 'F', case when n > 1 then md5('employee ' || n - 1)::uuid end, account_id, account_id
                 from app.accounts, generate_series(1, 9) n;
             insert into app.projects (account_id, id, client_id, name, code, created_by, updated_by)
                 select account_id, gen_random_uuid(), id, 'P', 'P-1', id, id from app.clients where name = 'Client 7';
             insert into app.tasks (account_id, id, project_id, parent_id, title, created_by, updated_by)
                 select p.account_id, md5('task ' || n)::uuid, p.id, case when n > 1 then md5('task 1')::uuid end, 'T ' || n, p.id, p.id
                 from app.projects p, generate_series(1, 9) n;",
        )
        .await;
}

fn file(ground: &Ground, name: &str) -> PathBuf {
    ground.folder.path().join(name)
}

/// Hash of everything that does not belong to this account.
async fn others(ground: &Ground, account: &str) -> BTreeMap<String, String> {
    let mut conn = ground.database.look().await;
    let tables: Vec<(String,)> = sqlx::query_as(
        "select table_name from ops.table_kinds where kind = 'tenant' or table_name in ('app.accounts', 'app.memberships', 'app.invitations')",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let mut hashes = BTreeMap::new();
    for (table,) in tables {
        let question = format!(
            "select coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from {table} t where account_id is distinct from (select account_id from app.account_directory where slug = '{account}')"
        );
        hashes.insert(table, one::<String>(&ground.database.superuser(), &question).await);
    }
    hashes
}

#[tokio::test]
async fn an_account_goes_out_and_comes_in_as_a_new_one_with_new_ids() {
    let ground = company().await;
    at_work(&ground).await;
    let (path, before) = (file(&ground, "one.nexo.tar.zst"), others(&ground, "none").await);
    let about = export(&ground.reader(), "account-1", &path, false, NOW).await.unwrap();
    let rows = |name: &str| about.tables.iter().find(|table| table.name == name).map(|table| table.rows);
    assert_eq!((rows("clients"), rows("people"), rows("audit_log")), (Some(400), Some(2), Some(1)));
    assert_eq!((rows("sessions"), rows("outbox"), rows("idempotency_keys")), (None, None, None));
    assert_eq!(rows("api_keys"), None);
    assert!(
        rows("invitations").is_some(),
        "a table that look-ups search across accounts is an account's all the same"
    );
    let content = OpenArchive::open(&path).unwrap();
    let tried = import(&ground.migrator(), &content, true).await.unwrap();
    assert_eq!(others(&ground, "none").await, before, "a dry run leaves nothing");
    let imported = import(&ground.migrator(), &content, false).await.unwrap();
    assert_eq!((imported.rows, imported.known_people, imported.new_people), (tried.rows, 2, 0));
    assert_eq!(imported.slug, "account-1-2");
    assert_eq!(others(&ground, "account-1-2").await, before, "nobody else has noticed");
    let superuser = ground.database.superuser();
    for same in [
        "select name, email, credit_limit, currency, notes, status, version, created_at, owner_id is null from app.clients",
        "select user_id, status from app.memberships",
        "select r.name, r.permissions, h.user_id from app.roles r join app.member_roles h on h.role_id = r.id and h.account_id = r.account_id",
        "select r.first_name, r.emails, c.name, s.external_ids from app.contacts r join app.clients c on c.account_id = r.account_id and c.id = r.client_id join app.suppliers s on s.account_id = r.account_id and s.id = r.supplier_id",
        "select r.code, m.code as manager from app.employees r join app.employees m on m.account_id = r.account_id and m.id = r.manager_id",
        "select r.title, r.level, m.title as parent, p.code from app.tasks r join app.tasks m on m.account_id = r.account_id and m.id = r.parent_id join app.projects p on p.account_id = r.account_id and p.id = r.project_id",
        "select action, after ->> 'rate', after ->> 'id' = record_id::text from app.audit_log",
    ] {
        let of = |account: &str| {
            let (columns, table) = same.split_once(" from ").unwrap();
            let table = if table.contains("join") { table.to_owned() } else { format!("{table} x") };
            let alias = if table.contains("join") { "r" } else { "x" };
            format!(
                "select md5(string_agg(t::text, ',' order by t::text)) from ({columns} from {table} where {alias}.account_id = (select account_id from app.account_directory where slug = '{account}')) t"
            )
        };
        let (then, now): (String, String) =
            (one(&superuser, &of("account-1")).await, one(&superuser, &of("account-1-2")).await);
        assert_eq!(then, now, "{same}");
    }
    let shared = "select count(*) from app.clients one join app.clients other using (id) where one.account_id <> other.account_id";
    assert_eq!(one::<i64>(&superuser, shared).await, 0, "every id is new");
    assert_eq!(db::verify_isolation(&ground.migrator()).await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_program_that_moves_stays_a_program() {
    let ground = company().await;
    let path = file(&ground, "program.nexo.tar.zst");
    ground.database.run("update app.users set kind = 'service' where email = 'p1@account-1.test'").await;
    export(&ground.reader(), "account-1", &path, false, NOW).await.unwrap();
    ground.database.run("update app.users set email = 'here-' || email").await;
    let imported = import(&ground.migrator(), &OpenArchive::open(&path).unwrap(), false).await.unwrap();
    assert_eq!((imported.known_people, imported.new_people), (0, 2));
    let came =
        "select string_agg(kind, ' ' order by email) from app.users where email like 'p%@account-1.test'";
    assert_eq!(one::<String>(&ground.database.superuser(), came).await, "service person");
}

/// The export shows one point in time of its account; changes of other accounts do not matter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_one_moment_while_people_write_and_another_account_goes() {
    let ground = company().await;
    let superuser = ground.database.superuser();
    let writing = tokio::spawn(async move {
        let mut conn = PgConnection::connect_with(&superuser).await.unwrap();
        // Each transaction changes two tables: a consistent snapshot has both changes or neither.
        for _ in 0..150 {
            conn.execute(
                "begin; update app.accounts set version = version + 1 where account_id = md5('account 1')::uuid;
                 update app.clients set version = version + 1 where name = 'Client 9' and account_id = md5('account 1')::uuid; commit",
            )
            .await
            .unwrap();
        }
        conn.execute("delete from app.clients where account_id = md5('account 2')::uuid").await.unwrap();
    });
    let mut exports = 0;
    while !writing.is_finished() || exports < 2 {
        let path = file(&ground, &format!("{exports}.nexo.tar.zst"));
        let about = export(&ground.reader(), "account-1", &path, false, NOW).await.unwrap();
        let clients = about.tables.iter().find(|table| table.name == "clients").unwrap();
        assert_eq!(clients.rows, 400);
        let content = OpenArchive::open(&path).unwrap();
        let imported = import(&ground.migrator(), &content, false).await.unwrap();
        let versions = format!(
            "select count(*) from app.accounts a join app.clients c using (account_id) where a.account_id = '{}' and c.name = 'Client 9' and a.version = c.version",
            imported.account_id
        );
        assert_eq!(one::<i64>(&ground.database.superuser(), &versions).await, 1);
        exports += 1;
    }
    writing.await.unwrap();
}

/// An import is untrusted: whatever its rows claim, they become rows of the new account.
#[tokio::test]
async fn an_export_that_was_tampered_with_changes_no_other_account() {
    let ground = company().await;
    let path = file(&ground, "one.nexo.tar.zst");
    export(&ground.reader(), "account-1", &path, false, NOW).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    for at in 1..40 {
        std::fs::write(&path, &whole[..whole.len() * at / 40]).unwrap();
        assert!(OpenArchive::open(&path).is_err(), "cut at {at}/40");
    }
    let victim: String = one(
        &ground.database.superuser(),
        "select account_id::text from app.account_directory where slug = 'account-2'",
    )
    .await;
    let (forged, before) = (file(&ground, "forged.nexo.tar.zst"), others(&ground, "none").await);
    forge(&whole, &forged, &victim);
    let content = OpenArchive::open(&forged).unwrap();
    let imported = import(&ground.migrator(), &content, false).await.unwrap();
    assert_eq!(others(&ground, &imported.slug).await, before);
    let own = format!("select count(*) from app.clients where account_id = '{}'", imported.account_id);
    assert_eq!(one::<i64>(&ground.database.superuser(), &own).await, 400);
    ground.database.run("update ops.migration_history set state = 'failed' where version = (select max(version) from ops.migration_history)").await;
    assert!(matches!(
        import(&ground.migrator(), &content, false).await.unwrap_err(),
        Error::OtherSchema { .. }
    ));
}

/// Rewrites the archive so that its clients claim to be the victim's, with matching hashes.
fn forge(whole: &[u8], path: &std::path::Path, victim: &str) {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(zstd::Decoder::new(whole).unwrap()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(name, text);
    }
    let mut about: serde_json::Value = serde_json::from_str(&files["manifest.json"]).unwrap();
    let own = about["account_id"].as_str().unwrap().to_owned();
    let clients = files["data/clients.ndjson"].replace(&own, victim);
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, clients.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    for table in about["tables"].as_array_mut().unwrap() {
        if table["name"] == "clients" {
            table["sha256"] = hash.clone().into();
        }
    }
    files.insert("data/clients.ndjson".to_owned(), clients);
    files.insert("manifest.json".to_owned(), about.to_string());
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    let packed = zstd::encode_all(tar.into_inner().unwrap().as_slice(), 3).unwrap();
    std::fs::File::create(path).unwrap().write_all(&packed).unwrap();
}

#[tokio::test]
async fn one_account_comes_back_and_every_other_row_stays_byte_for_byte() {
    let ground = company().await;
    let manifest = ground.backup().await;
    ground
        .database
        .run(
            "delete from app.clients where account_id = md5('account 1')::uuid and name like 'Client 3%';
             update app.clients set notes = 'spoilt' where account_id = md5('account 1')::uuid and name like 'Client 2%';
             insert into app.clients (account_id, id, name, created_by, updated_by) select account_id, gen_random_uuid(), 'Later', account_id, account_id from app.accounts;
             update app.clients set deleted_at = now(), deleted_by = account_id where account_id = md5('account 1')::uuid and name = 'Client 4';
             delete from app.member_roles where account_id = md5('account 1')::uuid;
             update app.clients set notes = 'of today' where account_id = md5('account 2')::uuid",
        )
        .await;
    let (live, config) = (ground.migrator(), ground.config());
    let before = others(&ground, "account-1").await;
    let beside = config.restore_beside(&manifest.name, &live, None).await.unwrap();
    let found = beside.differences(&live, "account-1").await.unwrap();
    let clients = found.changes.iter().find(|change| change.table == "app.clients").unwrap();
    assert_eq!((clients.added.len(), clients.changed.len(), clients.removed.len()), (112, 111, 1));
    let applied = beside.apply(&live, "account-1", &found, &ana()).await.unwrap();
    assert_eq!(applied, found);
    assert!(beside.differences(&live, "account-1").await.unwrap().changes.is_empty(), "it is as it was");
    assert_eq!(others(&ground, "account-1").await, before);
    let later = "select count(*) from app.clients where name = 'Later'";
    assert_eq!(one::<i64>(&ground.database.superuser(), later).await, 2, "the others keep theirs");
    let gone = "delete from app.audit_log where account_id = md5('account 1')::uuid; delete from app.sessions where account_id = md5('account 1')::uuid;
        delete from app.member_roles where account_id = md5('account 1')::uuid;
        delete from app.roles where account_id = md5('account 1')::uuid; delete from app.clients where account_id = md5('account 1')::uuid;
        delete from app.memberships where account_id = md5('account 1')::uuid; delete from app.accounts where account_id = md5('account 1')::uuid;
        delete from app.account_directory where account_id = md5('account 1')::uuid";
    ground.database.run(gone).await;
    for named in ["account-1", "account-2"] {
        config.insist_on_account(&manifest.name, &live, named).await.unwrap();
    }
    let refused = config.insist_on_account(&manifest.name, &live, "nobody").await.unwrap_err();
    assert!(matches!(refused, Error::NoAccount(_)), "{refused}");
    let found = beside.differences(&live, "account-1").await.unwrap();
    beside.apply(&live, "account-1", &found, &ana()).await.unwrap();
    assert!(beside.differences(&live, "account-1").await.unwrap().changes.is_empty(), "even if it was gone");
    assert_eq!(others(&ground, "account-1").await, before);
    assert!(matches!(beside.differences(&live, "nobody").await.unwrap_err(), Error::NoAccount(_)));
    beside.discard().await.unwrap();
}

fn ana() -> Operator {
    Operator { name: "ana".to_owned(), backup: "20260101T000000Z_daily".to_owned() }
}

const CHANGED: &str = "
    delete from app.clients where account_id = md5('account 1')::uuid and name = 'Client 31';
    insert into app.audit_log (account_id, id, resource, record_id, version, action, request_id, created_by)
        select account_id, gen_random_uuid(), 'client', id, 7, 'purged', gen_random_uuid(), account_id from app.clients where name = 'Client 33' and account_id = md5('account 1')::uuid;
    delete from app.clients where account_id = md5('account 1')::uuid and name = 'Client 33';
    update app.clients set notes = 'spoilt', credit_limit = 7, version = 3 where account_id = md5('account 1')::uuid and name = 'Client 2';
    update app.clients set deleted_at = now(), version = 2 where account_id = md5('account 1')::uuid and name = 'Client 3';
    update app.clients set version = 9 where account_id = md5('account 1')::uuid and name = 'Client 4';
    insert into app.clients (account_id, id, name, version, created_by, updated_by) values (md5('account 1')::uuid, md5('later')::uuid, 'Later', 4, md5('a')::uuid, md5('a')::uuid);
    insert into app.record_tags values (md5('account 1')::uuid, 'client', (select id from app.clients where account_id = md5('account 1')::uuid and name = 'Client 5'), md5('tag')::uuid);
    call ops.chain_anew(md5('account 1')::uuid)";

/// Versions only increase, each record has one entry, and the hash chain is valid. So an old `If-Match` is stale,
/// and consumers of events see no version twice.
#[tokio::test]
async fn versions_go_on_and_the_history_has_an_entry_for_each_record() {
    let ground = company().await;
    ground.database.run("insert into app.tags (account_id, id, name, created_by, updated_by) values (md5('account 1')::uuid, md5('tag')::uuid, 'key', md5('a')::uuid, md5('a')::uuid)").await;
    let manifest = ground.backup().await;
    ground.database.run(CHANGED).await;
    let (live, config, superuser) = (ground.migrator(), ground.config(), ground.database.superuser());
    let beside = config.restore_beside(&manifest.name, &live, None).await.unwrap();
    let found = beside.differences(&live, "account-1").await.unwrap();
    let written = "update app.clients set notes = 'written meanwhile', version = 5 where account_id = md5('account 1')::uuid and name = 'Client 9';
        insert into app.clients (account_id, id, name, created_by, updated_by) values (md5('account 1')::uuid, gen_random_uuid(), 'Meanwhile', md5('a')::uuid, md5('a')::uuid)";
    ground.database.run(written).await;
    let applied = beside.apply(&live, "account-1", &found, &ana()).await.unwrap();
    assert_eq!(applied.left_alone, 2, "what nobody has agreed to lose");
    let clients = "select string_agg(concat_ws(' ', name, version, deleted_at, left(notes, 7)), '; ' order by name) from app.clients
        where account_id = md5('account 1')::uuid and (name in ('Later', 'Meanwhile') or name ~ '^Client ([2-5]|9|31|33)$')";
    let kept = "Client 2 4 c81e728; Client 3 3 eccbc87; Client 31 2 c16a532; Client 33 8 182be0c; Client 4 9 a87ff67; Client 5 2 a line
; Client 9 5 written; Meanwhile 1";
    assert_eq!(one::<String>(&superuser, clients).await, kept);
    let entries = "select string_agg(concat_ws(' ', c.name, l.action, l.version, l.after ->> 'credit_limit'), '; ' order by c.name)
        from app.audit_log l left join app.clients c on c.id = l.record_id and c.account_id = l.account_id
        where l.account_id = md5('account 1')::uuid and l.created_by = '00000000-0000-0000-0000-000000000000' and l.resource = 'client'";
    let noted = "Client 2 changed 4 2.0002; Client 3 restored 3; Client 31 restored 2 31.0031; Client 33 restored 8 33.0033; Client 5 changed 2; removed 5";
    assert_eq!(one::<String>(&superuser, entries).await, noted);
    assert_eq!(OPERATOR, uuid::Uuid::nil());
    let account =
        "select concat_ws(' ', action, after ->> 'restored_by', after ->> 'restored_from') from app.audit_log
        where resource = 'account' and account_id = md5('account 1')::uuid";
    assert_eq!(one::<String>(&superuser, account).await, "restored ana 20260101T000000Z_daily");
    let faults = "select count(*) from ops.audit_faults(md5('account 1')::uuid)";
    assert_eq!(one::<i64>(&superuser, faults).await, 0);
    let events = "select string_agg(topic || ' ' || version, '; ' order by topic, version) from app.outbox where account_id = md5('account 1')::uuid";
    let told = "auth.account.restored 2; crm.client.changed 2; crm.client.changed 4; crm.client.removed 5; crm.client.restored 2; crm.client.restored 3; crm.client.restored 8";
    assert_eq!(one::<String>(&superuser, events).await, told);
    let whole = "select payload ->> 'name' || ' ' || (payload ->> 'credit_limit') from app.outbox where topic = 'crm.client.changed' and version = 4";
    assert_eq!(one::<String>(&superuser, whole).await, "Client 2 2.0002");
    let open =
        "select count(*) from app.sessions where account_id = md5('account 1')::uuid and revoked_at is null";
    assert_eq!(one::<i64>(&superuser, open).await, 0, "its people log in again");
    beside.discard().await.unwrap();
}

/// Restored members are reported, since they may have been removed for a reason. Members who joined since are
/// removed but kept, because records reference them.
#[tokio::test]
async fn a_restore_lists_and_audits_members_roles_and_invitations() {
    let ground = company().await;
    ground
        .database
        .run(
            "insert into app.invitations (account_id, id, email, role_id, token_hash, created_by)
             select account_id, gen_random_uuid(), 'new@b.test', id, sha256('secret'), account_id from app.roles where account_id = md5('account 1')::uuid",
        )
        .await;
    let manifest = ground.backup().await;
    ground
        .database
        .run(
            "delete from app.member_roles where account_id = md5('account 1')::uuid and user_id = md5('person 11')::uuid;
             update app.memberships set status = 'removed', version = 2 where account_id = md5('account 1')::uuid and user_id = md5('person 11')::uuid;
             update app.roles set permissions = '{client:read}', version = 2 where account_id = md5('account 1')::uuid;
             update app.invitations set revoked_at = now();
             insert into app.memberships (account_id, user_id) values (md5('account 1')::uuid, md5('person 21')::uuid)",
        )
        .await;
    let (live, superuser) = (ground.migrator(), ground.database.superuser());
    let beside = ground.config().restore_beside(&manifest.name, &live, None).await.unwrap();
    let found = beside.differences(&live, "account-1").await.unwrap();
    assert_eq!(found.access.members, ["p1@account-1.test"]);
    assert_eq!(found.access.member_roles, ["p1@account-1.test: owner"]);
    assert_eq!(found.access.roles, ["owner"]);
    assert_eq!(found.access.invitations, ["new@b.test"]);
    assert!(!serde_json::to_string(&found).unwrap().contains("token_hash"), "no secret is shown");
    beside.apply(&live, "account-1", &found, &ana()).await.unwrap();
    let members = "select string_agg(status || ' ' || version, '; ' order by user_id = md5('person 21')::uuid, status, version desc) from app.memberships where account_id = md5('account 1')::uuid";
    assert_eq!(one::<String>(&superuser, members).await, "active 3; active 1; removed 2");
    let told = "select string_agg(resource || ' ' || action, '; ' order by resource, action) from app.audit_log where account_id = md5('account 1')::uuid and created_by = '00000000-0000-0000-0000-000000000000'";
    assert_eq!(
        one::<String>(&superuser, told).await,
        "account restored; invitation changed; member removed; member restored; role changed"
    );
    assert!(beside.differences(&live, "account-1").await.unwrap().changes.is_empty(), "it is as it was");
    beside.discard().await.unwrap();
}

/// A table of records missing from the list would be restored without audit entries.
#[tokio::test]
async fn every_table_of_records_is_known_to_the_history_of_a_restore() {
    let ground = Ground::of(testkit::Database::migrated().await);
    let tables = "select string_agg(k.table_name, ' ' order by 1) from ops.table_kinds k
        join pg_attribute a on a.attrelid = to_regclass(k.table_name) and a.attname = 'updated_by' and not a.attisdropped
        where (k.kind = 'tenant' or k.table_name = 'app.accounts') and k.table_name <> 'app.oidc_connections'";
    let tables = one::<String>(&ground.database.superuser(), tables).await;
    let unknown = tables.split(' ').filter(|table| !RECORDED.iter().any(|one| one.table == *table));
    assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&str>::new());
}

/// Regression: a device was once replaced by a file.
#[tokio::test]
async fn an_export_replaces_no_file_unasked_and_no_device_at_all() {
    let ground = company().await;
    let path = file(&ground, "there");
    std::fs::write(&path, "precious").unwrap();
    let to =
        async |path: &std::path::Path, over| export(&ground.reader(), "account-1", path, over, NOW).await;
    assert!(matches!(to(&path, false).await.unwrap_err(), Error::There { .. }));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    to(&path, true).await.unwrap();
    OpenArchive::open(&path).unwrap();
    let link = file(&ground, "link");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    for device in [std::path::Path::new("/dev/null"), &link, ground.folder.path()] {
        assert!(matches!(to(device, true).await.unwrap_err(), Error::NoFile { .. }), "{}", device.display());
    }
}
