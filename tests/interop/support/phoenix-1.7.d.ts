/** The last release of phoenix.js 1.7, as far as 1.8's types go for it too. */
declare module "phoenix-1.7" {
  export { Socket } from "phoenix";
}
