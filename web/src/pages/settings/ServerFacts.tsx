// How this server is set up, and by which names each setting can be changed.
import { Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Server } from "../../api/client";
import { serverQuery } from "../../api/queries";
import { ErrorState } from "../../components/ErrorState";
import { Badge } from "../../components/StatusBadge";
import { TimeText } from "../../components/TimeText";
import { formatBytes, formatCount, formatDuration } from "../../format";
import { scheduleText, settingNames } from "./facts";
import { Section } from "./Section";
import classes from "./SettingsPage.module.css";

export function ServerFacts() {
  const { data, error, refetch } = useQuery(serverQuery);
  return (
    <Section
      title="Server"
      lead="Set when the server starts: by flag, in the environment or in posthaste.toml. A flag wins over the environment, the environment over the file."
    >
      {error !== null && data === undefined ? (
        <ErrorState
          error={error}
          title="The server's facts could not be loaded"
          onRetry={() => void refetch()}
        />
      ) : data === undefined ? (
        <Stack gap="lg">
          {[60, 45, 70, 50, 65].map((width) => (
            <Skeleton key={width} height={14} width={`${width}%`} />
          ))}
        </Stack>
      ) : (
        <Facts server={data} />
      )}
    </Section>
  );
}

function Facts({ server }: { server: Server }) {
  const { egress_allow, egress_dev, store, timeout_ms } = server;
  return (
    <dl className={classes.facts}>
      <Fact name="Version">
        {server.version} {server.dev && <Badge tone="warn">Development mode</Badge>}
        {server.dev && (
          <Note>
            Webhooks may call this machine, and there is a test inbox. Not for production.
          </Note>
        )}
        <Names toml="dev" />
      </Fact>
      <Fact name="Running">
        since <TimeText at={server.started_at} as="seconds" />, for{" "}
        {formatDuration(server.uptime_s * 1_000)}
      </Fact>
      <Fact name="Public address">
        {server.public_url ?? "The address it is opened at"}
        <Names toml="public_url" />
      </Fact>
      <Fact name="Retention">
        {server.retention_days === 1 ? "1 day" : `${formatCount(server.retention_days)} days`}
        <Note>Older events, deliveries and attempts are dropped. Hits are kept.</Note>
        <Names toml="retention_days" />
      </Fact>
      {store && (
        <Fact name="Store">
          {store.disk_bytes === null
            ? "Size not known"
            : `${formatBytes(store.disk_bytes)} on disk`}
          , {formatCount(store.pending)} {store.pending === 1 ? "delivery" : "deliveries"} waiting
          <Note>
            {store.kind === "embedded" ? "Files in the server's own data folder." : store.kind}
          </Note>
          <Names toml="data" />
        </Fact>
      )}
      <Fact name="Targets allowed">
        Public addresses
        {egress_dev && ", this machine"}
        {egress_allow?.map((target) => (
          <span key={target}>
            , <span className="mono">{target}</span>
          </span>
        ))}
        {egress_allow === null && ", and what the operator allows"}
        <Note>Webhooks cannot call private networks unless they are allowed here.</Note>
        <Names toml="egress_allow" />
      </Fact>
      <Fact name="Largest request">
        {formatBytes(server.body_bytes_max)}
        <Note>A larger body is refused when it is published.</Note>
        <Names toml="body_bytes_max" />
      </Fact>
      <Fact name="Attempts">
        {scheduleText(server.retry_delays_s, formatDuration)}
        <Note>
          For webhooks without a schedule of their own; each can have one, under its settings.
        </Note>
      </Fact>
      <Fact name="Timeout">
        {formatDuration(timeout_ms.default)}
        <Note>
          Each webhook can have its own, from {formatDuration(timeout_ms.min)} to{" "}
          {formatDuration(timeout_ms.max)}.
        </Note>
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Note({ children }: { children: ReactNode }) {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  );
}

function Names({ toml }: { toml: string }) {
  const { flag, variable } = settingNames(toml);
  return (
    <div className={classes.names}>
      <span className="visually-hidden">Changed by </span>
      {[flag, variable, `${toml} in posthaste.toml`].map((name) => (
        <code key={name} className={`mono ${classes.name}`}>
          {name}
        </code>
      ))}
    </div>
  );
}
