// A list's contacts as a file.
import type { Powerlist } from "../../api/client";
import { exportPath } from "../../api/contacts";
import { downloadFrom } from "../../api/files";
import { notifyProblem } from "../../api/queries";

/** Hands all contacts of a list to the browser as a CSV file. */
export async function exportContacts({ id, name }: Pick<Powerlist, "id" | "name">) {
  try {
    await downloadFrom(exportPath(id), `${fileName(name)}.csv`);
  } catch (error) {
    notifyProblem("Could not export the contacts", error);
  }
}

function fileName(name: string): string {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "") || "contacts";
}
