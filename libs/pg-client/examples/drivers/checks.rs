//! What a form does when a transaction does not go well, as a sentence.

use std::{future::poll_fn, pin::pin, task::Poll};

use uuid::Uuid;

use crate::{
    client::{Caller, Server},
    form::{Form, Result},
};

const TERMINATE: &str = "select pg_terminate_backend(pg_backend_pid())";

/// Creates a client with a session that does not exist, then reads one with a session that does.
pub(crate) async fn refused<F: Form>(server: &Server, callers: &[Caller]) -> Result<String> {
    let caller = callers.first().ok_or("no callers")?;
    let mut form = F::connect(server).await?;
    let ended = Caller { session: Uuid::now_v7(), ..caller.clone() };
    let read = refusal(form.get(&ended).await);
    let write = refusal(form.create(&ended).await);
    let next = refusal(form.get(caller).await);
    Ok(format!("read: {read}; write: {write}; next read: {next}"))
}

/// Drops a read while its answer is outstanding, then reads for another account on the same connection.
pub(crate) async fn dropped<F: Form>(server: &Server, callers: &[Caller]) -> Result<String> {
    let caller = callers.first().ok_or("no callers")?;
    let other = callers.iter().find(|other| other.account != caller.account).ok_or("one account")?;
    let mut form = F::connect(server).await?;
    form.get(caller).await?;
    {
        let mut read = pin!(form.get(caller));
        poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_ready())).await;
    }
    let must_close = form.must_close();
    let answer = match form.get(other).await {
        Ok(client) if client.id == other.client => "its own row".to_owned(),
        Ok(_) => "a row of the dropped read".to_owned(),
        Err(error) => error.to_string(),
    };
    Ok(format!("must be closed: {must_close}; the next read gets: {answer}"))
}

/// Ends the connection's server process, then reads.
pub(crate) async fn terminated<F: Form>(server: &Server, callers: &[Caller]) -> Result<String> {
    let caller = callers.first().ok_or("no callers")?;
    let mut form = F::connect(server).await?;
    form.get(caller).await?;
    let ending = refusal(form.send(TERMINATE).await);
    let must_close = form.must_close();
    let next = refusal(form.get(caller).await);
    Ok(format!("{ending}; must be closed: {must_close}; next read: {next}"))
}

fn refusal<T>(answer: Result<T>) -> String {
    let Err(error) = answer else { return "succeeded".to_owned() };
    let (error, cause) = (error.to_string(), error.source().map(ToString::to_string));
    cause.filter(|cause| !error.contains(cause)).map_or(error.clone(), |cause| format!("{error}: {cause}"))
}
