// What stands in a page's place when it fails to load or to draw itself.
import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import type { ErrorComponentProps } from "@tanstack/react-router";
import { useRouter } from "@tanstack/react-router";
import { ErrorState } from "./ErrorState";
import { Page } from "./Page";

export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const boundary = useQueryErrorResetBoundary();
  return (
    <Page title="This page could not be shown">
      <ErrorState
        error={error}
        onRetry={() => {
          boundary.reset();
          reset();
          void router.invalidate();
        }}
      />
    </Page>
  );
}
