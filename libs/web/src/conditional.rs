//! Conditional GET: 304 if the client's copy is current (RFC 9110, 13.1.2).

use axum::{body::Body, extract::Request, response::Response};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};

/// Entity tags in the `If-None-Match` header of a GET or HEAD.
pub(crate) struct IfNoneMatch(Vec<HeaderValue>);

impl IfNoneMatch {
    /// Returns `None` for a request with a query: its answer may depend on more than the record whose version is
    /// the tag.
    pub(crate) fn from_headers(request: &Request) -> Option<Self> {
        if !request.headers().contains_key(IF_NONE_MATCH) {
            return None;
        }
        let reads = request.method() == Method::GET || request.method() == Method::HEAD;
        let lines = || request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect();
        (reads && request.uri().query().is_none()).then(|| Self(lines()))
    }

    /// Replaces the answer by 304 if its `ETag` matches.
    pub(crate) fn or_not_modified(self, mut response: Response) -> Response {
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

/// Removes the weakness indicator; `If-None-Match` uses weak comparison.
fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: Method, path: &str, seen: &'static str) -> StatusCode {
        let request = Request::builder().method(method).uri(path).header(IF_NONE_MATCH, seen);
        let answer = Response::builder().header(ETAG, "\"3\"").body(Body::from("{}")).unwrap();
        match IfNoneMatch::from_headers(&request.body(Body::empty()).unwrap()) {
            Some(seen) => seen.or_not_modified(answer).status(),
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
        let seen = IfNoneMatch::from_headers(&two.body(Body::empty()).unwrap()).unwrap();
        assert_eq!(
            seen.or_not_modified(answer).status(),
            StatusCode::NOT_MODIFIED,
            "a list may be in two lines"
        );
        assert_eq!(status(Method::GET, "/a", "\"2\""), StatusCode::OK);
        assert_eq!(status(Method::GET, "/a", "3"), StatusCode::OK);
        assert_eq!(status(Method::GET, "/a?expand=owner", "\"3\""), StatusCode::OK);
        assert_eq!(status(Method::PUT, "/a", "\"3\""), StatusCode::OK);
    }
}
