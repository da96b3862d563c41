// Powerlists, contacts and imports: what is read of them and how they are changed.
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import {
  answer,
  type Contact,
  type ContactFields,
  client,
  done,
  type ImportPreview,
  type Job,
  type Page,
  type Powerlist,
  type Schemas,
  type SkippedRow,
} from "./client";

/** The most lists that are read at once; an account beyond sees its newest ones. */
const POWERLISTS_MAX = 2_000;
const PAGE = 200;

export const powerlistsQuery = queryOptions({
  queryKey: ["powerlists"],
  queryFn: async () => {
    const all: Powerlist[] = [];
    let cursor: string | undefined;
    do {
      const page: Page<Powerlist> = await answer(
        client.GET("/v1/powerlists", { params: { query: { limit: PAGE, cursor } } }),
      );
      all.push(...page.data);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && all.length < POWERLISTS_MAX);
    return { powerlists: all, complete: cursor === undefined };
  },
});

export function powerlistQuery(id: string) {
  return queryOptions({
    queryKey: ["powerlists", id],
    queryFn: (): Promise<Powerlist> =>
      answer(client.GET("/v1/powerlists/{id}", { params: { path: { id } } })),
  });
}

/** Finds a list's name by its id, as far as lists have been read. */
export function usePowerlistNames(): (id: string) => string | undefined {
  const { data } = useQuery(powerlistsQuery);
  const names = useMemo(() => new Map(data?.powerlists.map(({ id, name }) => [id, name])), [data]);
  return (id) => names.get(id);
}

export interface PowerlistSettings {
  name: string;
  description: string;
  default_country: string;
}

export function createPowerlist(settings: PowerlistSettings): Promise<Powerlist> {
  return answer(client.POST("/v1/powerlists", { body: settings }));
}

export function changePowerlist(
  id: string,
  settings: Partial<PowerlistSettings>,
): Promise<Powerlist> {
  return answer(client.PATCH("/v1/powerlists/{id}", { params: { path: { id } }, body: settings }));
}

export function deletePowerlist(id: string): Promise<void> {
  return done(client.DELETE("/v1/powerlists/{id}", { params: { path: { id } } }));
}

/** Where the browser gets a list's contacts as a file. */
export function exportPath(powerlistId: string): string {
  return `/v1/powerlists/${encodeURIComponent(powerlistId)}/contacts.csv`;
}

export interface ContactFilters {
  q?: string;
  tag?: string;
}

export function readContacts(
  powerlistId: string,
  filters: ContactFilters,
  cursor?: string,
): Promise<Page<Contact>> {
  return answer(
    client.GET("/v1/powerlists/{id}/contacts", {
      params: { path: { id: powerlistId }, query: { ...filters, cursor } },
    }),
  );
}

export function contactQuery(id: string) {
  return queryOptions({
    queryKey: ["contacts", id],
    queryFn: (): Promise<Contact> =>
      answer(client.GET("/v1/contacts/{id}", { params: { path: { id } } })),
  });
}

/** What is sent to make a contact or to change one; null takes a value away. */
export type ContactChange = { [field in keyof ContactFields]?: ContactFields[field] | null };

/** Makes the contact, or changes the one with that number; says which. */
export async function upsertContact(
  powerlistId: string,
  contact: ContactChange,
): Promise<{ contact: Contact; isNew: boolean }> {
  const call = client.POST("/v1/powerlists/{id}/contacts", {
    params: { path: { id: powerlistId } },
    body: contact as Schemas["ContactSettings"],
  });
  return { contact: await answer(call), isNew: (await call).response.status === 201 };
}

export function changeContact(id: string, change: ContactChange): Promise<Contact> {
  const body = change as Schemas["ContactSettings"];
  return answer(client.PATCH("/v1/contacts/{id}", { params: { path: { id } }, body }));
}

export function deleteContact(id: string, reason: string): Promise<void> {
  return done(client.DELETE("/v1/contacts/{id}", { params: { path: { id }, query: { reason } } }));
}

export interface PreviewSettings {
  /** Fields by column; undefined: as the heading suggests. */
  columns?: (string | null)[];
  /** undefined: found out. */
  delimiter?: string;
}

export function previewImport(
  powerlistId: string,
  beginning: Blob,
  { columns, delimiter }: PreviewSettings,
): Promise<ImportPreview> {
  return answer(
    client.POST("/v1/powerlists/{id}/imports/preview", {
      params: {
        path: { id: powerlistId },
        query: { columns: columns && JSON.stringify(columns), delimiter },
      },
      headers: { "content-type": "text/csv" },
      // A file, as it is.
      body: beginning as never,
      bodySerializer: (body: unknown) => body as Blob,
    }),
  );
}

export function readJobs(powerlistId: string, cursor?: string): Promise<Page<Job>> {
  return answer(
    client.GET("/v1/jobs", { params: { query: { powerlist_id: powerlistId, cursor } } }),
  );
}

export function isOver({ state }: Pick<Job, "state">): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

export function jobQuery(id: string) {
  return queryOptions({
    queryKey: ["jobs", id],
    queryFn: (): Promise<Job> => answer(client.GET("/v1/jobs/{id}", { params: { path: { id } } })),
  });
}

export function cancelJob(id: string): Promise<Job> {
  return answer(client.POST("/v1/jobs/{id}/cancel", { params: { path: { id } } }));
}

export function skippedQuery(jobId: string) {
  return queryOptions({
    queryKey: ["jobs", jobId, "skipped"],
    queryFn: (): Promise<{ data: SkippedRow[]; total: number }> =>
      answer(client.GET("/v1/jobs/{id}/skipped", { params: { path: { id: jobId } } })),
  });
}

export function skippedPath(jobId: string): string {
  return `/v1/jobs/${encodeURIComponent(jobId)}/skipped.csv`;
}
