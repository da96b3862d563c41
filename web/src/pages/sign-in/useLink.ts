import { useMutation } from "@tanstack/react-query";
import { useRouter, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { answer, client, type Session } from "../../api/client";
import { linkToken } from "./link";

/** Uses the link in the address up as soon as it is seen, and takes it out of the address. */
export function useLink(onSuccess: (session: Session) => void) {
  const router = useRouter();
  const token = useRouterState({ select: ({ location }) => linkToken(location.hash) });
  const used = useRef<string | null>(null);
  const mutation = useMutation({
    mutationFn: (token: string) => answer(client.POST("/v1/session/link", { body: { token } })),
    onSuccess,
  });
  const { mutate } = mutation;
  useEffect(() => {
    if (token === null) return;
    const { pathname, searchStr } = router.state.location;
    router.history.replace(pathname + searchStr);
    // It is good once, and development mode runs effects twice.
    if (used.current === token) return;
    used.current = token;
    mutate(token);
  }, [token, mutate, router]);
  return {
    data: mutation.data,
    error: mutation.error,
    isSuccess: mutation.isSuccess,
    // Before the effect above has run, a link is as good as pending.
    isIdle: mutation.isIdle && token === null,
    isPending: mutation.isPending || (mutation.isIdle && token !== null),
    retry: () => used.current !== null && mutate(used.current),
  };
}
