// A server as it is after some days of use: receivers that are good, slow and failing, people, keys.
import { startReceiver } from "./receiver.mjs";

/**
 * Fills the server. `rounds` is how many events of each of ten types are published. Resolves when
 * every delivery to the good receiver has ended. Its receivers have to be stopped in the end.
 */
export async function fill(server, { rounds = 2 } = {}) {
  const receivers = {
    good: await startReceiver((n) => after(12 + ((n * 7) % 40), { body: '{"received":true}' })),
    slow: await startReceiver((n) => after(180 + ((n * 37) % 500), { status: 202 })),
    failing: await startReceiver((n) => {
      const answers = [
        { status: 500, body: '{"error":"relation \\"leads\\" does not exist"}' },
        { status: 503, headers: { "retry-after": "5" }, body: "Service Unavailable" },
        { status: 422, body: '{"error":"campaign_id is unknown"}' },
        { status: 204 },
      ];
      return after(25, answers[n % answers.length]);
    }),
  };
  const add = (settings) => server.call("POST", "/v1/webhooks", settings);
  const good = await add({
    title: "CRM Integration",
    description: "Keeps contacts and calls in the CRM up to date.",
    url: receivers.good.url,
    events: ["call.*", "contact", "contact.delete", "lead.generated"],
    headers: { "x-source": "posthaste" },
  });
  await add({
    title: "Analytics Sync",
    description: "Everything, for the warehouse.",
    url: receivers.slow.url,
    events: ["*"],
  });
  const failing = await add({
    title: "Campaign Reports",
    url: receivers.failing.url,
    events: ["campaign.*", "appointment.scheduled", "lead.generated", "sms.failed"],
    retry_delays_s: [0, 2, 60, 600],
  });
  const paused = await add({
    title: "SMS Archive",
    url: "https://archive.example.com/sms",
    events: ["sms.*"],
  });
  await server.call("POST", `/v1/webhooks/${paused.id}/pause`);
  const contacts = await fillContacts(server, add);
  const unused = await add({
    title: "Billing",
    url: "https://billing.example.com/hooks",
    events: ["agent.created"],
  });

  await server.call("POST", "/v1/event-types", {
    name: "deal.won",
    group: "Sales",
    description: "A deal was closed. Carries its value and who closed it.",
    use_cases: ["Commission", "dashboards"],
    schema: {
      type: "object",
      required: ["deal_id"],
      properties: { deal_id: { type: "string" }, value: { type: "number", minimum: 0 } },
    },
    sample: { deal_id: "deal_118", value: 12_400 },
  });
  await server.call("POST", "/v1/api-keys", { name: "Call centre backend", role: "publish" });
  await server.call("POST", "/v1/api-keys", { name: "Reporting", role: "read" });
  for (const [name, role] of [
    ["Ben Okafor", "editor"],
    ["Vic Stone", "viewer"],
  ]) {
    const email = `${name.split(" ")[0].toLowerCase()}@example.com`;
    await server.call("POST", "/v1/users", { name, email, role });
  }

  const { data: types } = await server.call("GET", "/v1/event-types?limit=100");
  const names = [
    "call.started",
    "call.answered",
    "call.ended",
    "call.transferred",
    "lead.generated",
    "appointment.scheduled",
    "campaign.completed",
    "sms.sent",
    "sms.failed",
    "contact",
  ];
  let last;
  for (let round = 0; round < rounds; round += 1) {
    const published = names.map((name) =>
      server.publish(name, types.find((type) => type.name === name).sample),
    );
    last = (await Promise.all(published)).at(-1);
    // As events come: some now, some a little later, so that the charts have a shape.
    await after(20 + 15 * (round % 5));
  }
  await server.call("POST", `/v1/webhooks/${good.id}/test`, {});

  const { data: delivered } = await until(
    () => server.call("GET", `/v1/deliveries?webhook_id=${good.id}&limit=1&event_id=${last.id}`),
    ({ data }) => data[0]?.status === "delivered",
  );
  const { data: retrying } = await until(
    () => server.call("GET", `/v1/deliveries?webhook_id=${failing.id}&status=retrying&limit=1`),
    ({ data }) => data[0]?.attempt_count > 0,
  );
  return {
    webhooks: { good, failing, paused, unused, ...contacts.webhooks },
    contacts,
    deliveries: { delivered: delivered[0], retrying: retrying[0] },
    event: last,
    stop: () => Promise.all(Object.values(receivers).map((receiver) => receiver.stop())),
  };
}

const people = [
  ["Maria", "Lopez", "Washington", ["qualified", "follow-up"], true],
  ["Ben", "Okafor", "Lagos", [], false],
  ["Ann", "Lee", "Seoul", ["new", "spring", "referred", "callback"], null],
  ["Vic", "Stone", "Detroit", ["new"], true],
];

/** Lists with contacts by hand, by import and by a webhook that receives. */
async function fillContacts(server, add) {
  const [list, empty] = await Promise.all([
    server.call("POST", "/v1/powerlists", {
      name: "January prospects",
      description: "Who asked for a call in January.",
    }),
    server.call("POST", "/v1/powerlists", { name: "Spring campaign", default_country: "DE" }),
  ]);
  let contact;
  for (const [n, [first_name, last_name, city, tags, consent]] of people.entries()) {
    contact = await server.call("POST", `/v1/powerlists/${list.id}/contacts`, {
      phone_number: `+1202555010${n}`,
      email: `${first_name.toLowerCase()}@example.com`,
      first_name,
      last_name,
      city,
      tags,
      consent,
      dnd: n === 1,
      custom_fields: { lead_score: 60 + n, next_action: "schedule_demo", asked: ["pricing"] },
    });
  }
  const rows = Array.from({ length: 40 }, (_, n) => `+1202555${1000 + n},Name ${n},${n}`);
  const file = ["Phone,First name,Score", ...rows, "12,Nobody,1", ",Nobody,2"].join("\n");
  const columns = JSON.stringify(["phone_number", "first_name", "custom_fields.score"]);
  const query = new URLSearchParams({ file_name: "leads.csv", columns, tags: "imported" });
  const started = await server.upload(`/v1/powerlists/${list.id}/imports?${query}`, file);
  const job = await until(
    () => server.call("GET", `/v1/jobs/${started.id}`),
    ({ state }) => state === "done",
  );
  const receiving = await add({
    title: "Contacts from the CRM",
    direction: "inbound",
    powerlist_id: list.id,
    events: ["contact", "contact.delete"],
    verification: null,
  });
  const silent = await add({
    title: "Landing page",
    direction: "inbound",
    powerlist_id: empty.id,
    events: ["contact"],
    verification: { scheme: "posthaste" },
  });
  const [{ path }] = receiving.endpoints;
  const post = (body) =>
    fetch(server.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  await post({ phone: "+12025550150", first_name: "Zoe", utm_source: "spring" });
  await post({ phone: "12", email: "nobody", first_name: "Zed" });
  const { data } = await server.call("GET", `/v1/webhooks/${receiving.id}/requests`);
  return { list, empty, contact, job, request: data[0], webhooks: { receiving, silent } };
}

/** Asks again until the answer is what is waited for. */
export async function until(ask, isReached) {
  for (const end = Date.now() + 15_000; ; ) {
    const answer = await ask();
    if (isReached(answer)) return answer;
    if (Date.now() > end) throw new Error(`not reached: ${JSON.stringify(answer).slice(0, 500)}`);
    await after(50);
  }
}

/** A receiver's time to think. */
function after(ms, value) {
  return new Promise((resolve) => setTimeout(resolve, ms, value));
}
