// Inbound webhooks beyond what all webhooks have: their requests, their mapping, their URLs.
import { queryOptions } from "@tanstack/react-query";
import {
  answer,
  client,
  type InboundEndpoint,
  type InboundRequest,
  type MappingPreview,
  type Page,
  type Verdict,
} from "./client";

/** The whole URL of an endpoint: the server knows it, or it is where this page comes from. */
export function endpointUrl({ url, path }: Pick<InboundEndpoint, "url" | "path">): string {
  return url ?? window.location.origin + path;
}

export function readRequests(
  webhookId: string,
  verdict: Verdict | undefined,
  cursor?: string,
): Promise<Page<InboundRequest>> {
  return answer(
    client.GET("/v1/webhooks/{id}/requests", {
      params: { path: { id: webhookId }, query: { verdict, cursor } },
    }),
  );
}

export function requestQuery(webhookId: string, id: string) {
  return queryOptions({
    queryKey: ["webhooks", webhookId, "requests", id],
    queryFn: (): Promise<InboundRequest> =>
      answer(
        client.GET("/v1/webhooks/{id}/requests/{request_id}", {
          params: { path: { id: webhookId, request_id: id } },
        }),
      ),
    // A request is what it was.
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function replayRequest(webhookId: string, id: string): Promise<InboundRequest> {
  return answer(
    client.POST("/v1/webhooks/{id}/requests/{request_id}/replay", {
      params: { path: { id: webhookId, request_id: id } },
    }),
  );
}

export interface PreviewAsked {
  mapping?: Record<string, string>;
  event?: string;
  /** One of those kept; without, the last one. */
  request_id?: string;
  /** Or one that never came. */
  content_type?: string;
  body?: string;
}

export function previewMapping(webhookId: string, asked: PreviewAsked): Promise<MappingPreview> {
  return answer(
    client.POST("/v1/webhooks/{id}/preview", {
      params: { path: { id: webhookId } },
      body: asked,
    }),
  );
}

export function saveMapping(id: string, mapping: Record<string, string>): Promise<unknown> {
  return answer(client.PATCH("/v1/webhooks/{id}", { params: { path: { id } }, body: { mapping } }));
}

export function rotateToken(id: string, overlapS: number): Promise<unknown> {
  return answer(
    client.POST("/v1/webhooks/{id}/rotate-token", {
      params: { path: { id } },
      body: { overlap_s: overlapS },
    }),
  );
}

export async function verificationSecret(id: string): Promise<string> {
  const { secret } = await answer(
    client.GET("/v1/webhooks/{id}/secret", { params: { path: { id } } }),
  );
  return secret;
}
