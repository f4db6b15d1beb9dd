import { createMusubi } from "@musubi/react";
import { render } from "@testing-library/react";
import { type ReactElement, version } from "react";
import { version as domVersion } from "react-dom";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";

const expected = process.env["REACT_VERSION"] ?? "";
const { MusubiProvider, useMusubiConnectionStatus } = createMusubi();

// Two copies of React in one tree fail at the first hook: so the hooks' own imports of React are told of as well.
function Shown(): ReactElement {
  return (
    <i>
      {version} {useMusubiConnectionStatus().state}
    </i>
  );
}

const tree = (
  <MusubiProvider socket={null}>
    <Shown />
  </MusubiProvider>
);

test("react.md: a project's tests run on the version of React that it names, and on no other", () => {
  expect(expected).toMatch(/^(18|19)\.\d+$/);
  expect(version.startsWith(`${expected}.`)).toBe(true);
  expect(domVersion).toBe(version);
  const { container, unmount } = render(tree);
  expect(container.textContent).toBe(`${version} connecting`);
  unmount();
  expect(renderToString(tree)).toContain(version);
});
