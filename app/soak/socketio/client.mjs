// A client of the server under test that follows all events and never gives up. Its address,
// token and cursors come as one line of JSON on standard input; what happens goes as lines of
// JSON to standard output. It ends with its input.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const lines = createInterface({ input: process.stdin });
const { url, token, after } = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);

const socket = io(url, {
  reconnectionDelay: 100,
  reconnectionDelayMax: 500,
  // What was seen last is where a reconnection begins.
  auth: (give) => give({ token, sessions: Object.keys(after), after }),
});
// A refused handshake and a goodbye of the server are for the application to deal with.
const again = () => socket.active || setTimeout(() => socket.connect(), 200);
socket.on("connect", () => say({ what: "connect" }));
socket.on("connect_error", (err) => {
  say({ what: "refused", code: err.data?.code ?? "", message: err.message });
  again();
});
socket.on("disconnect", again);
socket.onAny((name, data, meta) => {
  if (!meta) return;
  after[meta.sessionId] = meta.seq;
  say({ what: "event", event: { ...meta, data } });
});
lines.on("close", () => process.exit(0));
