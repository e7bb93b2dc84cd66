//! What a client has already, it is not sent again (RFC 9110, 13.1.2).

use axum::{body::Body, extract::Request, response::Response};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};

/// The tags of a `GET` that has `If-None-Match`.
pub(crate) struct Seen(Vec<HeaderValue>);

impl Seen {
    /// Of a path alone: a query may ask for more than the record whose version its tag is.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        if !request.headers().contains_key(IF_NONE_MATCH) {
            return None;
        }
        let reads = request.method() == Method::GET || request.method() == Method::HEAD;
        let lines = || request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect();
        (reads && request.uri().query().is_none()).then(|| Self(lines()))
    }

    /// The answer, or 304 where the client has it.
    pub(crate) fn spare(self, mut response: Response) -> Response {
        if response.status() == StatusCode::OK && self.holds(response.headers()) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
            response.headers_mut().remove(CONTENT_TYPE);
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        response
    }

    fn holds(&self, answer: &HeaderMap) -> bool {
        let Some(now) = answer.get(ETAG).and_then(|now| now.to_str().ok()) else { return false };
        let lines = self.0.iter().filter_map(|line| line.to_str().ok());
        lines
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .any(|one| one == "*" || strong(one) == strong(now))
    }
}

/// Whether a tag is weak does not matter here.
fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: Method, path: &str, seen: &'static str) -> StatusCode {
        let request = Request::builder().method(method).uri(path).header(IF_NONE_MATCH, seen);
        let answer = Response::builder().header(ETAG, "\"3\"").body(Body::from("{}")).unwrap();
        match Seen::of(&request.body(Body::empty()).unwrap()) {
            Some(seen) => seen.spare(answer).status(),
            None => answer.status(),
        }
    }

    #[test]
    fn a_version_that_a_client_has_is_not_sent_again() {
        for seen in ["\"3\"", "W/\"3\"", "\"1\", \"3\"", "*"] {
            assert_eq!(status(Method::GET, "/a", seen), StatusCode::NOT_MODIFIED, "{seen}");
        }
        let two = Request::get("/a").header(IF_NONE_MATCH, "\"1\"").header(IF_NONE_MATCH, "\"3\"");
        let answer = Response::builder().header(ETAG, "\"3\"").body(Body::empty()).unwrap();
        let seen = Seen::of(&two.body(Body::empty()).unwrap()).unwrap();
        assert_eq!(seen.spare(answer).status(), StatusCode::NOT_MODIFIED, "a list may be in two lines");
        assert_eq!(status(Method::GET, "/a", "\"2\""), StatusCode::OK);
        assert_eq!(status(Method::GET, "/a", "3"), StatusCode::OK);
        assert_eq!(status(Method::GET, "/a?expand=owner", "\"3\""), StatusCode::OK);
        assert_eq!(status(Method::PUT, "/a", "\"3\""), StatusCode::OK);
    }
}
