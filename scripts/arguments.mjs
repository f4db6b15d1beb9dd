// The few options that the scripts take, read in one place and refused clearly when they are wrong.

/**
 * Takes `--port 4100` or `--port=4100` out of the arguments; the option goes before the variable PORT.
 * @param {readonly string[]} argv
 * @param {string} [fromEnvironment]
 * @returns {{ port: string | undefined, rest: string[] }}
 */
export function takePort(argv, fromEnvironment) {
  const { value, rest } = takeOption(argv, "--port");
  const port = value ?? (fromEnvironment === "" ? undefined : fromEnvironment);
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) {
    throw new Error(`The port has to be a number from 0 to 65535, not "${port}".`);
  }
  return { port, rest };
}

/**
 * Takes `--only unit,lint` out of the arguments: the names of the stages to run, all of them when it is not given.
 * @param {readonly string[]} argv
 * @param {readonly string[]} names
 * @returns {string[]}
 */
export function takeStages(argv, names) {
  const { value, rest } = takeOption(argv, "--only");
  if (rest.length > 0) throw new Error(`Unknown argument ${rest[0]}. There is only: --only ${names.join(",")}`);
  if (value === undefined) return [...names];
  const wanted = value.split(",").map((name) => name.trim());
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`There is no stage "${unknown}". The stages are: ${names.join(", ")}`);
  return names.filter((name) => wanted.includes(name));
}

/**
 * @param {readonly string[]} argv
 * @param {string} option
 */
function takeOption(argv, option) {
  /** @type {string | undefined} */
  let value;
  const rest = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    if (argument === option) {
      value = argv[++index];
      if (value === undefined) throw new Error(`${option} needs a value.`);
    } else if (argument.startsWith(`${option}=`)) value = argument.slice(option.length + 1);
    else rest.push(argument);
  }
  return { value, rest };
}

/**
 * Reads the arguments, or ends the process with the reason in one line.
 * @template T
 * @param {() => T} read
 * @returns {T}
 */
export function orUsage(read) {
  try {
    return read();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}
