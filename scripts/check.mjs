// `npm run check` (or `pnpm check`): all that judges the code without a browser. `-- --only lint,types` picks stages.
import { main } from "./stage-main.mjs";
import { stages } from "./stages.mjs";

await main(stages.filter(({ suite }) => suite === "check"));
