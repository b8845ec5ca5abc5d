// An unmodified Baileys client, driven by the Go test over JSON lines: commands
// come in on stdin, what happens goes out on stdout.
//
// Arguments: the websocket URL, a file with the authority to trust, a directory
// for the credentials.
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { createInterface } from 'node:readline';
import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import makeWASocket, { DisconnectReason, downloadMediaMessage, jidNormalizedUser, proto, useMultiFileAuthState } from 'baileys';

const [url, caFile, authDir] = process.argv.slice(2);
const agent = new Agent({ ca: readFileSync(caFile) });
const say = (event, data = {}) => process.stdout.write(JSON.stringify({ event, ...data }) + '\n');

// Baileys wants a pino logger; errors of the library are of interest, on stderr.
const silent = () => {};
const log = { level: 'warn', trace: silent, debug: silent, info: silent,
  warn: (...a) => console.error('warn', ...a), error: (...a) => console.error('error', ...a), child: () => log };

const { state, saveCreds } = await useMultiFileAuthState(authDir);
let socket;
let leaving = false;
const seen = new Map(); // messages by their ids, to act on them

const textOf = m => m?.conversation ?? m?.extendedTextMessage?.text ?? '';

function connect() {
  socket = makeWASocket({ auth: state, waWebSocketUrl: url, agent, fetchAgent: agent, logger: log, browser: ['Linux', 'Chrome', '1.0'] });
  socket.ev.on('creds.update', saveCreds);
  socket.ev.on('connection.update', update => {
    if (update.qr) say('qr', { qr: update.qr });
    if (update.connection === 'open') say('open', { id: socket.user?.id, lid: socket.user?.lid, name: socket.user?.name });
    if (update.receivedPendingNotifications) say('caughtUp');
    if (update.connection === 'close') {
      const code = update.lastDisconnect?.error?.output?.statusCode;
      say('close', { code });
      // After pairing the server asks for a new connection; this is the program's work.
      if (!leaving && code !== DisconnectReason.loggedOut && code !== DisconnectReason.connectionReplaced) connect();
    }
  });
  socket.ev.on('messages.upsert', ({ messages, type }) => {
    for (const m of messages) {
      if (m.message) seen.set(m.key.id, m);
      say('message', { id: m.key.id, chat: m.key.remoteJid, fromMe: !!m.key.fromMe, name: m.pushName, type,
        text: textOf(m.message), stub: m.messageStubType ?? 0, reaction: m.message?.reactionMessage?.text,
        raw: m.message && !textOf(m.message) ? Buffer.from(proto.Message.encode(m.message).finish()).toString('base64') : undefined });
      const text = textOf(m.message);
      if (type === 'notify' && !m.key.fromMe && text.startsWith('echo '))
        run({ id: 'echo', do: 'send', to: m.key.remoteJid, text: text.slice(5) });
    }
  });
  // The stanza itself: where several receipts come at once, the event that
  // Baileys makes of them shows only the last.
  socket.ws.on('CB:receipt', n => say('receipt', { id: n.attrs.id, type: n.attrs.type ?? 'delivered' }));
}

// A vote as phones make it; Baileys itself can only read them.
function vote(id, options, lid) {
  const poll = seen.get(id);
  const own = jidNormalizedUser(lid ? socket.user.lid : socket.user.id);
  const author = poll.key.fromMe ? own : jidNormalizedUser(poll.key.participant ?? poll.key.remoteJid);
  const secret = poll.message.messageContextInfo.messageSecret;
  const key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), Buffer.from(id + author + own + 'Poll Vote'), 32));
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(`${id}\0${own}`));
  const selectedOptions = options.map(o => createHash('sha256').update(o).digest());
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish();
  const encPayload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { pollUpdateMessage: { pollCreationMessageKey: poll.key, vote: { encPayload, encIv: iv }, senderTimestampMs: Date.now() } };
}

async function run(command) {
  try {
    switch (command.do) {
      case 'send': {
        const sent = await socket.sendMessage(command.to, { text: command.text });
        seen.set(sent.key.id, sent);
        say('sent', { ref: command.id, id: sent.key.id });
        break;
      }
      case 'file': { // the bytes of command.raw, as a document
        const document = Buffer.from(command.raw, 'base64');
        const sent = await socket.sendMessage(command.to, { document, mimetype: 'application/octet-stream', fileName: command.text });
        seen.set(sent.key.id, sent);
        say('sent', { ref: command.id, id: sent.key.id });
        break;
      }
      case 'fetch': { // the file of the message with the id of command.on
        const file = await downloadMediaMessage(seen.get(command.on), 'buffer', {});
        say('fetched', { ref: command.id, raw: file.toString('base64') });
        break;
      }
      case 'act': { // on the message with the id of command.on: react, edit or delete
        const key = seen.get(command.on).key;
        const content = { react: { react: { text: command.text, key } }, edit: { text: command.text, edit: key }, delete: { delete: key } };
        const sent = await socket.sendMessage(command.to, content[command.act]);
        say('sent', { ref: command.id, id: sent.key.id });
        break;
      }
      case 'poll': {
        const sent = await socket.sendMessage(command.to, { poll: { name: command.text, values: command.options, selectableCount: 1 } });
        seen.set(sent.key.id, sent);
        say('sent', { ref: command.id, id: sent.key.id });
        break;
      }
      case 'vote':
        say('sent', { ref: command.id, id: await socket.relayMessage(command.to, vote(command.on, command.options, command.lid), {}) });
        break;
      case 'proto': { // any message, as bytes; the answer says what Baileys made of it
        const message = proto.Message.decode(Buffer.from(command.raw, 'base64'));
        const id = await socket.relayMessage(command.to, message, {});
        say('sent', { ref: command.id, id, raw: Buffer.from(proto.Message.encode(message).finish()).toString('base64') });
        break;
      }
      case 'receipt':
        await socket.sendReceipt(command.to, command.participant, command.messages, command.type);
        say('done', { ref: command.id });
        break;
      case 'read':
        await socket.readMessages([{ remoteJid: command.to, id: command.message, fromMe: false }]);
        say('done', { ref: command.id });
        break;
      case 'check':
        say('checked', { ref: command.id, found: (await socket.onWhatsApp(...command.numbers)).filter(r => r.exists).map(r => r.jid) });
        break;
      case 'mute':
        await socket.chatModify({ mute: 8 * 60 * 60 * 1000 }, command.to);
        say('done', { ref: command.id });
        break;
      case 'logout':
        leaving = true;
        await socket.logout();
        say('done', { ref: command.id });
        break;
      default:
        throw new Error('unknown command ' + command.do);
    }
  } catch (error) {
    say('failed', { ref: command.id, error: String(error?.stack ?? error) });
  }
}

connect();
const lines = createInterface({ input: process.stdin });
lines.on('line', line => run(JSON.parse(line)));
lines.on('close', () => {
  leaving = true;
  socket.end(undefined);
  process.exit(0);
});
