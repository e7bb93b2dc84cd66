// @hey-api/openapi-ts: imports with extensions, so that Node runs what tsc writes.
export default {
  input: "openapi.json",
  output: { path: "hey", importFileExtension: ".js" },
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
};
