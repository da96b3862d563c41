// Where to go after signing in. The address comes with the link that led here, so anybody can have
// written it: only pages of this dashboard are gone to.

const HOME = "/setup/webhooks";

export function ownPath(next: string | undefined): string {
  // Reserved for this by RFC 2606; whatever leaves it would leave the dashboard.
  const base = "http://dashboard.invalid";
  if (next === undefined || !next.startsWith("/") || !URL.canParse(next, base)) return HOME;
  const { origin, pathname, search, hash } = new URL(next, base);
  // "/.//evil.example" is read as a path first, and as a host when it is read again.
  if (origin !== base || pathname.startsWith("//")) return HOME;
  if (pathname === "/" || pathname === "/sign-in") return HOME;
  return pathname + search + hash;
}
