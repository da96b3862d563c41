"""A receiver in Python that uses PyPI's standardwebhooks, on the standard library's HTTP server.

Secrets, report, ready line and end are those of receiver.js.
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

FAILURES_KEPT = 20


class Report:
    """The counts. One condition: every connection has a thread of its own."""

    def __init__(self):
        self.lock = threading.Condition()
        self.ids = set()
        self.counts = {
            "received": 0,
            "verified": 0,
            "failed": 0,
            "failures": [],
            "by_event": {},
            "ids_seen_unique": 0,
            "duplicates": 0,
        }

    def accept(self, body):
        with self.lock:
            counts = self.counts
            counts["received"] += 1
            counts["verified"] += 1
            event = body["event"]
            counts["by_event"][event] = counts["by_event"].get(event, 0) + 1
            delivery = (body["webhook_id"], body["metadata"]["event_id"])
            if delivery in self.ids:
                counts["duplicates"] += 1
            else:
                self.ids.add(delivery)
                counts["ids_seen_unique"] += 1
                self.lock.notify_all()

    def wait_for_unique(self, unique):
        with self.lock:
            self.lock.wait_for(lambda: self.counts["ids_seen_unique"] >= unique)

    def refuse(self, why, raw):
        with self.lock:
            self.counts["received"] += 1
            self.counts["failed"] += 1
            if len(self.counts["failures"]) < FAILURES_KEPT:
                body = raw.decode(errors="replace")
                self.counts["failures"].append({"why": why, "body": body})

    def text(self):
        with self.lock:
            return json.dumps(self.counts)


SECRETS = json.loads(os.environ.get("SECRETS", "{}"))
REPORT = Report()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one segment: two would wait for each other's acknowledgement.
    wbufsize = -1

    def do_GET(self):
        if self.path == "/__report":
            self.answer(200, REPORT.text())
        elif self.path.startswith("/__wait?unique="):
            REPORT.wait_for_unique(int(self.path.split("=")[1]))
            self.answer(200, REPORT.text())
        else:
            self.answer(404, "{}")

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/__control":
            SECRETS.update(json.loads(raw)["secrets"])
            self.answer(200, json.dumps({"webhooks": len(SECRETS)}))
            return
        try:
            secret = SECRETS[json.loads(raw)["webhook_id"]]
            body = Webhook(secret).verify(raw, dict(self.headers))
        # Whatever goes wrong, a receiver that people rely on says 400 and goes on.
        except Exception as error:  # pylint: disable=broad-except
            REPORT.refuse(f"{type(error).__name__}: {error}", raw)
            self.answer(400, json.dumps({"error": "invalid signature"}))
            return
        REPORT.accept(body)
        self.answer(200, json.dumps({"received": True}))

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Silent: the report says it all."""


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    # Until the end of standard input, which comes with the end of the test.
    sys.stdin.read()


main()
