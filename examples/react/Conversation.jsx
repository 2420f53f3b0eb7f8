import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import { useEffect, useState } from "react";
import { history, session } from "./parley.js";

export function Conversation({ id, onChange }) {
  const [messages, setMessages] = useState();
  const [problem, setProblem] = useState();
  useEffect(() => { history(id).then(setMessages, setProblem); }, [id]);
  if (problem) return <p role="alert">{problem.message}</p>;
  return messages ? <Talk id={id} initial={messages} onChange={onChange} /> : <p>One moment …</p>;
}

function Talk({ id, initial, onChange }) {
  const [problem, setProblem] = useState();
  const { messages, setMessages, sendMessage, regenerate, status, error } = useChat({
    id,
    messages: initial,
    resume: true,                                                   // a reload in the middle of a reply goes on with it
    transport: new DefaultChatTransport({
      api: "/api/chat",
      fetch: async (path, options) => {                             // with the token, and again after a refresh
        const answer = await session.fetch(path, options);
        // Nothing to resume, yet the question has no reply: it ended after the history was read.
        if (answer.status === 204 && initial.at(-1)?.role === "user") setMessages(await history(id));
        return answer;
      },
    }),
    onFinish: onChange,
  });
  const busy = status === "submitted" || status === "streaming";

  const send = (data) => {
    const text = data.get("text");
    if (text.trim() && !busy) sendMessage({ text });
  };
  // The SDK's own stop() only leaves; this one stops the model, and the stream then ends by itself.
  const stop = async () => {
    setProblem();
    const answer = await session.fetch(`/api/chat/${id}/stop`, { method: "POST" }).catch(() => null);
    if (!answer?.ok) setProblem("The reply could not be stopped.");
  };

  return (
    <main data-status={status}>
      {messages.map((message) => (
        <article key={message.id} className={message.role} data-state={message.metadata?.state}>
          {message.parts.map((part) => part.type === "text" && part.text)}
        </article>
      ))}
      {error && <p role="alert">{error.message} <button onClick={() => regenerate()}>Try again</button></p>}
      {problem && <p role="alert">{problem}</p>}
      <form action={send}>
        <textarea name="text" aria-label="Message" required />
        <button disabled={busy}>Send</button>
        <button type="button" onClick={stop} disabled={!busy}>Stop</button>
      </form>
    </main>
  );
}
