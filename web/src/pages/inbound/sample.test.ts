import { expect, test } from "vitest";
import { curl, nested, sampleBody, sampleFields, sentBody, signatureHeaders } from "./sample";

test("a deletion names the contact and nothing else", () => {
  expect(Object.keys(sampleFields({ event: "contact.delete" }))).toEqual(["phone_number"]);
});

test("a form is sent without its line breaks", () => {
  const written = sampleBody({ event: "contact" }, "form");
  expect(written).toContain("\n");
  const sent = new URLSearchParams(sentBody(written, "form"));
  expect(Object.fromEntries(sent)).toEqual(sampleFields({ event: "contact" }));
});

test("a shell takes the command as it is meant", () => {
  expect(curl("https://x/in/t/contact", { name: "O'Hara & co" }, "form")).toBe(
    "curl -X POST 'https://x/in/t/contact' \\\n  --data-urlencode 'name=O'\\''Hara & co'",
  );
  expect(curl("https://x", { a: "1" }, "json")).toContain(`-d '{"a":"1"}'`);
});

test("signs as receivers verify", async () => {
  // From OpenSSL: printf body | openssl dgst -sha256 -hmac whsec_1
  const hex = "dd7969d92555d62056b6c0f5463f3057d3482ded32433bb3580a1e0e79e54ea2";
  expect(await signatureHeaders("posthaste", "whsec_1", "body")).toEqual({
    "x-webhook-signature": hex,
  });
  expect(await signatureHeaders("github", "whsec_1", "body")).toEqual({
    "x-hub-signature-256": `sha256=${hex}`,
  });
  expect(await signatureHeaders("twilio", "whsec_1", "body")).toBe(null);
});

test("a sample is shaped as the mapping reads", () => {
  const mapping = { phone_number: "lead.phones.0", email: "mail" };
  expect(JSON.parse(sampleBody({ event: "contact.delete" }, "json", mapping))).toEqual({
    lead: { phones: { 0: "+12025550187" } },
  });
  expect(nested({ a: "1", "a.b": "2" })).toEqual({ a: { b: "2" } });
  expect(sampleFields({ event: "contact" }, mapping).mail).toBe("maria.lopez@example.com");
});
