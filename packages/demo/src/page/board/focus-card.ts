/** Gives a card's title the focus, wherever the card is now. */
export function focusCard(cardId: string): void {
  const slot = document.querySelector(`[data-card-id="${CSS.escape(cardId)}"]`);
  slot?.querySelector<HTMLElement>(".card-title")?.focus();
}
