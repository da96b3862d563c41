// Holds the receivers to the contract: each is given deliveries that are signed here, by code of
// its own, and must accept the right ones and refuse the others. A receiver that accepts
// everything would make every end-to-end test green.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const test = require('node:test');

const WEBHOOK = 'wh_00f3w5g400001';
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OLD_SECRET = 'whsec_' + Buffer.alloc(24, 7).toString('base64');
const UNIX_S = Math.floor(Date.now() / 1000);
// Made by scripts/setup.sh.
const PYTHON = process.env.PYTHON ?? path.join(__dirname, '../../.venv/bin/python');

const SEED_5 = { program: 'seed-express.js', env: { EXPRESS: '5' } };
const SEED_4 = { program: 'seed-express.js', env: { EXPRESS: '4' } };
const STANDARD_NODE = { program: 'standard-webhooks.js', env: {} };
const STANDARD_PYTHON = { program: 'standard_webhooks.py', env: {} };

// ---- Signing, as the contract says.

function hmac(key, encoding, ...parts) {
  const state = crypto.createHmac('sha256', key);
  for (const part of parts) state.update(part);
  return state.digest(encoding);
}

function standardSignature(secret, id, unixS, body) {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return 'v1,' + hmac(key, 'base64', `${id}.${unixS}.`, body);
}

function delivery({ data = '{"call_id":"call_1"}', eventId = 'evt_1', unixS = UNIX_S } = {}) {
  const head =
    `{"event":"call.ended","timestamp":"2025-01-15T14:30:25.123Z","webhook_id":"${WEBHOOK}",` +
    `"data":${data},"metadata":{"version":"1.0","event_id":"${eventId}"`;
  const inner = hmac(SECRET, 'hex', head + '}}');
  const body = `${head},"signature":"sha256=${inner}"}}`;
  const headers = {
    'content-type': 'application/json',
    'x-webhook-signature': hmac(SECRET, 'hex', body),
    'x-webhook-signature-256': 'sha256=' + hmac(SECRET, 'hex', body),
    'webhook-id': eventId,
    'webhook-timestamp': String(unixS),
    'webhook-signature': standardSignature(SECRET, eventId, unixS, body),
  };
  return { body, headers };
}

function tampered() {
  const { body, headers } = delivery();
  return { body: body.replace('call_1', 'call_2'), headers };
}

// As a sender that does not keep JavaScript's form would sign it: right over its bytes.
function reformatted() {
  return delivery({ data: '{"n":1.0}' });
}

function withHeader(name, value) {
  const { body, headers } = delivery();
  return { body, headers: { ...headers, [name]: value(body) } };
}

function withoutHeader(name) {
  const { body, headers } = delivery();
  delete headers[name];
  return { body, headers };
}

// ---- Running a receiver.

async function start(t, { program, env }) {
  const interpreter = program.endsWith('.py') ? PYTHON : process.execPath;
  const child = spawn(interpreter, [path.join(__dirname, program)], {
    // Express logs a thrown error unless it is being tested.
    env: { ...process.env, NODE_ENV: 'test', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.stdin.end();
    const [code] = await exited;
    assert.equal(code, 0, 'ends by itself when its standard input does');
  });
  const lines = readline.createInterface({ input: child.stdout });
  const [ready] = await Promise.race([
    once(lines, 'line'),
    exited.then(([code]) => Promise.reject(new Error(`${program} exited with ${code}`))),
  ]);
  const url = `http://127.0.0.1:${JSON.parse(ready).port}`;
  await post(`${url}/__control`, { body: JSON.stringify({ secrets: { [WEBHOOK]: SECRET } }) });
  return {
    child,
    send: (signed) => post(`${url}/webhook/ai-sync`, signed),
    report: async () => (await fetch(`${url}/__report`)).json(),
  };
}

async function post(url, { body, headers }) {
  const response = await fetch(url, { method: 'POST', body, headers });
  await response.arrayBuffer();
  return response;
}

// Sends one delivery to a fresh receiver and compares the status and some of the report.
function check(story, receiver, signed, status, expected) {
  const name = `${receiver.program} ${receiver.env.EXPRESS ?? ''}`.trim();
  test(`${name}: ${story}`, async (t) => {
    const { send, report } = await start(t, receiver);
    assert.equal((await send(signed)).status, status);
    const counted = await report();
    assert.equal(counted.received, 1);
    for (const [member, value] of Object.entries(expected)) {
      assert.deepEqual(counted[member], value, `${member} in ${JSON.stringify(counted)}`);
    }
  });
}

const GOOD = {
  verified: 1, failed: 0, failures: [], by_event: { 'call.ended': 1 },
  ids_seen_unique: 1, duplicates: 0,
};
const BAD = { verified: 0, failed: 1, by_event: {}, ids_seen_unique: 0 };
const UNICODE = delivery({
  data: '{"1":2.5e-7,"name":"Zoë \\"Z\\" 🎉\u2028","nested":{"tags":[]}}',
});

for (const seed of [SEED_5, SEED_4]) {
  const kept = { fixed_point: { kept: 1, changed: 0 } };
  const inner = (verified) => ({ metadata_signature: { verified, failed: 1 - verified } });
  check('accepts a delivery', seed, delivery(), 200, { ...GOOD, ...kept, ...inner(1) });
  check('accepts a body of any letters', seed, UNICODE, 200, { ...GOOD, ...kept, ...inner(1) });
  check('refuses a changed body', seed, tampered(), 401, { ...BAD, ...kept, ...inner(0) });
  check('refuses a body in another form', seed, reformatted(), 401, {
    ...BAD, ...inner(0), fixed_point: { kept: 0, changed: 1 },
  });
  check('refuses a stranger\'s signature', seed,
    withHeader('x-webhook-signature', (body) => hmac(OLD_SECRET, 'hex', body)), 401, BAD);
  // The guide's code throws here: why bare hex is the default.
  check('throws at a prefixed signature', seed,
    withHeader('x-webhook-signature', (body) => 'sha256=' + hmac(SECRET, 'hex', body)), 500, BAD);
  check('throws without a signature', seed, withoutHeader('x-webhook-signature'), 500, BAD);
}

for (const standard of [STANDARD_NODE, STANDARD_PYTHON]) {
  const success = standard === STANDARD_NODE ? 204 : 200;
  check('accepts a delivery', standard, delivery(), success, GOOD);
  check('accepts a body of any letters', standard, UNICODE, success, GOOD);
  check('accepts the second of two signatures', standard,
    withHeader('webhook-signature', (body) =>
      [OLD_SECRET, SECRET].map((key) => standardSignature(key, 'evt_1', UNIX_S, body)).join(' ')),
    success, GOOD);
  check('refuses a changed body', standard, tampered(), 400, BAD);
  check('refuses another event\'s id', standard,
    withHeader('webhook-id', () => 'evt_2'), 400, BAD);
  check('refuses an old timestamp', standard, delivery({ unixS: UNIX_S - 600 }), 400, BAD);
  check('refuses a missing signature', standard, withoutHeader('webhook-signature'), 400, BAD);
}
check('counts each library', STANDARD_NODE, tampered(), 400, {
  libraries: { standardwebhooks: { verified: 0, failed: 1 }, svix: { verified: 0, failed: 1 } },
});

for (const receiver of [SEED_5, STANDARD_NODE, STANDARD_PYTHON]) {
  test(`${receiver.program}: counts a delivery that comes again`, async (t) => {
    const { send, report } = await start(t, receiver);
    await send(tampered()); // Refused, so that the next one is no duplicate of it.
    await send(delivery());
    await send(delivery());
    await send(delivery({ eventId: 'evt_2' }));
    const { received, verified, failed, failures, ids_seen_unique, duplicates } = await report();
    assert.deepEqual([received, verified, failed], [4, 3, 1]);
    assert.deepEqual([ids_seen_unique, duplicates], [2, 1]);
    // The seed's receiver shows the same body twice: for its header and for its metadata.
    assert.ok(failures.length > 0 && failures.every(({ body }) => body === tampered().body));
  });

  test(`${receiver.program}: ends on SIGTERM`, async (t) => {
    const { child } = await start(t, receiver);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
}

const LIMIT_HEADERS = [
  [{}, ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset']],
  [{ HEADERS: 'draft-6' }, ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset']],
  [{ HEADERS: 'draft-7' }, ['ratelimit', 'ratelimit-policy']],
  [{ HEADERS: 'draft-8' }, ['ratelimit', 'ratelimit-policy']],
];
for (const [env, headers] of LIMIT_HEADERS) {
  test(`rate-limited-express.js ${env.HEADERS ?? ''}: says 429 beyond the limit`, async (t) => {
    const { send, report } = await start(t, {
      program: 'rate-limited-express.js',
      env: { WINDOW_MS: '60000', MAX: '2', ...env },
    });
    const statuses = [];
    let last;
    for (let sent = 0; sent < 3; sent += 1) {
      last = await send(delivery());
      statuses.push(last.status);
    }
    assert.deepEqual(statuses, [200, 200, 429]);
    assert.equal(last.headers.get('retry-after'), '60');
    for (const name of headers) assert.ok(last.headers.has(name), `${name} is missing`);
    const { received, accepted, limited } = await report();
    assert.deepEqual([received, accepted, limited], [3, 2, 1]);
  });
}

test('the lock file names no registry', () => {
  const lock = JSON.parse(fs.readFileSync(path.join(__dirname, 'package-lock.json'), 'utf8'));
  for (const [name, entry] of Object.entries(lock.packages)) {
    assert.equal(entry.resolved, undefined, name);
  }
});
