// A receiver that uses the libraries of Standard Webhooks: npm's standardwebhooks, and svix's own
// class, which takes the same headers. A delivery is accepted when both accept it.
'use strict';

const express = require('express');
const standardwebhooks = require('standardwebhooks');
const svix = require('svix');

const { createReceiver } = require('./receiver');

const LIBRARIES = { standardwebhooks: standardwebhooks.Webhook, svix: svix.Webhook };

const { secrets, report, listen } = createReceiver({
  libraries: {
    standardwebhooks: { verified: 0, failed: 0 },
    svix: { verified: 0, failed: 0 },
  },
});
const app = express();

// The raw body, because a signature is over bytes. The limit is above the largest body sent.
const rawBody = express.raw({ type: 'application/json', limit: '1mb' });
app.post('/webhook/ai-sync', rawBody, (req, res) => {
  report.received += 1;
  const { body, faults } = verify(req.body, req.headers);
  if (faults.length > 0) {
    report.refuse(faults.join('; '), req.body);
    return res.status(400).end();
  }
  report.accept(body);
  res.status(204).end();
});

function verify(raw, headers) {
  let secret;
  try {
    secret = secrets[JSON.parse(raw).webhook_id];
  } catch {
    return { faults: ['the body is not JSON'] };
  }
  if (secret === undefined) return { faults: ['no secret for this webhook'] };

  const faults = [];
  let body;
  for (const [name, Webhook] of Object.entries(LIBRARIES)) {
    try {
      body = new Webhook(secret).verify(raw, headers);
      report.libraries[name].verified += 1;
    } catch (error) {
      report.libraries[name].failed += 1;
      faults.push(`${name}: ${error.message}`);
    }
  }
  return { body, faults };
}

listen(app);
