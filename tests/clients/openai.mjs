// One call of OpenAI's own node client; what came of it goes to stdout as JSON.
import OpenAI from 'openai';

const [url, apiKey, call] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const { method, ...body } = JSON.parse(call);

const calls = {
  async complete() {
    const { data, request_id: id } = await client.chat.completions.create(body).withResponse();
    return { ...data, requestId: id };
  },
  async stream() {
    const chunks = [];
    for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) chunks.push(chunk);
    return chunks;
  },
  async helper() {
    return client.chat.completions.stream(body).finalChatCompletion();
  },
  async parse() {
    return client.chat.completions.parse(body);
  },
  async leave() {
    const stream = await client.chat.completions.create({ ...body, stream: true });
    for await (const _ of stream) break;
    return null;
  },
  async models() {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    return { names, one: await client.models.retrieve(names[0]) };
  },
};

try {
  console.log(JSON.stringify({ value: await calls[method]() }));
} catch (error) {
  console.log(JSON.stringify({ error: { kind: error.constructor.name, status: error.status, code: error.code,
    message: error.message, requestId: error.requestID } }));
}
