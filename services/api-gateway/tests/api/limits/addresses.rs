//! Unauthenticated callers are limited by their address.

use http::{Method, StatusCode};
use testkit::{TestApp, TestUser};

use super::gateway;
use crate::send;

const FEW: [(&str, &str); 2] = [("NEXO_LOGINS_PER_MINUTE", "6"), ("NEXO_LOGINS_BURST", "3")];

async fn login(nexo: &TestApp, peer: &str, headers: &[(&str, &str)]) -> u16 {
    let nobody = TestUser::nobody(&nexo.router);
    nobody.send_from(peer, Method::POST, "/api/v1/auth/login", headers, "").await.status.as_u16()
}

#[tokio::test]
async fn a_forged_address_changes_nothing() {
    let nexo = gateway("reads_burst = 10", &FEW).await;
    let mut told = Vec::new();
    for n in 0..6 {
        let forged = format!("203.0.113.{n}");
        let forged =
            [("x-forwarded-for", &*forged), ("forwarded", &format!("for={forged}")), ("x-real-ip", &forged)];
        told.push(login(&nexo, &format!("198.51.100.7:{}", 1000 + n), &forged).await);
    }
    assert_eq!(told, [200, 200, 200, 429, 429, 429]);
    assert_eq!(login(&nexo, "198.51.100.8:1", &[]).await, 200, "another address has its own");
    for (peer, status) in [
        ("[2001:db8::1]:1", 200),
        ("[2001:db8::2]:1", 200),
        ("[2001:db8::3]:1", 200),
        ("[2001:db8::4]:1", 429),
    ] {
        assert_eq!(login(&nexo, peer, &[]).await, status, "{peer}: a network of IPv6 is one");
    }
}

#[tokio::test]
async fn behind_a_proxy_of_ours_each_client_has_its_own() {
    let nexo =
        gateway("reads_burst = 10", &[&FEW[..], &[("NEXO_TRUSTED_PROXIES", "10.0.0.0/8")]].concat()).await;
    let mut told = Vec::new();
    for n in 0..4 {
        let written = format!("203.0.113.{n}, 198.51.100.7"); // entries before the proxy's own are the client's claim
        told.push(login(&nexo, "10.0.0.2:1", &[("x-forwarded-for", &written)]).await);
    }
    assert_eq!(told, [200, 200, 200, 429]);
    assert_eq!(login(&nexo, "10.0.0.2:1", &[("x-forwarded-for", "198.51.100.8")]).await, 200);
}

#[tokio::test]
async fn bad_tokens_are_charged_to_their_address_and_do_not_block_known_callers() {
    let nexo = gateway("reads_burst = 10", &FEW).await;
    let (known, late) = (nexo.person("").await, nexo.person("").await);
    assert_eq!(send(&known, Method::GET, "/api/v1/clients", &[]).await.status, StatusCode::OK);
    let mut told = Vec::new();
    for n in 0..5 {
        let mallory = TestUser { token: format!("{n}{}", known.token), ..known.clone() };
        told.push(send(&mallory, Method::GET, "/api/v1/clients", &[]).await.status.as_u16());
    }
    assert_eq!(told, [401, 401, 401, 429, 429]);
    let refused = send(&late, Method::GET, "/api/v1/clients", &[]).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "its token would have to be verified");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() <= 10);
    assert_eq!(send(&known, Method::GET, "/api/v1/clients", &[]).await.status, StatusCode::OK);
    let elsewhere = late.send_from("198.51.100.8:1", Method::GET, "/api/v1/clients", &[], "").await;
    assert_eq!(elsewhere.status, StatusCode::OK);
}
