// An OpenID provider for the tests: real protocol, real signatures; only the person at its keyboard is made up.
// `PUT /person` says who that is, and `PUT /key` takes another key. Prints its address, and goes when its standard input closes.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Provider } from '../../../../../http-tests/node_modules/oidc-provider/lib/index.js';
import { exportJWK, generateKeyPair } from '../../../../../http-tests/node_modules/jose/dist/webapi/index.js';

const [client_id, client_secret, redirect_uri, claims_in] = process.argv.slice(2);
console.info = console.error; // standard output is for the address alone
const alg = claims_in === 'id_token' ? 'ES256' : 'RS256'; // the two that providers use
const people = new Map();
let person;

const server = createServer();
await once(server.listen(0, '127.0.0.1'), 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;
const configuration = {
  clients: [{ client_id, client_secret, redirect_uris: [redirect_uri], id_token_signed_response_alg: alg }],
  claims: { email: ['email', 'email_verified'] },
  conformIdTokenClaims: claims_in !== 'id_token',
  cookies: { keys: ['a key of the tests'] },
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub) }) }),
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid email');
    await grant.save();
    return grant;
  },
};
let keys = 0;
async function withNewKey() {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg, kid: `key ${(keys += 1)}`, use: 'sig' };
  return new Provider(issuer, { ...configuration, jwks: { keys: [key] } });
}
let provider = await withNewKey();

server.on('request', async (request, response) => {
  if (request.url === '/person') {
    const { sub, ...claims } = JSON.parse((await request.toArray()).join(''));
    people.set(sub, claims);
    person = sub;
    response.end();
  } else if (request.url === '/key') {
    provider = await withNewKey();
    response.end();
  } else if (request.url.startsWith('/interaction/')) {
    await provider.interactionFinished(request, response, { login: { accountId: person } });
  } else {
    provider.callback()(request, response);
  }
});
process.stdin.resume().on('end', () => process.exit(0));
console.log(issuer);
