import { Code } from "@mantine/core";
import { createElement, Fragment } from "react";

/** A text of the catalogue, whose names of fields stand between backticks. */
export function Prose({ text }: { text: string }) {
  // Every second part was between two. They never move, so they need no keys.
  const parts = text
    .split("`")
    .map((part, position) => (position % 2 === 0 ? part : createElement(Code, {}, part)));
  return createElement(Fragment, {}, ...parts);
}
