// Clients of the server under test, as a front end would write them. Commands come as lines of
// JSON on standard input, what happens goes as lines of JSON to standard output. Ends with its
// input.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const clients = new Map();
const say = (id, what, more) => process.stdout.write(JSON.stringify({ id, what, ...more }) + "\n");

const commands = {
  connect({ id, url, transports, auth, headers, reconnection }) {
    const client = { cursors: {}, socket: null };
    const socket = io(url, {
      transports,
      forceNew: true,
      reconnection: reconnection === true,
      reconnectionDelay: 100,
      extraHeaders: headers,
      // As documented: what was seen last is where a reconnection begins.
      auth: (give) => give(Object.keys(client.cursors).length > 0 ? { ...auth, after: client.cursors } : auth),
    });
    client.socket = socket;
    clients.set(id, client);
    socket.on("connect", () => say(id, "connect", { transport: socket.io.engine.transport.name }));
    socket.io.on("open", () => socket.io.engine.on("upgrade", (t) => say(id, "upgrade", { transport: t.name })));
    socket.on("connect_error", (err) => say(id, "connect_error", { message: err.message, data: err.data }));
    socket.on("disconnect", (reason) => say(id, "disconnect", { reason }));
    socket.onAny((name, data, meta) => {
      if (meta) client.cursors[meta.sessionId] = meta.seq;
      say(id, "event", { name, data, meta });
    });
  },
  emit({ id, name, args, ack }) {
    const answer = ack ? [(value) => say(id, "ack", { name: ack, data: value })] : [];
    clients.get(id).socket.emit(name, ...(args ?? []), ...answer);
  },
  // The network stands still: nothing is read any more.
  pause({ id }) {
    clients.get(id).socket.io.engine.transport.ws.pause();
    say(id, "paused");
  },
  resume({ id }) {
    clients.get(id).socket.io.engine.transport.ws.resume();
  },
  close({ id }) {
    clients.get(id).socket.disconnect();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  commands[command.do](command);
}
process.exit(0);
