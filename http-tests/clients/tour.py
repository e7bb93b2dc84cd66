"""The README's tour with openapi-python-client."""
import sys
from nexo_client import AuthenticatedClient
from nexo_client.api.clients import create_client, update_client
from nexo_client.models import Client, ClientPatch, ClientRecord, Problem

url, token = (sys.argv[1:] + ["http://localhost:3000", ""])[:2]
api = AuthenticatedClient(base_url=url, token=token)

created = create_client.sync(client=api, body=Client(name="Acme Ltd."))
assert isinstance(created, ClientRecord), created
tag = f'"{created.version}"'

changed = update_client.sync(id=created.id, client=api, body=ClientPatch(rating=4), if_match=tag)
assert isinstance(changed, ClientRecord), changed
stale = update_client.sync_detailed(id=created.id, client=api, body=ClientPatch(rating=5), if_match=tag)
assert stale.status_code == 412 and isinstance(stale.parsed, Problem), stale
assert stale.parsed.code == "precondition-failed", stale
print(f"openapi-python-client: {changed.name} has rating {changed.rating}")
