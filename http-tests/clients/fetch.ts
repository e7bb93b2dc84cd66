// The README's tour with openapi-typescript and openapi-fetch: create a client, patch one field, and see 412 typed.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Problem = components["schemas"]["Problem"];

const [url = "http://localhost:3000", token = ""] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${token}` } });

const created = await api.POST("/api/v1/clients", { body: { name: "Acme Ltd." } });
if (created.error) throw new Error(created.error.code);
const { id, version } = created.data;

const rate = (rating: number) =>
  api.PATCH("/api/v1/clients/{id}", {
    params: { path: { id }, header: { "If-Match": `"${version}"` } },
    headers: { "content-type": "application/merge-patch+json" },
    body: { rating },
  });

const changed = await rate(4);
if (changed.error) throw new Error(changed.error.code);
const stale = await rate(5);
const problem: Problem | undefined = stale.error;
if (stale.response.status !== 412 || problem?.code !== "precondition-failed") throw new Error("not 412");
console.log(`openapi-fetch: ${changed.data.name} has rating ${changed.data.rating}`);
