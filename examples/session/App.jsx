import { useEffect, useState, useSyncExternalStore } from "react";
import { Session } from "./session.js";

const session = new Session("http://localhost:8000");

function useSignedIn() {
  useEffect(() => { session.start().catch(console.error); }, []);   // after a reload the cookie is all there is
  return useSyncExternalStore(session.subscribe, session.isSignedIn);
}

export function App() {
  const signedIn = useSignedIn();
  if (signedIn === undefined) return <p>One moment …</p>;
  return signedIn ? <Chats /> : <SignIn />;
}

function SignIn() {
  const [problem, setProblem] = useState();
  const by = (enter) => (data) => enter(Object.fromEntries(data)).catch(setProblem);
  const wrong = problem && Object.values(problem.errors ?? { details: [problem.message] }).flat().join(" ");
  return (
    <form>
      <input name="email" type="email" autoComplete="email" required />
      <input name="password" type="password" required />
      <button formAction={by(session.signIn)}>Sign in</button>
      <button formAction={by(session.register)}>Register</button>
      <p role="alert">{wrong}</p>
    </form>
  );
}

function Chats() {
  const [chats, setChats] = useState([]);
  useEffect(() => {
    session.fetch("/api/chats/").then((answer) => answer.json()).then((page) => setChats(page.results), console.error);
  }, []);
  return (
    <>
      <ul>{chats.map((chat) => <li key={chat.id}>{chat.title}</li>)}</ul>
      <button onClick={() => session.logout().catch(console.error)}>Sign out</button>
    </>
  );
}
