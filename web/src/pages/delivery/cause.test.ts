import { expect, test } from "vitest";
import type { Attempt } from "../../api/client";
import { causeOf } from "./cause";

type Case = [Attempt["outcome"], number | null, string | null, short: string, advice: RegExp];

// The errors are the dispatcher's own sentences.
test.each<Case>([
  ["succeeded", 204, null, "204", /has arrived/],
  ["timed_out", null, "no connection within 10s", "Connect timeout", /firewall/],
  [
    "timed_out",
    null,
    "no connection to a.example within 5 s: nothing answered there",
    "Connect timeout",
    /firewall/,
  ],
  [
    "timed_out",
    null,
    "no connection to a.example within 5 s: the TLS handshake did not finish",
    "Connect timeout",
    /firewall/,
  ],
  ["timed_out", null, "no answer within 1s", "Timeout", /at once/],
  ["timed_out", 200, "the answer was not complete within 10s", "Slow response", /short body/],
  ["timed_out", null, null, "Timeout", /at once/],
  [
    "unreachable",
    null,
    "the name a.invalid does not exist or has no address",
    "Unknown host",
    /spelling/,
  ],
  ["unreachable", null, "no name server answered for a.example in time", "DNS failed", /servers/],
  ["unreachable", null, "the lookup of a.example failed: format error", "DNS failed", /servers/],
  ["unreachable", null, "127.0.0.1:9 refused the connection", "Refused", /listens/],
  ["unreachable", null, "no connection to 192.0.2.1:443: no route to host", "Unreachable", /is up/],
  ["unreachable", null, "the certificate of a.example has expired", "Certificate expired", /Renew/],
  [
    "unreachable",
    null,
    "the certificate of a.example is not valid yet",
    "Certificate not valid yet",
    /clocks/,
  ],
  [
    "unreachable",
    null,
    "the certificate of a.example is for another name (b.example, …)",
    "Wrong certificate",
    /names the host/,
  ],
  [
    "unreachable",
    null,
    "a.example has no certificate for this name",
    "Wrong certificate",
    /names the host/,
  ],
  [
    "unreachable",
    null,
    "the certificate of a.example is self-signed, comes from an authority that is not trusted here, or was sent without its intermediate certificate",
    "Certificate not trusted",
    /full chain/,
  ],
  [
    "unreachable",
    null,
    "the certificate of a.example has been revoked",
    "Certificate revoked",
    /new one/,
  ],
  ["unreachable", null, "a.example does not speak TLS on this port", "No TLS", /port of https/],
  [
    "unreachable",
    null,
    "a.example offers no version or cipher of TLS 1.2 or 1.3 that we know: handshake failure",
    "Old TLS",
    /1\.3/,
  ],
  [
    "unreachable",
    null,
    "the TLS handshake with a.example failed: decode error",
    "TLS failed",
    /TLS settings/,
  ],
  [
    "unreachable",
    null,
    "a.example closed the connection during the TLS handshake",
    "TLS failed",
    /TLS settings/,
  ],
  [
    "unreachable",
    null,
    "the receiver closed the connection before its answer was complete",
    "Connection closed",
    /crashed/,
  ],
  [
    "unreachable",
    null,
    "the answer is not HTTP that can be read: it does not start with HTTP/1",
    "Not HTTP",
    /port/,
  ],
  ["unreachable", null, null, "Unreachable", /is up/],
  [
    "blocked",
    null,
    "10.0.0.1 is not a public address (private network)",
    "Blocked address",
    /egress_allow/,
  ],
  [
    "blocked",
    null,
    "localhost is this machine's own name for itself",
    "Blocked address",
    /egress_allow/,
  ],
  ["blocked", null, "plain http is not allowed to a.example: use https", "Plain http", /Use https/],
  ["blocked", null, "port 25 does not speak HTTP", "Forbidden port", /port/],
  ["deferred", 429, "the receiver asked for patience (429)", "429", /none of the tries/],
  ["deferred", 503, "the receiver asked for patience (503)", "503", /none of the tries/],
  ["rejected", 301, "answered 301: redirects are not followed", "301", /final URL/],
  ["rejected", 400, "answered 400", "400", /response body/],
  ["rejected", 401, "answered 401", "401", /secret/],
  ["rejected", 403, "answered 403", "403", /allowlist/],
  ["rejected", 404, "answered 404", "404", /path/],
  ["rejected", 405, "answered 405", "405", /handler/],
  ["rejected", 409, "answered 409", "409", /more than once/],
  ["rejected", 410, "answered 410", "410", /new URL/],
  ["rejected", 413, "answered 413", "413", /limit/],
  ["rejected", 418, "answered 418", "418", /response body/],
  ["rejected", 422, "answered 422", "422", /schema/],
  ["rejected", 500, "answered 500", "500", /log/],
  ["rejected", 502, "answered 502", "502", /behind the proxy/],
  ["rejected", 503, "answered 503", "503", /by itself/],
  ["rejected", 504, "answered 504", "504", /at once/],
  ["rejected", 522, "answered 522", "522", /CDN/],
  ["rejected", 599, "answered 599", "599", /log/],
  ["rejected", 199, "answered 199", "199", /2xx/],
  ["rejected", null, null, "No status", /below/],
])("%s %s %s", (outcome, status_code, error, short, advice) => {
  const cause = causeOf({ outcome, status_code, error });
  expect(cause.short).toBe(short);
  expect(cause.advice).toMatch(advice);
  expect(cause.what).toMatch(/\.$/);
  expect(cause.advice).toMatch(/\.$/);
});

test("timeouts say how long was waited", () => {
  const error = "no answer within 1.5s";
  const { what } = causeOf({ outcome: "timed_out", status_code: null, error });
  expect(what).toContain("within 1.5 s");
});
