// Where the dashboard starts: providers around the router.
import "@mantine/core/styles.layer.css";
import "@mantine/notifications/styles.layer.css";
import "./global.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { onSignedOut } from "./api/client";
import { createQueryClient } from "./api/queries";
import { createAppRouter } from "./router";
import { cssVariablesResolver, theme } from "./theme";

const queries = createQueryClient();
const router = createAppRouter(queries);

onSignedOut(() => {
  // The page's own guard turns to the sign-in page, as the session is not known any more.
  if (queries.getQueryData(["session"]) === undefined) return;
  queries.clear();
  void router.invalidate();
});

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariablesResolver}
      defaultColorScheme="auto"
    >
      <QueryClientProvider client={queries}>
        <Notifications position="bottom-right" />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
