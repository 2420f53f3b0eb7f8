// Runs a React or Vue snippet of docs/clients.md: sends one message, allows what it asks for, prints the reply.
import { setTimeout as sleep } from 'node:timers/promises';

const [kind, file, parley, token, text = `Hello from ${kind}`] = process.argv.slice(2);
const snippet = await import(file);
const options = { parley, token: async () => token };
let chat;

if (kind === 'vue') {
  chat = snippet.parleyChat(options);
} else {
  const { Window } = await import('happy-dom');
  const window = new Window();
  Object.assign(globalThis, { window, document: window.document });
  const React = await import('react');
  const { createRoot } = await import('react-dom/client');
  const App = () => { chat = (snippet.useParley ?? snippet.useParleyWithApprovals)(options); return null; };
  createRoot(window.document.createElement('div')).render(React.createElement(App));
  while (!chat) await sleep(5);
}
await chat.sendMessage({ text });
await sleep(50);
for (const part of snippet.requestsIn?.(chat.messages.at(-1)) ?? []) {
  console.log('asked', part.toolName, JSON.stringify(part.input));
  await snippet.answer(chat, part, true);
  await sleep(50);
  while (chat.status !== 'ready') await sleep(20);
}
console.log(chat.messages.at(-1).parts.filter((part) => part.type === 'text').map((part) => part.text).join(''));
process.exit(0);
