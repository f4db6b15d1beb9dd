import { describe, expect, it } from "vitest";
import { readOptions } from "./load-options.js";

describe("the arguments of a load run", () => {
  it("are all optional", () => {
    expect(readOptions([])).toEqual({ clients: 1_000, roots: 1_000, rate: 5_000, seconds: 2, json: false });
    expect(readOptions(["--help"])).toBeNull();
  });

  it("are read in either spelling", () => {
    const argv = ["--clients=20", "--roots", "3", "--rate", "7", "--seconds", "0.5", "--json"];
    expect(readOptions(argv)).toEqual({ clients: 20, roots: 3, rate: 7, seconds: 0.5, json: true });
  });

  it.each([
    [["--clients", "0"], '--clients has to be a number from 1 to 20000, not "0".'],
    [["--clients", "20001"], '--clients has to be a number from 1 to 20000, not "20001".'],
    [["--clients", "2.5"], '--clients has to be a whole number, not "2.5".'],
    [["--roots", "many"], '--roots has to be a number from 1 to 200000, not "many".'],
    [["--rate", "-1"], /rate/],
    [["--seconds", "0"], '--seconds has to be a number from 0.1 to 600, not "0".'],
    [["--seconds", "Infinity"], '--seconds has to be a number from 0.1 to 600, not "Infinity".'],
    [["--clients"], /clients/],
    [["--client", "5"], /--client/],
    [["5"], /5/],
  ])("%j are refused", (argv, message) => {
    expect(() => readOptions(argv)).toThrow(message);
  });
});
