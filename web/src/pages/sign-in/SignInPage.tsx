// Who are you: by e-mail and password, or by a one-time link, whose token is in the fragment.
import { Center, Loader, Stack, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { chooseAccount } from "../../api/account";
import type { Session } from "../../api/client";
import { sessionQuery } from "../../api/queries";
import { ColourSchemeToggle } from "../../frame/ColourSchemeToggle";
import logo from "../../logo.svg";
import { FirstPassword } from "./FirstPassword";
import { LinkProblem } from "./LinkProblem";
import { ownPath } from "./next";
import { PasswordForm } from "./PasswordForm";
import classes from "./SignInPage.module.css";
import { useLink } from "./useLink";

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  const queries = useQueryClient();
  const link = useLink(remember);
  // Somebody with a session has no need to sign in, unless they come by a link, as somebody else.
  const known = useQuery({ ...sessionQuery, retry: false, enabled: link.isIdle });
  const session = link.data ?? known.data;
  const choosing = session?.user && (link.isSuccess || session.needs_password) ? session : null;
  const goesOn = session !== undefined && choosing === null;

  function remember(session: Session) {
    // What was seen before may be nothing for who signed in now.
    chooseAccount(null);
    queries.clear();
    queries.setQueryData(sessionQuery.queryKey, session);
  }

  useEffect(() => {
    if (goesOn) router.history.replace(ownPath(next));
  }, [goesOn, next, router]);

  if (choosing !== null) {
    const done = async () => {
      await queries.invalidateQueries({ queryKey: ["session"] });
      router.history.replace(ownPath(next));
    };
    return (
      <Sheet title="Choose your name, e-mail and password">
        <FirstPassword session={choosing} onDone={done} />
      </Sheet>
    );
  }
  if (link.isPending || goesOn || (link.isIdle && known.isPending)) {
    return (
      <Sheet title="Signing in">
        <Center h={96} role="status">
          <Loader size="sm" aria-label="Signing in" />
        </Center>
      </Sheet>
    );
  }
  return (
    <Sheet title="Sign in">
      <Stack gap="lg">
        {link.error !== null && <LinkProblem error={link.error} onRetry={link.retry} />}
        <PasswordForm
          onSignedIn={(session) => {
            remember(session);
            router.history.replace(ownPath(next));
          }}
        />
      </Stack>
    </Sheet>
  );
}

function Sheet({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className={classes.page}>
      <title>{`${title} · Posthaste`}</title>
      <div className={classes.corner}>
        <ColourSchemeToggle />
      </div>
      <div className={classes.brand}>
        <img src={logo} alt="" width={32} height={32} />
        <Text fw={650} fz={20}>
          Posthaste
        </Text>
      </div>
      <div className={classes.card}>
        <Title order={1} mb="lg">
          {title}
        </Title>
        {children}
      </div>
    </main>
  );
}
