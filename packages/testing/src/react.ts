export { type MusubiRender, type RenderMusubiOptions, renderWithMusubi } from "./react/render-with-musubi.js";
