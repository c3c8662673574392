// What a program in TypeScript does with the generated client. Prints a word for each thing that went as it should.
import assert from "node:assert/strict";
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { OpenWa, type Error as Refusal, type MessageData, type WebhookEnvelope } from "openwa-gateway-client";
import { createClient } from "openwa-gateway-client/client";

const [url, admin] = process.argv.slice(2) as [string, string];
const secret = "a secret for the drive";

const speaking = (key: string) => new OpenWa({ key, client: createClient({ baseUrl: url, auth: key }) });

/** What is wrong, of an answer that has to be no success. */
async function refused(status: number, answer: Promise<{ error: Refusal | undefined }>): Promise<Refusal> {
  const { error } = await answer;
  assert(error !== undefined && error.statusCode === status);
  return error;
}

const first = speaking(admin);
const made = await first.auth.createApiKey({ body: { name: "Drive", role: "operator" }, throwOnError: true });
const viewer = await first.auth.createApiKey({ body: { name: "Look", role: "viewer" }, throwOnError: true });
const openwa = speaking(made.data.apiKey);
console.log("keys");

const here = { sessionId: "typescript" };
await openwa.sessions.create({ body: { name: here.sessionId }, throwOnError: true });
await openwa.sessions.start({ path: here, throwOnError: true });
while ((await openwa.sessions.get({ path: here, throwOnError: true })).data.status !== "ready") {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
console.log("session");

let deliver: (told: WebhookEnvelope) => void;
const delivered = new Promise<WebhookEnvelope>((resolve) => { deliver = resolve; });
const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const signature = Buffer.from("sha256=" + createHmac("sha256", secret).update(body).digest("hex"));
  const given = Buffer.from(String(request.headers["x-openwa-signature"]));
  if (given.length === signature.length && timingSafeEqual(given, signature)) deliver(JSON.parse(body.toString()));
  response.writeHead(204).end();
}).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const hook = await openwa.webhooks.create({
  path: here,
  body: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, events: ["message.sent"], secret },
  throwOnError: true,
});
assert.equal((await openwa.webhooks.listOfSession({ path: here, throwOnError: true })).data[0]?.id, hook.data.id);

const text = { chatId: "447700900123@c.us", text: "Hello from TypeScript" };
const sent = await openwa.messages.sendText({ path: here, body: text, throwOnError: true });
assert("messageId" in sent.data, "neither queued nor only looked at");
console.log("text");
const base64 = Buffer.from("89504e470d0a1a0a", "hex").toString("base64");
const image = { chatId: text.chatId, base64, mimetype: "image/png" };
await openwa.messages.sendImage({ path: here, body: image, throwOnError: true });
console.log("image");

const told = await delivered;
assert.equal(told.event, "message.sent");
assert.equal((told.data as MessageData).body, text.text);
console.log("webhook");

const history = await openwa.messages.listAll({ path: here, query: { limit: 10 }, throwOnError: true });
const { messageId } = sent.data;
assert.deepEqual(history.data.messages.map((one) => one.type), ["image", "text"]);
assert.equal(history.data.messages[1]?.waMessageId, messageId);
const events = await openwa.events.listAll({ query: { type: ["message.sent"] }, throwOnError: true });
const event = events.data.events[0];
assert(event?.type === "message.sent" && event.data.id === messageId, "events are told apart by their type");
console.log("history");

for (const name of ["typescript-2", "typescript-3"]) await openwa.sessions.create({ body: { name }, throwOnError: true });
const pages = [];
for (const offset of [0, 1, 2]) {
  const page = await openwa.sessions.listAll({ query: { limit: 1, offset }, throwOnError: true });
  pages.push(page.data[0]?.name);
}
assert.deepEqual(pages, ["typescript-3", "typescript-2", "typescript"]);
console.log("pages");

const bad = await refused(400, openwa.messages.sendText({ path: here, body: { ...text, text: "" } }));
assert(Array.isArray(bad.message));
await refused(401, speaking("no").sessions.listAll());
await refused(403, speaking(viewer.data.apiKey).sessions.create({ body: { name: "typescript" } }));
await refused(404, openwa.sessions.get({ path: { sessionId: "nobody" } }));
await refused(409, openwa.sessions.create({ body: { name: "typescript" } }));
console.log("errors");
await openwa.sessions.delete({ path: here, throwOnError: true });
server.close();
