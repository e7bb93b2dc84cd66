"""Hooks of schemathesis for `make fuzz`.

Random ids belong to no record, so that most requests would end at 404 or 422. Three in four valid requests get the id
and version of a record that an earlier answer has shown, and what else no random body can be: a password, the token of
an e-mail, a file. The end of the run prints which operations were never answered with a 2xx.
"""
import atexit
import json
import os
import random
import urllib.error
import urllib.request
from collections import defaultdict

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.transport.serialization import Binary

# Statuses that the document describes once, as `default`: any path can have a method it does not know, or be too long.
ANYWHERE = ("405", "414")
REFERENCES = {
    "client_id": "clients", "supplier_id": "suppliers", "from_id": "suppliers", "to_id": "suppliers",
    "project_id": "projects", "parent_id": "tasks", "manager_id": "employees", "professional_id": "professionals",
    "owner_id": "members", "assignee_id": "members", "member_id": "members", "member": "members", "role_id": "roles",
}
LISTS = {"tags": "tags", "members": "members", "role_ids": "roles"}
PASSWORD = os.environ["FUZZ_PASSWORD"]
LOGIN = {"email": os.environ["FUZZ_EMAIL"], "password": PASSWORD, "account": os.environ["FUZZ_ACCOUNT"]}
IMPORT_PLAN = {"mode": "create", "mapping": [{"field": "name", "column": "Name"}]}
# Operation: what has to be done before it with the same record.
AFTER = {
    "check_import": "plan_import", "start_import": "plan_import", "cancel_import": "start_import",
    "undo_import": "start_import",
}
# Operation: subject of the e-mail whose token it takes.
MAILED_TOKENS = {
    "confirm_registration": "Confirm your address", "register_by_invitation": "An invitation",
    "reset_password": "Another password",
}

known = defaultdict(dict)  # collection, such as `clients` and `clients/trash`: id: version
done = defaultdict(dict)  # operation: ids that it was done with
versions = {}  # path of something without an id, such as `account`: version
api_keys, registered = [], []
answered, reached = set(), set()  # operations: all that were called, those that were answered with a 2xx


@schemathesis.serializer("text/csv")
def csv(context, value):
    return value.data if isinstance(value, Binary) else value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Replaces `default`, which allows every status: so an operation must name the statuses that it answers."""
    for item in raw_schema["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and "default" in operation.get("responses", {}):
                default = operation["responses"].pop("default")
                operation["responses"].update({status: default for status in ANYWHERE})


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts known ids into the valid parts of a request, and gives it an idempotency key of its own."""
    chance = random.Random(case.id)
    operation = case.operation.definition.raw.get("operationId")
    answered.add(operation)
    valid = [part for part in ParameterLocation if not case.meta.is_negative_at(part)]
    if "Idempotency-Key" in case.headers and ParameterLocation.HEADER in valid:
        case.headers["Idempotency-Key"] = case.id
    if chance.random() < 0.25:
        return
    path, version = collection(case.path), None
    candidates = done[AFTER.get(operation)] or known[path]
    if ParameterLocation.PATH in valid and "id" in case.path_parameters and candidates:
        id, version = pick(chance, candidates)
        case.path_parameters["id"] = id
    version = version or versions.get(case.path)
    if "If-Match" in case.headers and ParameterLocation.HEADER in valid and version:
        case.headers["If-Match"] = f'"{version}"'
    if ParameterLocation.QUERY in valid:
        fill(chance, case.query, path)
    if ParameterLocation.BODY in valid and isinstance(case.body, dict):
        fill(chance, case.body, path)
        case.body = known_body(chance, case, operation) or case.body
        case.body.update(known_members(operation))
    if operation == "upload_import" and case.media_type == "text/csv" and not case.meta.generation.mode.is_negative:
        case.body, case.query = "Name\nAcme\nBorealis\n", {"resource": "clients", "file_name": "clients.csv"}


def known_body(chance, case, operation):
    """Body that no random one can be, since it agrees with itself or with an answer."""
    path = collection(case.path)
    if operation == "login":
        return dict(LOGIN)
    if operation == "plan_import":
        return dict(IMPORT_PLAN)
    if operation.startswith(("preview_bulk_", "apply_bulk_")) and known[path]:
        body = {"operation": "delete", "filter": {"field": "id", "op": "eq", "value": pick(chance, known[path])[0]}}
        return body if operation.startswith("preview_bulk_") else body | confirmation(case, body)
    return None


def confirmation(case, body):
    """Members by which an apply request confirms its preview."""
    headers = {"Content-Type": "application/json", "Authorization": case.headers.get("Authorization", "")}
    url = os.environ["FUZZ_URL"] + case.path.replace("/apply", "/preview")
    try:
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as response:
            answer = json.load(response)
    except urllib.error.HTTPError:
        return {}
    return {"selection": answer["selection"], "expected_count": answer["count"]}


def known_members(operation):
    """Secrets that a body has to have."""
    if operation == "exchange_api_key" and api_keys:
        return {"api_key": api_keys[-1]}
    if operation == "register":
        return {"password": PASSWORD}
    if operation == "request_password_reset" and registered:
        return {"email": registered[0]}
    if operation in MAILED_TOKENS:
        password = "new_password" if operation == "reset_password" else "password"
        return {"token": mailed_token(MAILED_TOKENS[operation]), password: PASSWORD}
    return {}


def mailed_token(subject):
    with urllib.request.urlopen(f"{os.environ['FUZZ_URL']}/dev/mail") as answer:
        mails = json.load(answer)["data"]  # the newest comes first
    return next((mail["token"] for mail in mails if mail["subject"] == subject), "none")


@schemathesis.hook
def after_call(context, case, response):
    """Remembers the records that an answer shows, and forgets those that are gone."""
    operation = case.operation.definition.raw.get("operationId")
    id = str(case.path_parameters.get("id"))
    if response.status_code == 404:
        known[collection(case.path)].pop(id, None)
    if not 200 <= response.status_code < 300:
        return
    reached.add(operation)
    done[operation][id] = 1
    path = collection(case.path)
    remember_secrets(operation, response)
    if "{id}" not in case.path and "etag" in response.headers:
        versions[case.path] = int(response.headers["etag"][0].strip('"'))
    if case.method.upper() == "DELETE":
        version = known[path].pop(id, None)
        if version and not path.endswith("/trash"):
            known[f"{path}/trash"][id] = version + 1
    elif case.path.endswith("/restore"):
        known[path].pop(id, None)
        remember(path.removesuffix("/trash"), [response.json()])
    elif case.path.endswith("/tags") and "etag" in response.headers:
        known[path][id] = int(response.headers["etag"][0].strip('"'))
    elif case.path.endswith("{id}") or "{id}" not in case.path:
        if response.headers.get("content-type") == ["application/json"]:
            answer = response.json()
            lists = [value for value in answer.values() if isinstance(value, list)]
            remember(path, [answer] + [one for values in lists for one in values])


def remember(path, records):
    for record in records:
        id = isinstance(record, dict) and (record.get("id") or record.get("account_id"))
        if isinstance(id, str) and not record.get("standard"):
            known[path][id] = record.get("version", 1)


def remember_secrets(operation, response):
    """Remembers what later requests have to send back."""
    if operation == "create_api_key":
        api_keys.append(response.json()["key"])
    elif operation == "register":
        registered.append(response.json()["sent_to"])


@atexit.register
def report():
    """Prints how many operations were answered with a 2xx, and which were not."""
    if answered:
        print(f"\n{len(reached)} of {len(answered)} operations were answered with a 2xx. Not these:")
        print(" ".join(sorted(answered - reached)))


def collection(path):
    """Collection that a path is about: `clients/trash` for `/api/v1/clients/{id}/restore`."""
    first, *rest = path.removeprefix("/api/v1/").split("/")
    trashed = rest[:1] == ["trash"] or rest[-1:] == ["restore"]
    return f"{first}/trash" if trashed else first


def pick(chance, candidates):
    return chance.choice(list(candidates.items())[-20:])


def fill(chance, members, path):
    """Replaces ids, at any depth: `client_id`, `tags`, a subject, and the items of a batch."""
    for name, value in list(members.items()):
        if isinstance(value, str) and known[REFERENCES.get(name)]:
            members[name] = pick(chance, known[REFERENCES[name]])[0]
        elif isinstance(value, list) and value and known[LISTS.get(name)]:
            members[name] = [pick(chance, known[LISTS[name]])[0]]
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                fill(chance, inner, path)
    subjects = f"{members.get('subject_type')}s"
    if "subject_id" in members and known[subjects]:
        members["subject_id"] = pick(chance, known[subjects])[0]
    if "id" in members and known[path]:
        id, version = pick(chance, known[path])
        members.update({"id": id, "version": version} if "version" in members else {"id": id})
