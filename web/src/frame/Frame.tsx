// What stands around every page: navigation, header, palette, shortcuts.
import { AppShell, Burger, Group, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useIsFetching } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import logo from "../logo.svg";
import { AccountSwitch } from "./AccountSwitch";
import { ColourSchemeToggle } from "./ColourSchemeToggle";
import classes from "./Frame.module.css";
import { Navigation, usePlaces } from "./Navigation";
import { SearchButton } from "./SearchButton";
import { ShortcutsSheet } from "./ShortcutsSheet";
import { useShortcutListener, useShortcuts } from "./shortcuts";
import { UserMenu } from "./UserMenu";

// Only those who search load it.
const Palette = lazy(() => import("./Palette").then(({ Palette }) => ({ default: Palette })));

export function Frame() {
  const [menu, { toggle, close }] = useDisclosure();
  const [sheet, { open: openSheet, close: closeSheet }] = useDisclosure();
  // How often the palette was asked for; 0 until the first time.
  const [asked, setAsked] = useState(0);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const main = useRef<HTMLElement>(null);
  useShortcutListener();
  useFrameShortcuts(() => setAsked((n) => n + 1), openSheet);

  // A new page is read from its start, unless it put the focus somewhere itself.
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    close();
    if (!main.current?.contains(document.activeElement)) main.current?.focus();
  }, [path, close]);

  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !menu } }}
      classNames={{ header: classes.header, navbar: classes.navbar, main: classes.main }}
    >
      <button type="button" className={classes.skip} onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <PendingBar />
      <AppShell.Header>
        <Group h="100%" px="md" gap="sm" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={menu}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={menu ? "Close navigation" : "Open navigation"}
              aria-expanded={menu}
            />
            <Link to="/setup/webhooks" className={classes.brand} aria-label="Posthaste">
              <img src={logo} alt="" width={26} height={26} />
              <Text fw={650} fz={16} visibleFrom="xs">
                Posthaste
              </Text>
            </Link>
            <AccountSwitch />
          </Group>
          <Group gap={6} wrap="nowrap">
            <SearchButton onClick={() => setAsked((n) => n + 1)} />
            <ColourSchemeToggle />
            <UserMenu onShortcuts={openSheet} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar aria-label="Main" component="nav">
        <Navigation onShortcuts={openSheet} />
      </AppShell.Navbar>
      <AppShell.Main ref={main} id="main" tabIndex={-1}>
        <div className={classes.page}>
          <Outlet />
        </div>
      </AppShell.Main>
      <ShortcutsSheet opened={sheet} onClose={closeSheet} />
      {asked > 0 && (
        <Suspense fallback={null}>
          <Palette asked={asked} />
        </Suspense>
      )}
    </AppShell>
  );
}

function useFrameShortcuts(openPalette: () => void, openSheet: () => void) {
  const navigate = useNavigate();
  const places = usePlaces().flatMap((group) => group.places);
  useShortcuts([
    { keys: "mod+k", label: "Search", group: "General", run: openPalette },
    { keys: "?", label: "Show shortcuts", group: "General", run: openSheet },
    {
      keys: "/",
      label: "Search this list",
      group: "Lists",
      run: () => document.querySelector<HTMLElement>("main [data-search]")?.focus(),
    },
    ...places.flatMap(({ keys, label, to }) =>
      keys === undefined
        ? []
        : [{ keys, label, group: "Go to" as const, run: () => void navigate({ to }) }],
    ),
  ]);
}

/** A line at the top while a page or its data is on its way. */
function PendingBar() {
  const routing = useRouterState({ select: ({ isLoading }) => isLoading });
  const reading = useIsFetching({ predicate: ({ state }) => state.data === undefined });
  return routing || reading > 0 ? <div className={classes.pending} aria-hidden="true" /> : null;
}
