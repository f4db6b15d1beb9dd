import { createMusubi, type Musubi } from "@musubi/react";
import type { LongListStores } from "../support/long-list-server.js";

export const musubi: Musubi<LongListStores> = createMusubi<LongListStores>();
