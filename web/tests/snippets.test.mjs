// Runs the code that the dashboard shows to people who write receivers: each snippet gets a delivery
// as it should be, and others that it has to refuse. Only the languages that scripts/setup.sh does
// not install may be left out, and the output says so.
//
// POSTHASTE_BINARY is the path of the server's binary; the example beside it is the snippet in Rust,
// which the tests of Rust build. PYTHON names an interpreter that has the packages; else the
// environment in .venv is used.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { program, startServer } from "./support/server.mjs";

const repository = path.resolve(fileURLToPath(import.meta.url), "../../..");
const snippets = path.join(repository, "web/src/pages/code/snippets");
const packages = path.join(repository, "tests/receivers/node_modules");
const venv = path.join(repository, ".venv/bin/python");
const python = process.env.PYTHON ?? (existsSync(venv) ? venv : "python3");

const has = (command, ...args) => spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** How each receiver is started; `here` says whether the languages that may be lacking are there. */
const receivers = {
  "node-express.mjs": { command: (file) => [process.execPath, file] },
  "node.mjs": { command: (file) => [process.execPath, file] },
  "python.py": { command: (file) => [python, file] },
  "python-flask.py": { command: (file) => [python, file] },
  "python-fastapi.py": { command: (file) => [python, file] },
  "Receiver.java": { command: (file) => ["java", file] },
  "rust.rs": { command: () => [path.join(path.dirname(program), "examples/receiver")] },
  // Built first: what `go run` starts would live on when `go run` is ended.
  "go.go": {
    here: has("go", "version"),
    build: (file) => ["go", "build", "-o", `${file}.out`, file],
    command: (file) => [`${file}.out`],
  },
  "ruby.rb": {
    here: has("ruby", "--version"),
    command: (file) => ["ruby", path.join(repository, "web/tests/rack.rb"), file],
  },
  "php.php": {
    here: has("php", "--version"),
    command: (file, port) => ["php", "-S", `127.0.0.1:${port}`, file],
  },
};

// ---- Deliveries.

const OTHER_SECRET = `whsec_${Buffer.from("of somebody else altogether").toString("base64")}`;

function signature(secret, id, timestamp, body) {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const digest = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body);
  return `v1,${digest.digest("base64")}`;
}

/** The delivery with another time, rightly signed. */
function at(unixS, { secret, headers, body }) {
  const timestamp = String(unixS);
  const signed = signature(secret, headers["webhook-id"], timestamp, body);
  return {
    headers: { ...headers, "webhook-timestamp": timestamp, "webhook-signature": signed },
    body,
  };
}

const nowS = () => Math.floor(Date.now() / 1000);

/** What the real server sends when it is asked for a test. */
async function delivered() {
  const receiver = createServer();
  await once(receiver.listen(0, "127.0.0.1"), "listening");
  const server = await startServer();
  try {
    const target = `http://127.0.0.1:${receiver.address().port}/webhook`;
    const webhook = { title: "Snippets", url: target, events: ["call.ended"] };
    const { id, secret } = await server.call("POST", "/v1/webhooks", webhook);
    const received = once(receiver, "request");
    // Answered when the receiver has answered.
    const tested = server.call("POST", `/v1/webhooks/${id}/test`, {});
    const [request, response] = await received;
    const body = await text(request);
    response.writeHead(204).end();
    await tested;
    const { headers } = request;
    // These are about the connection, which is another one when the delivery is repeated.
    for (const name of ["host", "connection", "content-length"]) delete headers[name];
    return { secret, headers, body };
  } finally {
    await server.stop();
    receiver.close();
  }
}

// ---- Running a receiver.

async function freePort() {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a snippet in a folder of its own, as somebody would who has copied it. */
async function start(name, secret) {
  const folder = mkdtempSync(path.join(tmpdir(), "posthaste-snippet-"));
  copyFileSync(path.join(snippets, name), path.join(folder, name));
  if (existsSync(packages)) symlinkSync(packages, path.join(folder, "node_modules"));
  const file = path.join(folder, name);
  const { build, command } = receivers[name];
  if (build) {
    const [compiler, ...options] = build(file);
    const { status, stderr } = spawnSync(compiler, options, { cwd: folder, encoding: "utf8" });
    assert.equal(status, 0, stderr);
  }
  const port = await freePort();
  const [program, ...args] = command(file, port);
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, WEBHOOK_SECRET: secret, PORT: String(port), TMPDIR: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  let printed = "";
  const ready = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        printed += text;
        if (/listening|running on|development server.*started/i.test(printed)) resolve();
      });
    }
  });
  await Promise.race([
    ready,
    exited.then(([code]) => assert.fail(`${name} ended with ${code}: ${printed}`)),
  ]);
  return {
    port,
    post: async ({ headers, body }) => {
      const to = `http://127.0.0.1:${port}/webhook`;
      const answer = await fetch(to, { method: "POST", headers, body });
      await answer.arrayBuffer();
      return answer.status;
    },
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true, force: true });
      return printed;
    },
  };
}

// ---- The tests.

let delivery;
before(async () => {
  delivery = await delivered();
});

test("there is a test for every snippet", () => {
  assert.deepEqual(readdirSync(snippets).sort(), [...Object.keys(receivers), "curl.sh"].sort());
});

test("our way of signing is the server's", () => {
  const { secret, headers, body } = delivery;
  const signed = signature(secret, headers["webhook-id"], headers["webhook-timestamp"], body);
  assert.equal(headers["webhook-signature"], signed);
});

for (const [name, { here = true }] of Object.entries(receivers)) {
  if (!here) {
    console.log(`# ${name} is not run: its language is not on this machine`);
    continue;
  }
  describe(name, () => {
    let receiver;
    before(async () => {
      receiver = await start(name, delivery.secret);
    });
    after(() => receiver.stop());

    const withHeader = (header, value) => {
      const headers = { ...delivery.headers, [header]: value };
      if (value === undefined) delete headers[header];
      return { headers, body: delivery.body };
    };
    const refused = (story, change) =>
      test(`refuses ${story}`, async () => {
        assert.equal(await receiver.post(change()), 400);
      });

    test("accepts a delivery", async () => {
      assert.equal(await receiver.post(delivery), 204);
    });
    test("accepts the second of two signatures, as while a secret is rotated", async () => {
      const { headers } = delivery;
      const [id, time] = [headers["webhook-id"], headers["webhook-timestamp"]];
      const other = signature(OTHER_SECRET, id, time, delivery.body);
      const both = `${other} ${headers["webhook-signature"]}`;
      assert.equal(await receiver.post(withHeader("webhook-signature", both)), 204);
    });
    refused("a changed body", () => ({
      headers: delivery.headers,
      body: delivery.body.replace("call", "cell"),
    }));
    refused("a body that was written anew", () => ({
      headers: delivery.headers,
      body: JSON.stringify(JSON.parse(delivery.body), null, 1),
    }));
    refused("a stranger's signature", () => at(nowS(), { ...delivery, secret: OTHER_SECRET }));
    refused("no signature", () => withHeader("webhook-signature", undefined));
    refused("a signature of nothing", () => withHeader("webhook-signature", "v1,"));
    refused("a signature that is none", () => withHeader("webhook-signature", "v1,~~~ v1 , x"));
    refused("an old delivery, rightly signed", () => at(nowS() - 600, delivery));
    refused("one from the future, rightly signed", () => at(nowS() + 600, delivery));
    refused("a time that is no number", () => at("soon", delivery));
    refused("another id", () => withHeader("webhook-id", "evt_of_another"));
  });

  test(`${name} handles a repeated delivery once`, async () => {
    const receiver = await start(name, delivery.secret);
    assert.equal(await receiver.post(delivery), 204);
    assert.equal(await receiver.post(delivery), 204);
    const printed = await receiver.stop();
    assert.equal(printed.match(/handling/g)?.length, 1, printed);
  });
}

describe("curl.sh", () => {
  const send = async (secret) => {
    const receiver = await start("node.mjs", delivery.secret);
    const script = spawn(
      "bash",
      [path.join(snippets, "curl.sh"), `http://127.0.0.1:${receiver.port}/webhook`],
      {
        env: { ...process.env, WEBHOOK_SECRET: secret },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    let printed = "";
    script.stdout.setEncoding("utf8").on("data", (text) => {
      printed += text;
    });
    const [code] = await once(script, "close");
    await receiver.stop();
    assert.equal(code, 0);
    return printed.trim();
  };
  test("sends what a receiver accepts", async () =>
    assert.equal(await send(delivery.secret), "204"));
  test("is refused with another secret", async () => assert.equal(await send(OTHER_SECRET), "400"));
});
