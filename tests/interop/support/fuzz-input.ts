import { recording, recordingNames, unclip } from "./fixtures.js";

/** Mulberry32: small, and the same everywhere. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a client that means no good knows of its own upload. */
export interface KnownUpload {
  readonly entryRef: string;
  readonly token: string;
}

const UPLOAD_EVENTS = ["allow_upload", "cancel_upload", "upload_progress", "upload_error"];
const COMMAND_EVENTS = Array.from({ length: 8 }, () => "command");
const CONNECTION_EVENTS = ["mount", "mount", "unmount", ...COMMAND_EVENTS, ...UPLOAD_EVENTS];
const COMMANDS = ["add", "slow", "say", "save", "fail", "put", "gone", "constructor"];

/** Input that no client of good will sends, from a seed: made up, and mutated from what the recorder's clients sent. */
export class FuzzInput {
  readonly random: () => number;
  readonly #corpus: readonly Buffer[];

  constructor(seed: number) {
    this.random = createRandom(seed);
    this.#corpus = recordingNames()
      .filter((name) => /^(v2|client|race)_/.test(name) && !/9mb|longpoll/.test(name))
      .flatMap((name) => recording(name).frames)
      .filter((frame) => frame.dir === "out" && (frame.type === "text" || frame.type === "binary"))
      .map((frame) => {
        const { text, bytes } = unclip(frame);
        return text === undefined ? (bytes ?? Buffer.alloc(0)) : Buffer.from(text);
      });
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const [item] = items.slice(this.below(items.length));
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  /** Any JSON value that stands where another one should. */
  value(): unknown {
    const kind = this.below(12);
    if (kind === 0) return null;
    if (kind === 1) return String(this.below(4));
    if (kind === 2) return this.pick([0, -1, 1e308, 2 ** 53, 0.5]);
    if (kind === 3) return this.pick([{}, [], { a: [] }, [[]], { reason: "x" }]);
    if (kind === 4) return this.pick(["", "__proto__", "constructor", "musubi:connection", "echo:a", "nope"]);
    if (kind === 5) return this.pick(["phx_join", "phx_leave", "phx_close", "phx_error", "phx_reply", "heartbeat"]);
    if (kind === 6) return JSON.parse("[".repeat(300) + "]".repeat(300)) as unknown;
    if (kind === 7) return JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    if (kind === 8) return "\u{1F600}".repeat(this.below(80));
    if (kind === 9) return "\uD800\u0000\u2028";
    return this.pick([true, false, "x".repeat(300)]);
  }

  /** A message that is nearly right, or right. */
  message(upload: KnownUpload): Buffer {
    const kind = this.random();
    const payload = { ms: this.below(5), hex: "0a" };
    const well =
      kind < 0.4
        ? ["1", String(this.below(99)), "musubi:connection", this.pick(CONNECTION_EVENTS), this.#storePayload(upload)]
        : kind < 0.5
          ? ["u", "1", `musubi_upload:${upload.entryRef}`, this.pick(["phx_join", "chunk"]), { token: upload.token }]
          : [
              String(this.below(4)),
              String(this.below(9)),
              this.pick(["echo:a", "echo:b", "echo:slowjoin", "room:a", "room:b", "plain"]),
              this.pick([
                "phx_join",
                "phx_join",
                "phx_leave",
                "ping",
                "late",
                "broadcast_intercepted",
                "crash",
                "away",
              ]),
              payload,
            ];
    const elements = well.map((value) => (this.chance(0.06) ? this.value() : value));
    if (this.chance(0.02)) elements.length = this.below(5);
    return Buffer.from(JSON.stringify(elements));
  }

  /** A binary push: a chunk of its own upload, or of nobody's. */
  binary(upload: KnownUpload): Buffer {
    if (this.chance(0.4)) return this.mutated();
    const parts = ["u", "2", `musubi_upload:${upload.entryRef}`, this.pick(["chunk", "chunk", "phx_join"])];
    const texts = parts.map((text) => Buffer.from(this.chance(0.1) ? this.pick(["", "x", "y".repeat(255)]) : text));
    const lengths = texts.map(({ length }) => (this.chance(0.03) ? this.below(256) : length));
    const bytes = Buffer.alloc(this.pick([0, 1, 10, 1_000, 40_000]), this.below(256));
    return Buffer.concat([Buffer.of(this.chance(0.02) ? this.below(5) : 0, ...lengths), ...texts, bytes]);
  }

  /** A recorded message with some of its bytes changed, or cut off. */
  mutated(): Buffer {
    const message = Buffer.from(this.pick(this.#corpus));
    this.#change(message, this.below(4));
    return this.chance(0.2) ? message.subarray(0, this.below(message.length + 1)) : message;
  }

  /** Bytes beneath the WebSocket layer (RFC 6455 section 5.2): reserved bits and opcodes, fragments, wrong lengths. */
  rawFrame(): Buffer {
    if (this.chance(0.1)) return Buffer.from(Array.from({ length: this.below(40) }, () => this.below(256)));
    const content = this.chance(0.5) ? this.mutated().subarray(0, 2_000) : Buffer.alloc(this.below(200), "x");
    const isFinal = this.chance(0.6) ? 0x80 : 0;
    const reserved = this.chance(0.15) ? this.below(8) << 4 : 0;
    const opcode = this.pick([0, 0, 1, 1, 1, 2, 2, 8, 9, 10, 3, 7, 11, 15]);
    const isMasked = this.chance(0.85);
    const kind = this.random();
    // Mostly the length that there is; else one far beyond what is allowed, or another that will never come.
    const length =
      kind < 0.8
        ? lengthOf(content.length, isMasked)
        : kind < 0.9
          ? Buffer.from([(isMasked ? 0x80 : 0) | 127, ...Array.from({ length: 8 }, () => this.below(256))])
          : lengthOf(this.below(70_000), isMasked);
    const mask = Buffer.from(Array.from({ length: 4 }, () => this.below(256)));
    const masked = isMasked ? content.map((byte, at) => byte ^ (mask[at % 4] ?? 0)) : content;
    return Buffer.concat([Buffer.of(isFinal | reserved | opcode), length, isMasked ? mask : Buffer.alloc(0), masked]);
  }

  /** An upgrade request that stops half-way, or asks for what there is not. */
  handshake(): Buffer {
    const lines = [
      `${this.pick(["GET", "GET", "POST", "BREW", ""])} /socket/${this.pick(["websocket", "longpoll", "?", "../x"])}?vsn=2.0.0${this.pick(["", "&slow=1", "&slow=1", "&refuse=1"])} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Connection: Upgrade",
      `Upgrade: ${this.pick(["websocket", "websocket", "h2c", ""])}`,
      `Sec-WebSocket-Version: ${this.pick(["13", "13", "8", "x"])}`,
      `Sec-WebSocket-Key: ${this.pick(["dGhlIHNhbXBsZSBub25jZQ==", "short", ""])}`,
      `Sec-WebSocket-Protocol: ${this.pick(["phoenix, base64url.bearer.phx.c2VjcmV0", "phoenix", ",,,", "é"])}`,
      `Sec-WebSocket-Extensions: ${this.pick(["permessage-deflate", "permessage-deflate; server_max_window_bits=1", ";"])}`,
    ].filter(() => this.chance(0.95));
    const text = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
    if (this.chance(0.2)) this.#change(text, 3);
    return this.chance(0.4) ? text.subarray(0, this.below(text.length)) : text;
  }

  /** A long-poll body as phoenix.js sends it, or nearly. */
  body(upload: KnownUpload): Buffer {
    const lines = Array.from({ length: this.below(4) === 0 ? this.below(130) : 1 + this.below(4) }, () => {
      const kind = this.random();
      if (kind < 0.7) return this.message(upload);
      if (kind < 0.9) return Buffer.from(this.binary(upload).toString("base64"));
      return this.mutated();
    });
    const joint = this.pick(["\n", "\n", "\r\n", ""]);
    const body = Buffer.from(lines.map((line) => line.toString("latin1")).join(joint), "latin1");
    if (this.below(3) === 0) this.#change(body, this.below(4));
    return body;
  }

  /** Anything but `token`, most of it much like it. */
  otherToken(token: string): string {
    const at = this.below(token.length);
    const character = String.fromCharCode(33 + this.below(93));
    const [body = "", mac = ""] = token.split(".");
    const made = [
      () => token.slice(0, at),
      () => token.slice(at),
      () => `${token.slice(0, at)}${character}${token.slice(at + 1)}`,
      () => `${token.slice(0, at)}${character}${token.slice(at)}`,
      () => `${token}${this.pick([".", "A", "=", " ", "\n", token])}`,
      () => this.pick(["", ".", "..", "__proto__", "SFMyNTY.g2gDaARkAAJ2MQ.x", "%", "%00", "A".repeat(5_000), "é"]),
      () => `${Buffer.from(JSON.stringify([this.value(), this.value(), 9e15])).toString("base64url")}.${mac}`,
      () => `${body}.${Buffer.from(Array.from({ length: 32 }, () => this.below(256))).toString("base64url")}`,
      // Other spellings of the same bytes.
      () => `${body}.${Buffer.from(mac, "base64url").toString("base64")}`,
      () => `${body}.${mac.slice(0, -1)}${String.fromCharCode((mac.codePointAt(mac.length - 1) ?? 0) + 1)}`,
    ];
    const other = this.pick(made)();
    return other === token ? `${token}.` : other;
  }

  #storePayload(upload: KnownUpload): object {
    const whole = {
      root_id: this.pick(["Fuzz.Desk:1", "Fuzz.Desk:1", "Fuzz.Desk:2", "Fuzz.Desk:3"]),
      store_id: this.pick([[], [], [], ["a"], ["a", "b"]]),
      module: this.pick(["Fuzz.Desk", "Fuzz.Desk", "Fuzz.Row", "nope"]),
      id: this.pick(["1", "2", "3"]),
      params: this.pick([{}, { rows: this.below(5) }, { rows: "many" }]),
      name: this.pick([...COMMANDS, "papers", "papers"]),
      payload: this.chance(0.2) ? {} : { by: 1, text: "hello", rows: ["a", "b", "c"].slice(this.below(3)) },
      ref: this.pick([upload.entryRef, "nobody's"]),
      progress: this.below(200),
      code: "x",
      message: "y",
      entries: Array.from({ length: this.below(3) }, (_, n) => ({
        client_ref: `c${n}`,
        name: this.pick(["a.txt", "../../etc/passwd", "\u0000"]),
        size: this.pick([0, 1, 1_000, 1e9]),
        type: "text/plain",
      })),
    };
    const members = Object.entries(whole).flatMap(([key, value]) =>
      this.chance(0.01) ? [] : [[key, this.chance(0.02) ? this.value() : value]],
    );
    return Object.fromEntries(members) as object;
  }

  #change(bytes: Buffer, times: number): void {
    for (let left = times; left > 0 && bytes.length > 0; left--) bytes[this.below(bytes.length)] = this.below(256);
  }
}

function lengthOf(length: number, isMasked: boolean): Buffer {
  const flag = isMasked ? 0x80 : 0;
  if (length < 126) return Buffer.of(flag | length);
  if (length < 65_536) return Buffer.of(flag | 126, length >> 8, length & 255);
  return Buffer.of(
    flag | 127,
    0,
    0,
    0,
    0,
    (length >> 24) & 255,
    (length >> 16) & 255,
    (length >> 8) & 255,
    length & 255,
  );
}
