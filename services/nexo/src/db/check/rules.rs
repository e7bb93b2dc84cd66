use sqlx::{AssertSqlSafe, PgConnection};

use super::Finding;

/// A rule whose query returns one row per violation: object and count.
struct Rule {
    name: &'static str,
    wrong: bool,
    question: &'static str,
}

/// Rules whose query generates a counting query per object: name and SQL.
const FOR_EACH: &[Rule] = &[
    Rule {
        name: "row of no account",
        wrong: true,
        question: "select table_name, format('select count(*) from %s t where not exists (select from app.accounts a where a.account_id = t.account_id)', table_name)
                   from ops.table_kinds where kind = 'tenant' and table_name <> 'app.accounts' and to_regclass(table_name) is not null",
    },
    Rule {
        name: "reference to nothing",
        wrong: true,
        question: "select k.conname || ' of ' || k.conrelid::regclass, format('select count(*) from %s c where %s and not exists (select from %s p where %s)', k.conrelid::regclass,
                          (select string_agg(format('c.%I is not null', a.attname), ' and ') from unnest(k.conkey) n join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n),
                          k.confrelid::regclass,
                          (select string_agg(format('p.%I = c.%I', r.attname, a.attname), ' and ') from unnest(k.conkey, k.confkey) as n (child, parent)
                           join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n.child join pg_attribute r on r.attrelid = k.confrelid and r.attnum = n.parent))
                   from pg_constraint k join pg_namespace s on s.oid = k.connamespace
                   where k.contype = 'f' and k.conparentid = 0 and s.nspname in ('app', 'ops')",
    },
    Rule {
        name: "sum of the accounts is not the whole",
        wrong: true,
        question: "select table_name, format('select (select count(*) from %1$s) - coalesce((select sum(own) from (select (select count(*) from %1$s t where t.account_id = a.account_id) as own from app.accounts a) each), 0)::bigint', table_name)
                   from ops.table_kinds where kind = 'tenant' and to_regclass(table_name) is not null",
    },
    Rule {
        name: "same e-mail in several live rows",
        wrong: false,
        question: "select c.oid::regclass::text, format('select count(*) from (select from %s where email_norm is not null%s group by account_id, email_norm having count(*) > 1) twice', c.oid::regclass,
                          case when exists (select from pg_attribute d where d.attrelid = c.oid and d.attname = 'deleted_at') then ' and deleted_at is null' else '' end)
                   from pg_class c join pg_namespace n on n.oid = c.relnamespace join ops.table_kinds k on k.table_name = n.nspname || '.' || c.relname
                   where k.kind = 'tenant' and exists (select from pg_attribute e where e.attrelid = c.oid and e.attname = 'email_norm')",
    },
];

const QUESTIONS: &[Rule] = &[
    Rule {
        name: "member without a role",
        wrong: true,
        question: "select format('account %s, user %s', m.account_id, m.user_id), 1::bigint from app.memberships m
                   where m.status = 'active' and not exists (select from app.member_roles r where r.account_id = m.account_id and r.user_id = m.user_id)",
    },
    Rule {
        name: "one e-mail of several people",
        wrong: true,
        question: "select string_agg(id::text, ', ' order by id), count(*) from app.users
                   group by lower(email collate \"C\") having count(*) > 1",
    },
    Rule {
        name: "account without an owner",
        wrong: true,
        question: "select a.account_id::text, 1::bigint from app.accounts a
                   where not exists (select from app.member_roles m join app.roles r on r.account_id = m.account_id and r.id = m.role_id
                                     where m.account_id = a.account_id and r.standard and r.name = 'owner')",
    },
    Rule {
        name: "invalid index",
        wrong: true,
        question: "select indexrelid::regclass::text, 1::bigint from pg_index where not indisvalid or not indisready",
    },
    Rule {
        name: "kind without a table, which `call ops.unprotect_table` takes out",
        wrong: false,
        question: "select table_name, 1::bigint from ops.table_kinds where to_regclass(table_name) is null",
    },
    Rule {
        name: "constraint that was never validated",
        wrong: false,
        question: "select conname || ' of ' || conrelid::regclass, 1::bigint from pg_constraint where not convalidated",
    },
    Rule {
        name: "no partition for a coming month",
        wrong: true,
        question: "select 'app.audit_log for ' || to_char(m, 'YYYY-MM'), 1::bigint
                   from generate_series(date_trunc('month', now()), now() + interval '3 months', interval '1 month') m
                   where to_regclass('app_parts.audit_log_' || to_char(m, 'YYYY_MM')) is null",
    },
];

pub(super) const COUNT: usize = FOR_EACH.len() + QUESTIONS.len();

pub(super) async fn all(conn: &mut PgConnection) -> Result<Vec<Finding>, sqlx::Error> {
    let mut found = Vec::new();
    for rule in FOR_EACH {
        let questions: Vec<(String, String)> = sqlx::query_as(rule.question).fetch_all(&mut *conn).await?;
        for (object, question) in questions {
            let (count,): (i64,) =
                sqlx::query_as(AssertSqlSafe(question)).persistent(false).fetch_one(&mut *conn).await?;
            if count != 0 {
                found.push(Finding { rule: rule.name, object, count, wrong: rule.wrong });
            }
        }
    }
    for rule in QUESTIONS {
        let rows: Vec<(String, i64)> = sqlx::query_as(rule.question).fetch_all(&mut *conn).await?;
        let one = |(object, count)| Finding { rule: rule.name, object, count, wrong: rule.wrong };
        found.extend(rows.into_iter().map(one));
    }
    Ok(found)
}
