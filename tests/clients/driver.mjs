// A chat client that obeys one JSON command a line: the real packages, each behind the same few words.
import readline from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const [kind, url, token] = process.argv.slice(2);
const fetches = [];

/** The transport just as an app makes it: only the address and the token are ours. */
function transportOf(sdk, options = {}) {
  return new sdk.DefaultChatTransport({
    api: `${url}/api/chat`,
    headers: async () => ({ Authorization: `Bearer ${options.token ?? token}` }),
    fetch: async (input, init) => {
      const answer = await globalThis.fetch(input, init);
      fetches.push({ url: String(input), body: init?.body ? JSON.parse(init.body) : null, status: answer.status,
        protocol: answer.headers.get('x-vercel-ai-ui-message-stream') });
      return answer;
    },
    ...(options.lastOnly && {
      prepareSendMessagesRequest: ({ id, messages, trigger, messageId }) =>
        ({ body: { id, message: messages.at(-1), trigger, messageId, ...(options.approvals && { approvals: true }) } }),
    }),
    ...(options.approvals && {
      body: { approvals: true },
      prepareReconnectToStreamRequest: ({ id }) => ({ api: `${url}/api/chat/${id}/stream?approvals=1` }),
    }),
  });
}

class Plain {
  /** The state that AbstractChat asks for, kept in plain fields. */
  status = 'ready'; error = undefined; messages = []; lengths = [];
  constructor(messages) { this.messages = messages; }
  note() { this.lengths.push(textOf(this.messages.at(-1)).length); }
  pushMessage = (message) => { this.messages = [...this.messages, message]; this.note(); };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (index, message) => {
    this.messages = this.messages.with(index, message); this.note();
  };
  snapshot = (thing) => structuredClone(thing);
}

/** When to post by itself: as an app with tools of its own, or with approvals, would have it. */
function postsWhen(sdk, { approvals }) {
  return (about) => sdk.lastAssistantMessageIsCompleteWithToolCalls(about)
    || Boolean(approvals && sdk.lastAssistantMessageIsCompleteWithApprovalResponses(about));
}

const textOf = (message) => (message?.parts ?? []).filter((part) => part.type === 'text').map((part) => part.text).join('');

async function plainClient(sdk, options) {
  const state = new Plain(options.messages ?? []);
  class Chat extends sdk.AbstractChat {}
  const chat = new Chat({ id: options.id, state, transport: transportOf(sdk, options),
    onFinish: (about) => { finished = about; }, ...(options.tools && { sendAutomaticallyWhen: postsWhen(sdk, options) }) });
  let finished;
  return { chat, seen: () => ({ lengths: state.lengths, finished: finished && { ...finished, message: undefined, messages: undefined } }) };
}

async function vueClient(options) {
  const { Chat } = await import('@ai-sdk/vue');
  const vue = await import('vue');
  const sdk = await import('ai');
  const chat = new Chat({ id: options.id, messages: options.messages, transport: transportOf(sdk, options) });
  const lengths = [];
  vue.watch(() => chat.messages.map(textOf).at(-1), (text) => lengths.push(text?.length ?? 0), { flush: 'sync' });
  return { chat, seen: () => ({ lengths }) };
}

async function reactClient(options) {
  const { Window } = await import('happy-dom');
  const window = new Window();
  Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: false });
  const React = await import('react');
  const { createRoot } = await import('react-dom/client');
  const { useChat } = await import('@ai-sdk/react');
  const sdk = await import('ai');
  const transport = transportOf(sdk, options);
  const lengths = [];
  let chat;
  function App() {
    chat = useChat({ id: options.id, messages: options.messages, transport, resume: options.resume ?? false });
    lengths.push(textOf(chat.messages.at(-1)).length);
    return null;
  }
  const root = createRoot(window.document.createElement('div'));
  root.render(React.createElement(App));
  while (!chat) await sleep(5);
  return { get chat() { return chat; }, seen: () => ({ lengths }), unmount: () => root.unmount() };
}

async function open(options) {
  if (kind === 'react') return reactClient(options);
  if (kind === 'vue') return vueClient(options);
  return plainClient(await import({ ai5: 'ai5', ai6: 'ai6', ai7: 'ai' }[kind]), options);
}

/** Remember that a call is under way: a framework may show the new status only with its next rendering. */
function begin(client, promise) {
  client.pending = (client.pending ?? 0) + 1;
  promise.catch(() => {}).then(() => sleep(20)).then(() => { client.pending -= 1; });
}

function statusOf({ chat, pending }) {
  return pending && (chat.status === 'ready' || chat.status === 'error') ? 'submitted' : chat.status;
}

const clients = {};
const words = {
  open: async ({ name, ...options }) => { clients[name] = await open(options); return clients[name].chat.id; },
  send: (client, { message }) => begin(client, client.chat.sendMessage(message)),
  regenerate: (client, { options }) => begin(client, client.chat.regenerate(options)),
  resume: (client) => begin(client, client.chat.resumeStream()),
  answer: (client, { options }) => begin(client, client.chat.addToolApprovalResponse(options)),
  post: (client) => begin(client, client.chat.sendMessage()),
  stop: async ({ chat }) => { await chat.stop(); },
  clear: ({ chat }) => { chat.clearError(); },
  unmount: (client) => { client.unmount(); },
  look: (client) => ({ status: statusOf(client), error: client.chat.error?.message, messages: client.chat.messages, ...client.seen() }),
  fetches: () => fetches,
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { word, name, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { value: await (word === 'open' ? words.open({ name, ...rest }) : words[word](clients[name], rest)) ?? null };
  } catch (error) {
    answer = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
