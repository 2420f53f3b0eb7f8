import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { Conversation } from "./Conversation.jsx";
import { json, session } from "./parley.js";

const BUCKETS = { today: "Today", yesterday: "Yesterday", seven_days: "Last seven days", older: "Older" };

export function App() {
  useEffect(() => { session.start().catch(console.error); }, []);   // after a reload the cookie is all there is
  const signedIn = useSyncExternalStore(session.subscribe, session.isSignedIn);
  if (signedIn === undefined) return <p>One moment …</p>;
  return signedIn ? <Page /> : <SignIn />;
}

function SignIn() {
  const [problem, setProblem] = useState();
  const by = (enter) => (data) => enter(Object.fromEntries(data)).catch(setProblem);
  const wrong = problem && Object.values(problem.errors ?? { details: [problem.message] }).flat().join(" ");
  return (
    <form>
      <input name="email" type="email" aria-label="E-mail" autoComplete="email" required />
      <input name="password" type="password" aria-label="Password" required />
      <button formAction={by(session.signIn)}>Sign in</button>
      <button formAction={by(session.register)}>Register</button>
      <p role="alert">{wrong}</p>
    </form>
  );
}

function Page() {
  const [chats, setChats] = useState({});
  const [id, choose] = useChosen();
  const refresh = useCallback(() => { json("/api/chats/history/").then(setChats, console.error); }, []);
  useEffect(refresh, [refresh]);
  return (
    <div className="page">
      <nav>
        <button onClick={() => choose(crypto.randomUUID())}>New chat</button>
        <button onClick={() => session.logout().catch(console.error)}>Sign out</button>
        {Object.entries(BUCKETS).map(([name, label]) => chats[name]?.length > 0 && (
          <section key={name} aria-label={label}>
            <h2>{label}</h2>
            {chats[name].map((chat) => (
              <a key={chat.id} href={`#${chat.id}`} aria-current={chat.id === id}>{chat.title || "New chat"}</a>
            ))}
          </section>
        ))}
      </nav>
      <Conversation key={id} id={id} onChange={refresh} />
    </div>
  );
}

// The chat shown is the address's fragment, so a reload comes back to it.
function useChosen() {
  const [id, setId] = useState(() => location.hash.slice(1) || crypto.randomUUID());
  useEffect(() => { if (location.hash.slice(1) !== id) location.hash = id; }, [id]);
  useEffect(() => {
    const follow = () => setId(location.hash.slice(1) || crypto.randomUUID());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return [id, setId];
}
