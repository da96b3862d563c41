// The real server, with the dashboard in it, on a free port and with a data folder of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const built = new URL("../../../target/debug/posthaste", import.meta.url);
export const program = process.env.POSTHASTE_BINARY ?? fileURLToPath(built);

/**
 * `dev` as in `serve --dev`: with a test inbox, and receivers on this machine allowed. `data` names
 * a data folder that is there already, and stays.
 */
export async function startServer({ dev = true, data } = {}) {
  if (!existsSync(program)) {
    throw new Error(`there is no ${program}: build it, or name another in POSTHASTE_BINARY`);
  }
  const folder = data ?? mkdtempSync(path.join(tmpdir(), "posthaste-dashboard-"));
  const options = ["--listen", "127.0.0.1:0", "--data", folder];
  const child = spawn(program, ["serve", ...(dev ? ["--dev"] : []), ...options], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, POSTHASTE_LOG_LEVEL: "warn" },
  });
  const exited = once(child, "exit");
  const output = await greeting(child.stdout);
  const [, url] = /^listening on (\S+)$/m.exec(output);
  const [key] = /\bphk_[\w-]+/.exec(output);
  const [link] = /\S+\/sign-in#link=\S+/.exec(output) ?? [];

  /** Calls the API as a program would. Throws unless it succeeds. */
  async function call(method, way, body) {
    const headers = { authorization: `Bearer ${key}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(url + way, { method, headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${way}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  /** Sends a file as a program would. */
  async function upload(way, file, type = "text/csv") {
    const headers = { authorization: `Bearer ${key}`, "content-type": type };
    const response = await fetch(url + way, { method: "POST", headers, body: file });
    const text = await response.text();
    if (!response.ok) throw new Error(`POST ${way}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  return {
    url,
    key,
    /** The one-time link that signs the first person in. */
    link,
    call,
    upload,
    publish: (event, data = {}) => call("POST", "/v1/events", { event, data }),
    stop: async () => {
      child.kill("SIGTERM");
      const [code] = await exited;
      if (data === undefined) rmSync(folder, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the server ended with ${code}`);
    },
  };
}

/** What the server prints until it answers. What it prints later is read and dropped. */
function greeting(stdout) {
  return new Promise((resolve, reject) => {
    let printed = "";
    createInterface({ input: stdout })
      .on("line", (line) => {
        printed += `${line}\n`;
        if (line.startsWith("listening on ")) resolve(printed);
      })
      .on("close", () => reject(new Error(`the server did not start:\n${printed}`)));
  });
}
