// Who is signed in to Parley in this browser tab. The access token stays in memory, the refresh token in a cookie that no
// script can read. Requests that meet a 401 wait together for one refresh, then each is sent once more.

export class SignedOut extends Error {}

export class Session {
  #base; #access = null; #signedIn; #refreshing = null; #visit = {}; #listeners = new Set();

  constructor(base = "") { this.#base = base; }

  // undefined until start() has an answer, then true or false; both fit React's useSyncExternalStore.
  isSignedIn = () => this.#signedIn;
  subscribe = (listener) => { this.#listeners.add(listener); return () => this.#listeners.delete(listener); };

  start = () => this.#refresh().catch((error) => { if (!(error instanceof SignedOut)) throw error; });
  register = (form) => this.#enter("/api/register/", form);        // {email, password, username?}
  signIn = (form) => this.#enter("/api/token/", form);             // {email, password}

  async logout() {
    await this.#refreshing?.catch(() => {});
    await checked(await this.#send("/api/logout/", { method: "POST" }, this.#access));
    this.#become(null);
  }

  // Like the browser's fetch, for this user; throws SignedOut. A body that is a stream cannot be sent again.
  async fetch(path, options) {
    if (this.#signedIn === false) throw new SignedOut();
    const used = this.#access ?? (await this.#refresh()), visit = this.#visit;
    const response = await this.#send(path, options, used);
    if (response.status !== 401) return response;
    if (visit === this.#visit && used === this.#access) await this.#refresh();   // else another request has done it
    if (visit !== this.#visit) throw new SignedOut();                            // and nothing is sent for the next user
    return this.#send(path, options, this.#access);
  }

  #refresh() {
    return this.#refreshing ??= this.#rotate().finally(() => { this.#refreshing = null; });
  }

  async #rotate() {
    const response = await this.#send("/api/token/refresh/", { method: "POST" });
    if (response.status === 401) { this.#become(null); throw new SignedOut(); }
    return this.#become((await checked(response)).access);          // a server that is away signs nobody out
  }

  async #enter(path, form) {
    await this.#refreshing?.catch(() => {});                        // its answer must not replace the new session's
    const options = { method: "POST", body: JSON.stringify(form), headers: { "Content-Type": "application/json" } };
    const { access, user } = await checked(await this.#send(path, options));
    this.#visit = {};
    this.#become(access);
    return user;
  }

  #become(access) {
    const was = this.#signedIn;
    this.#access = access;
    this.#signedIn = access !== null;
    if (!access) this.#visit = {};
    if (was !== this.#signedIn) for (const listener of this.#listeners) listener();
    return access;
  }

  #send(path, options = {}, access = null) {
    const headers = new Headers(options.headers);
    if (access) headers.set("Authorization", `Bearer ${access}`);
    return fetch(this.#base + path, { ...options, headers, credentials: "include" });
  }
}

// The JSON of a good answer; any other is thrown with the members of the problem document: code, detail, errors.
async function checked(response) {
  const body = response.status === 204 ? null : await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.detail ?? `HTTP ${response.status}`), body);
  return body;
}
