import { createMusubi, type Musubi, type StoreDef } from "@musubi/react";

interface Stores {
  Room: StoreDef<{ title: string }>;
}

export const musubi: Musubi<Stores> = createMusubi<Stores>();
