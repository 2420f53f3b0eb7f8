// Lives through examples/session/session.js against a started server: node session_client.mjs URL EMAIL.
// Prints what it saw as one line of JSON. Node's fetch has no cookie jar, so this one wraps it and keeps the cookies.
import { Session, SignedOut } from "../examples/session/session.js";

const [url, email] = process.argv.slice(2);
const form = { email, password: "correct horse battery 9" };
const jar = new Map(), issued = new Set(), dead = new Set(), asked = [];
let away = false;

const browserFetch = globalThis.fetch;
globalThis.fetch = async (address, options) => {
  const path = address.slice(url.length), headers = new Headers(options.headers);
  asked.push(path);
  if (options.credentials !== "include") throw new Error("cookies would stay at home");
  if (away && path === "/api/token/refresh/") return new Response("<h1>Bad gateway</h1>", { status: 502 });
  const bearer = headers.get("Authorization");
  if (dead.has(bearer)) headers.set("Authorization", `${bearer}x`);                       // as good as expired
  headers.set("Cookie", [...jar].map((pair) => pair.join("=")).join("; "));
  headers.set("Origin", "http://localhost:5173");
  const response = await browserFetch(address, { ...options, headers });
  if (path.endsWith("?slow")) await new Promise((done) => setTimeout(done, 400));
  const { access } = await response.clone().json().catch(() => ({}));
  if (access) issued.add(`Bearer ${access}`);
  for (const line of response.headers.getSetCookie()) {
    const [name, value] = line.split(";")[0].split("=");
    if (/max-age=0/i.test(line)) jar.delete(name); else jar.set(name, value);
  }
  return response;
};

const seen = {};
const count = (path) => asked.filter((one) => one === path).length;
const refreshes = () => count("/api/token/refresh/");
const expire = () => issued.forEach((bearer) => dead.add(bearer));
const verdict = (promise) => promise.then((answer) => answer?.status ?? "done",
  (error) => error instanceof SignedOut ? "signed out" : error.code ?? error.message);
const ten = (session) => Promise.all(Array.from({ length: 10 }, (_, i) => verdict(session.fetch("/api/chats/",
  { method: "POST", body: JSON.stringify({ title: `Chat ${i}` }), headers: { "Content-Type": "application/json" } }))));

const session = new Session(url);
let changes = 0;
session.subscribe(() => { changes += 1; });
await session.start();
seen.stranger = [session.isSignedIn(), await verdict(session.fetch("/api/users/self/"))];
seen.weak = await verdict(session.register({ email, password: "12345678" }));
seen.registered = (await session.register(form)).email;
seen.signedIn = session.isSignedIn();

let before = refreshes();
expire();
seen.ten = await ten(session);
seen.refreshes = refreshes() - before;
seen.chats = (await (await session.fetch("/api/chats/")).json()).results.length;

before = refreshes();
expire();
seen.straggler = await Promise.all([verdict(session.fetch("/api/users/self/?slow")), verdict(session.fetch("/api/users/self/"))]);
seen.stragglerRefreshes = refreshes() - before;

expire();
away = true;
seen.away = [...new Set(await ten(session)), session.isSignedIn()];
away = false;
seen.back = await verdict(session.fetch("/api/users/self/"));

const reloaded = new Session(url);
await reloaded.start();
seen.reloaded = [reloaded.isSignedIn(), await verdict(reloaded.fetch("/api/users/self/"))];

// A signed-in user's request must not be sent again for whoever signs in while it is under way.
expire();
const late = verdict(session.fetch("/api/users/self/?slow"));
await session.logout();
const tokens = [...jar.keys()].filter((name) => name.endsWith("refresh")).length;  // what knows the device stays
seen.loggedOut = [session.isSignedIn(), tokens, await late, await verdict(session.fetch("/api/users/self/"))];

await session.signIn(form);
changes = 0;
expire();
jar.clear();                                             // as if the session had ended elsewhere
before = refreshes();
seen.ended = [...new Set(await ten(session)), session.isSignedIn(), refreshes() - before, changes];
process.stdout.write(JSON.stringify(seen));
