// The account that a session acts in, where it may act in several. null: the session's own.
import { readSetting, writeSetting } from "../settings";

let chosen = readSetting("account");

export function chosenAccount(): string | null {
  return chosen;
}

export function chooseAccount(id: string | null) {
  chosen = id;
  writeSetting("account", id);
}
