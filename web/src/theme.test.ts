import { expect, test } from "vitest";
import { cssVariablesResolver, theme, tones } from "./theme";

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

test.each(["light", "dark"] as const)("texts in %s are readable on their grounds", (scheme) => {
  const set = cssVariablesResolver(theme as never)[scheme];
  const grounds = [set["--ph-ground"], set["--ph-raised"], set["--ph-hover"]] as string[];
  for (const name of ["dimmed", "placeholder", "error"]) {
    for (const ground of grounds) {
      expect(contrast(set[`--mantine-color-${name}`] as string, ground), name).toBeGreaterThan(4.5);
    }
  }
  for (const [tone, [text, ground]] of Object.entries(tones[scheme])) {
    expect(contrast(text, ground), tone).toBeGreaterThan(4.5);
    for (const other of grounds) expect(contrast(text, other), tone).toBeGreaterThan(4.5);
  }
  for (let n = 1; n <= 6; n++) {
    for (const ground of grounds) {
      expect(contrast(set[`--ph-chart-${n}`] as string, ground)).toBeGreaterThan(3);
    }
  }
  expect(contrast(set["--ph-focus"] as string, grounds[0] as string)).toBeGreaterThan(3);
});
