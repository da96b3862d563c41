// The rate limiter of the webhook guide that customers follow, with a window that a test can wait
// for: WINDOW_MS and MAX set it. HEADERS=draft-6|draft-7|draft-8 asks the library for the standard
// headers too; without it the library's default stays (x-ratelimit-*, and retry-after on a 429).
// Signatures are left to the other receivers.
'use strict';

const express = require('express');

const { createReceiver } = require('./receiver');

const { report, listen } = createReceiver({ accepted: 0, limited: 0 });
const app = express();

app.use((req, res, next) => {
  report.received += 1;
  res.on('finish', () => {
    if (res.statusCode === 429) report.limited += 1;
    if (res.statusCode !== 200) report.refuse(`${res.statusCode} ${res.statusMessage}`);
  });
  next();
});

// ---- The guide's code starts here; the numbers and `standardHeaders` are adapted.
const rateLimit = require('express-rate-limit');

const webhookLimiter = rateLimit({
  windowMs: Number(process.env.WINDOW_MS ?? 15 * 60 * 1000), // 15 minutes
  max: Number(process.env.MAX ?? 1000), // Limit each IP to 1000 requests per windowMs
  message: 'Too many webhook requests',
  ...(process.env.HEADERS && { standardHeaders: process.env.HEADERS })
});

app.use('/webhook', webhookLimiter);
// ---- The guide's code ends here.

app.post('/webhook/ai-sync', express.json(), (req, res) => {
  report.accepted += 1;
  report.accept(req.body);
  res.status(200).json({ received: true });
});

listen(app);
