// The receiver of the webhook guide that customers follow: its verifier, its middleware and its
// handler, word for word. What is adapted, and nothing else:
//   - the path: `/webhook/*` is Express 4's spelling, `/webhook/*splat` Express 5's (EXPRESS=4|5);
//     the handler stands at the same path, because the guide's `/webhook` is not covered by its
//     own middleware. Deliveries go to /webhook/ai-sync, the address in the guide;
//   - the secret is looked up by the webhook that the body names, because a test has many.
// So it refuses with 401 what the guide's code refuses, and throws (500) where that code throws:
// with a missing header, or with one that starts with `sha256=`. express.json() keeps its own
// limit of 100 kB.
'use strict';

const { createReceiver } = require('./receiver');
const express = require(process.env.EXPRESS === '4' ? 'express4' : 'express');

const PATH = process.env.EXPRESS === '4' ? '/webhook/*' : '/webhook/*splat';

const { secrets, report, listen } = createReceiver({
  // metadata.signature, which the guide shows but never verifies.
  metadata_signature: { verified: 0, failed: 0 },
  // Whether JSON.stringify(JSON.parse(body)) is the body, byte for byte.
  fixed_point: { kept: 0, changed: 0 },
});
const app = express();

app.use((req, res, next) => {
  report.received += 1;
  res.on('finish', () => {
    if (res.statusCode !== 200) {
      report.refuse(`${res.statusCode} ${res.locals.why ?? res.statusMessage}`, req.rawBody);
    }
  });
  next();
});
app.use(express.json({ verify: (req, _res, raw) => { req.rawBody = raw; } }));
app.use(PATH, (req, _res, next) => {
  if (req.rawBody !== undefined) checkBody(req.rawBody.toString());
  next();
});

// ---- The guide's code starts here.
const crypto = require('crypto');

function verifyWebhookSignature(payload, signature, secret) {
  const expectedSignature = crypto
    .createHmac('sha256', secret)
    .update(payload)
    .digest('hex');
  
  return crypto.timingSafeEqual(
    Buffer.from(signature, 'hex'),
    Buffer.from(expectedSignature, 'hex')
  );
}

// Middleware to verify webhooks
app.use(PATH, (req, res, next) => {
  const WEBHOOK_SECRET = secrets[req.body.webhook_id]; // Adapted: the guide has one for all.
  const signature = req.headers['x-webhook-signature'];
  const payload = JSON.stringify(req.body);
  
  if (!verifyWebhookSignature(payload, signature, WEBHOOK_SECRET)) {
    return res.status(401).json({ error: 'Invalid signature' });
  }
  
  next();
});

app.post(PATH, (req, res) => {
  try {
    // Process webhook data
    processWebhookData(req.body);
    
    // Success response
    res.status(200).json({ 
      received: true,
      timestamp: new Date().toISOString()
    });
  } catch (error) {
    // Log error for debugging
    console.error('Webhook processing error:', error);
    
    // Return error status
    res.status(500).json({ 
      error: 'Internal processing error',
      message: error.message
    });
  }
});
// ---- The guide's code ends here.

function processWebhookData(body) {
  report.accept(body);
}

function checkBody(raw) {
  const body = JSON.parse(raw);
  const kept = JSON.stringify(body) === raw;
  report.fixed_point[kept ? 'kept' : 'changed'] += 1;
  if (!kept) report.keep('the body is no fixed point of JSON.stringify', raw);

  const verified = metadataSignatureIsRight(body);
  report.metadata_signature[verified ? 'verified' : 'failed'] += 1;
  if (!verified) report.keep('metadata.signature does not verify', raw);
}

function metadataSignatureIsRight(body) {
  const signature = body.metadata?.signature;
  const secret = secrets[body.webhook_id];
  if (typeof signature !== 'string' || secret === undefined) return false;
  delete body.metadata.signature;
  const expected = crypto.createHmac('sha256', secret).update(JSON.stringify(body)).digest('hex');
  return signature === `sha256=${expected}`;
}

// Only keeps the reason; the answer is Express's own, as it is for the guide's reader.
app.use((error, _req, res, next) => {
  res.locals.why = error.message;
  next(error);
});

listen(app);
