/** Where a dragged card would land. */
export interface DropTarget {
  readonly columnId: string;
  readonly beforeId: string | null;
}

/** A column as it stands on the screen; `cards` without the dragged one, top to bottom. */
export interface ColumnBox {
  readonly id: string;
  readonly left: number;
  readonly right: number;
  readonly cards: readonly { readonly id: string; readonly middle: number }[];
}

/** The place nearest to a point: the closest column, and the first card whose middle lies below. */
export function dropTarget(columns: readonly ColumnBox[], x: number, y: number): DropTarget | null {
  let nearest: ColumnBox | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const column of columns) {
    const distance = Math.max(column.left - x, x - column.right, 0);
    if (distance >= least) continue;
    nearest = column;
    least = distance;
  }
  if (nearest === undefined) return null;
  return { columnId: nearest.id, beforeId: nearest.cards.find((card) => y < card.middle)?.id ?? null };
}
