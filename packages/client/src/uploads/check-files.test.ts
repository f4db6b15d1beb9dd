import { describe, expect, test } from "vitest";
import { checkFiles } from "./check-files.js";

const file = (name: string, type = "", size = 1) => new File(["x".repeat(size)], name, { type });
const codes = (...args: Parameters<typeof checkFiles>) => checkFiles(...args).rejected.map(({ code }) => code);

describe("client.md 16: what is selected is checked before anything is sent", () => {
  test.each([
    [".pdf", "a.PDF", "", true],
    [".pdf", "a.pdf.exe", "application/pdf", false],
    [".tar.gz", "a.tar.gz", "", true],
    ["image/*", "a", "image/png", true],
    ["image/*", "a.png", "", false],
    ["image/*", "a.png", "imagex/png", false],
    ["image/png", "a", "IMAGE/PNG", true],
    ["text/plain", "a", "text/plain;charset=utf-8", true],
    ["image/png", "a", "image/jpeg", false],
    [" .JPG , image/png ", "a.jpg", "", true],
    ["*/*", "a", "", true],
    ["", "a", "", true],
    [null, "a", "", true],
    [[], "a", "", true],
    [[".doc", "text/*"], "a", "text/csv", true],
    [[".doc", "text/*"], "a.docx", "", false],
  ])("accept %j takes %s of type %j: %s", (accept, name, type, isTaken) => {
    expect(codes([file(name, type)], { accept }, 0)).toEqual(isTaken ? [] : ["not_accepted"]);
  });

  test("max_file_size is the largest size that is taken", () => {
    const files = [file("a", "", 5), file("b", "", 6)];
    const { fitting, rejected } = checkFiles(files, { max_file_size: 5 }, 0);
    expect(fitting).toEqual([files[0]]);
    expect(rejected).toEqual([{ file: files[1], code: "too_large", message: '"b" is larger than 5 bytes.' }]);
  });

  test("max_entries counts what is open already, and not what is refused for another reason", () => {
    const files = [file("a.exe"), file("b.txt"), file("c.txt"), file("d.txt")];
    expect(codes(files, { max_entries: 3, accept: [".txt"] }, 1)).toEqual(["not_accepted", "too_many_files"]);
    expect(codes(files, { max_entries: null }, 100)).toEqual([]);
  });

  test("a server that has said nothing yet takes all; a Blob has a name too", () => {
    expect(codes([new Blob(["x"])], null, 7)).toEqual([]);
    expect(checkFiles([new Blob(["x"])], { accept: ".x" }, 0).rejected[0]?.message).toContain('"blob"');
  });

  test("what is no file is bad usage", () => {
    expect(() => checkFiles(["a.txt" as never], null, 0)).toThrow(expect.objectContaining({ code: "invalid_usage" }));
  });
});
