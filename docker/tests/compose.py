"""A NEXO in containers of its own: its name, its ports, and what is asked of it."""

import json, os, pathlib, shlex, socket, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMPOSE = shlex.split(os.environ.get("DOCKER_COMPOSE", "docker compose"))


class Failed(Exception):
    """What does not hold."""


def insist(holds, otherwise):
    if not holds:
        raise Failed(otherwise)


def free_ports(count=1):
    """The first of so many ports in a row that nobody listens at."""
    for first in range(20000 + os.getpid() % 5000, 60000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    sys.exit("no ports are free")


def run(command, env=None, check=True, cwd=ROOT):
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, text=True, capture_output=True)
    said = done.stdout + done.stderr
    insist(not check or done.returncode == 0, f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said[-4000:]}")
    return done


class Project:
    """One `docker compose` project, apart from every other one of this machine."""

    def __init__(self, name, files, env):
        self.name, self.env = name, {"COMPOSE_PROJECT_NAME": name, "COMPOSE_FILE": ":".join(files), **env}

    def compose(self, *arguments, check=True, env=None):
        return run([*COMPOSE, *arguments], {**self.env, **(env or {})}, check)

    def nexo(self, *arguments, check=True):
        """The operator's command, as docs/operations/install.md has it."""
        return self.compose("run", "--rm", "--no-deps", "-T", "nexo", *arguments, check=check)

    def up(self, **more):
        start = time.monotonic()
        self.compose("up", "-d", "--wait", **more)
        return time.monotonic() - start

    def down(self, *more):
        self.compose("down", "--timeout", "40", *more)

    def containers(self, service=None):
        """What the engine knows of those that run, or of those of a service."""
        wanted = ["--filter", f"label=com.docker.compose.service={service}"] if service else []
        ids = run(["docker", "ps", "-q", "--filter", f"label=com.docker.compose.project={self.name}", *wanted]).stdout.split()
        return json.loads(run(["docker", "inspect", *ids]).stdout) if ids else []

    def psql(self, statement):
        return self.compose("exec", "-T", "postgres", "psql", "-U", "postgres", "-d", "nexo", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statement).stdout.strip()

    def rows(self):
        """How many rows each table has."""
        tables = self.psql("select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('app', 'app_parts', 'ops') order by 1").split()
        counts = " union all ".join(f"select '{table}', count(*) from only {table}" for table in tables)
        return dict(line.split("|") for line in self.psql(counts).splitlines())


def service_of(container):
    return container["Config"]["Labels"]["com.docker.compose.service"]


def is_healthy(container):
    return container["State"].get("Health", {}).get("Status") == "healthy"


def until(holds, patience, otherwise):
    end = time.monotonic() + patience
    while not holds():
        insist(time.monotonic() < end, otherwise)
        time.sleep(0.2)
