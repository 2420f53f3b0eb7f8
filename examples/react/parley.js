import { Session } from "../session/session.js";

export const session = new Session(import.meta.env.VITE_API ?? "http://localhost:8000");

export async function json(path) {
  const answer = await session.fetch(path);
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer.json();
}

// The messages of a chat; one that has had none yet is unknown to the server.
export async function history(id) {
  const answer = await session.fetch(`/api/chat/${id}/messages`);
  if (answer.status === 404) return [];
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer.json();
}
