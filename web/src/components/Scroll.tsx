// A part that scrolls by itself: named, and reachable by keyboard, or those without a pointer would
// never see the rest of it.
import type { CSSProperties, ReactNode } from "react";

interface Props {
  label: string;
  className?: string;
  style?: CSSProperties;
  children: ReactNode;
}

export function Scroll({ label, className, style, children }: Props) {
  return (
    <section
      aria-label={label}
      className={className}
      style={{ overflow: "auto", ...style }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: see above.
      tabIndex={0}
    >
      {children}
    </section>
  );
}
