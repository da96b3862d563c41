import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

// The key is the base64 behind whsec_, decoded.
const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const seen = new Set(); // in production: a table with a unique key, or Redis

function isVerified(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp } = headers;
  const age = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!(age <= 300)) return false; // old, repeated, or no number

  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // While a secret is being rotated there are two signatures: one of them has to match.
  return (headers["webhook-signature"] ?? "").split(" ").some((signature) => {
    const [version, digest] = signature.split(",");
    const given = Buffer.from(digest ?? "", "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

const server = createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const body = Buffer.concat(chunks); // the raw bytes: what is signed

  if (!isVerified(req.headers, body)) return res.writeHead(400).end();

  // Deliveries come at least once; a repeated one has the same webhook-id.
  const id = req.headers["webhook-id"];
  if (!seen.has(id)) {
    seen.add(id);
    handle(JSON.parse(body));
  }
  res.writeHead(204).end(); // answer at once, do slow work later
});

function handle(event) {
  console.log("handling", event.event, event.data);
}

server.listen(process.env.PORT ?? 3000, () => {
  console.log("Listening on port", server.address().port);
});
