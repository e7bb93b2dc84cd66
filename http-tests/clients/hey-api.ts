// The README's tour with @hey-api/openapi-ts.
import { client } from "./hey/client.gen.js";
import { createClient, updateClient, type ClientPatch, type Problem } from "./hey/index.js";

const [baseUrl = "http://localhost:3000", token = ""] = process.argv.slice(2);
client.setConfig({ baseUrl, auth: () => token });

const created = await createClient({ body: { name: "Acme Ltd." } });
if (!created.data) throw new Error((created.error as Problem).code);
const { id, version } = created.data;

const rate = (body: ClientPatch) => updateClient({ path: { id }, headers: { "If-Match": `"${version}"` }, body });

const changed = await rate({ rating: 4 });
if (!changed.data) throw new Error((changed.error as Problem).code);
const stale = await rate({ rating: 5 });
if (stale.response?.status !== 412 || (stale.error as Problem).code !== "precondition-failed") throw new Error("not 412");
console.log(`hey-api: ${changed.data.name} has rating ${changed.data.rating}`);
