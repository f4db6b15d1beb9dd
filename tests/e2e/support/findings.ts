import axe from "axe-core";
import type { Page } from "playwright-core";

/** Something on a page that keeps people out, as axe-core sees it. */
export interface Finding {
  readonly state: string;
  readonly rule: string;
  readonly impact: string;
  readonly help: string;
  /** The element's own HTML. */
  readonly html: string;
}

/** What a rule can find depends on the colours for these, and for no others. */
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

/** All that axe-core finds on a page as it stands, in light and in dark; the page ends in light. */
export async function findingsOf(page: Page, state: string): Promise<Finding[]> {
  await page.evaluate(axe.source);
  await page.emulateMedia({ colorScheme: "light" });
  const light = await run(page, `${state}, light`, {});
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await run(page, `${state}, dark`, { runOnly: { type: "rule", values: COLOUR_RULES } });
  await page.emulateMedia({ colorScheme: "light" });
  return [...light, ...dark];
}

async function run(page: Page, state: string, options: axe.RunOptions): Promise<Finding[]> {
  const violations = await page.evaluate(
    async (given) => {
      // Its own script put it there.
      const { axe: loaded } = window as unknown as { readonly axe: typeof axe };
      return (await loaded.run(document, given)).violations;
    },
    { ...options, resultTypes: ["violations"] } satisfies axe.RunOptions,
  );
  return violations.flatMap(({ id, impact, help, nodes }) =>
    nodes.map(({ html }) => ({ state, rule: id, impact: impact ?? "none", help, html })),
  );
}
