// Which name in a request holds which field, edited on a request that came, with what each field
// becomes beside it.
import { Alert, Button, Card, Group, Select, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconArrowsShuffle } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  ApiProblem,
  type InboundRequest,
  type InboundWebhook,
  type MappingPreview,
  sentence,
} from "../../api/client";
import { previewMapping, readRequests, saveMapping } from "../../api/inbound";
import { useAction } from "../../api/queries";
import { useMay } from "../../api/session";
import { EmptyState } from "../../components/EmptyState";
import { ErrorState } from "../../components/ErrorState";
import { statusWord } from "../../components/StatusBadge";
import { formatSeconds } from "../../format";
import { nameOf, written } from "../contact/fields";
import own from "./Inbound.module.css";
import { operationName } from "./InboundFacts";
import { AddCustom, CustomRow, FieldRow } from "./MappingRows";
import { customFields, type Mapping, sameMapping, withPath } from "./mapping";
import { type Pasted, PastedBody } from "./PastedBody";
import { useReplay } from "./RequestPanel";

interface Props {
  webhook: InboundWebhook;
  /** The request to look at; the last one without. */
  requestId: string | undefined;
  onRequest: (id: string | undefined) => void;
}

export function MappingTab({ webhook, requestId, onRequest }: Props) {
  const { id } = webhook;
  const mayWrite = useMay("write");
  const [mapping, setMapping] = useState<Mapping>(webhook.mapping);
  const [settled] = useDebouncedValue(mapping, 200);
  const [pasted, setPasted] = useState<Pasted | null>(null);
  const source = pasted ?? { request_id: requestId };
  const preview = useQuery({
    queryKey: ["webhooks", id, "preview", source, settled],
    queryFn: () => previewMapping(id, { ...source, mapping: settled }),
    placeholderData: keepPreviousData,
    retry: false,
  });
  const recent = useQuery({
    queryKey: ["webhooks", id, "requests", "latest"],
    queryFn: async () => (await readRequests(id, undefined)).data,
  });
  const shown = preview.data;
  const changed = !sameMapping(mapping, webhook.mapping);
  const set = (field: string, path: string | null) => setMapping(withPath(mapping, field, path));

  const replay = useReplay(id, (request: InboundRequest) => onRequest(request.id));
  const save = useAction<{ replaying: string | null }, unknown>({
    run: () => saveMapping(id, mapping),
    invalidates: [["webhooks"], ["audit-log"]],
    done: (_, { replaying }) =>
      replaying === null ? "The mapping was saved" : "The mapping was saved; replaying the request",
    failed: "Could not save the mapping",
    onDone: (_, { replaying }) => {
      if (replaying !== null) replay.mutate(replaying);
    },
  });

  if (shown === undefined) {
    if (preview.error === null) return <Skeleton height={360} radius="md" />;
    const none = preview.error instanceof ApiProblem && preview.error.status === 404;
    return (
      <Card>
        {none && requestId === undefined ? (
          <Nothing onPaste={setPasted} />
        ) : (
          <ErrorState
            error={preview.error}
            title="The request could not be read"
            onRetry={() => void preview.refetch()}
          />
        )}
      </Card>
    );
  }
  if (pasted === null && shown.request_id === null && shown.values.length === 0) {
    return (
      <Card>
        <Nothing onPaste={setPasted} />
      </Card>
    );
  }
  const kept = shown.request_id;
  return (
    <div className={own.mapping}>
      <Card component="section" aria-label="Mapping">
        <Stack gap="md">
          <Group justify="space-between" align="flex-end">
            <div>
              <Title order={2}>Mapping</Title>
              <Text size="sm" c="dimmed" maw={460}>
                Fields are found under their own names and the usual other spellings. Choose a value
                where that is not enough.
              </Text>
            </div>
            {pasted === null ? (
              <Select
                label="On the request"
                w={340}
                data={choicesOf(recent.data, kept)}
                value={kept}
                onChange={(to) => onRequest(to ?? undefined)}
                allowDeselect={false}
              />
            ) : (
              <Button variant="default" onClick={() => setPasted(null)}>
                Back to real requests
              </Button>
            )}
          </Group>
          <ul className={own.rows} aria-label="Fields">
            {shown.fields.map((field) => (
              <FieldRow
                key={field.field}
                field={field}
                chosen={mapping[field.field]}
                preview={shown}
                disabled={!mayWrite}
                onPath={(path) => set(field.field, path)}
              />
            ))}
            {customFields(mapping)
              .filter((name) => !shown.fields.some(({ field }) => field === name))
              .map((name) => (
                <CustomRow
                  key={name}
                  name={name}
                  chosen={mapping[name] ?? ""}
                  preview={shown}
                  disabled={!mayWrite}
                  onPath={(path) => set(name, path)}
                />
              ))}
          </ul>
          {mayWrite && <AddCustom preview={shown} onAdd={set} taken={mapping} />}
        </Stack>
      </Card>
      <Stack gap="md" className={own.side}>
        <Result preview={shown} stale={preview.isPlaceholderData} error={preview.error} />
        {mayWrite && (
          <Card>
            <Stack gap="xs">
              <Button
                disabled={!changed}
                loading={save.isPending}
                onClick={() => save.mutate({ replaying: null })}
              >
                Save
              </Button>
              {kept !== null && pasted === null && (
                <Button
                  variant="default"
                  disabled={shown.errors.length > 0}
                  loading={replay.isPending}
                  onClick={() => (changed ? save.mutate({ replaying: kept }) : replay.mutate(kept))}
                >
                  {changed ? "Save and replay" : "Replay this request"}
                </Button>
              )}
              {changed && (
                <Button
                  variant="subtle"
                  color="gray"
                  c="inherit"
                  onClick={() => setMapping(webhook.mapping)}
                >
                  Undo changes
                </Button>
              )}
              <Text size="sm" c="dimmed" role="status">
                {changed
                  ? "Not saved yet; requests are read as before."
                  : "This is how requests are read now."}
              </Text>
            </Stack>
          </Card>
        )}
      </Stack>
    </div>
  );
}

function choicesOf(
  requests: Pick<InboundRequest, "id" | "event" | "verdict" | "received_at">[] | undefined,
  kept: string | null,
) {
  const choices = (requests ?? []).map(({ id, event, verdict, received_at }) => ({
    value: id,
    label: `${formatSeconds(received_at)} · ${operationName(event)} · ${statusWord(verdict)}`,
  }));
  if (kept !== null && !choices.some(({ value }) => value === kept)) {
    choices.push({ value: kept, label: kept });
  }
  return choices;
}

function Nothing({ onPaste }: { onPaste: (pasted: Pasted) => void }) {
  return (
    <Stack gap={0} align="center">
      <EmptyState
        icon={IconArrowsShuffle}
        title="No request to look at yet"
        text="The mapping starts from what really came. Have your CRM post a contact or send a sample, or paste a body here."
      />
      <PastedBody onPaste={onPaste} />
    </Stack>
  );
}

function Result(props: { preview: MappingPreview; stale: boolean; error: unknown }) {
  const { preview, stale, error } = props;
  const { contact, errors, custom_fields } = preview;
  return (
    <Card component="section" aria-label="What it becomes" style={{ opacity: stale ? 0.7 : 1 }}>
      <Title order={2} mb="xs">
        What it becomes
      </Title>
      {error != null && (
        <Alert color="red" variant="light" mb="sm">
          {sentence(error)}
        </Alert>
      )}
      {errors.length > 0 ? (
        <ul className={own.errors} aria-label="What is wrong">
          {errors.map(({ pointer, message }) => (
            <li key={`${pointer} ${message}`}>
              <b className="mono">{pointer.replace(/^\//, "") || "The request"}</b> {message}
            </li>
          ))}
        </ul>
      ) : (
        contact !== null && (
          <>
            <Text fw={600}>{nameOf(contact) ?? written(contact.phone_number)}</Text>
            <Text size="sm" c="dimmed">
              {[contact.phone_number, contact.email].filter(Boolean).map(written).join(" · ")}
            </Text>
          </>
        )
      )}
      {custom_fields.length > 0 && (
        <>
          <Title order={3} mt="md" mb={4}>
            Custom fields
          </Title>
          <ul className={own.latest}>
            {custom_fields.map(({ name, value }) => (
              <li key={name}>
                <span className={own.preview}>{name}</span>
                <span className={`mono ${own.preview}`}>{written(value)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}
