/**
 * What a root tells the one who caches it: the server's state has changed; it may not for a while, since the connection
 * is lost; it will not any more, at these params or at all; the server refuses to mount it.
 */
export type RootNews = "changed" | "paused" | "ended" | "refused";
