"""Hooks of schemathesis for `make fuzz`.

Random ids belong to no record, so that most requests would end at 404 or 422. Three in four valid requests get the id
and version of a record that an earlier answer has shown.
"""
import random
from collections import defaultdict

import schemathesis
from schemathesis.core.parameters import ParameterLocation

# Statuses that the document describes once, as `default`: any path can have a method it does not know, or be too long.
ANYWHERE = ("405", "414")
REFERENCES = {
    "client_id": "clients", "supplier_id": "suppliers", "from_id": "suppliers", "to_id": "suppliers",
    "project_id": "projects", "parent_id": "tasks", "manager_id": "employees", "professional_id": "professionals",
    "owner_id": "members", "assignee_id": "members", "member_id": "members", "member": "members", "role_id": "roles",
}
LISTS = {"tags": "tags", "members": "members", "role_ids": "roles"}

known = defaultdict(dict)  # collection, such as `clients` and `clients/trash`: id: version


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
    valid = [part for part in ParameterLocation if not case.meta.is_negative_at(part)]
    if "Idempotency-Key" in case.headers and ParameterLocation.HEADER in valid:
        case.headers["Idempotency-Key"] = case.id
    if chance.random() < 0.25:
        return
    path, version = collection(case.path), None
    if ParameterLocation.PATH in valid and "id" in case.path_parameters and known[path]:
        id, version = pick(chance, path)
        case.path_parameters["id"] = id
    if "If-Match" in case.headers and ParameterLocation.HEADER in valid and version:
        case.headers["If-Match"] = f'"{version}"'
    if ParameterLocation.QUERY in valid:
        fill(chance, case.query, path)
    if ParameterLocation.BODY in valid and isinstance(case.body, dict):
        fill(chance, case.body, path)


@schemathesis.hook
def after_call(context, case, response):
    """Remembers the records that an answer shows, and forgets those that are gone."""
    id = str(case.path_parameters.get("id"))
    if response.status_code == 404:
        known[collection(case.path)].pop(id, None)
    if not 200 <= response.status_code < 300:
        return
    path = collection(case.path)
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
        if isinstance(record, dict) and isinstance(record.get("id"), str):
            known[path][record["id"]] = record.get("version", 1)


def collection(path):
    """Collection that a path is about: `clients/trash` for `/api/v1/clients/{id}/restore`."""
    first, *rest = path.removeprefix("/api/v1/").split("/")
    trashed = rest[:1] == ["trash"] or rest[-1:] == ["restore"]
    return f"{first}/trash" if trashed else first


def pick(chance, path):
    return chance.choice(list(known[path].items())[-20:])


def fill(chance, members, path):
    """Replaces ids, at any depth: `client_id`, `tags`, a subject, and the items of a batch."""
    for name, value in list(members.items()):
        if isinstance(value, str) and known[REFERENCES.get(name)]:
            members[name] = pick(chance, REFERENCES[name])[0]
        elif isinstance(value, list) and value and known[LISTS.get(name)]:
            members[name] = [pick(chance, LISTS[name])[0]]
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                fill(chance, inner, path)
    subjects = f"{members.get('subject_type')}s"
    if "subject_id" in members and known[subjects]:
        members["subject_id"] = pick(chance, subjects)[0]
    if "id" in members and known[path]:
        id, version = pick(chance, path)
        members.update({"id": id, "version": version} if "version" in members else {"id": id})
