//! Rate of tenant transactions that are sent in one of four forms. `bench/drivers` runs it; see there.
//!
//!     drivers FORM rate OPERATION CONNECTIONS SECONDS < callers
//!     drivers FORM refused|dropped|terminated < callers
//!
//! A line of input is an account, a user, a session, its epoch and a client. The server is that of `PGHOST`, `PGPORT`,
//! `PGUSER`, `PGPASSWORD` and `PGDATABASE`.
#![expect(clippy::print_stdout, reason = "a program")]

mod checks;
mod client;
mod form;
mod one_message;
mod one_sync;
mod pipelined;
mod rate;
mod two_messages;

use std::{env, io};

use client::{Caller, Server};
use form::{Form, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("sqlx") => run::<two_messages::TwoMessages>(&arguments).await,
        Some("tokio-postgres") => run::<pipelined::Pipelined>(&arguments).await,
        Some("pg-client") => run::<one_sync::OneSync>(&arguments).await,
        Some("sqlx-text") => run::<one_message::OneMessage>(&arguments).await,
        _ => Err("FORM is sqlx, tokio-postgres, pg-client or sqlx-text".into()),
    }
}

async fn run<F: Form>(arguments: &[String]) -> Result<()> {
    let server = Server::read()?;
    let callers: Vec<Caller> = io::stdin().lines().map(|line| line?.parse()).collect::<Result<_>>()?;
    let arguments: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match arguments[..] {
        ["rate", operation, connections, seconds] => {
            rate::measure::<F>(server, callers, operation, connections.parse()?, seconds.parse()?).await?;
        }
        ["refused"] => println!("{}", checks::refused::<F>(&server, &callers).await?),
        ["dropped"] => println!("{}", checks::dropped::<F>(&server, &callers).await?),
        ["terminated"] => println!("{}", checks::terminated::<F>(&server, &callers).await?),
        _ => return Err("the arguments are on the front page".into()),
    }
    Ok(())
}
