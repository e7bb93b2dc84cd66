#!/usr/bin/env python3
"""Tries to see and to do more than one may, inside an account. Prints a verdict a line; exit code 1: one of them is bad.

    python3 http-tests/rights.py [http://localhost:3000]

Needs a NEXO in development, whose e-mails are shown at /dev/mail, and nothing but Python.
"""
import http.client
import json
import socket
import sys
import time
import urllib.parse
import uuid

BASE = urllib.parse.urlsplit(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3000")
PASSWORD = "correct-horse-battery-staple-9"
RUN = uuid.uuid4().hex[:10]
bad = 0


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text
        try:
            self.body = json.loads(text)
        except ValueError:
            self.body = {}

    def __getitem__(self, name):
        return self.body[name]

    def __str__(self):
        return f"{self.status} {self.text[:300]}"


def call(method, path, token=None, body=None, seen=None, headers=None):
    """One request under /api/v1; `seen` is the version for If-Match."""
    sent = {"Content-Type": "application/json", **(headers or {})}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if seen is not None:
        sent["If-Match"] = f'"{seen}"'
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    path = path if path.startswith("/dev") else "/api/v1" + path
    connection = http.client.HTTPConnection(BASE.hostname, BASE.port or 80, timeout=30)
    connection.request(method, path, data, sent)
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return Answer(answer.status, answer.headers, text)


def verdict(sentence, good, seen=""):
    global bad
    bad += not good
    print(f"{'ok  ' if good else 'BAD '} {sentence}" + ("" if good else f": {seen}"), flush=True)


def mailed(address, kind=""):
    """The newest token that was mailed to an address."""
    for _ in range(100):
        mails = call("GET", "/dev/mail?to=" + urllib.parse.quote(address)).body.get("data", [])
        tokens = [mail["token"] for mail in mails if mail.get("token") and mail["token"].startswith(kind)]
        if tokens:
            return tokens
        time.sleep(0.1)
    sys.exit(f"no e-mail reached {address}: is this a NEXO in development?")


def newest(address, before=()):
    for _ in range(100):
        fresh = [token for token in mailed(address) if token not in before]
        if fresh:
            return fresh[0]
        time.sleep(0.1)
    sys.exit(f"no new e-mail reached {address}")


def sign_up(name):
    address = f"{name}-{RUN}@rights.test"
    call("POST", "/auth/register", body={"email": address, "password": PASSWORD, "display_name": name, "account_name": name})
    return call("POST", "/auth/register/confirm", body={"token": newest(address), "password": PASSWORD})["access_token"]


def log_in(address, password=PASSWORD):
    return call("POST", "/auth/login", body={"email": address, "password": password})


def role(token, permissions, hidden=()):
    wanted = {"name": f"r{uuid.uuid4().hex[:12]}", "permissions": permissions, "hidden_fields": list(hidden)}
    return call("POST", "/roles", token, wanted)


def invite(token, address, role_id):
    return call("POST", "/invitations", token, {"email": address, "role_id": role_id})


def member(boss, name, permissions, hidden=()):
    """A colleague with a role of their own: address, session."""
    address = f"{name}-{RUN}@rights.test"
    invite(boss, address, role(boss, permissions, hidden)["id"])
    joined = call("POST", "/auth/invitations/accept",
                  body={"token": newest(address), "display_name": name, "password": PASSWORD})
    return address, joined


def only_identity(record):
    return set(record) == {"id", "version"}


def named_role(token, name):
    return next(one["id"] for one in call("GET", "/roles?limit=200", token)["data"] if one["name"] == name)


def change_member(boss, user, change):
    seen = call("GET", f"/members/{user}", boss)["version"]
    return call("PATCH", f"/members/{user}", boss, change, seen)


boss = sign_up("boss")
boss_id = call("GET", "/auth/me", boss)["user"]["id"]
account = call("GET", "/auth/me", boss)["account"]["id"]
client = call("POST", "/clients", boss, {"name": "Secret", "tax_id": "T-1", "credit_limit": "98765.00", "currency": "EUR",
                                         "owner_id": boss_id})
path = f"/clients/{client['id']}"

_, clerk = member(boss, "clerk", ["client:read", "client:write", "role:write", "role:read", "member:write", "api_key:write"],
                  ["client.credit_limit"])
made = role(clerk["access_token"], ["client:write"])
verdict("a role that shows what its author does not see is refused", made.status == 403, made)

_, remover = member(boss, "remover", ["client:delete"])
stale = call("DELETE", path, remover["access_token"], seen=0)
verdict("a removal without sight of the record tells its id and version",
        stale.status == 412 and only_identity(stale["current"]), stale)

_, writer = member(boss, "writer", ["client:write"])
writer = writer["access_token"]
changed = call("PATCH", path, writer, {"rating": 3}, call("GET", path, boss)["version"])
verdict("a change without sight of the record tells its id and version", changed.status == 200 and only_identity(changed.body),
        changed)
stale = call("PATCH", path, writer, {}, 0)
verdict("a stale change without sight of the record tells its id and version", only_identity(stale["current"]), stale)
preview = call("POST", "/clients/bulk/preview", writer, {"operation": "update", "patch": {"rating": 1},
               "filter": {"field": "credit_limit", "op": "eq", "value": "98765.00"}})
verdict("a condition is no way to ask without the permission to read", preview.status == 403, preview)

_, lead = member(boss, "lead", ["client:read@team", "team:read", "team:write"])
lead_id, lead = lead["user_id"], lead["access_token"]
team = call("POST", "/teams", boss, {"name": f"north {RUN}"})
call("PUT", f"/teams/{team['id']}/members", boss, {"members": [lead_id]}, 1)
before = call("GET", path, lead).status
taken = call("PUT", f"/teams/{team['id']}/members", lead, {"members": [lead_id, boss_id]}, 2)
after = call("GET", path, lead).status
verdict("taking a colleague into a team is no way to their records", (before, taken.status, after) == (404, 403, 404),
        f"{before} {taken} {after}")

project = call("POST", "/projects", boss, {"name": "p", "code": "p", "client_id": client["id"]})
_, viewer = member(boss, "viewer", ["*:read", "import:write", "contact:write"], ["project.client_id", "client.tax_id"])
viewer = viewer["access_token"]
shown = call("GET", f"/projects/{project['id']}?expand=client", viewer)
verdict("a hidden reference is not shown by expand", shown.status == 422, shown)
shown = call("GET", f"/projects?filter=client.id%5Beq%5D:%22{client['id']}%22", viewer)
verdict("a hidden reference is no condition", shown.status == 422, shown)
sent = call("POST", "/imports?resource=contacts&file_name=f.csv", viewer, b"f,c\nx,T-1\ny,T-2\n", headers={"Content-Type": "text/csv"})
plan = call("PUT", f"/imports/{sent['id']}/plan", viewer, {"mode": "create", "mapping": [
    {"field": "first_name", "column": "f"}, {"field": "client_id", "column": "c", "by": "tax_id"}]}, sent["version"])
verdict("an import finds nothing by a hidden field", plan.status == 422, plan)

admin, guest = named_role(boss, "admin"), named_role(boss, "viewer")
address = f"deputy-{RUN}@rights.test"
invite(boss, address, admin)
deputy = call("POST", "/auth/invitations/accept",
              body={"token": newest(address), "display_name": "deputy", "password": PASSWORD})
evil = f"evil-{RUN}@rights.test"
invite(deputy["access_token"], evil, admin)
change_member(boss, deputy["user_id"], {"roles": [guest]})
joined = call("POST", "/auth/invitations/accept",
              body={"token": newest(evil), "display_name": "evil", "password": PASSWORD})
verdict("an invitation does not outlive the rights of its author", joined.status >= 400 and "access_token" not in joined.body,
        joined)

outsider = sign_up("outsider")
outsider_id = call("GET", "/auth/me", outsider)["user"]["id"]
address = f"outsider-{RUN}@rights.test"
used = mailed(address)
invite(boss, address, guest)
call("POST", "/invitations/accept", outsider, {"token": newest(address, used)})
change_member(boss, outsider_id, {"status": "suspended"})
again = invite(boss, address, guest)
call("DELETE", f"/accounts/{account}/membership", outsider)
ways = [call("POST", "/invitations/accept", outsider, {"token": token}).status for token in mailed(address, "nxi_")]
status = call("GET", f"/members/{outsider_id}", boss)["status"]
verdict("suspended stays suspended", status == "suspended" and all(way >= 400 for way in ways), f"{status} {ways} {again}")

professional = call("POST", "/professionals", boss, {"name": "Pro", "time_zone": "UTC"})
_, booker = member(boss, "booker", ["booking:write"])
tried = [call("POST", "/bookings", booker["access_token"], {
    "professional_id": professional["id"], "title": "x", "starts_at": "2026-12-08T03:00:00Z",
    "ends_at": "2026-12-08T03:30:00Z", "outside_hours": True, "status": state}).status for state in ("booked", "done", "cancelled")]
verdict("nobody is booked who is out of reach", tried == [422, 422, 422], tried)

mine = role(boss, ["client:*"])
address = f"repeats-{RUN}@rights.test"
invite(boss, address, mine["id"])
repeats = call("POST", "/auth/invitations/accept",
               body={"token": newest(address), "display_name": "r", "password": PASSWORD})
kept = call("POST", "/clients", repeats["access_token"], {"name": "q", "credit_limit": "4242.00", "currency": "EUR"},
            headers={"Idempotency-Key": "k"})
call("PATCH", f"/roles/{mine['id']}", boss, {"hidden_fields": ["client.credit_limit"]}, 1)
fresh = call("POST", "/auth/refresh", body={"refresh_token": repeats["refresh_token"]})["access_token"]
replayed = call("POST", "/clients", fresh, {"name": "q", "credit_limit": "4242.00", "currency": "EUR"},
                headers={"Idempotency-Key": "k"})
verdict("an answer that is given again shows what may be seen now", "4242" not in replayed.text, replayed)

for address in ("javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"):
    refused = call("POST", "/suppliers", boss, {"name": "s", "website": address})
    verdict(f"no website is {address}", refused.status == 422, refused)


def first_line(head):
    with socket.create_connection((BASE.hostname, BASE.port or 80), timeout=5) as raw:
        raw.sendall(f"GET /api/health HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())
        return raw.recv(64).split(b"\r\n")[0].decode()


for what, head in (("two hosts", "Host: a\r\nHost: b\r\n"), ("a host with a space", "Host: a b\r\n"), ("no host", "")):
    line = first_line(head)
    verdict(f"a request with {what} is refused", " 400 " in line, line)

_, blind = member(boss, "blind", ["client:read", "client:write"], ["client.rating", "client.credit_limit"])
blind = blind["access_token"]
names = ["name", "email", "phone", "company", "tax_id", "industry", "rating", "website", "billing_street", "billing_city",
         "billing_region", "billing_postal_code", "billing_country", "credit_limit", "currency", "status", "owner_id", "notes"]
values = {"name": "B3", "rating": 5, "credit_limit": "1000000.00", "currency": "EUR", "status": "active"}
positional = [values.get(name) for name in names]
bulk = call("POST", "/clients/bulk", blind, {"operation": "create", "items": [positional]})
verdict("an array is no record", bulk.status == 422, bulk)
verdict("nor is it a body", call("POST", "/tags", boss, ["x", "#ff8800"]).status == 422)
verdict("nor a login", call("POST", "/auth/login", body=[f"boss-{RUN}@rights.test", PASSWORD, None, None]).status == 422)
twice = call("PATCH", path, boss, b'{"name":"first","name":"second"}', 0)
verdict("a member of an object stands once", twice.status in (412, 422), twice)
typo = role(boss, ["client:read"], ["client.credit_limt"])
verdict("a typing error among hidden fields is told", typo.status == 422, typo)

_, own = member(boss, "own", ["client:read@own", "note:read"])
own = own["access_token"]
note = call("POST", "/notes", boss, {"subject_type": "client", "subject_id": client["id"], "body": "they sell in June"})
seen = [call("GET", f"/notes/{note['id']}", own).status, call("GET", f"/notes/{note['id']}/history", own).status,
        call("GET", "/notes", own)["data"], call("GET", "/notes/export?format=ndjson", own).text]
verdict("what is about a record goes where the record goes", seen == [404, 404, [], ""], seen)

encoded = call("POST", "/tags", boss, {"name": f"t{RUN}"}, headers={"Accept-Encoding": "identity;q=0"})
verdict("what was done is not answered with 406", encoded.status == 201, encoded)

address, gone = member(boss, "gone", ["client:read"])
call("DELETE", f"/members/{gone['user_id']}", boss, seen=call("GET", f"/members/{gone['user_id']}", boss)["version"])
used = mailed(address)
invite(boss, address, guest)
token = newest(address, used)
back = log_in(address)
accepted = call("POST", "/invitations/accept", back.body.get("access_token"), {"token": token})
verdict("a person who was removed comes back", accepted.status in (200, 201), f"{back} {accepted}")

print(f"\n{bad} bad" if bad else "\nall good")
sys.exit(1 if bad else 0)
