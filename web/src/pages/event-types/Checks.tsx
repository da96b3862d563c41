// Whether what was published matched the event type's schema, as far as the server looked.
import { Text, Title } from "@mantine/core";
import type { EventType } from "../../api/client";
import { TimeText } from "../../components/TimeText";
import { checkedText } from "./checks";

export function Checks({ type }: { type: EventType }) {
  const last = type.last_invalid;
  return (
    <>
      <Title order={2} mb="xs">
        Published data
      </Title>
      <Text size="sm">
        {checkedText(type)} Counted since <TimeText at={type.counted_since} as="minutes" />, when
        the server started.
      </Text>
      {last && (
        <Text size="sm" mt={6} role="status">
          The last one, <TimeText at={last.at} />:{" "}
          <Text span className="mono" fw={600}>
            {last.error}
          </Text>
        </Text>
      )}
    </>
  );
}
