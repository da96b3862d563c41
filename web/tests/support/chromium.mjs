// Which Chromium to drive: the one that is named, the system's, or the one from npm.
import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const SYSTEMS = "/usr/bin/chromium";

export async function chromiumPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  if (isProgram(SYSTEMS)) return SYSTEMS;
  // It has a package of its own, so that who has a browser need not fetch one.
  const { resolve } = createRequire(new URL("../chromium/package.json", import.meta.url));
  const { default: packed } = await import(pathToFileURL(resolve("@sparticuz/chromium")).href);
  return packed.executablePath();
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
