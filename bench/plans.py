"""The plans of what crm-service sends, as PostgreSQL itself wrote them down, and what is wrong with them.

auto_explain writes the plan of every statement, those inside of functions too, to the server's log. Each operation is asked
more often than PostgreSQL plans a prepared statement anew, so that the plan that it settles for is among them.
"""

import json, re, urllib.error, urllib.parse

TIMES = 8  # after five, a prepared statement may get a plan for all values
SCANS = {"Seq Scan", "Parallel Seq Scan", "Sample Scan"}
BY_INDEX = {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}


def log(bench):
    return bench.state / "postgres.log"


def operations(bench):
    """Everything that is asked of clients, in a small account and in the large one."""
    def path(rest):
        return "/api/v1/clients" + rest

    def wanted(text):
        return path("?limit=20&filter=" + urllib.parse.quote(text))

    for account in (bench.asking[1], bench.large):
        ids = [f"{n:032x}" for n in range(1, TIMES + 1)]
        cursor = json.load(bench.send(account, "GET", path("?limit=20")))["page"]["next_cursor"]
        for id in ids:
            yield account, "GET", path(f"/{id}"), None
            yield account, "GET", path(f"/{id}/timeline"), None
            yield account, "GET", path(f"/{id}/tags"), None
            yield account, "GET", path("?limit=20"), None
            yield account, "GET", path(f"?limit=20&cursor={cursor}"), None
            yield account, "GET", path("?limit=20&sort=name"), None
            yield account, "GET", path("?limit=20&count=capped"), None
            yield account, "GET", wanted('status[eq]:"active"'), None
            yield account, "GET", wanted('and(status[eq]:"active",or(rating[gte]:4,name[starts_with]:"A"),not(email[is]:null))'), None
            yield account, "GET", wanted('created_at[gte]:"2025-01-01T00:00:00Z"'), None
            yield account, "GET", path(f"?limit=20&q={bench.words[int(id, 16)]}"), None
            yield account, "GET", path(f"?limit=20&q={bench.words[int(id, 16)][:-1]}q"), None
            yield account, "GET", "/api/v1/contacts?limit=20&expand=client", None
            yield account, "GET", "/api/v1/contacts?limit=20&filter=" + urllib.parse.quote(f'client.name[starts_with]:"{bench.words[0]}"'), None
            yield account, "PATCH", path(f"/{id}"), {"rating": 2}
            yield account, "GET", path(f"/{id}/history"), None
            made = [{"name": f"Made {n}", "tax_id": f"made-{id}-{n}"[-32:]} for n in range(3)]
            yield account, "POST", path(""), {"name": "Made"}
            yield account, "POST", path("/bulk"), {"operation": "create", "items": made}
            yield account, "DELETE", path(f"/{id}"), None
            yield account, "POST", path(f"/{id}/restore"), None


def ask_all(bench):
    version = {}
    for account, method, path, body in operations(bench):
        headers = {}
        if method in ("PATCH", "DELETE"):
            headers["If-Match"] = bench.send(account, "GET", path).headers["ETag"]
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        try:
            bench.send(account, method, path, body, headers).read()
        except urllib.error.HTTPError as refused:
            raise SystemExit(f"{method} {path}: {refused.code} {refused.read().decode()}")


def written_down(bench, since):
    """The plans in the log after its byte `since`."""
    text = log(bench).read_bytes()[since:].decode(errors="replace")
    for found in re.finditer(r"plan:\n((?:\t.*\n)+)", text):
        try:
            yield json.loads(found[1])
        except json.JSONDecodeError:
            raise SystemExit(f"a plan in the log is not whole:\n{found[1]}")


def nodes(plan):
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def faults(node, tables):
    """What is wrong with a node of a plan, if it reads one of these tables."""
    table = node.get("Relation Name")
    if node["Node Type"] in SCANS and table in tables:
        yield f"{node['Node Type']} of {table}"
    index = node.get("Index Name")
    if node["Node Type"] in BY_INDEX and index in tables.indexes and "account_id" not in node.get("Index Cond", ""):
        yield f"{index} is not entered by account_id: {node.get('Index Cond')}"


class Tables(set):
    """The tables of accounts that have enough rows for a plan to matter, and the indexes of them."""

    def __init__(self, bench):
        large = """from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id'
            where n.nspname in ('app', 'app_parts') and c.relkind = 'r' and c.reltuples > 1000"""
        super().__init__(bench.psql(f"select c.relname {large}").split())
        self.indexes = set(bench.psql(f"""select x.indexrelid::regclass::text from pg_index x
            where x.indrelid in (select c.oid {large})""").replace("app.", "").replace("app_parts.", "").split())


def check(bench):
    """Asks for everything, and says how many statements had which faults."""
    bench.psql("""
        alter database nexo set session_preload_libraries = 'auto_explain';
        alter database nexo set auto_explain.log_min_duration = 0;
        alter database nexo set auto_explain.log_nested_statements = on;
        alter database nexo set auto_explain.log_format = 'json';
    """, "postgres")
    since = log(bench).stat().st_size
    process, url = bench.service("crm-service", "nexo_app")
    plain, bench.url = bench.url, url
    try:
        ask_all(bench)
    finally:
        bench.url = plain
        bench.psql("alter database nexo reset all", "postgres")
        process.terminate()
        process.wait(60)
    tables, seen, used, wrong = Tables(bench), set(), set(), {}
    for plan in written_down(bench, since):
        text = re.sub(r"\s+", " ", plan["Query Text"]).strip()
        seen.add(text)
        for node in nodes(plan["Plan"]):
            used |= {node.get("Index Name")} & tables.indexes
            for fault in faults(node, tables):
                wrong.setdefault((fault, text), 0)
                wrong[fault, text] += 1
    said = [f"plans: {len(seen)} statements, {len(wrong)} faults; tables looked at: {', '.join(sorted(tables))}",
            f"  their indexes in use, each entered by account_id: {', '.join(sorted(used))}"]
    said += [f"  {times} × {fault}\n      {text[:300]}" for (fault, text), times in wrong.items()]
    return "\n".join(said) + "\n"
