use std::{
    fs,
    hint::black_box,
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    client::{Caller, Server},
    form::{Form, Result},
};

/// Clock ticks per second in `/proc`, on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// Prints transactions per second, and microseconds of this process's CPU time for each.
pub(crate) async fn measure<F: Form>(
    server: Server,
    callers: Vec<Caller>,
    operation: &str,
    connections: usize,
    seconds: u64,
) -> Result<()> {
    let operation = operation.parse()?;
    let callers: Arc<[Caller]> = callers.into();
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut form = F::connect(&server).await?;
        repeat(&mut form, operation, &callers, 0, Duration::ZERO).await?; // prepares its statements
        open.push(form);
    }
    let (start, before) = (Instant::now(), cpu_seconds()?);
    let tasks = open.into_iter().enumerate().map(|(number, mut form)| {
        let callers = Arc::clone(&callers);
        tokio::spawn(async move {
            repeat(&mut form, operation, &callers, number, Duration::from_secs(seconds)).await
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut transactions = 0;
    for task in tasks {
        transactions += task.await??;
    }
    let (took, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - before);
    let transactions = f64::from(transactions);
    println!("{} {}", transactions / took, cpu / transactions * 1e6);
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Get,
    List,
    Create,
}

impl FromStr for Operation {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "get" => Ok(Self::Get),
            "list" => Ok(Self::List),
            "create" => Ok(Self::Create),
            _ => Err("OPERATION is get, list or create"),
        }
    }
}

/// Counts transactions of all callers in turn, until the time is over. There is at least one.
async fn repeat<F: Form>(
    form: &mut F,
    operation: Operation,
    callers: &[Caller],
    first: usize,
    time: Duration,
) -> Result<u32> {
    let end = Instant::now() + time;
    for (caller, done) in callers.iter().cycle().skip(first).zip(1..) {
        match operation {
            Operation::Get => drop(black_box(form.get(caller).await?)),
            Operation::List => drop(black_box(form.list(caller).await?)),
            Operation::Create => drop(black_box(form.create(caller).await?)),
        }
        if Instant::now() >= end {
            return Ok(done);
        }
    }
    Err("there are no callers".into())
}

/// CPU time of this process.
fn cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS)
}
