import express from "express";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set(); // in production: a table with a unique key, or Redis
const app = express();

// The raw body: the signature is over the bytes as they came, so no JSON parser before this.
app.post("/webhook", express.raw({ type: "application/json", limit: "1mb" }), (req, res) => {
  let event;
  try {
    // Compares in constant time, and refuses what is more than five minutes old.
    event = webhook.verify(req.body, req.headers);
  } catch {
    return res.status(400).end();
  }

  // Deliveries come at least once; a repeated one has the same webhook-id.
  const id = req.headers["webhook-id"];
  if (!seen.has(id)) {
    seen.add(id);
    handle(event);
  }
  res.status(204).end(); // answer at once, do slow work later
});

function handle(event) {
  console.log("handling", event.event, event.data);
}

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log("Listening on port", server.address().port);
});
