// Times between the address (UTC) and the browser's own time fields (local, without a zone).

/** What stands in a field of type `datetime-local`; "" for none. */
export function toField(iso: string | undefined): string {
  if (iso === undefined) return "";
  const at = new Date(iso);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return Number.isNaN(local.getTime()) ? "" : local.toISOString().slice(0, 16);
}

export function fromField(field: string): string | undefined {
  const at = new Date(field);
  return field === "" || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
