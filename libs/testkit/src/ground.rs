use std::{sync::Arc, time::Duration};

use axum::Router;
use db::Db;
use identity::{Grant, Issuer, Jwks, Permissions, PublicKeys, Secret, SigningKey, Verifier};
use kernel::{AccountId, Clock, SessionId, UserId};
use migrate::NoHooks;
use uuid::Uuid;

use crate::{Database, TestUser};

/// Database, verifier and issuer of a service under test.
#[derive(Clone)]
pub struct TestContext {
    /// Database of this test alone.
    pub database: Database,
    /// The service's database handle.
    pub db: Db,
    /// Verifies the tokens of [`TestApp::person`].
    pub verifier: Verifier,
    /// Issues the tokens of test users.
    pub issuer: Arc<Issuer>,
}

impl TestContext {
    /// Creates a context with a new database, for a service that connects as `role`.
    pub async fn new(role: &str) -> Self {
        Self::with_settings(Database::migrated().await, role, &[]).await
    }

    /// Creates a context on this database, with additional settings.
    pub async fn with_settings(database: Database, role: &str, settings: &[(&str, &str)]) -> Self {
        let more = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let mut env = kernel::Env::from_values(database.settings(role).into_iter().chain(more));
        let (config, secret) = (db::Config::read(&mut env), Secret::read(&mut env));
        env.finish().unwrap();
        let db = config.open(&NoHooks).await.unwrap().with_cursor_key(&secret);
        let key = SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap();
        let issuer = Issuer::new(key, "nexo".into(), Duration::from_secs(600), Clock::system());
        let keys = PublicKeys::default();
        keys.replace(&Jwks { keys: vec![issuer.key().public().clone()] });
        let verifier = Verifier::new(keys, "nexo", Clock::system());
        Self { database, db, verifier, issuer: Arc::new(issuer) }
    }
}

/// A service under test.
#[derive(Clone)]
pub struct TestApp {
    /// Database, verifier and issuer.
    pub ground: TestContext,
    /// Router with the service's operations.
    pub router: Router,
}

impl TestApp {
    /// Creates a member of a new account with these `permissions`, such as `client:read client:write`.
    pub async fn person(&self, permissions: &str) -> TestUser {
        let (account, founder) = (AccountId::new(), UserId::new());
        let rows = format!(
            "insert into app.account_directory (account_id, slug) values ('{account}', 'a-{account}');
             insert into app.accounts (account_id, name, created_by, updated_by) values ('{account}', 'A', '{founder}', '{founder}');"
        );
        self.ground.database.run(&rows).await;
        self.member(account, permissions).await
    }

    /// Creates a person without an account, who has logged in.
    pub async fn person_without_account(&self) -> TestUser {
        let (user, session) = (UserId::new(), SessionId::new());
        let rows = format!(
            "insert into app.users (id, email, display_name) values ('{user}', '{user}@nexo.test', 'Somebody');
             insert into app.user_credentials (user_id, password_hash) values ('{user}', '');
             insert into app.person_sessions (id, user_id, credential) values ('{session}', '{user}', sha256(''));"
        );
        self.ground.database.run(&rows).await;
        let token = self.ground.issuer.issue_for_person(user, session).unwrap().text;
        TestUser { token, user, ..TestUser::nobody(&self.router) }
    }

    /// Creates another member of this account, with a role of their own that has these permissions.
    pub async fn member(&self, account: AccountId, permissions: &str) -> TestUser {
        self.member_without(account, permissions, &[]).await
    }

    /// Creates another member of this account, whose role also hides these fields.
    pub async fn member_without(&self, account: AccountId, permissions: &str, hidden: &[&str]) -> TestUser {
        let (user, session, role) = (UserId::new(), SessionId::new(), Uuid::now_v7());
        let rows = format!(
            "insert into app.users (id, email, display_name) values ('{user}', '{user}@nexo.test', 'Somebody');
             insert into app.memberships (account_id, user_id) values ('{account}', '{user}');
             insert into app.roles (account_id, id, name, permissions, hidden_fields, created_by, updated_by)
                 values ('{account}', '{role}', 'role {role}', string_to_array('{permissions}', ' '), string_to_array('{}', ' '), '{user}', '{user}');
             insert into app.member_roles (account_id, user_id, role_id) values ('{account}', '{user}', '{role}');
             insert into app.sessions (account_id, id, user_id, seed, expires_at)
                 values ('{account}', '{session}', '{user}', '', now() + interval '1 hour');",
            hidden.join(" ")
        );
        self.ground.database.run(&rows).await;
        self.holding((account, user, session), permissions, hidden)
    }

    /// Changes the permissions and hidden fields of the person's role; returns them in a new session.
    pub async fn regranted(&self, person: &TestUser, permissions: &str, hidden: &[&str]) -> TestUser {
        let (TestUser { account, user, .. }, session) = (person, SessionId::new());
        let rows = format!(
            "update app.roles set permissions = string_to_array('{permissions}', ' '), hidden_fields = string_to_array('{}', ' ')
                 where created_by = '{user}';
             insert into app.sessions (account_id, id, user_id, seed, expires_at)
                 values ('{account}', '{session}', '{user}', '', now() + interval '1 hour');",
            hidden.join(" ")
        );
        self.ground.database.run(&rows).await;
        self.holding((*account, *user, session), permissions, hidden)
    }

    fn holding(
        &self,
        (account, user, session): (AccountId, UserId, SessionId),
        permissions: &str,
        hidden: &[&str],
    ) -> TestUser {
        let permissions = Permissions::new(permissions.split_whitespace());
        let permissions = permissions.hiding(hidden.iter().map(ToString::to_string));
        let grant = Grant { account, user, session, epoch: 0, roles: vec![], permissions };
        let token = self.ground.issuer.issue(grant).unwrap().text;
        TestUser { service: self.router.clone(), token, account, user }
    }
}
