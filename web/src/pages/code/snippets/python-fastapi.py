import os

from fastapi import FastAPI, Request, Response
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen = set()  # in production: a table with a unique key, or Redis
app = FastAPI()


@app.post("/webhook")
async def receive(request: Request):
    body = await request.body()  # the raw bytes: what is signed
    try:
        # Compares in constant time, and refuses what is more than five minutes old.
        event = webhook.verify(body, dict(request.headers))
    except (WebhookVerificationError, ValueError):  # the latter: malformed headers
        return Response(status_code=400)

    # Deliveries come at least once; a repeated one has the same webhook-id.
    webhook_id = request.headers["webhook-id"]
    if webhook_id not in seen:
        seen.add(webhook_id)
        handle(event)
    return Response(status_code=204)  # answer at once, do slow work later


def handle(event):
    print("handling", event["event"], event["data"], flush=True)


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, port=int(os.environ.get("PORT", 3000)))
