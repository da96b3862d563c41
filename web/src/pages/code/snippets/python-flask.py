import os

from flask import Flask, request
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen = set()  # in production: a table with a unique key, or Redis
app = Flask(__name__)


@app.post("/webhook")
def receive():
    body = request.get_data()  # the raw bytes: what is signed
    try:
        # Compares in constant time, and refuses what is more than five minutes old.
        event = webhook.verify(body, {name.lower(): value for name, value in request.headers})
    except (WebhookVerificationError, ValueError):  # the latter: malformed headers
        return "", 400

    # Deliveries come at least once; a repeated one has the same webhook-id.
    webhook_id = request.headers["webhook-id"]
    if webhook_id not in seen:
        seen.add(webhook_id)
        handle(event)
    return "", 204  # answer at once, do slow work later


def handle(event):
    print("handling", event["event"], event["data"], flush=True)


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", 3000)))
