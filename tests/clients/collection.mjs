// Write the Postman collection of an OpenAPI document: node collection.mjs openapi.yaml collection.json
import converter from "openapi-to-postmanv2";
import { readFileSync, writeFileSync } from "node:fs";

// The converter makes up values; the same ones each time, so that a test can tell whether the file is stale.
let seed = 1;
Math.random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;

const [source, target] = process.argv.slice(2);
const options = {
  folderStrategy: "Tags", parametersResolution: "Schema", enableOptionalParameters: false,
  requestNameSource: "Fallback", alwaysInheritAuthentication: true,
};

// What the ways through the collection need: a variable for the path, a body that works, a value to keep.
const KNOWN = new Set(["chat_id", "message_id"]);
const CONVERSATION = [{ role: "user", content: "Hello from Postman" }];
const BODIES = {
  "POST api/register": { email: "{{email}}", password: "{{password}}" },
  "POST api/token": { email: "{{email}}", password: "{{password}}" },
  "POST api/chats": { title: "From Postman" },
  "POST api/chats/:chat_id/messages": { content: "Hello from Postman" },
  "POST api/chats/:chat_id/messages/:message_id/edit": { content: "Hello again" },
  "POST api/chats/:chat_id/messages/:message_id/regenerate": {},
  "POST api/chats/:chat_id/messages/:message_id/continue": {},
  "POST api/keys": { name: "Postman" },
  "POST api/chat": { id: "postman", message: { id: "m1", role: "user", parts: [{ type: "text", text: "Hello" }] } },
  "POST prompt_gpt": { chat_id: "{{chat_id}}", content: "Hello from Postman" },
  "POST prompt_gemini": { chat_id: "{{chat_id}}", content: "Hello from Postman" },
  "POST v1/chat/completions": { model: "demo", messages: CONVERSATION },
};
const KEEP = {
  "POST api/register": ["access", "body.access"],
  "POST api/token": ["access", "body.access"],
  "POST api/token/refresh": ["access", "body.access"],
  "POST api/chats": ["chat_id", "body.id"],
  "POST api/chats/:chat_id/messages": ["message_id", "body.reply.id"],
};
const VARIABLES = {
  baseUrl: "http://localhost:8000", email: "you@example.org", password: "", access: "", chat_id: "", message_id: "",
};

function finish(item) {
  delete item.id;
  if (item.item) return item.item.forEach(finish);
  const { request } = item;
  const name = `${request.method} ${request.url.path.filter(Boolean).join("/")}`;
  item.response = [];
  delete request.auth;
  for (const variable of request.url.variable ?? []) {
    delete variable.id;
    variable.value = KNOWN.has(variable.key) ? `{{${variable.key}}}` : "";
  }
  for (const header of request.header ?? [])
    if (header.key === "Accept" && !/\/stream$|api\/chat$/.test(name)) header.value = "application/json";
  if (BODIES[name]) request.body.raw = JSON.stringify(BODIES[name], null, 2);
  if (KEEP[name]) {
    const [variable, value] = KEEP[name];
    const exec = ["if (pm.response.code < 300) {", "  const body = pm.response.json();",
      `  pm.collectionVariables.set("${variable}", ${value});`, "}"];
    item.event = [{ listen: "test", script: { type: "text/javascript", exec } }];
  }
}

converter.convertV2({ type: "string", data: readFileSync(source, "utf8") }, options, (error, made) => {
  if (error || !made.result) throw new Error(error?.message ?? made.reason);
  const collection = made.output[0].data;
  collection.item.forEach(finish);
  delete collection.info._postman_id;
  collection.auth = { type: "bearer", bearer: [{ key: "token", value: "{{access}}", type: "string" }] };
  collection.variable = Object.entries(VARIABLES).map(([key, value]) => ({ key, value, type: "string" }));
  collection.event = [];
  writeFileSync(target, JSON.stringify(collection, null, 1) + "\n");
});
