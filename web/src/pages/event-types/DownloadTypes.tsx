// The catalogue as files that code is made from.
import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconDownload } from "@tabler/icons-react";
import { answer, client } from "../../api/client";
import { useAction } from "../../api/queries";
import { download } from "../../components/series";

type Form = "typescript" | "openapi";

export function DownloadTypes() {
  const save = useAction({
    run: async (form: Form) => {
      if (form === "typescript") {
        const text = await answer(client.GET("/v1/event-types.d.ts", { parseAs: "text" }));
        download("events.d.ts", text, "text/plain");
        return;
      }
      const document = await answer(client.GET("/v1/event-types.openapi.json"));
      download("events.openapi.json", JSON.stringify(document, null, 2), "application/json");
    },
    failed: "Could not download the event types",
  });
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button
          variant="default"
          leftSection={<IconDownload size={16} />}
          rightSection={<IconChevronDown size={14} />}
          loading={save.isPending}
        >
          Download
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => save.mutate("typescript")}>TypeScript types</Menu.Item>
        <Menu.Item onClick={() => save.mutate("openapi")}>OpenAPI webhooks</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
