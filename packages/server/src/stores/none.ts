/** No members at all: a store without streams, events or commands. */
export type None = { readonly [Name in never]: never };
