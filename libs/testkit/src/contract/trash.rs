//! The trash: visibility and purge.

use http::{Method, StatusCode};
use resource::Resource;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Contract;
use crate::TestUser;

impl<S: AsyncFn(&TestUser) -> Value> Contract<'_, S> {
    pub(super) async fn trash_and_purge<R: Resource>(&self) {
        let (owner, sample) = self.somebody().await;
        let (one, many) = (R::NAME, self.many);
        let made = owner.post_once(&format!("/{many}"), "made", sample).await.expect(StatusCode::CREATED);
        let (path, trashed) = (self.path(&made), self.in_trash(&made));
        let trash = format!("/{many}/trash?filter=id%5Beq%5D:{}", made["id"].to_string().replace('"', "%22"));
        assert_eq!(owner.get(&trash).await.expect(StatusCode::OK)["data"], json!([]));
        let alive = owner.delete(&trashed, &made).await;
        assert_eq!(alive.status, StatusCode::NOT_FOUND, "{many}: what is not in the trash is not purged");

        assert_eq!(owner.delete(&path, &made).await.status, StatusCode::NO_CONTENT);
        let listed = owner.get(&trash).await.expect(StatusCode::OK)["data"].take();
        let gone = &listed[0];
        assert_eq!((&gone["id"], &gone["version"]), (&made["id"], &json!(2)));
        assert_eq!(gone["updated_by"], json!(owner.user), "{many}: it tells who removed it");
        let reader = self.nexo.member(owner.account, &format!("{one}:read {one}:write")).await;
        assert_eq!(reader.get(&format!("/{many}/trash")).await.status, StatusCode::FORBIDDEN);
        let rights = format!("{one}:read {one}:delete {}", self.beside);
        let remover = self.nexo.member(owner.account, rights.trim_end()).await;
        assert_eq!(remover.get(&trash).await.expect(StatusCode::OK)["data"], listed);
        assert_eq!(
            remover.delete(&trashed, gone).await.status,
            StatusCode::FORBIDDEN,
            "{many}: a right of its own"
        );

        let unconditional = owner.send(Method::DELETE, &trashed, None, None).await;
        assert_eq!(unconditional.status, StatusCode::PRECONDITION_REQUIRED);
        let stale = owner.delete(&trashed, &made).await.expect(StatusCode::PRECONDITION_FAILED);
        assert_eq!(&stale["current"], gone);
        self.write_beside::<R>(&owner, &made).await;
        assert_eq!(owner.delete(&trashed, gone).await.status, StatusCode::NO_CONTENT);

        assert_eq!(owner.get(&trash).await.expect(StatusCode::OK)["data"], json!([]));
        assert_eq!(owner.delete(&trashed, gone).await.status, StatusCode::NOT_FOUND);
        let back = owner.send(Method::POST, &format!("{path}/restore"), None, None).await;
        assert_eq!(back.status, StatusCode::NOT_FOUND, "{many}: nothing comes back");
        assert_eq!(self.steps(&owner, &path).await, ["purged", "removed", "created"]);
        self.is_forgotten(&made).await;
    }

    /// Creates a tag, a note and an activity, live and in the trash, if the resource can be their subject.
    async fn write_beside<R: Resource>(&self, owner: &TestUser, made: &Value) {
        let (account, user, of) = (owner.account, owner.user, R::NAME);
        let (tag, note, activity) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let id = made["id"].as_str().unwrap();
        let tagged = owner.get(&format!("{}/timeline", self.path(made))).await.body["detail"].clone();
        if tagged == "this path not found" {
            return;
        }
        let rows = format!(
            "insert into app.tags (account_id, id, name, created_by, updated_by) values ('{account}', '{tag}', 'of {id}', '{user}', '{user}');
             insert into app.record_tags values ('{account}', '{of}', '{id}', '{tag}');
             insert into app.notes (account_id, id, subject_type, subject_id, body, created_by, updated_by)
                 values ('{account}', '{note}', '{of}', '{id}', 'n', '{user}', '{user}');
             insert into app.activities (account_id, id, kind, subject_type, subject_id, at, summary, created_by, updated_by, deleted_at)
                 values ('{account}', '{activity}', 'call', '{of}', '{id}', now(), 's', '{user}', '{user}', now());"
        );
        self.nexo.ground.database.run(&rows).await;
    }

    /// Asserts that no data of a purged record is left in history, stored responses or dependents.
    async fn is_forgotten(&self, made: &Value) {
        let id = made["id"].as_str().unwrap();
        let kept = format!(
            "select (select count(*) from app.audit_log where record_id = '{id}' and (before is not null or after is not null))
                  + (select count(*) from app.idempotency_keys where position(convert_to('{id}', 'UTF8') in body) > 0)
                  + (select count(*) from app.record_tags where subject_id = '{id}')
                  + (select count(*) from app.notes where subject_id = '{id}')
                  + (select count(*) from app.activities where subject_id = '{id}')"
        );
        let mut look = self.nexo.ground.database.look().await;
        let (kept,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(kept)).fetch_one(&mut look).await.unwrap();
        assert_eq!(kept, 0, "{}: something is kept of a purged record", self.many);
    }
}
