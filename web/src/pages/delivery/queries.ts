// One delivery and what can be done with it.
import { type QueryClient, queryOptions, useQueryClient } from "@tanstack/react-query";
import { answer, client, type Delivery } from "../../api/client";
import { useAction } from "../../api/queries";

/** Read again while it has not ended: soon when it is due, else now and then. */
const SOON_MS = 1_000;
const NOW_AND_THEN_MS = 5_000;

export function deliveryQuery(id: string) {
  return queryOptions({
    queryKey: ["deliveries", id],
    queryFn: () => answer(client.GET("/v1/deliveries/{id}", { params: { path: { id } } })),
    refetchInterval: ({ state: { data } }) => {
      if (data === undefined || data.next_attempt_at === null) return false;
      const due = Date.parse(data.next_attempt_at) - Date.now();
      return due < NOW_AND_THEN_MS ? SOON_MS : NOW_AND_THEN_MS;
    },
  });
}

/** What was published never changes. */
export function eventQuery(id: string) {
  return queryOptions({
    queryKey: ["events", id],
    queryFn: () => answer(client.GET("/v1/events/{id}", { params: { path: { id } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function retryDelivery(id: string): Promise<Delivery> {
  return answer(client.POST("/v1/deliveries/{id}/retry", { params: { path: { id } } }));
}

export function cancelDelivery(id: string): Promise<Delivery> {
  return answer(client.POST("/v1/deliveries/{id}/cancel", { params: { path: { id } } }));
}

export function useRetry() {
  const queries = useQueryClient();
  return useAction({
    run: retryDelivery,
    done: "It is tried again now",
    failed: "Could not try it again",
    invalidates: [["deliveries"]],
    onDone: () => lookAgain(queries),
  });
}

export function useCancel() {
  return useAction({
    run: cancelDelivery,
    done: "Cancelled: it is not tried again",
    failed: "Could not cancel it",
    invalidates: [["deliveries"]],
  });
}

/**
 * An attempt that was asked for is made a moment later and, when the delivery has ended, changes
 * nothing in its state that one could wait for. So what is shown is read again a few times.
 */
export function lookAgain(queries: QueryClient) {
  for (const ms of [500, 1_500, 4_000, 11_000]) {
    setTimeout(() => void queries.invalidateQueries({ queryKey: ["deliveries"] }), ms);
  }
}
