/** A point of the viewport, in pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The picture of a card that follows the pointer. */
export interface Ghost {
  moveTo(point: Point): void;
  rect(): DOMRect;
  remove(): void;
}

/** Lifts a picture of `slot` off the page, held at the point where it was grabbed. */
export function createGhost(slot: HTMLElement, grabbed: Point): Ghost {
  const box = slot.getBoundingClientRect();
  const ghost = document.createElement("div");
  const picture = slot.cloneNode(true) as HTMLElement;
  // A picture has no part in the page: nothing finds it by id, nothing focuses it.
  for (const element of [picture, ...picture.querySelectorAll("[id]")]) element.removeAttribute("id");
  picture.removeAttribute("data-card-id");
  picture.classList.remove("is-dragged");
  ghost.className = "drag-ghost";
  ghost.inert = true;
  ghost.style.width = `${box.width}px`;
  ghost.style.left = `${box.left}px`;
  ghost.style.top = `${box.top}px`;
  ghost.append(picture);
  document.body.append(ghost);
  return {
    moveTo(point) {
      ghost.style.translate = `${point.x - grabbed.x}px ${point.y - grabbed.y}px`;
    },
    rect: () => ghost.getBoundingClientRect(),
    remove: () => ghost.remove(),
  };
}
