#!/usr/bin/env bash
# Sends your receiver a request that is signed as real deliveries are.
set -euo pipefail

url="${1:-http://127.0.0.1:3000/webhook}"
id="evt_test_$(date +%s)"
timestamp="$(date +%s)"
body='{"event":"call.ended","data":{"call_id":"call_1","call_duration":42}}'

# The key is the base64 behind whsec_, decoded; openssl takes it as hex.
key="$(printf '%s' "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')"
signature="$(printf '%s.%s.%s' "$id" "$timestamp" "$body" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)"

# --data-binary sends the bytes as they are; -d would drop line breaks.
curl --silent --show-error --output /dev/null --write-out '%{http_code}\n' "$url" \
    --header 'content-type: application/json' \
    --header "webhook-id: $id" \
    --header "webhook-timestamp: $timestamp" \
    --header "webhook-signature: v1,$signature" \
    --data-binary "$body"
