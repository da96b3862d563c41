// What every receiver here has in common: secrets given by the test, counts of what came in, the
// two control addresses, and an end together with the test. How a delivery is verified is each
// receiver's own, written as its users write it.
//
//   POST /__control {"secrets":{"wh_…":"whsec_…"}}   adds secrets (the first: SECRETS, as JSON)
//   GET  /__report                                   the counts, as one JSON object
//   GET  /__wait?unique=N                            the same, once N different deliveries verified
//
// A receiver prints {"port":N} once it listens. It ends when its standard input does, so that a
// test that was killed leaves no orphan, and on SIGTERM.
'use strict';

const http = require('node:http');

const FAILURES_KEPT = 20;

class Report {
  received = 0;
  verified = 0;
  failed = 0;
  failures = [];
  by_event = {};
  // Of accepted deliveries only: one that was refused is meant to come again.
  ids_seen_unique = 0;
  duplicates = 0;
  #ids = new Set();
  #waiting = [];

  accept(body) {
    this.verified += 1;
    this.by_event[body.event] = (this.by_event[body.event] ?? 0) + 1;
    // One event goes to each webhook that wants it, and two of those may have this receiver's URL.
    const id = `${body.webhook_id} ${body.metadata?.event_id}`;
    if (this.#ids.has(id)) {
      this.duplicates += 1;
    } else {
      this.#ids.add(id);
      this.ids_seen_unique += 1;
    }
    this.#waiting = this.#waiting.filter(({ unique, then }) => {
      if (this.ids_seen_unique >= unique) then();
      return this.ids_seen_unique < unique;
    });
  }

  whenUnique(unique, then) {
    if (this.ids_seen_unique >= unique) then();
    else this.#waiting.push({ unique, then });
  }

  refuse(why, body) {
    this.failed += 1;
    this.keep(why, body);
  }

  // Shows a fault that decides nothing about accepting or refusing.
  keep(why, body) {
    if (this.failures.length < FAILURES_KEPT) {
      this.failures.push({ why, body: body?.toString() ?? null });
    }
  }
}

// `members` are counts that only one receiver has; they stand in its report beside the common ones.
function createReceiver(members = {}) {
  const secrets = JSON.parse(process.env.SECRETS ?? '{}');
  const report = Object.assign(new Report(), members);

  function listen(app) {
    const server = http.createServer((req, res) => {
      if (req.method === 'POST' && req.url === '/__control') {
        takeSecrets(req, res, secrets);
      } else if (req.method === 'GET' && req.url === '/__report') {
        answer(res, 200, report);
      } else if (req.method === 'GET' && req.url.startsWith('/__wait?unique=')) {
        report.whenUnique(Number(req.url.split('=')[1]), () => answer(res, 200, report));
      } else {
        app(req, res);
      }
    });
    server.listen(0, '127.0.0.1', () => {
      console.log(JSON.stringify({ port: server.address().port }));
    });
    process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
    process.on('SIGTERM', () => process.exit(0));
  }

  return { secrets, report, listen };
}

async function takeSecrets(req, res, secrets) {
  try {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    Object.assign(secrets, JSON.parse(Buffer.concat(chunks)).secrets);
    answer(res, 200, { webhooks: Object.keys(secrets).length });
  } catch (error) {
    answer(res, 400, { error: error.message });
  }
}

function answer(res, status, body) {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

module.exports = { createReceiver };
