/** What is being typed into cards and not saved yet, by card id: it outlives a card that is drawn anew elsewhere. */
export const drafts: Map<string, { readonly title: string; readonly note: string }> = new Map();
