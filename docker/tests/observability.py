"""The files of Prometheus and Grafana, without either of them running."""

import json, re, shutil, tempfile

from compose import ROOT, insist, run

FOLDER = ROOT / "docker/observability"
PANEL = {"id", "type", "title", "datasource", "gridPos", "fieldConfig", "options", "targets"}


def observability(_):
    """Prometheus takes its files, each alert is tried and has its part of the runbook, and dashboards ask what can be asked."""
    insist(shutil.which("promtool"), "promtool is missing: install the package prometheus")
    rules = FOLDER / "prometheus"
    run(["promtool", "check", "config", "prometheus.yml"], cwd=rules)
    run(["promtool", "test", "rules", "alerts_test.yml"], cwd=rules)
    alerts = re.findall(r"- alert: (\w+)", (rules / "alerts.yml").read_text())
    tried = (rules / "alerts_test.yml").read_text()
    runbook = (ROOT / "docs/runbook.md").read_text()
    for alert in alerts:
        insist(f"alertname: {alert}\n" in tried, f"{alert} is not tried")
        insist(f"\n## {alert}\n" in runbook, f"docs/runbook.md has no part for {alert}")
        insist(f'runbook: "docs/runbook.md#{alert.lower()}"' in (rules / "alerts.yml").read_text(), f"{alert} does not name its part")
    yield f"{len(alerts)} alerts are tried, and have their parts of the runbook"
    dashboards = sorted((FOLDER / "grafana/dashboards").glob("*.json"))
    asked = [expression for file in dashboards for expression in questions(file)]
    insist(len({json.loads(file.read_text())["uid"] for file in dashboards}) == len(dashboards), "two dashboards have one uid")
    rule = lambda at: {"record": f"asked:{at}", "expr": asked[at]}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"groups": [{"name": "asked", "rules": [rule(at) for at in range(len(asked))]}]}, file)
        file.flush()
        run(["promtool", "check", "rules", file.name])
    yield f"{len(dashboards)} dashboards ask {len(asked)} questions that Prometheus understands"
    asked.append((rules / "alerts.yml").read_text())
    unknown = {name for expression in asked for name in named(expression)} - told()
    insist(not unknown, f"nobody tells {unknown}")
    yield "and every metric that they name is told by a program"


def named(expression):
    """The metrics of an expression, without labels."""
    bare = re.sub(r"\{[^}]*\}|\b(by|without|on|ignoring) *\([^)]*\)", "", expression)
    return re.findall(r"\b(?:nexo|http|db|process)_[a-z_]+", bare)


def told():
    """The metrics of all programs, by the tables in their source; a histogram has three."""
    source = "".join((ROOT / file).read_text() for file in ("libs/telemetry/src/table.rs", "libs/backup/src/metrics.rs"))
    names = re.findall(r'"((?:nexo|http|db|process)_[a-z_]+)"', source)
    return {name + more for name in names for more in ("", "_bucket", "_sum", "_count")}


def questions(file):
    """What the panels of a dashboard ask, once their shape is as Grafana reads it."""
    board = json.loads(file.read_text())
    insist(board["uid"] and board["title"] and isinstance(board["schemaVersion"], int), f"{file.name} is no dashboard")
    places, ids = set(), set()
    for panel in board["panels"]:
        insist(PANEL <= set(panel), f"{file.name}: {panel.get('title')} lacks {PANEL - set(panel)}")
        place = panel["gridPos"]
        insist(place["x"] + place["w"] <= 24, f"{file.name}: {panel['title']} is beyond the edge")
        insist((place["x"], place["y"]) not in places and panel["id"] not in ids, f"{file.name}: {panel['title']} is on another")
        places.add((place["x"], place["y"]))
        ids.add(panel["id"])
        for target in panel["targets"]:
            insist(target["datasource"]["uid"] == "prometheus", f"{file.name}: {panel['title']} asks somebody else")
            yield target["expr"].replace("$__rate_interval", "5m")
