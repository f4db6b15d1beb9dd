import { act } from "@testing-library/react";
import type { ReactElement } from "react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MusubiUpload } from "./index.js";
import { App, until } from "./musubi-app.test.util.js";

let app: App;
const seen: MusubiUpload[] = [];

beforeEach(() => {
  app = new App();
  seen.length = 0;
});

afterEach(async () => {
  await app.end();
});

function Photos(): ReactElement {
  const { store } = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
  const upload = app.musubi.useMusubiUpload(store?.photos);
  if (upload === undefined) return <p>none</p>;
  seen.push(upload);
  return (
    <p>
      {upload.name} {upload.status} {upload.errors.map(({ code }) => code).join()}
    </p>
  );
}

const text = (): string => document.body.textContent ?? "";
const showing = (expected: string): Promise<void> => until(() => expect(text()).toBe(expected));
const ops = (...list: object[]): void =>
  app.server.patch("Room:a", [], {
    upload_ops: list.map((op) => ({ upload: "photos", store_id: [], ...op })) as never,
  });

describe.each([false, true])("useMusubiUpload (strict: %s)", (strict) => {
  test("shows the slot as it stands, and renders when something in it changes", async () => {
    app.render(<Photos />, { strict });
    expect(text()).toBe("none");
    await showing("photos idle ");
    act(() => ops({ op: "config", config: { max_entries: 1 } }));
    await until(() => expect(seen.at(-1)?.config).toEqual({ max_entries: 1 }));
    expect(seen.at(0)?.config, "a view is of one moment").toBeNull();
    act(() => ops({ op: "error", error: "too_many_files" }));
    await showing("photos error too_many_files");
    expect(seen.at(-1)).toMatchObject({ isError: true, isIdle: false, progress: 0 });
  });

  test("renders for its slot alone, although the whole store tells of changes", async () => {
    let renders = 0;
    function Slot({ store }: { store: Parameters<typeof app.musubi.useMusubiUpload>[0] }): null {
      app.musubi.useMusubiUpload(store);
      renders++;
      return null;
    }
    const connection = await app.musubi.connect(app.socket, app.options);
    const { store } = await connection.mountStore({ module: "Room", id: "a" });
    app.render(<Slot store={store.photos} />, { strict });
    const before = renders;
    app.server.patch("Room:a", [{ op: "replace", path: "/title", value: "new" }]);
    await app.settle();
    expect(store.title).toBe("new");
    expect(renders).toBe(before);
    await connection.disconnect();
  });

  test("what can be done with it is stable, and needs no this", async () => {
    app.render(<Photos />, { strict });
    await showing("photos idle ");
    act(() => ops({ op: "config", config: { max_entries: 1, accept: [".png"] } }));
    await until(() => expect(seen.at(-1)?.config).not.toBeNull());
    const { select } = seen.at(-1) as MusubiUpload;
    await act(async () => {
      const { rejected } = await select(new File(["x"], "x.txt"));
      expect(rejected.map(({ code }) => code)).toEqual(["not_accepted"]);
    });
    expect(text()).toBe("photos error not_accepted");
    expect(seen.at(-1)?.select).toBe(select);
    const { reset } = seen.at(-1) as MusubiUpload;
    await act(() => reset());
    expect(text()).toBe("photos idle ");
  });
});
