//! Text by strangers in e-mails: short, and without links.

use http::StatusCode;
use serde_json::json;

use crate::{company::Company, letter, nexo, post, registration};

#[tokio::test]
async fn a_letter_leads_nowhere_that_a_stranger_wrote() {
    let nexo = nexo().await;
    let names = [
        "http://evil.test".to_owned(),
        "\u{202e}tset.live\u{2028}www.evil.test/login".to_owned(),
        "evil.test eve@evil.test".to_owned(),
        "ｅｖｉｌ。ｔｅｓｔ".to_owned(),
        format!("Pay now {}", "x".repeat(190)),
    ];
    for (at, name) in names.iter().enumerate() {
        let email = format!("victim{at}@acme.test");
        post(&nexo, "register", registration(&email, name)).await.expect(StatusCode::ACCEPTED);
        let letter = letter(&nexo, &email).await;
        let (subject, text) = (letter["subject"].as_str().unwrap(), letter["text"].as_str().unwrap());
        assert_eq!(subject, "Confirm your address");
        let first = text.split("\n\n").next().unwrap();
        let quoted = first.split('“').nth(1).unwrap().split('”').next().unwrap();
        assert!(quoted.chars().count() <= 61, "{first}");
        for led in ["://", "@", "evil.test", "www.e", "\u{202e}", "\u{2028}", "。"] {
            assert!(!first.contains(led), "{led}: {first}");
        }
        assert!(text.is_ascii() || text.lines().count() < 12);
    }
}

#[tokio::test]
async fn an_invitation_names_its_account_in_quotation_marks_and_the_name_stays_as_it_is() {
    let acme = Company::new().await;
    let name = "Visit http://evil.test\u{2029}now";
    let rules = acme.ana.get("/account").await;
    let version = rules.header("etag").unwrap().trim_matches('"').parse::<i64>().unwrap();
    let changed = acme.ana.patch("/account", &json!({ "version": version }), json!({ "name": name })).await;
    assert_eq!(changed.expect(StatusCode::OK)["name"], name);
    let role = acme.role("viewer").await;
    let made = acme.ana.post("/invitations", json!({ "email": "x@acme.test", "role_id": role })).await;
    let made = made.expect(StatusCode::CREATED);
    let again = format!("/invitations/{}/resend", made["id"].as_str().unwrap());
    for _ in 0..2 {
        let told = letter(&acme.nexo, "x@acme.test").await;
        assert_eq!(told["subject"], "An invitation");
        let text = told["text"].as_str().unwrap();
        assert!(
            text.starts_with("You are invited to work in the account “Visit http: evil. test now”:\n"),
            "{text}"
        );
        acme.ana.post(&again, json!({})).await.expect(StatusCode::ACCEPTED);
    }
}
