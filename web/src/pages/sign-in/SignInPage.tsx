import { Title } from "@mantine/core";

export function SignInPage() {
  return (
    <main>
      <title>Sign in · Posthaste</title>
      <Title order={1}>Sign in</Title>
    </main>
  );
}
