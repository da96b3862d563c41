// How the dashboard looks: Mantine's theme and the colours that its defaults get wrong. Every text
// colour here has at least 4.5:1 on the grounds it is used on; theme.test.ts computes it.
import {
  Button,
  Card,
  type CSSVariablesResolver,
  createTheme,
  Drawer,
  type MantineColorsTuple,
  Menu,
  Modal,
  Notification,
  Tooltip,
} from "@mantine/core";

// Greys with a trace of blue; the middle ones are what Mantine uses for borders and grounds.
const dark: MantineColorsTuple = [
  "#d3d5dc",
  "#b6b9c4",
  "#969aa8",
  "#6d717e",
  "#3c3f4a",
  "#2f323b",
  "#23252d",
  "#17181d",
  "#121317",
  "#0c0d10",
];

export const theme = createTheme({
  primaryColor: "violet",
  primaryShade: 8,
  autoContrast: true,
  luminanceThreshold: 0.35,
  colors: { dark },
  black: "#1c1d22",
  defaultRadius: "md",
  cursorType: "pointer",
  focusRing: "never",
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "1.375rem", lineHeight: "1.3" },
      h2: { fontSize: "1.0625rem", lineHeight: "1.4" },
      h3: { fontSize: "0.9375rem", lineHeight: "1.4" },
    },
  },
  components: {
    Button: Button.extend({ defaultProps: { size: "sm" } }),
    Card: Card.extend({ defaultProps: { withBorder: true, padding: "md" } }),
    // Else there is something in the menu that is no item of it and can have the focus.
    Menu: Menu.extend({ defaultProps: { withInitialFocusPlaceholder: false } }),
    Modal: Modal.extend({
      defaultProps: {
        centered: true,
        closeButtonProps: { "aria-label": "Close" },
        // A dialog's head is not the page's: assistive technology would find two banners.
        attributes: { header: { role: "none" } },
      },
    }),
    Drawer: Drawer.extend({
      defaultProps: {
        closeButtonProps: { "aria-label": "Close" },
        attributes: { header: { role: "none" } },
      },
    }),
    Notification: Notification.extend({
      defaultProps: { closeButtonProps: { "aria-label": "Dismiss" } },
    }),
    Tooltip: Tooltip.extend({
      defaultProps: { openDelay: 300, events: { hover: true, focus: true, touch: true } },
    }),
  },
});

// What a state looks like: text and ground. Teal against vermilion stays apart for people who do
// not tell red from green; each also has a shape and a word (see StatusBadge).
export const tones = {
  light: {
    ok: ["#0a6658", "#e3f5f1"],
    bad: ["#b02a17", "#fdece8"],
    warn: ["#875000", "#fff3dc"],
    info: ["#1b5aa8", "#e7f0fb"],
    neutral: ["#50555e", "#f0f1f4"],
    accent: ["#5f3dc4", "#f1ecfe"],
  },
  dark: {
    ok: ["#56d3bb", "#12312d"],
    bad: ["#ff9482", "#3d1d19"],
    warn: ["#ffbe5c", "#382a12"],
    info: ["#82b9ff", "#182a42"],
    neutral: ["#b6b9c4", "#2a2d36"],
    accent: ["#b9a3ff", "#2b2350"],
  },
} as const;

export type Tone = keyof typeof tones.light;

// Lines and areas of charts: 3:1 against the ground is enough, and neighbours differ in lightness.
const charts = {
  light: ["#0f8a78", "#d9480f", "#6741d9", "#1c7ed6", "#b27700", "#868e96"],
  dark: ["#38c5aa", "#ff7b54", "#9d85ff", "#5aa9ff", "#f0b13c", "#969aa8"],
};

function variables(scheme: "light" | "dark"): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [tone, [text, ground]] of Object.entries(tones[scheme])) {
    all[`--ph-${tone}`] = text;
    all[`--ph-${tone}-ground`] = ground;
  }
  charts[scheme].forEach((colour, n) => {
    all[`--ph-chart-${n + 1}`] = colour;
  });
  return all;
}

export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...variables("light"),
    "--ph-ground": "#fafafb",
    "--ph-raised": "#ffffff",
    "--ph-border": "#e4e5ea",
    "--ph-hover": "#f5f5f8",
    "--ph-focus": "#6741d9",
    "--mantine-color-dimmed": "#5b606b",
    "--mantine-color-placeholder": "#6b707b",
    "--mantine-color-error": "#b02a17",
    "--mantine-color-default-border": "#d9dbe1",
    "--mantine-color-green-light-color": "#22682f",
    "--mantine-color-teal-light-color": "#0a6658",
    "--mantine-color-orange-light-color": "#8f3d06",
    "--mantine-color-yellow-light-color": "#7a4b00",
    "--mantine-color-red-light-color": "#a8261a",
    "--mantine-color-blue-light-color": "#1b5aa8",
    "--mantine-color-gray-light-color": "#50555e",
    "--mantine-color-violet-light-color": "#5f3dc4",
  },
  dark: {
    ...variables("dark"),
    "--ph-ground": "#121317",
    "--ph-raised": "#1b1c22",
    "--ph-border": "#2b2e37",
    "--ph-hover": "#22242b",
    "--ph-focus": "#a48dff",
    "--mantine-color-dimmed": "#a2a6b3",
    "--mantine-color-placeholder": "#9296a4",
    "--mantine-color-error": "#ff9482",
    "--mantine-color-default-border": "#363944",
    "--mantine-color-violet-light-color": "#b9a3ff",
    "--mantine-color-anchor": "#b09aff",
  },
});
