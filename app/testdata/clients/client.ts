// A client as its users write it, on the types that openapi-typescript makes of the document. What it asserts by
// its types alone (tsc --strict) is as much part of the test as what it does.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Event = components["schemas"]["Event"];

const [url, control, email, password] = process.argv.slice(2) as [string, string, string, string];
const api = createClient<paths>({ baseUrl: url });

function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

async function phone(route: string, body: object): Promise<void> {
  const answer = await fetch(control + route, { method: "POST", body: JSON.stringify(body) });
  assert(answer.ok, `${route}: ${answer.status} ${await answer.text()}`);
}

// until reads the event log until an event fits.
async function until<T>(sessionId: string, pick: (e: Event) => T | undefined): Promise<T> {
  for (let after = 0; ; ) {
    const { data, error } = await api.GET("/api/v1/sessions/{sessionId}/events", {
      params: { path: { sessionId }, query: { after, wait: 20 } },
    });
    assert(data, `events: ${error?.code}`);
    for (const e of data.data) {
      const found = pick(e);
      if (found !== undefined) return found;
    }
    after = data.lastSeq;
  }
}

const login = await api.POST("/api/v1/users/login", { body: { email, password } });
assert(login.data, "not logged in");
const { token } = login.data;
const auth: Middleware = {
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${token}`);
    return request;
  },
};
api.use(auth);

const created = await api.POST("/api/v1/sessions", { body: { id: "typed", name: "Typed" } });
assert(created.data?.state === "created", "no session");

const again = await api.POST("/api/v1/sessions", { body: { id: "typed", name: "Typed" } });
assert(again.error, "a second session of this id");
const code: "session_exists" = (() => {
  switch (again.error.code) {
    case "session_exists":
      return again.error.code; // narrowed: the codes of the operation are known
    default:
      throw new Error(again.error.code);
  }
})();
// @ts-expect-error no such code is among those of this operation
assert(again.error.code !== "qr_not_ready", code);

const qr = await api.GET("/api/v1/sessions/{sessionId}/qr", { params: { path: { sessionId: "typed" }, query: { wait: 30 } } });
assert(qr.data && typeof qr.data === "object", "no QR code");
await phone("/sandbox/phones", { phone: "34611000001", name: "Ann" });
await phone("/sandbox/phones", { phone: "34611000002", name: "Bob" });
await phone("/sandbox/phones/34611000001/scan", { qr: qr.data.code });
await until("typed", (e) => (e.event === "session_connected" ? e.data.session.phone : undefined));

const sent = await api.POST("/api/v1/messages/sessions/{sessionId}/send/message", {
  params: { path: { sessionId: "typed" }, header: { "Idempotency-Key": "one" } },
  body: { to: "+34 611 00 00 02", text: "Hello from TypeScript" },
});
assert(sent.data?.fromMe, `not sent: ${sent.error?.code}`);

await phone("/sandbox/phones/34611000002/messages", { to: "34611000001", text: "Hello back" });
// Each event has its own data: message_sent a message, new_messages several.
const told = await until("typed", (e) => (e.event === "message_sent" ? e.data.message.text : undefined));
assert(told === "Hello from TypeScript", `message_sent told ${told}`);
await until("typed", (e) => (e.event === "new_messages" ? e.data.messages.find((m) => m.text === "Hello back") : undefined));

const list = await api.GET("/api/v1/messages/sessions/{sessionId}/chats/{chatId}/messages", {
  params: { path: { sessionId: "typed", chatId: "34611000002" } },
});
assert(list.data?.data.length === 2 && list.data.data[1]?.id === sent.data.id, "the chat has other messages");
console.log("ok");
