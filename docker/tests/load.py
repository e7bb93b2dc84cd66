"""People who write and read without a pause, and who remember what they were told."""

import collections, http.client, itertools, json, threading, time, urllib.parse, uuid

from compose import insist


def ask(base, method, path, body=None, token=None, more=None):
    """One request over a connection of its own: status, headers, and what was said."""
    address = urllib.parse.urlsplit(base)
    headers = {"Content-Type": "application/json", "Connection": "close", **({"Authorization": f"Bearer {token}"} if token else {}), **(more or {})}
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=40)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        return answer.status, answer.headers, json.loads(said) if said else None
    finally:
        connection.close()


def log_in(base, email, password):
    status, _, said = ask(base, "POST", "/api/v1/auth/login", {"email": email, "password": password})
    insist(status == 200, f"nobody can log in: {status} {said}")
    return said["access_token"]


class Load:
    """So many who write and so many who read, through whichever of the gateways is ready, as a balancer chooses."""

    def __init__(self, gateways, token, writers=4, readers=2):
        self.gateways, self.token = gateways, token
        self.acknowledged, self.statuses, self.faults = {}, collections.Counter(), []
        self.unanswered, self.slowest, self.began = 0, 0.0, time.monotonic()
        self.ready, self.ended, self.turn = self.those_ready(), threading.Event(), itertools.count()
        self.threads = [threading.Thread(target=self.watch)]
        self.threads += [threading.Thread(target=self.work, args=(self.write,)) for _ in range(writers)]
        self.threads += [threading.Thread(target=self.work, args=(self.read,)) for _ in range(readers)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def watch(self):
        """Which gateways say that they are ready, twice a second."""
        while not self.ended.is_set():
            self.ready = self.those_ready()
            self.ended.wait(0.5)

    def those_ready(self):
        """All of them, where none is: they are asked nevertheless, and what they say is counted."""
        return [base for base in self.gateways if self.is_ready(base)] or list(self.gateways)

    @staticmethod
    def is_ready(base):
        try:
            return ask(base, "GET", "/health/ready")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def work(self, once):
        while not self.ended.is_set():
            ready = self.ready
            base = ready[next(self.turn) % len(ready)]
            start = time.monotonic()
            try:
                status, headers, said = once(base)
            except (OSError, http.client.HTTPException) as error:
                self.unanswered += 1
                self.last_unanswered = repr(error)
                time.sleep(0.1)
                continue
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.statuses[status] += 1
            if status in (429, 503) and headers.get("Retry-After"):
                time.sleep(0.2)
            elif status not in (200, 201):
                self.faults.append((round(time.monotonic() - self.began, 1), once.__name__, status, said and said.get("code"), said and said.get("request_id")))

    def write(self, base):
        name = f"load {uuid.uuid4()}"
        answer = ask(base, "POST", "/api/v1/clients", {"name": name}, self.token, {"Idempotency-Key": name})
        if answer[0] == 201:
            self.acknowledged[answer[2]["id"]] = name
        return answer

    def read(self, base):
        return ask(base, "GET", "/api/v1/clients?limit=20", token=self.token)

    def insist_nothing_is_lost(self, base):
        """Every client that was acknowledged is there, as it was written."""
        kept, path = {}, "/api/v1/clients?limit=200"
        while path:
            status, _, said = ask(base, "GET", path, token=self.token)
            insist(status == 200, f"the clients cannot be read: {status} {said}")
            kept.update((one["id"], one["name"]) for one in said["data"])
            cursor = said["page"].get("next_cursor")
            path = cursor and f"/api/v1/clients?limit=200&cursor={urllib.parse.quote(cursor)}"
        lost = {key for key, name in self.acknowledged.items() if kept.get(key) != name}
        insist(not lost, f"{len(lost)} of {len(self.acknowledged)} acknowledged writes are lost: {sorted(lost)[:5]}")
        return len(self.acknowledged)

    def told(self):
        statuses = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        return f"{statuses}; {self.unanswered} without an answer; the slowest took {self.slowest:.1f} s"
