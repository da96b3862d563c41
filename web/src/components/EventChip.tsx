// A chosen event type or pattern, explained on hover and on focus.
import { HoverCard } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { eventTypesQuery } from "../api/queries";
import classes from "./EventChip.module.css";
import { EventFacts } from "./EventFacts";
import { branchTitle } from "./patterns";

export function EventChip({ pattern }: { pattern: string }) {
  const { data: types } = useQuery(eventTypesQuery);
  return (
    <HoverCard width={320} shadow="md" openDelay={150} withinPortal>
      <HoverCard.Target>
        <button type="button" className={`mono ${classes.chip}`}>
          {pattern === "*" ? branchTitle(pattern) : pattern}
        </button>
      </HoverCard.Target>
      <HoverCard.Dropdown>
        {types !== undefined && <EventFacts pattern={pattern} types={types} />}
      </HoverCard.Dropdown>
    </HoverCard>
  );
}
