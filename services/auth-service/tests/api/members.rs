//! Members: changes take effect at once, and callers cannot exceed their own rights.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};

use crate::{company::Company, is_told};

async fn me(person: &TestUser) -> TestResponse {
    person.get("/auth/me").await
}

fn refused(answer: TestResponse, status: StatusCode, code: &str) {
    assert_eq!(answer.expect(status)["code"], code);
}

#[tokio::test]
async fn members_are_listed_by_pages_with_their_roles_and_strangers_are_not() {
    let acme = Company::new().await;
    for role in ["admin", "manager", "viewer"] {
        acme.somebody(role).await;
    }
    let stranger = acme.nexo.person("member:read").await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = acme.ana.get(&format!("/members?limit=3{cursor}")).await.expect(StatusCode::OK);
        seen.extend(page["data"].as_array().unwrap().iter().map(|member| member["effective_role"].clone()));
        let Some(next) = page["page"]["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        refused(
            stranger.get(&format!("/members?limit=3{cursor}")).await,
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
        );
    }
    assert_eq!(seen, ["owner", "admin", "manager", "viewer"]);
    assert_eq!(stranger.get("/members").await.expect(StatusCode::OK)["data"].as_array().unwrap().len(), 1);
    let ana = format!("/members/{}", acme.ana.user);
    for path in [ana.clone(), format!("{ana}/permissions")] {
        assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_removed_member_is_refused_on_the_next_request() {
    let acme = Company::new().await;
    let eve = acme.somebody("admin").await;
    me(&eve).await.expect(StatusCode::OK);
    assert_eq!(acme.remove(&acme.ana, eve.user).await.status, StatusCode::NO_CONTENT);
    assert_eq!(me(&eve).await.status, StatusCode::UNAUTHORIZED);
    assert!(is_told(&acme.nexo, &eve.token).await);
    assert_eq!(acme.ana.get("/members").await.body["data"].as_array().unwrap().len(), 1);
}

/// Records that former members own or wrote still refer to them.
#[tokio::test]
async fn a_former_member_keeps_only_a_name() {
    let acme = Company::new().await;
    let (removed, left) = (acme.somebody("viewer").await, acme.somebody("viewer").await);
    assert_eq!(acme.remove(&acme.ana, removed.user).await.status, StatusCode::NO_CONTENT);
    let leave = format!("/accounts/{}/membership", acme.ana.account);
    assert_eq!(left.send(Method::DELETE, &leave, None, None).await.status, StatusCode::NO_CONTENT);
    for gone in [&removed, &left] {
        let path = format!("/members/{}", gone.user);
        let shown = acme.ana.get(&path).await.expect(StatusCode::OK);
        let wanted =
            json!({ "id": gone.user, "display_name": "Somebody", "kind": "person", "status": "removed" });
        assert_eq!(shown, wanted);
        for answer in [
            acme.ana.get(&format!("{path}/permissions")).await,
            acme.ana.send(Method::DELETE, &format!("{path}/lock"), None, None).await,
            acme.ana.send(Method::DELETE, &path, Some(&json!(2)), None).await,
            acme.ana.send(Method::PATCH, &path, Some(&json!(2)), Some(json!({ "status": "active" }))).await,
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
        }
        let clerk = acme.nexo.member(acme.ana.account, "client:read").await;
        assert_eq!(clerk.get(&path).await.status, StatusCode::FORBIDDEN);
    }
    let ben = acme.nexo.person("member:read").await;
    for path in [format!("/members/{}", ben.user), format!("/members/{}", uuid::Uuid::now_v7())] {
        assert_eq!(acme.ana.get(&path).await.status, StatusCode::NOT_FOUND, "never a member here");
    }
    assert_eq!(ben.get(&format!("/members/{}", removed.user)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_suspended_member_is_kept_out_until_they_are_let_in_again() {
    let acme = Company::new().await;
    let eve = acme.somebody("viewer").await;
    let now = acme.change(&acme.ana, eve.user, json!({ "status": "suspended" })).await;
    assert_eq!(now.expect(StatusCode::OK)["status"], "suspended");
    assert_eq!(me(&eve).await.status, StatusCode::UNAUTHORIZED);
    acme.change(&acme.ana, eve.user, json!({ "status": "active" })).await.expect(StatusCode::OK);
    assert_eq!(me(&eve).await.status, StatusCode::UNAUTHORIZED, "a session that has ended stays so");
}

#[tokio::test]
async fn a_change_of_roles_shows_on_the_next_request() {
    let acme = Company::new().await;
    let eve = acme.somebody("viewer").await;
    let now = acme.appoint(&acme.ana, eve.user, &["manager", "employee"]).await.expect(StatusCode::OK);
    assert_eq!(now["effective_role"], "manager");
    assert_eq!(
        me(&eve).await.status,
        StatusCode::UNAUTHORIZED,
        "the token with the old rights is good no more"
    );
    let rights = acme.ana.get(&format!("/members/{}/permissions", eve.user)).await.expect(StatusCode::OK);
    assert_eq!(rights["permissions"][0], "*:read");
    assert_eq!(rights["roles"][1]["name"], "employee");
}

#[tokio::test]
async fn no_member_grants_beyond_their_own_rights() {
    let acme = Company::new().await;
    let admin = acme.somebody("admin").await;
    let viewer = acme.somebody("viewer").await;
    let clerk =
        acme.nexo.member(acme.ana.account, "member:read member:write member:delete client:read").await;
    let forbidden = StatusCode::FORBIDDEN;

    refused(acme.appoint(&clerk, viewer.user, &["admin"]).await, forbidden, "privilege-escalation");
    refused(acme.appoint(&clerk, viewer.user, &["employee"]).await, forbidden, "privilege-escalation");
    refused(acme.remove(&clerk, admin.user).await, forbidden, "privilege-escalation");
    refused(
        acme.change(&clerk, admin.user, json!({ "status": "suspended" })).await,
        forbidden,
        "privilege-escalation",
    );
    for (what, answer) in [
        ("gives ownership", acme.appoint(&admin, viewer.user, &["owner"]).await),
        ("removes the owner", acme.remove(&admin, acme.ana.user).await),
        ("demotes the owner", acme.appoint(&admin, acme.ana.user, &["viewer"]).await),
        ("suspends the owner", acme.change(&admin, acme.ana.user, json!({ "status": "suspended" })).await),
    ] {
        assert_eq!(answer.expect(forbidden)["code"], "owner-required", "an administrator {what}");
    }
    refused(acme.appoint(&admin, admin.user, &["viewer"]).await, forbidden, "own-roles-locked");
    refused(acme.remove(&acme.ana, acme.ana.user).await, forbidden, "own-roles-locked");
    let heir = json!({ "member_id": viewer.user });
    refused(admin.post("/account/ownership-transfers", heir).await, forbidden, "owner-required");
    acme.appoint(&acme.ana, admin.user, &["owner"]).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_role_of_another_account_is_none() {
    let acme = Company::new().await;
    let other = Company::new().await;
    let theirs = other.role("viewer").await;
    let eve = acme.somebody("viewer").await;
    let answer = acme.change(&acme.ana, eve.user, json!({ "roles": [theirs] })).await;
    assert_eq!(answer.body["errors"][0]["pointer"], "/roles");
    refused(answer, StatusCode::UNPROCESSABLE_ENTITY, "role-unknown");
    let invited = json!({ "email": "new@acme.test", "role_id": theirs });
    let answer = acme.ana.post("/invitations", invited).await;
    assert_eq!(answer.body["errors"][0]["pointer"], "/role_id");
    refused(answer, StatusCode::UNPROCESSABLE_ENTITY, "role-unknown");
}

#[tokio::test]
async fn ownership_is_handed_over_and_the_last_owner_stays() {
    let acme = Company::new().await;
    let eve = acme.somebody("viewer").await;
    let leave = format!("/accounts/{}/membership", acme.ana.account);
    refused(acme.ana.send(Method::DELETE, &leave, None, None).await, StatusCode::CONFLICT, "last-owner");
    let to = |id: Value| json!({ "member_id": id });
    let path = "/account/ownership-transfers";
    for unfit in [json!(acme.ana.user), json!(uuid::Uuid::now_v7())] {
        assert!(acme.ana.post(path, to(unfit)).await.status.is_client_error());
    }
    assert_eq!(acme.ana.post(path, to(json!(eve.user))).await.status, StatusCode::NO_CONTENT);
    assert_eq!(me(&acme.ana).await.status, StatusCode::UNAUTHORIZED);
    let mut look = acme.nexo.ground.database.look().await;
    let held: Vec<(String,)> = sqlx::query_as(
        "select r.name from app.member_roles h join app.roles r on r.id = h.role_id where h.user_id = any ($1) order by h.user_id = $2, r.name",
    )
    .bind([uuid::Uuid::from(acme.ana.user), eve.user.into()])
    .bind(uuid::Uuid::from(eve.user))
    .fetch_all(&mut look)
    .await
    .unwrap();
    assert_eq!(held, ["admin", "owner", "viewer"].map(|name| (name.to_owned(),)));
}

/// The account's lock serializes two owners who leave concurrently: one of them stays.
#[tokio::test]
async fn of_two_owners_who_leave_at_once_one_stays() {
    let acme = Company::new().await;
    let eve = acme.somebody("owner").await;
    let leave = format!("/accounts/{}/membership", acme.ana.account);
    let (one, other) = tokio::join!(
        acme.ana.send(Method::DELETE, &leave, None, None),
        eve.send(Method::DELETE, &leave, None, None)
    );
    let mut told = [one.status, other.status];
    told.sort();
    assert_eq!(told, [StatusCode::NO_CONTENT, StatusCode::CONFLICT]);
}

#[tokio::test]
async fn a_stale_version_of_a_member_is_answered_with_the_current_one() {
    let acme = Company::new().await;
    let eve = acme.somebody("viewer").await;
    let seen = acme.member(&acme.ana, eve.user).await;
    let now = acme.appoint(&acme.ana, eve.user, &["employee"]).await.expect(StatusCode::OK);
    let path = format!("/members/{}", eve.user);
    let stale = acme.ana.patch(&path, &seen, json!({ "status": "suspended" })).await;
    assert_eq!(stale.expect(StatusCode::PRECONDITION_FAILED)["current"], now);
    let blind = acme.ana.send(Method::PATCH, &path, None, Some(json!({}))).await;
    assert_eq!(blind.status, StatusCode::PRECONDITION_REQUIRED);
}
