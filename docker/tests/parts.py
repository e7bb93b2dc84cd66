"""What must hold of a NEXO in containers, a function each. Its name is what `run` is told."""

import json, os, pathlib, shutil, signal, tempfile, time, urllib.request

from compose import ROOT, Project, free_ports, insist, is_healthy, run, service_of, until
from load import Load, ask, log_in

SUITES = ["auth", "company", "factor", "isolation", "keys", "work"]
ANA = ("ana@acme.example", "demo-lantern-orbit")
PATIENCE = 30
SERVERS = ["redis", "rabbitmq", "postgres"]
OURS = ["crm-service", "auth-service", "schedule", "api-gateway"]


def for_developers(name, more):
    """compose.yaml with compose.dev.yaml, on ports of its own."""
    first = free_ports(7)
    ports = ["NEXO_PORT", "NEXO_AUTH_PORT", "NEXO_CRM_PORT", "NEXO_POSTGRES_PORT", "NEXO_REDIS_PORT", "NEXO_AMQP_PORT", "NEXO_RABBITMQ_PORT"]
    env = {port: str(first + at) for at, port in enumerate(ports)}
    project = Project(name, ["compose.yaml", "compose.dev.yaml", *more], env)
    project.gateway, project.rabbitmq = f"http://127.0.0.1:{first}", f"http://127.0.0.1:{first + 6}"
    return project


def for_people(name, more, secrets):
    """compose.yaml with compose.prod.yaml: two of each service, and secrets of their own."""
    first = free_ports(4)
    env = {
        "NEXO_PORTS": f"{first}-{first + 3}",
        "NEXO_SECRETS": str(secrets),
        "NEXO_TRUSTED_PROXIES": "172.16.0.0/12",
        "NEXO_SMTP_URL": "smtp://127.0.0.1:2525",
    }
    project = Project(name, ["compose.yaml", "compose.prod.yaml", *more], env)
    project.gateways = [f"http://127.0.0.1:{first + at}" for at in range(4)]
    return project


def up(project):
    """From nothing, everything is healthy."""
    yield f"healthy after {project.up():.0f} s"
    said = json.load(urllib.request.urlopen(f"{project.gateway}/api/health"))
    insist(said["status"] == "up", f"the whole says {said}")
    images = sorted({one["Config"]["Image"] for one in project.containers()})
    for image in images:
        size = int(run(["docker", "image", "inspect", "-f", "{{.Size}}", image]).stdout)
        yield f"{image}: {size / 1e6:.0f} MB"
        insist("api-gateway" not in image or size < 60e6 or image.endswith(":debug"), f"{image} has {size / 1e6:.0f} MB, and 60 are too many")


def suites(project):
    """The .http suites pass against the port that is published."""
    httpyac = ROOT / "http-tests/node_modules/.bin/httpyac"
    insist(httpyac.exists(), "httpyac is not installed: run `npm ci` in http-tests")
    for suite in SUITES:
        done = run([httpyac, "send", "--all", "--env", "local", "--var", f"host={project.gateway}", "--", f"{suite}.http"], cwd=ROOT / "http-tests", check=False)
        insist(done.returncode == 0, f"{suite}.http fails:\n{done.stdout[-3000:]}")
        yield f"{suite}.http passes"


def hardened(project):
    """Nothing runs as root, writes to its image, has a capability, or may take what it likes."""
    published = []
    for one in project.containers():
        name, host, user = service_of(one), one["HostConfig"], one["Config"]["User"].split(":")[0]
        capable = pathlib.Path(f"/proc/{one['State']['Pid']}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in capable.splitlines() if ":\t" in line)
        for holds, what in [
            (user not in ("", "0", "root") and fields["Uid"].split()[0] != "0", "runs as root"),
            (int(fields["CapEff"], 16) == 0 and int(fields["CapBnd"], 16) == 0, "has capabilities"),
            (fields["NoNewPrivs"] == "1", "may get new privileges"),
            (host["ReadonlyRootfs"], "can write to its image"),
            (not host["Privileged"] and host["CapDrop"] == ["ALL"], "is privileged"),
            (not any(mount["Destination"].endswith("docker.sock") for mount in one["Mounts"]), "has the engine's socket"),
            (host["Memory"] and host["NanoCpus"], "may take all memory or cores"),
            (host["RestartPolicy"]["Name"] == "unless-stopped", "is not started again"),
            (host["LogConfig"]["Config"].get("max-size"), "may fill the disk with its log"),
        ]:
            insist(holds, f"{name} {what}")
        ports = [at["HostIp"] for bound in host["PortBindings"].values() for at in bound or []]
        published += [name] if ports else []
        insist(all(ip == "127.0.0.1" for ip in ports), f"{name} is open to other machines")
    yield f"{len(project.containers())} containers: no root, no capability, nothing writable but their volumes, all bounded"
    base = json.loads(Project("nexo", ["compose.yaml"], {}).compose("config", "--format", "json").stdout)
    open_to_all = [name for name, one in base["services"].items() if one.get("ports")]
    insist(open_to_all == ["api-gateway"], f"compose.yaml publishes {open_to_all}")
    yield "compose.yaml publishes the gateway alone"


def kill(project):
    """SIGKILL for the main process of each container under load: back within 30 s, and nothing acknowledged is lost."""
    token = log_in(project.gateway, *ANA)
    project.nexo("account", "plan", "acme-tools", "enterprise") # what is tried here is not the limit
    with Load([project.gateway], token) as load:
        time.sleep(5)
        for service in [*SERVERS, *OURS]:
            yield f"{service}: back and healthy after {killed(project, service):.1f} s"
            time.sleep(3)
    insist(not load.faults, f"{len(load.faults)} answers are faults: {load.faults[:3]}")
    yield load.told()
    yield f"{load.insist_nothing_is_lost(project.gateway)} acknowledged writes are all there"
    until(lambda: project.psql("select count(*) from app.outbox") == "0", 60, "events still wait in the outbox after a minute")
    insist(project.psql("select count(*) from app.parked_events") == "0", "events were parked")
    yield "the outbox is empty, no event was parked"


def killed(project, service):
    [before] = project.containers(service)
    os.kill(before["State"]["Pid"], signal.SIGKILL)
    start = time.monotonic()

    def back():
        now = project.containers(service)
        return now and now[0]["State"]["Pid"] != before["State"]["Pid"] and is_healthy(now[0])

    until(back, PATIENCE, f"{service} is not back after {PATIENCE} s")
    return time.monotonic() - start


def keep(project):
    """`down` and `up` again: every row, key and message is there."""
    until(lambda: project.psql("select count(*) from app.outbox") == "0", 60, "events still wait")
    redis = lambda *command: project.compose("exec", "-T", "redis", "sh", "-c", "REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /run/secrets/redis.conf) redis-cli " + " ".join(command)).stdout.strip()
    redis("set", "kept", "for-ever")
    queue = f"{project.rabbitmq}/api/queues/%2f/kept"
    of_rabbitmq("PUT", queue, {"durable": True, "arguments": {"x-queue-type": "quorum"}})
    for at in range(100):
        message = {"properties": {"delivery_mode": 2}, "routing_key": "kept", "payload": str(at), "payload_encoding": "string"}
        of_rabbitmq("POST", f"{project.rabbitmq}/api/exchanges/%2f/amq.default/publish", message)
    passing = ("ops.schedule", "app.sessions", "app.login_attempts", "app.consumed_events")
    before = {table: count for table, count in project.rows().items() if table not in passing}
    project.down()
    yield f"down, and healthy again after {project.up():.0f} s"
    after = {table: count for table, count in project.rows().items() if table not in passing}
    insist(before == after, f"rows differ: {set(before.items()) ^ set(after.items())}")
    insist(redis("get", "kept") == "for-ever", "a key of Redis is lost")
    until(lambda: of_rabbitmq("GET", queue).get("messages") == 100, 30, "messages of RabbitMQ are lost")
    yield f"{sum(map(int, after.values()))} rows of {len(after)} tables, a key of Redis and 100 messages of RabbitMQ are there"


def of_rabbitmq(method, url, body=None):
    words = (ROOT / "docker/secrets.dev/rabbitmq.conf").read_text().split()
    manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    manager.add_password(None, url, words[2], words[5])
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"}, method=method)
    said = opener.open(request, timeout=20).read()
    return json.loads(said) if said else {}


def restore(project):
    """A backup in the place of what is live, and back, as docs/operations/restore.md says."""
    token = log_in(project.gateway, *ANA)
    count = lambda: project.psql("select count(*) from app.clients")
    found = project.nexo("db", "check", check=False).stdout
    made = project.nexo("db", "backup", "before-the-mistake").stdout.split(":")[0]
    before = count()
    status, _, said = ask(project.gateway, "POST", "/api/v1/clients", {"name": "after the backup"}, token)
    insist(status == 201, f"a client cannot be made: {status} {said}")
    refused = project.nexo("db", "restore", made, check=False)
    insist(refused.returncode == 4 and count() != before, "a restore that nobody confirmed was not refused")
    start = time.monotonic()
    project.nexo("db", "restore", made, "--confirm", "nexo")
    insist(count() == before, "the backup is not what is live")
    yield f"{made} is live after {time.monotonic() - start:.1f} s"
    until(lambda: ask(project.gateway, "GET", f"/api/v1/clients/{said['id']}", token=token)[0] == 404, 20, "the services do not see the backup")
    project.nexo("db", "restore", "--undo", "--confirm", "nexo")
    insist(int(count()) == int(before) + 1, "the undo did not bring back what was live")
    until(lambda: ask(project.gateway, "GET", f"/api/v1/clients/{said['id']}", token=token)[0] == 200, 20, "the services do not see what was undone")
    yield "and undone; the services went on without a restart"
    yield f"drill: {project.nexo('db', 'drill').stdout.splitlines()[0]}"
    insist(project.nexo("db", "check", check=False).stdout == found, "nexo db check finds what it did not find before")
    yield f"nexo db check says what it said before: {found.splitlines()[-1]}"


def production(project):
    """With the secrets that everybody knows, no service starts in production."""
    for service in ["roles", "migrate", "schedule", "auth-service", "crm-service", "api-gateway"]:
        done = project.compose("run", "--rm", "--no-deps", "-T", service, check=False)
        said = done.stdout + done.stderr
        insist(done.returncode != 0 and "is a secret of development" in said, f"{service} starts with a known secret:\n{said[-2000:]}")
        yield f"{service} refuses: {next(line.strip() for line in said.splitlines() if 'is a secret of' in line)}"
    for name in ["NEXO_SMTP_URL", "NEXO_TRUSTED_PROXIES"]:
        done = project.compose("config", "--quiet", check=False, env={name: ""})
        insist(done.returncode != 0 and "is missing in .env" in done.stderr, f"{name} may be missing")
    yield "without NEXO_SMTP_URL or NEXO_TRUSTED_PROXIES it does not start either"


def upgrade(project):
    """To an image with one more migration, two of each service, under load: a backup first, and no request fails."""
    yield f"two of each are healthy after {project.up():.0f} s"
    seeded = project.nexo("db", "seed", "--email", "root@nexo.test", "--account", "Load").stdout
    password = seeded.split("shown this once:")[1].strip()
    project.nexo("account", "plan", "load", "enterprise") # what is tried here is not the limit
    ready = [base for base in project.gateways if Load.is_ready(base)]
    insist(len(ready) == 2, f"{len(ready)} gateways are ready")
    with Load(project.gateways, log_in(ready[0], "root@nexo.test", password)) as load:
        time.sleep(5)
        before = sum(load.statuses.values())
        start = time.monotonic()
        files = [word for file in project.env["COMPOSE_FILE"].split(":") for word in ("-f", file)]
        said = run(["docker/upgrade", *files], {**project.env, "NEXO_VERSION": "next"})
        took = time.monotonic() - start
        time.sleep(5)
    yield f"upgraded in {took:.0f} s, during which {sum(load.statuses.values()) - before} requests came"
    yield load.told()
    insist(not load.faults and not load.unanswered and set(load.statuses) <= {200, 201}, f"requests failed: {load.told()} {load.faults[:3]} {getattr(load, 'last_unanswered', '')}")
    ready = [base for base in project.gateways if Load.is_ready(base)]
    yield f"{load.insist_nothing_is_lost(ready[0])} acknowledged writes are all there"
    old = {one["Config"]["Image"] for one in project.containers() if one["Config"]["Image"].endswith(":dev")}
    insist(not old, f"{old} still run")
    insist("_before-migration" in project.nexo("db", "backups").stdout, "no backup was taken before the migration")
    insist(project.psql("select state from ops.migration_history order by version desc limit 1") == "applied", "the migration is not applied")
    yield "a backup was taken first; all run the new images"


def next_release(build):
    """Images of a release that has one migration more, from a copy of the source."""
    with tempfile.TemporaryDirectory(prefix="nexo-next-") as folder:
        files = run(["git", "ls-files", "-co", "--exclude-standard"]).stdout.splitlines()
        for file in files:
            if (ROOT / file).is_file():
                target = pathlib.Path(folder, file)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, target)
        name = pathlib.Path(folder, "migrations/29991231_2359_next.sql")
        name.write_text("-- One column more.\n-- nexo:min-app 0.1.0\nalter table app.clients add column of_next_release text;\n")
        build(folder)
