// `npm test`: everything, from formatting to the demo in a real browser. `npm test -- --only unit` picks stages.
import { main } from "./stage-main.mjs";
import { stages } from "./stages.mjs";

await main(stages);
