"""What the benchmarks of the services share: NEXO in a folder of its own, wrk beside pgbench, and a table of ratios."""

import contextlib, json, os, pathlib, random, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARIES = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "bench-run"
PASSWORD = "correct-horse-battery"

started = []


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(name, more, ready):
    # A session of its own, as a service manager gives it: Linux shares cores out among sessions (sched_autogroup), each
    # backend of PostgreSQL is one, and a thread of a crowded session may stand still for a second beside them.
    env = {**os.environ, "NEXO_LOG": "warn", "NEXO_ACCESS_TOKEN_TTL_SECONDS": "3600", **more}
    process = subprocess.Popen([BINARIES / name.split()[0], *name.split()[1:]], env=env, stdout=subprocess.DEVNULL, start_new_session=True)
    started.append(process)
    for _ in range(600):
        try:
            urllib.request.urlopen(ready, timeout=1).read()
            return process
        except OSError:
            if process.poll() is not None:
                sys.exit(f"{name} ended with {process.returncode}")
            time.sleep(0.1)
    sys.exit(f"{name} does not answer at {ready}")


@contextlib.contextmanager
def folder(tools=("wrk", "pgbench", "psql")):
    """A folder for one run; what was started in it is stopped at its end."""
    for tool in tools:
        if not shutil.which(tool):
            sys.exit(f"{tool} is not here: run scripts/provision bench")
    with tempfile.TemporaryDirectory(prefix="nexo-bench-") as name:
        try:
            yield pathlib.Path(name)
        finally:
            for process in reversed(started):
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def post(url, body, headers=None):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})
    return json.load(urllib.request.urlopen(request, timeout=60))


def get(url):
    return json.load(urllib.request.urlopen(url, timeout=60))


class Nexo:
    """`nexo up` for its database and its mail, and services of their own to measure."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.chmod(0o755)
        self.state = self.folder / "state"
        ports = {name: free_port() for name in ("gateway", "auth", "crm")}
        listen = {f"NEXO_{name.upper()}_LISTEN": f"127.0.0.1:{port}" for name, port in ports.items()}
        start("nexo up", {**listen, "NEXO_STATE_DIR": str(self.state), "NEXO_HASHING_THREADS": "2", "NEXO_TRUSTED_PROXIES": "127.0.0.1"}, f"http://127.0.0.1:{ports['gateway']}/health/ready")
        self.auth = f"http://127.0.0.1:{ports['auth']}"
        self.password, self.port = (self.state / "roles.password").read_text(), (self.state / "postgres.port").read_text()
        self.env = {**os.environ, "PGPASSWORD": self.password, "PGHOST": "127.0.0.1", "PGPORT": self.port, "PGDATABASE": "nexo"}

    def service(self, name, role, more=None):
        """A service of its own on this database: the process, and where it listens."""
        address = lambda role: f"postgres://{role}:{self.password}@127.0.0.1:{self.port}/nexo?sslmode=disable"
        listen = f"127.0.0.1:{free_port()}"
        env = {
            "DATABASE_URL": address(role),
            "MIGRATION_DATABASE_URL": address("nexo_migrator"),
            "NEXO_STATE_DIR": str(self.state),
            "NEXO_JWKS_URL": f"{self.auth}/.well-known/jwks.json",
            f"NEXO_{name.removeprefix('api-').removesuffix('-service').upper()}_LISTEN": listen,
            **(more or {}),
        }
        return start(name, env, f"http://{listen}/health/ready"), f"http://{listen}"

    def psql(self, statements, role="nexo_migrator"):
        command = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-U", role]
        env = {**self.env, "PGPASSWORD": (self.state / "superuser.password").read_text()} if role == "postgres" else self.env
        done = subprocess.run(command, input=statements, env=env, text=True, capture_output=True)
        return done.stdout if done.returncode == 0 else sys.exit(f"psql: {done.stderr}")

    def owners(self, count):
        """The tokens of people who have registered, by their accounts."""
        def register(at):
            body = {"email": f"owner{at}@bench.test", "password": PASSWORD, "display_name": "Owner", "account_name": f"Account {at}"}
            elsewhere = {"X-Forwarded-For": f"10.1.{at // 250}.{at % 250}"}  # one address may not try so often
            post(f"{self.auth}/api/v1/auth/register", body, elsewhere)
            letter = get(f"{self.auth}/dev/mail?to={body['email']}")["data"][0]
            return post(f"{self.auth}/api/v1/auth/register/confirm", {"token": letter["token"], "password": PASSWORD}, elsewhere)

        with ThreadPoolExecutor(4) as pool:
            return {one["account_id"]: one for one in pool.map(register, range(count))}

    def clients(self, tokens, count):
        """Fills every account with clients; pairs of account and client, and the requests that requests.lua sends."""
        self.psql(f"""
            insert into app.clients (account_id, id, name, email, phone, company, tax_id, industry, rating, website, billing_street,
                billing_city, billing_postal_code, billing_country, credit_limit, currency, status, notes, created_at, created_by, updated_by)
            select a.account_id, gen_random_uuid(), 'Client ' || n, 'client' || n || '@acme.test', '+34 600 ' || n, 'Company ' || n, 'T-' || n,
                'industry ' || n % 20, n % 5 + 1, 'https://acme.test/' || n, n || ' Road', 'City ' || n % 100, '29' || n, 'Spain', n * 10, 'EUR',
                (array['lead', 'active', 'inactive'])[n % 3 + 1], 'Notes about client ' || n, now() - n * interval '1 minute', a.created_by, a.created_by
            from app.accounts a, generate_series(1, {count}) n;
        """)
        self.psql("vacuum (analyze) app.clients")
        rows = self.psql(f"""
            select distinct on (account_id, n % 25) account_id, id from (select account_id, id, row_number() over (partition by account_id) n
            from app.clients) s where n <= 25 * 8""").split()
        pairs = [row.split("|") for row in rows]
        random.Random(1).shuffle(pairs)
        lines = [f"{tokens[account]['access_token']} {client}" for account, client in pairs]
        (self.folder / "requests").write_text("\n".join(lines))
        return pairs

    def ask_for(self, path, url, connections, seconds, watched, expected=r"^$"):
        """Gets of many accounts, or of a client of each, where the path ends with a slash."""
        env = {"BENCH_REQUESTS": str(self.folder / "requests"), "BENCH_PATH": path}
        return self.wrk(url, connections, seconds, "requests.lua", env, watched, expected)

    def pgbench(self, role, connections, seconds, scripts, values):
        """Transactions a second, of scripts that are chosen at random; `values` are the variables of them all."""
        folder = self.folder / "pgbench"
        folder.mkdir(exist_ok=True)
        command = ["pgbench", "-n", "-M", "prepared", "-U", role, "-c", str(connections), "-j", "2", "-T", str(seconds)]
        for n, script in enumerate(scripts):
            (folder / f"{n}.sql").write_text(script)
            command += ["-f", str(folder / f"{n}.sql")]
        for name, value in values:
            command += ["-D", f"{name}={value}"]
        said = subprocess.run(command, env=self.env, text=True, capture_output=True)
        if said.returncode or "failed" in said.stderr:
            sys.exit(f"pgbench: {said.stderr[:2000]}")
        return float(re.search(r"tps = ([\d.]+)", said.stdout).group(1))

    def wrk(self, url, connections, seconds, script, env, watched, expected=r"^$"):
        """What wrk says of requests that `script` makes, whose every problem matches `expected`."""
        before = [cpu(process.pid) for process in watched]
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s", "-s", str(ROOT / "bench" / script), url]
        said = subprocess.run(command, text=True, check=True, capture_output=True, env={**os.environ, **env}, start_new_session=True).stdout
        for problem in re.findall(r"^\s*((?:Non-2xx|Socket errors).*)$", said, re.M):
            if not re.search(expected, problem):
                sys.exit(f"requests failed:\n{said}")
        requests = int(re.search(r"(\d+) requests in", said).group(1))
        spent = sum(cpu(process.pid) - was for process, was in zip(watched, before))
        return {
            "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)),
            "p50": re.search(r"^\s+50%\s+(\S+)", said, re.M).group(1),
            "p99": re.search(r"^\s+99%\s+(\S+)", said, re.M).group(1),
            "cpu": spent / max(requests, 1) * 1e6,
            "memory": sum(memory(process.pid) for process in watched),
            "failed": int((re.search(r"Non-2xx or 3xx responses: (\d+)", said) or [0, 0])[1]),
            "said": said,
        }


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def milliseconds(text):
    """Of a time as wrk writes it."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def middle(runs):
    """The run of the median rate."""
    return sorted(runs, key=lambda run: run["rate"])[len(runs) // 2]


def ratio(ours, peers):
    """The median of the ratios of neighbouring rounds."""
    return statistics.median(one / peer for one, peer in zip(ours, peers))


def rates(runs):
    return [run["rate"] for run in runs]


def show(rows):
    print(f"{'':28}{'conns':>6}{'req/s':>9}{'p50':>10}{'p99':>10}{'MB':>7}{'CPU µs':>8}   {'beside':>20}{'ratio':>7}{'aim':>6}")
    for name, connections, run, ratio, peer, base, aim in rows:
        beside = f"{peer} {base:,.0f}"
        print(f"{name:28}{connections:6}{run['rate']:9,.0f}{run['p50']:>10}{run['p99']:>10}{run['memory']:7.1f}{run['cpu']:8.0f}   {beside:>20}{ratio:7.2f}{aim or '':>6}")
