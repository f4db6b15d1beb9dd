// One finder for the tests and for `npm test`, which has to know beforehand whether there is a browser.
export { findChromium, howToGetChromium } from "../../../scripts/find-chromium.mjs";
