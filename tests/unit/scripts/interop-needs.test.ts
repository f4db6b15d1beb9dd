import { expect, test } from "vitest";
import { findNginx } from "../../../scripts/find-nginx.mjs";
import { leftOut } from "../../../scripts/interop-needs.mjs";

test("a machine that has everything leaves nothing out", () => {
  expect(leftOut({ redis: "/r", nginx: "/n" }, {})).toEqual({ excluded: [], notes: [] });
});

test("without nginx only deployment is left out, without Redis PubSub too, each with what to do about it", () => {
  expect(leftOut({ redis: "/r", nginx: undefined }, {})).toEqual({
    excluded: ["tests/interop/deploy*.test.ts"],
    notes: [expect.stringContaining("NGINX_PATH")],
  });
  const { excluded, notes } = leftOut({ redis: undefined, nginx: undefined }, {});
  expect(excluded).toEqual(["tests/interop/valkey*.test.ts", "tests/interop/deploy*.test.ts"]);
  expect(notes).toHaveLength(2);
});

test("what CI counts on is never left out", () => {
  const env = { MUSUBI_REQUIRE_REDIS: "1", MUSUBI_REQUIRE_NGINX: "1" };
  expect(leftOut({ redis: undefined, nginx: undefined }, env)).toEqual({ excluded: [], notes: [] });
});

test("nginx is found where root alone has it on PATH; NGINX_PATH goes first and must lead to one", () => {
  const having = (path: string) => (each: string) => each === path;
  expect(findNginx({ PATH: "/usr/bin" }, having("/usr/sbin/nginx"))).toBe("/usr/sbin/nginx");
  expect(findNginx({ PATH: "/bin" }, having("/none"))).toBeUndefined();
  expect(() => findNginx({ NGINX_PATH: "/my/nginx" }, having("/usr/sbin/nginx"))).toThrow("NGINX_PATH is /my/nginx");
});
