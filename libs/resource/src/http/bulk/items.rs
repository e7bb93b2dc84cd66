//! Outcomes of the items of a bulk request, and their errors.

use http::StatusCode;
use serde::Serialize;
use web::{Error, Problem, Result, Violation};

use crate::Visible;

/// Splits items into the successful ones and a list of failures by position.
pub(super) fn good<T>(all: Vec<Result<T>>) -> (Vec<T>, Vec<Option<Error>>) {
    let mut good = Vec::with_capacity(all.len());
    let places = all.into_iter().map(|one| one.map(|one| good.push(one)).err()).collect();
    (good, places)
}

/// Merges the results of the successful items back between the failures.
pub(super) fn put_back<T>(
    places: Vec<Option<Error>>,
    done: impl IntoIterator<Item = Result<T>>,
) -> Vec<Result<T>> {
    let mut done = done.into_iter();
    places
        .into_iter()
        .filter_map(|place| place.map_or_else(|| done.next(), |error| Some(Err(error))))
        .collect()
}

/// Returns all items if none failed. Otherwise fails with the errors of all failed items, or with the first error
/// that is no item's fault.
pub(super) fn all_or_nothing<T>(all: Vec<Result<T>>, fields: &str) -> Result<Vec<T>> {
    let (good, places) = good(all);
    let failed: Vec<_> =
        places.into_iter().enumerate().filter_map(|(at, error)| Some((at, error?))).collect();
    let Some((_, first)) = failed.first() else { return Ok(good) };
    let status = first.status();
    let shared = failed.iter().all(|(_, error)| error.status() == status);
    let form = failed.iter().all(|(_, error)| matches!(error, Error::Invalid(_)));
    let mut violations = Vec::new();
    for (at, error) in failed {
        violations.extend(violations_of(at, fields, own(error)?));
    }
    let status = if shared { status } else { StatusCode::UNPROCESSABLE_ENTITY };
    Err(if form { Error::Invalid(violations) } else { Error::Items(status, violations) })
}

/// Returns the error if an item caused it; other errors, such as database failures, are returned as `Err`.
fn own(error: Error) -> Result<Error> {
    match error {
        Error::Invalid(_) | Error::NotFound(_) | Error::Stale(..) | Error::Refused(_) => Ok(error),
        failed => Err(failed),
    }
}

/// Prefixes the pointers of violations with `pointer`; other errors are unchanged.
pub(super) fn within(pointer: &str, error: Error) -> Error {
    let Error::Invalid(violations) = error else { return error };
    let moved = |one: Violation| Violation { pointer: format!("{pointer}{}", one.pointer), ..one };
    Error::Invalid(violations.into_iter().map(moved).collect())
}

/// Violations of item `at`; `fields` is the pointer to the record's fields within an item.
fn violations_of(at: usize, fields: &str, error: Error) -> Vec<Violation> {
    problem_of(at, fields, error).errors
}

fn problem_of(at: usize, fields: &str, error: Error) -> Problem {
    let item = format!("/items/{at}");
    let place = match &error {
        Error::Refused(refusal) => {
            refusal.pointer().map_or(item.clone(), |field| format!("{item}{fields}{field}"))
        }
        Error::NotFound(_) => format!("{item}/id"),
        Error::Stale(..) => format!("{item}/version"),
        _ => item.clone(),
    };
    let mut problem = within(&item, error).into_problem();
    if problem.code != "invalid" {
        problem.errors = vec![Violation::new(place, &*problem.code, &*problem.detail)];
    }
    problem
}

/// Outcome of one item of a bulk request.
#[derive(Serialize)]
pub(super) struct ItemOutcome {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Visible>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

impl ItemOutcome {
    /// Outcome of a successful item.
    pub(super) fn done(status: StatusCode, record: Visible) -> Self {
        let record = (status != StatusCode::NO_CONTENT).then_some(record);
        Self { status: status.as_u16(), record, problem: None }
    }

    /// Outcome of a failed item; `Err` if the failure is not the item's fault.
    pub(super) fn refused(at: usize, fields: &str, error: Error) -> Result<Self> {
        let error = own(error)?;
        let status = error.status().as_u16();
        Ok(Self { status, record: None, problem: Some(problem_of(at, fields, error)) })
    }
}
