import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# The key is the base64 behind whsec_, decoded.
KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
seen = set()  # in production: a table with a unique key, or Redis


def is_verified(headers, body):
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 300:
        return False  # old, repeated, or no number

    signed = f"{webhook_id}.{timestamp}.".encode() + body
    expected = hmac.new(KEY, signed, hashlib.sha256).digest()
    # While a secret is being rotated there are two signatures: one of them has to match.
    for signature in headers.get("webhook-signature", "").split():
        version, _, digest = signature.partition(",")
        try:
            given = base64.b64decode(digest)
        except ValueError:
            continue
        if version == "v1" and hmac.compare_digest(given, expected):
            return True
    return False


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        # The raw bytes: what is signed.
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not is_verified(self.headers, body):
            return self.answer(400)

        # Deliveries come at least once; a repeated one has the same webhook-id.
        webhook_id = self.headers["webhook-id"]
        if webhook_id not in seen:
            seen.add(webhook_id)
            handle(json.loads(body))
        self.answer(204)  # answer at once, do slow work later

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


def handle(event):
    print("handling", event["event"], event["data"], flush=True)


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 3000))), Receiver)
print("Listening on port", server.server_port, flush=True)
server.serve_forever()
