//! Direct SQL access as `nexo_auth` reveals nothing in bulk.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{nexo, registered};

#[tokio::test]
async fn the_auth_role_cannot_list_anybody() {
    let nexo = nexo().await;
    for (email, account) in [("ana@acme.test", "Acme"), ("ben@other.test", "Other")] {
        registered(&nexo, email, account).await;
    }
    let mut auth = PgConnection::connect_with(&nexo.ground.database.role("nexo_auth")).await.unwrap();
    for refused in [
        "select email from app.users",
        "select password_hash from app.user_credentials",
        "select slug from app.account_directory",
        "select token_hash from app.one_time_tokens",
        "select email from app.pending_signups",
        "select key from app.login_attempts",
        "select key from app.email_quotas",
        "select app.take_from_quotas(array['x'::bytea], array[1])",
        "select key from app.known_logins",
        "select user_id from app.person_sessions",
        "select subject from app.user_identities",
        "select sealed from app.signing_keys",
        "select id from app.clients",
        "select payload from app.outbox",
        "select domain from app.oidc_domains",
        "select sealed from app.oidc_logins",
        "select subject from app.user_identities",
        "update app.audit_log set action = 'x'",
        "delete from app.audit_log",
        "truncate app.sessions",
        "create temporary table t ()",
        "set role nexo_owner",
        "select * from app_parts.audit_log_rest",
        "alter table app.sessions disable row level security",
        "copy app.sessions from program 'true'",
    ] {
        let answer = sqlx::query(AssertSqlSafe(refused)).execute(&mut auth).await;
        let code = answer.err().and_then(|error| Some(error.as_database_error()?.code()?.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{refused}");
    }
    for empty in [
        "select 1 from app.sessions",
        "select 1 from app.api_keys",
        "select 1 from app.memberships",
        "select 1 from app.accounts",
        "select 1 from app.invitations",
        "select 1 from app.member_roles",
        "select 1 from app.audit_log",
        "select 1 from app.my_places()",
        "select 1 from app.member_with_email('ana@acme.test')",
        "select 1 from app.my_password()",
        "select 1 from app.member_profiles(array(select gen_random_uuid() from generate_series(1, 1000)))",
        "select 1 from app.one_time_token('', 'password')",
        "select 1 from app.pending_signup('')",
        "select 1 from app.login_lookup('%', null)",
        "select 1 from app.login_lookup('', null)",
        "select 1 from app.whoami()",
        "select 1 from app.my_invitations()",
        "select 1 from app.person_session(gen_random_uuid())",
        "select 1 from app.find_login('%', null)",
        "select 1 from app.oidc_connections",
        "select 1 from app.oidc_connection_for(null, null)",
        "select 1 from app.oidc_connection_for('%', '%')",
    ] {
        let rows = sqlx::query(AssertSqlSafe(empty)).fetch_all(&mut auth).await.unwrap();
        assert_eq!(rows.len(), 0, "{empty}");
    }
    let one = sqlx::query("select 1 from app.login_lookup('ANA@acme.test', null)")
        .fetch_all(&mut auth)
        .await
        .unwrap();
    assert_eq!(one.len(), 1);
    auth.close().await.unwrap();
}
