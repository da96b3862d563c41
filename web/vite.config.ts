import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// While developing, the dashboard comes from Vite and everything else from a running server. With
// POSTHASTE_DEV_KEY set to an API key, requests carry it and nobody has to sign in.
const server = process.env.POSTHASTE_DEV_SERVER ?? "http://127.0.0.1:8080";
const key = process.env.POSTHASTE_DEV_KEY;
const passOn = {
  target: server,
  headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
};

export default defineConfig({
  plugins: [react()],
  server: {
    host: "127.0.0.1",
    proxy: {
      "/v1": passOn,
      "/docs": passOn,
      "/healthz": passOn,
      "/openapi.json": passOn,
      "/inbox/receive": passOn,
    },
  },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What changes only with a dependency stays in the browser's cache across our releases.
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules\/(react|react-dom|scheduler)\// },
            { name: "tanstack", test: /node_modules\/(@tanstack|openapi-fetch)\// },
          ],
        },
      },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
