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
const KNOWN = new Set(["chat_id", "message_id", "note_id", "key_id", "session_id",
  "assistant_id"]);
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
  "PATCH api/profile": { timezone: "Europe/Berlin" },
  "PATCH api/users/self": { username: null },
  "DELETE api/users/self": { password: "{{password}}" },
  "PATCH api/chats/:chat_id": { title: "Renamed from Postman", pinned: true },
  "PUT api/chats/:chat_id/messages/:message_id/feedback": { value: 1, reasons: ["clear"], comment: "Said from Postman" },
  "POST api/assistants": { name: "From Postman", settings: { system: "Be brief." } },
  "PATCH api/assistants/:assistant_id": { name: "Renamed from Postman" },
  "POST api/notes": { content: "# From Postman", tags: ["postman"] },
  "PATCH api/notes/:note_id": { title: "Renamed from Postman" },
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
  "POST api/chats/:chat_id/messages": ["message_id", "body.reply.id", "question_id", "body.question.id"],
  "POST api/keys": ["api_key", "body.key"],
  "GET api/keys": ["key_id", "body.results[0].id"],
  "GET api/sessions": ["session_id", "body.results.at(-1).id"],
  "POST api/notes": ["note_id", "body.id"],
  "POST api/assistants": ["assistant_id", "body.id"],
};
// The order of use: who one is, what one does, and last what takes things away.
const FOLDERS = ["accounts", "models", "chats", "notes", "openai", "ai-sdk", "stream"];
const FIRST = ["POST api/register", "POST api/token"];
const WITHIN = ["POST api/chats", "POST api/chats/:chat_id/messages", "POST api/notes", "POST api/keys", "GET api/keys",
  "POST api/assistants",
  "PUT api/chats/:chat_id/messages/:message_id/feedback"];
const END = ["DELETE api/chats/:chat_id/messages/:message_id/feedback", "DELETE api/notes/:note_id",
  "DELETE api/assistants/:assistant_id", "DELETE api/chats/:chat_id", "DELETE api/keys/:key_id", "DELETE api/users/self"];
// What needs a mail, a file, an app, Stream or a reply that waits, or ends the session that the rest lives by.
const BY_HAND = new RegExp("change-email|change-password|confirmation-email|password-reset|profile/avatar|grants/:|" +
  "api/files|api/stream|sessions/:|logout|token/refresh|ws-ticket|/approvals$");
const rank = (item) => {
  const name = item.request && nameOf(item.request);
  const places = [FIRST.indexOf(name), WITHIN.indexOf(name)];
  if (!name) return FOLDERS.includes(item.name) ? FOLDERS.indexOf(item.name) : FOLDERS.length;
  if (places[0] >= 0) return places[0];
  if (places[1] >= 0) return 10 + places[1];
  if (END.includes(name)) return 40 + END.indexOf(name);
  return /stop$/.test(name) ? 31 : 30;
};
const nameOf = (request) => `${request.method} ${request.url.path.filter(Boolean).join("/")}`;
const VARIABLES = {
  baseUrl: "http://localhost:8000", email: "you@example.org", password: "", access: "", chat_id: "", message_id: "",
  question_id: "", note_id: "", key_id: "", session_id: "", assistant_id: "", api_key: "",
};

// The converter nests folders by path; one level, by tag, is enough to find a call.
const flat = (items) => items.flatMap((item) => (item.item ? flat(item.item) : [item]));

function finish(item) {
  delete item.id;
  if (item.item) {
    item.item = flat(item.item).sort((one, other) => rank(one) - rank(other));
    return item.item.forEach(finish);
  }
  const { request } = item;
  const name = nameOf(request);
  item.response = [];
  delete request.auth;
  for (const variable of request.url.variable ?? []) {
    delete variable.id;
    variable.value = KNOWN.has(variable.key) ? `{{${variable.key}}}` : { chat: "postman", name: "demo" }[variable.key] ?? "";
    if (variable.key === "message_id" && name.endsWith("/edit")) variable.value = "{{question_id}}";
  }
  for (const header of request.header ?? [])
    if (header.key === "Accept" && !/\/stream$|api\/chat$/.test(name)) header.value = "application/json";
  if (BODIES[name]) {
    if (!request.body?.raw) { // OpenAPI has no word for the body of a DELETE
      request.body = { mode: "raw", options: { raw: { language: "json" } } };
      request.header = [...(request.header ?? []), { key: "Content-Type", value: "application/json" }];
    }
    request.body.raw = JSON.stringify(BODIES[name], null, 2);
  }
  if (name.split(" ")[1].startsWith("v1/"))
    request.auth = { type: "bearer", bearer: [{ key: "token", value: "{{api_key}}", type: "string" }] };
  const exec = ['pm.test("it is done", () => pm.expect(pm.response.code).to.be.below(300));'];
  if (KEEP[name]) {
    exec.push("if (pm.response.code < 300) {", "  const body = pm.response.json();");
    for (let at = 0; at < KEEP[name].length; at += 2)
      exec.push(`  pm.collectionVariables.set("${KEEP[name][at]}", ${KEEP[name][at + 1]});`);
    exec.push("}");
  }
  item.event = [{ listen: "test", script: { type: "text/javascript", exec } }];
}

converter.convertV2({ type: "string", data: readFileSync(source, "utf8") }, options, (error, made) => {
  if (error || !made.result) throw new Error(error?.message ?? made.reason);
  const collection = made.output[0].data;
  collection.item.forEach(finish);
  collection.item.sort((one, other) => rank(one) - rank(other));
  const taken = (test) => collection.item.flatMap((folder) => {
    const found = folder.item.filter((item) => test(nameOf(item.request)));
    folder.item = folder.item.filter((item) => !found.includes(item));
    return found;
  });
  const hand = taken((name) => BY_HAND.test(name));
  const end = taken((name) => END.includes(name)).sort((one, other) => rank(one) - rank(other));
  for (const item of hand) { // what it keeps is kept, but it need not be done
    item.event[0].script.exec.shift();
    item.event = item.event.filter(({ script }) => script.exec.length);
  }
  collection.item = collection.item.filter((folder) => folder.item.length);
  collection.item.push({ name: "in the end", item: end }, { name: "by hand", item: hand });
  delete collection.info._postman_id;
  collection.auth = { type: "bearer", bearer: [{ key: "token", value: "{{access}}", type: "string" }] };
  collection.variable = Object.entries(VARIABLES).map(([key, value]) => ({ key, value, type: "string" }));
  collection.event = [];
  writeFileSync(target, JSON.stringify(collection, null, 1) + "\n");
});
