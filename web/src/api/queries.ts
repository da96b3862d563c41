// What is read from the server and how long it is kept, and how changes are made.
//
// Keys: the resource's name first, then the id or the filters, then the part:
// ["webhooks"], ["webhooks", id], ["webhooks", id, "secret"], ["deliveries", {status}].
// So invalidating ["webhooks"] covers every question about webhooks.
import { notifications } from "@mantine/notifications";
import {
  keepPreviousData,
  QueryClient,
  type QueryKey,
  queryOptions,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useMemo } from "react";
import { chooseAccount, chosenAccount } from "./account";
import {
  ApiProblem,
  answer,
  client,
  type OutboundWebhook,
  type Page,
  sentence,
  type Webhook,
} from "./client";

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => failures < 2 && error instanceof ApiProblem && error.mayPass,
      },
    },
  });
}

/** The most webhooks that are read at once; a list beyond says so. */
const WEBHOOKS_MAX = 2_000;
const PAGE = 200;

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async () => {
    try {
      return await answer(client.GET("/v1/session"));
    } catch (error) {
      // The account chosen in this browser is gone, or is closed to whoever signed in since.
      const refused = error instanceof ApiProblem && (error.status === 403 || error.status === 404);
      if (!refused || chosenAccount() === null) throw error;
      chooseAccount(null);
      return answer(client.GET("/v1/session"));
    }
  },
  staleTime: 60_000,
});

export const serverQuery = queryOptions({
  queryKey: ["server"],
  queryFn: () => answer(client.GET("/v1/server")),
  staleTime: 60_000,
});

export const healthQuery = queryOptions({
  queryKey: ["health"],
  queryFn: () => answer(client.GET("/healthz")),
  refetchInterval: 30_000,
  retry: false,
});

export const accountsQuery = queryOptions({
  queryKey: ["accounts"],
  queryFn: () => answer(client.GET("/v1/accounts", { params: { query: { limit: PAGE } } })),
  staleTime: 60_000,
});

export function accountQuery(id: string) {
  return queryOptions({
    queryKey: ["accounts", id],
    queryFn: () => answer(client.GET("/v1/accounts/{id}", { params: { path: { id } } })),
  });
}

export const eventTypesQuery = queryOptions({
  queryKey: ["event-types"],
  queryFn: async () => (await answer(client.GET("/v1/event-types"))).data,
  staleTime: 60_000,
});

/** All webhooks of the account, so that tables can sort and search them and logs can name them. */
export const webhooksQuery = queryOptions({
  queryKey: ["webhooks"],
  queryFn: async () => {
    const all: Webhook[] = [];
    let cursor: string | undefined;
    do {
      const page = await answer(
        client.GET("/v1/webhooks", { params: { query: { limit: PAGE, cursor } } }),
      );
      all.push(...page.data);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && all.length < WEBHOOKS_MAX);
    return { webhooks: all, complete: cursor === undefined };
  },
});

export function webhookQuery(id: string) {
  return queryOptions({
    queryKey: ["webhooks", id],
    queryFn: (): Promise<Webhook> =>
      answer(client.GET("/v1/webhooks/{id}", { params: { path: { id } } })),
  });
}

/** The webhooks that send, as deliveries are theirs only. */
export function isOutbound(webhook: Webhook): webhook is OutboundWebhook {
  return webhook.direction === "outbound";
}

/** Where its requests go, or come in. */
export function webhookAddress(webhook: Webhook): string {
  return isOutbound(webhook) ? webhook.url : (webhook.endpoints[0]?.path ?? "");
}

/** Finds a webhook's title by its id, as far as webhooks have been read. */
export function useWebhookTitles(): (id: string) => string | undefined {
  const { data } = useQuery(webhooksQuery);
  const titles = useMemo(
    () => new Map(data?.webhooks.map((webhook) => [webhook.id, webhook.title])),
    [data],
  );
  return (id) => titles.get(id);
}

/**
 * One page of a list whose cursor is in the URL. While the next page is read, the one before
 * stays; `rows` is undefined only before the first answer.
 */
export function useCursorList<Row>(key: QueryKey, read: () => Promise<Page<Row>>) {
  const query = useQuery({ queryKey: key, queryFn: read, placeholderData: keepPreviousData });
  return {
    rows: query.data?.data,
    nextCursor: query.data?.next_cursor ?? null,
    loading: query.isPending,
    stale: query.isPlaceholderData,
    error: query.data === undefined ? query.error : null,
    retry: () => void query.refetch(),
  };
}

interface Action<Input, Result> {
  run: (input: Input) => Promise<Result>;
  /** What has changed by it. */
  invalidates?: QueryKey[];
  /** Said in a notification; nothing is said without. */
  done?: string | ((result: Result, input: Input) => string);
  /** Title of the notification when it fails: "Could not delete the webhook". */
  failed?: string;
  /** Errors that the caller shows itself, beside a field for example; these are not notified. */
  shows?: (problem: ApiProblem) => boolean;
  onDone?: (result: Result, input: Input) => void;
}

/** A change on the server that says how it went. */
export function useAction<Input = void, Result = void>(action: Action<Input, Result>) {
  const queries = useQueryClient();
  return useMutation<Result, Error, Input>({
    mutationFn: action.run,
    onSuccess: async (result, input) => {
      const text = typeof action.done === "function" ? action.done(result, input) : action.done;
      if (text !== undefined) notifications.show({ message: text, color: "teal" });
      action.onDone?.(result, input);
      await Promise.all(
        (action.invalidates ?? []).map((queryKey) => queries.invalidateQueries({ queryKey })),
      );
    },
    onError: (error) => {
      if (error instanceof ApiProblem && action.shows?.(error)) return;
      notifyProblem(action.failed ?? "That did not work", error);
    },
  });
}

export function notifyProblem(title: string, error: unknown) {
  const id = error instanceof ApiProblem && error.requestId;
  notifications.show({
    title,
    message: id ? `${sentence(error)} Request ${id}` : sentence(error),
    color: "red",
    autoClose: 10_000,
  });
}
