/** How the page stands with the server, as people need to know it. */
export type LinkState = "connecting" | "live" | "reconnecting" | "offline" | "failed";

/** What the pill says. */
export const LINK_LABELS: Readonly<Record<LinkState, string>> = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
  failed: "Not connected",
};

/** What the banner says about a link that is down; `null` when there is nothing to say. */
export function linkAdvice(link: LinkState, waiting: number): string | null {
  const kept =
    waiting === 0
      ? "You can go on; changes are kept here and sent when it is back."
      : `${waiting === 1 ? "One change is" : `${waiting} changes are`} kept here and will be sent when it is back.`;
  switch (link) {
    case "connecting":
    case "live":
      return null;
    case "reconnecting":
      return `The server is out of reach. This is the board as last seen. ${kept}`;
    case "offline":
      return `You are offline. This is the board as last seen. ${kept}`;
    case "failed":
      return "The server does not let this page in. Reload to try again.";
    default:
      return link satisfies never;
  }
}
