// The chat page: what HTML, CSS and HTMX do not do by themselves. Without it the page works by plain posts.
(function () {
  const $ = (id) => document.getElementById(id);
  const main = $("main"), scroll = $("scroll"), input = $("message"), composer = $("composer");
  const chat = main.dataset.chat;

  // --- The socket: reconnects with back-off, and says what the page shows already --------------------------------
  let socket = null, sending = null, lastHeard = Date.now();
  const PATIENCE = 45000; // the server says something every 15 seconds

  htmx.createWebSocket = (url) => {
    const { head, busy } = $("state").dataset;
    socket = new WebSocket(`${url}?size=${main.dataset.size}&head=${head}&busy=${busy}`);
    lastHeard = Date.now();
    return socket;
  };
  htmx.config.wsReconnectDelay = (retries) => 250 + Math.random() * Math.min(1000 * 2 ** retries, 15000);

  // Where something between here and the server lets no socket through, the forms are posted as they would be without
  // script. It goes on trying: the first word from the server takes everything back.
  let heard = false, refused = 0, blocked = false;
  function fallBack() {
    if (blocked || heard || !navigator.onLine) return;
    blocked = true;
    connection("off", "No live connection: answers are shown when they are complete");
    if (!sending || sending.text !== input.value) return;
    composer.elements.key.value = sending.key;
    composer.submit();
  }
  setTimeout(fallBack, 15000);
  document.addEventListener("submit", (event) => {
    if (blocked && event.target.matches("[ws-send]")) event.stopImmediatePropagation(); // and HTMX does not stop the post
  }, true);

  function connection(state, words) {
    const place = $("connection");
    if (place.dataset.state === state) return;
    place.dataset.state = state;
    place.querySelector(".connection-text").textContent = words;
  }
  let wrapper = null;
  addEventListener("htmx:wsConnecting", () => { if (!blocked) connection("wait", "Connecting…"); });
  addEventListener("htmx:wsOpen", (event) => {
    wrapper = event.detail.socketWrapper;
    connection("on", "Connected");
    if (!sending) return;
    if (!sending.queued && sending.body) wrapper.sendImmediately(sending.body, composer); // it may have been lost on the way
    sending.queued = false;
  });
  addEventListener("htmx:wsClose", (event) => {
    if (event.detail.event.target !== socket) return;
    const { code } = event.detail.event;
    if (code === 4401) return connection("off", "Signed out");
    if (!heard && ++refused >= 3) fallBack();
    if (!blocked) connection("wait", "Offline – reconnecting…");
    if (![1006, 1011, 1012, 1013].includes(code)) setTimeout(() => wrapper.reconnect(), 1000 + Math.random() * 2000); // HTMX does not
  });
  addEventListener("offline", () => connection("wait", "Offline – reconnecting…"));
  addEventListener("online", () => wrapper?.reconnect());
  setInterval(() => {
    if (socket?.readyState === WebSocket.OPEN && Date.now() - lastHeard > PATIENCE) wrapper.reconnect();
  }, 5000);

  $("assistant")?.addEventListener("change", (event) => event.target.form.requestSubmit());

  // --- Sending: the text stays until the server has stored it; the same text goes out under the same key ----------
  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

  addEventListener("htmx:wsConfigSend", (event) => {
    const values = event.detail.parameters;
    delete values.csrfmiddlewaretoken;
    event.detail.headers = undefined;
    if (event.target !== composer) return;
    if (files.waiting()) { event.preventDefault(); return; }
    const same = sending && sending.text === input.value && sending.files === files.ids() && sending.model === $("model").value;
    if (same && sending.queued) { event.preventDefault(); return; }
    if (!same) sending = { text: input.value, files: files.ids(), model: $("model").value, key: newKey() };
    sending.queued = socket?.readyState !== WebSocket.OPEN;
    values.key = sending.key;
    stick = true;
  });
  addEventListener("htmx:wsBeforeSend", (event) => {
    if (sending && JSON.parse(event.detail.message).key === sending.key) sending.body = event.detail.message;
  });

  addEventListener("htmx:wsAfterMessage", () => {
    lastHeard = Date.now();
    if (blocked) connection("on", "Connected");
    heard = true;
    blocked = false;
    const sent = $("sent");
    if (sent.dataset.key && sending && sent.dataset.key === sending.key) {
      if (input.value === sending.text) { input.value = ""; fit(); }
      if (files.ids() === sending.files) files.clear();
      sending = null;
    }
    sent.dataset.key = "";
    if ($("state").dataset.head && location.pathname === "/") history.replaceState(null, "", `/chats/${chat}/`);
    document.title = `${$("title").textContent} – Parley`;
    enhance();
    refocus();
    follow();
  });

  // A list that somebody is working with is not changed under their hands.
  addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.id !== "chat-list") return;
    if ($("search").value || document.querySelector("#chat-list details[open], #chat-list[data-part]")) event.detail.shouldSwap = false;
  });

  // Who has just decided with the keyboard goes on from where the question stood.
  let decided = null;
  addEventListener("htmx:oobBeforeSwap", ({ detail: { target } }) => {
    if (target.matches(".card") && target.contains(document.activeElement)) decided = target.id;
  });
  function refocus() {
    if (decided && document.activeElement === document.body) $(decided)?.querySelector("summary")?.focus();
    decided = null;
  }

  // --- The input --------------------------------------------------------------------------------------------------
  const touch = matchMedia("(pointer: coarse)").matches;
  function fit() {
    input.rows = 1;
    const style = getComputedStyle(input);
    const lines = (input.scrollHeight - parseFloat(style.paddingTop)) / parseFloat(style.lineHeight);
    input.rows = Math.max(1, Math.min(10, Math.round(lines)));
  }
  input.addEventListener("input", fit);
  const busy = () => $("state").dataset.busy === "yes";
  document.addEventListener("keydown", (event) => {
    const area = event.target.closest?.("textarea");
    if (area && event.key === "Enter" && !event.shiftKey && !event.isComposing && !touch) {
      event.preventDefault();
      if ((area.value.trim() || (area === input && files.ids())) && !(area === input && busy())) area.form.requestSubmit();
    } else if (event.key === "Escape") escape_(event);
    else if (event.key.toLowerCase() === "o" && event.shiftKey && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      location.assign("/");
    }
  });

  // --- Files: sent as soon as they are chosen, pasted or dropped; the form has their ids ---------------------------
  const files = (() => {
    const list = $("files"), field = composer.elements.files, chooser = $("upload");
    const items = new Map(); // list item: file as the server tells it, or null while it is on its way
    const label = document.querySelector(".attach");
    label.hidden = false;

    function settle() {
      const ready = [...items.values()].filter((file) => file?.state === "ready");
      field.value = ready.map((file) => file.id).join(" ");
      input.required = !ready.length;
    }
    function remove(item) { items.delete(item); item.remove(); settle(); }
    function add(file) {
      const item = document.createElement("li");
      const name = Object.assign(document.createElement("span"), { className: "file-name", textContent: file.name || "picture" });
      const state = Object.assign(document.createElement("span"), { className: "file-size", textContent: "0 %" });
      const button = Object.assign(document.createElement("button"), { type: "button", className: "icon-button", textContent: "×" });
      button.setAttribute("aria-label", `Remove ${name.textContent}`);
      item.className = "file";
      item.append(name, state, button);
      list.append(item);
      items.set(item, null);
      const request = new XMLHttpRequest(); // which tells how far it is
      button.addEventListener("click", () => { request.abort(); remove(item); });
      request.upload.addEventListener("progress", (event) => { state.textContent = `${Math.round((100 * event.loaded) / event.total)} %`; });
      request.addEventListener("load", () => took(item, state, request));
      request.addEventListener("error", () => failed(item, state, "could not be sent"));
      const form = new FormData();
      form.append("file", file, file.name || "picture.png");
      request.open("POST", "/api/files/");
      request.send(form);
    }
    function failed(item, state, words) { state.textContent = words; item.classList.add("failed"); items.set(item, { state: "failed" }); settle(); }
    function took(item, state, request) {
      let said = null;
      try { said = JSON.parse(request.responseText); } catch { /* a proxy's page */ }
      if (request.status >= 300 || !said) return failed(item, state, said?.detail || "could not be sent");
      if (!items.has(item)) return;
      show(item, state, said);
    }
    function show(item, state, file) {
      items.set(item, file);
      state.textContent = { waiting: "is being read…", failed: "could not be read" }[file.state] || "";
      if (file.preview_url && !item.querySelector("img")) item.prepend(Object.assign(document.createElement("img"), { src: file.preview_url, alt: "" }));
      item.classList.toggle("failed", file.state === "failed");
      item.querySelector(".again")?.remove();
      if (file.state === "failed") state.after(againButton(item, state, file));
      settle();
      if (file.state === "waiting") setTimeout(() => look(item, state, file), 700);
    }
    function againButton(item, state, file) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "link again", textContent: "Read again" });
      button.setAttribute("aria-label", `Read ${file.name} again`);
      button.addEventListener("click", async () => {
        button.disabled = true;
        const answer = await fetch(`/api/files/${file.id}/extract/`, { method: "POST" }).catch(() => null);
        if (answer?.ok) show(item, state, await answer.json());
        else button.disabled = false;
      });
      return button;
    }
    async function look(item, state, file) {
      if (!items.has(item)) return;
      const answer = await fetch(`/api/files/${file.id}/`).catch(() => null);
      if (answer?.ok) show(item, state, await answer.json());
      else setTimeout(() => look(item, state, file), 2000);
    }

    chooser.addEventListener("change", () => { [...chooser.files].forEach(add); chooser.value = ""; });
    input.addEventListener("paste", (event) => {
      const pasted = [...event.clipboardData.files];
      if (!pasted.length) return;
      event.preventDefault();
      pasted.forEach(add);
    });
    main.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
    main.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      [...event.dataTransfer.files].forEach(add);
    });
    return {
      ids: () => field.value,
      waiting: () => [...items.values()].some((file) => file === null || file.state === "waiting"),
      clear: () => [...items.keys()].forEach(remove),
    };
  })();

  // --- Scrolling: stay at the end while the reader is there ---------------------------------------------------------
  let stick = true;
  const jump = document.querySelector("[data-jump]");
  const distance = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
  scroll.addEventListener("scroll", () => { stick = distance() < 48; jump.hidden = distance() < 240; }, { passive: true });
  function follow() { if (stick) scroll.scrollTop = scroll.scrollHeight; }
  jump.addEventListener("click", () => { stick = true; scroll.scrollTo({ top: scroll.scrollHeight, behavior: "smooth" }); });
  addEventListener("resize", follow);

  // --- Buttons -----------------------------------------------------------------------------------------------------
  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(await text);
    } catch { // no clipboard outside of secure contexts
      const area = Object.assign(document.createElement("textarea"), { value: await text, className: "hidden" });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.classList.add("done");
    $("announce").textContent = "Copied";
    setTimeout(() => button.classList.remove("done"), 1500);
  }
  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    let button;
    if ((button = on("[data-copy-code]"))) copy(button.closest("figure").querySelector("code").textContent, button);
    else if ((button = on("[data-copy-bubble]"))) copy(button.closest("article").querySelector(".bubble").textContent, button);
    else if ((button = on("[data-copy]"))) copy(fetch(button.dataset.copy).then((answer) => answer.text()), button);
    else if ((button = on("[data-cancel-edit]"))) button.closest("details").open = false;
    else if ((button = on(".drawer-open"))) { event.preventDefault(); drawer(true); }
    else if ((button = on(".drawer-close, .scrim"))) { event.preventDefault(); drawer(false); }
    for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  function escape_() {
    const menu = document.querySelector("details[data-menu][open], details.edit[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    else if (document.body.classList.contains("drawn")) drawer(false);
    else if (busy()) $("stop").requestSubmit();
  }

  // --- The drawer of phones ------------------------------------------------------------------------------------------
  const opener = document.querySelector(".drawer-open"), sidebar = $("sidebar");
  const narrow = matchMedia("(max-width: 52rem)");
  function drawer(open) {
    document.body.classList.toggle("drawn", open);
    main.inert = open;
    settle();
    if (open) sidebar.querySelector(".drawer-close").focus();
    else opener.focus();
  }
  function settle() {
    const open = document.body.classList.contains("drawn");
    opener.setAttribute("aria-expanded", String(open));
    sidebar.inert = narrow.matches && !open;
  }
  opener.setAttribute("role", "button");
  narrow.addEventListener("change", () => { document.body.classList.remove("drawn"); main.inert = false; settle(); });
  settle();

  // --- What frames bring -----------------------------------------------------------------------------------------
  function enhance() {
    for (const button of document.querySelectorAll("[data-cancel-edit][hidden]")) button.hidden = false;
    for (const time of document.querySelectorAll("time[data-local]")) {
      time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
      time.removeAttribute("data-local");
    }
  }
  document.addEventListener("toggle", (event) => {
    if (!event.target.open) return;
    const field = event.target.querySelector(":scope > form textarea, :scope > form input[name=title]");
    if (field) { field.focus(); field.setSelectionRange?.(field.value.length, field.value.length); }
  }, true);

  enhance();
  fit();
  if (location.hash.startsWith("#m-")) stick = false; else follow();
})();
