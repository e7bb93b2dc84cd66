use std::{sync::Arc, time::Duration};

use axum::Router;
use db::Db;
use identity::{Grant, Issuer, Jwks, Permissions, PublicKeys, Secret, SigningKey, Verifier};
use kernel::{AccountId, Clock, SessionId, UserId};
use migrate::NoHooks;
use uuid::Uuid;

use crate::{Database, Person};

/// What a service stands on in a test.
#[derive(Clone)]
pub struct Ground {
    /// The test's database.
    pub database: Database,
    /// The service's way to it.
    pub db: Db,
    /// Reads the tokens of [`Nexo::person`].
    pub verifier: Verifier,
    /// Signs them.
    pub issuer: Arc<Issuer>,
}

impl Ground {
    /// On a fresh database, for a service that connects as `role`.
    pub async fn of(role: &str) -> Self {
        Self::with(Database::migrated().await, role, &[]).await
    }

    /// On this database, with more settings.
    pub async fn with(database: Database, role: &str, settings: &[(&str, &str)]) -> Self {
        let more = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let mut env = kernel::Env::of(database.settings(role).into_iter().chain(more));
        let (config, secret) = (db::Config::read(&mut env), Secret::read(&mut env));
        env.finish().unwrap();
        let db = config.open(&NoHooks).await.unwrap().sealing_cursors_with(&secret);
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
pub struct Nexo {
    /// What it stands on.
    pub ground: Ground,
    /// Its operations.
    pub router: Router,
}

impl Nexo {
    /// Somebody of a new account, who may do what `permissions` say, such as `client:read client:write`.
    pub async fn person(&self, permissions: &str) -> Person {
        let (account, founder) = (AccountId::new(), UserId::new());
        let rows = format!(
            "insert into app.account_directory (account_id, slug) values ('{account}', 'a-{account}');
             insert into app.accounts (account_id, name, created_by, updated_by) values ('{account}', 'A', '{founder}', '{founder}');"
        );
        self.ground.database.run(&rows).await;
        self.member(account, permissions).await
    }

    /// A person who is a member of no account, and has logged in.
    pub async fn person_without_account(&self) -> Person {
        let (user, session) = (UserId::new(), SessionId::new());
        let rows = format!(
            "insert into app.users (id, email, display_name) values ('{user}', '{user}@nexo.test', 'Somebody');
             insert into app.user_credentials (user_id, password_hash) values ('{user}', '');
             insert into app.person_sessions (id, user_id, credential) values ('{session}', '{user}', sha256(''));"
        );
        self.ground.database.run(&rows).await;
        let token = self.ground.issuer.issue_for_person(user, session).unwrap().text;
        Person { token, user, ..Person::nobody(&self.router) }
    }

    /// Somebody more of this account, with a role of their own that holds these permissions.
    pub async fn member(&self, account: AccountId, permissions: &str) -> Person {
        self.member_without(account, permissions, &[]).await
    }

    /// The same, with a role that hides these fields.
    pub async fn member_without(&self, account: AccountId, permissions: &str, hidden: &[&str]) -> Person {
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

    /// The same person, whose role now holds these permissions and hides these fields, in a session since.
    pub async fn regranted(&self, person: &Person, permissions: &str, hidden: &[&str]) -> Person {
        let (Person { account, user, .. }, session) = (person, SessionId::new());
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
    ) -> Person {
        let permissions = Permissions::new(permissions.split_whitespace());
        let permissions = permissions.hiding(hidden.iter().map(ToString::to_string));
        let grant = Grant { account, user, session, epoch: 0, roles: vec![], permissions };
        let token = self.ground.issuer.issue(grant).unwrap().text;
        Person { service: self.router.clone(), token, account, user }
    }
}
