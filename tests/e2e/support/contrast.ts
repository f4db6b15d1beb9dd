import type { Page } from "playwright-core";

/** A text on the screen and how well it can be told from what is behind it (WCAG 2.2, 1.4.3: at least 4.5). */
export interface Contrast {
  readonly text: string;
  readonly ratio: number;
  /** Whether what is behind it is dark. */
  readonly isOnDark: boolean;
}

/** The contrasts of all visible texts, opacity left aside. */
export function contrastsOf(page: Page): Promise<Contrast[]> {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (context === null) throw new Error("This browser has no canvas.");

    /** The luminance of colours painted over each other, as the screen would show them. */
    const luminanceOf = (colours: readonly string[]): number => {
      context.clearRect(0, 0, 1, 1);
      for (const colour of colours) {
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
      }
      const bytes = Array.from(context.getImageData(0, 0, 1, 1).data.slice(0, 3));
      const [red = 0, green = 0, blue = 0] = bytes.map((byte) => {
        const part = byte / 255;
        return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const backgrounds = (element: Element | null): string[] =>
      element === null ? [] : [...backgrounds(element.parentElement), getComputedStyle(element).backgroundColor];

    const found: Contrast[] = [];
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = nodes.nextNode(); node !== null; node = nodes.nextNode()) {
      const element = node instanceof Element ? node : node.parentElement;
      // A style sheet may write before an element, in quotes, as it does the initials of people.
      const written = node instanceof Element ? getComputedStyle(node, "::before").content : `"${node.textContent}"`;
      const text = (/^"(.*)"$/s.exec(written)?.[1] ?? "").trim();
      if (element === null || text === "" || !element.checkVisibility({ visibilityProperty: true })) continue;
      const behind = backgrounds(element);
      const back = luminanceOf(behind);
      const front = luminanceOf([...behind, getComputedStyle(element).color]);
      const ratio = (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05);
      found.push({ text, ratio: Math.round(ratio * 100) / 100, isOnDark: back < 0.18 });
    }
    return found;
  });
}
