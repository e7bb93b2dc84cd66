// Starts Swagger UI with the API document of this gateway.

// Operations of the tag `auth` in the order of a newcomer's day. Those of other tags are in the order of their paths.
const DAY = [
  "register", "confirm_registration", "resend_confirmation", "register_by_invitation",
  "login", "start_oidc_login", "finish_oidc_login", "get_me", "list_permissions", "refresh_session", "step_up",
  "list_my_accounts", "create_account", "switch_account", "leave_account", "list_my_invitations", "accept_invitation",
  "change_password", "request_password_reset", "reset_password", "request_email_change", "confirm_email",
  "get_second_factor", "start_second_factor", "confirm_second_factor", "create_recovery_codes", "delete_second_factor",
  "list_sessions", "end_session", "end_other_sessions", "logout", "exchange_api_key", "get_jwks",
];

function rank(operation) {
  const at = DAY.indexOf(operation.getIn(["operation", "operationId"]));
  return at < 0 ? DAY.length : at;
}

// The part of the document that `path` refers to: ["paths", "/api/v1/clients", "get"] or ["components", ...].
function partOf(document, [section, name, schema]) {
  const { schemas: all = {}, ...others } = document.components;
  const paths = section === "paths" ? { [name]: document.paths[name] } : {};
  const schemas = {};
  const addReferences = (value) => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"/]+)/g)) {
      addSchema(name);
    }
  };
  const addSchema = (name) => {
    if (name in all && !(name in schemas)) {
      schemas[name] = all[name];
      addReferences(all[name]);
    }
  };
  addReferences([paths, others]);
  if (section === "components" && name === "schemas") {
    (schema ? [schema] : Object.keys(all)).forEach(addSchema);
  }
  return { ...document, paths, components: { ...others, schemas } };
}

// Swagger UI parses the document that it is given whenever it resolves references: at the start, and again for each
// operation that is opened. The whole one takes seconds, its part a moment.
function ResolveInPart(system) {
  const { resolveSubtree } = SwaggerUIBundle.plugins.SwaggerClient(system).fn;
  return { fn: { resolveSubtree: (document, path, options) => resolveSubtree(partOf(document, path), path, options) } };
}

window.onload = () => {
  window.ui = SwaggerUIBundle({
    "url": "/api/openapi.json",
    "dom_id": "#swagger-ui",
    "deepLinking": true,
    "docExpansion": "none", // the order of the tags can be seen
    "filter": true,
    "operationsSorter": (one, other) => rank(one) - rank(other),
    "validatorUrl": "none", // by default the document is sent to a validator elsewhere
    "layout": "StandaloneLayout",
    "presets": [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    "plugins": [SwaggerUIBundle.plugins.DownloadUrl, ResolveInPart],
  });
};
