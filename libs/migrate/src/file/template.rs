/// Template of a migration that creates a tenant table.
#[must_use]
pub fn template(table: &str) -> String {
    format!(
        "-- {title}: what they are, in one line.

create table app.{table} (
    account_id uuid        not null,
    id         uuid        not null,
    name       text        not null constraint ck_{table}_name check (length(name) between 1 and 200),
    version    bigint      not null default 1,
    created_at timestamptz not null default now(),
    created_by uuid        not null,
    updated_at timestamptz not null default now(),
    updated_by uuid        not null,
    deleted_at timestamptz,
    deleted_by uuid,
    primary key (account_id, id)
);
create index ix_{table}_newest on app.{table} (account_id, created_at desc, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.{table}');
",
        title = title(table)
    )
}

/// Template of the down file for the migration `file`.
#[must_use]
pub fn down_template(file: &str, table: &str) -> String {
    format!(
        "-- Takes {file} back: what was written into the table is lost.

call ops.unprotect_table('app.{table}');
drop table app.{table};
"
    )
}

fn title(table: &str) -> String {
    let mut letters = table.replace('_', " ").chars().collect::<Vec<_>>();
    if let Some(first) = letters.first_mut() {
        *first = first.to_ascii_uppercase();
    }
    letters.into_iter().collect()
}
