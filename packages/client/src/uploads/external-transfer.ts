import { UPLOAD_ERROR, UPLOAD_PROGRESS } from "@musubi/protocol";
import { OneTimer } from "../one-timer.js";
import { nameOf } from "./check-files.js";
import type { Send } from "./transfer.js";
import { readUploadError } from "./upload-error.js";

/** Milliseconds between two reports of progress to the server. */
export const REPORT_EVERY_MS = 250;

/** A file on its way through one of the app's own uploaders; the server hears of it (protocol.md section 6). */
export const sendByUploader: Send<"external"> = ({
  host,
  ref,
  file,
  answer,
  onProgress,
  onEnd,
  outbox,
  message: about,
}) => {
  const { uploader, meta } = answer;
  const send = host.uploads.uploaders.get(uploader);
  const controller = new AbortController();
  const timer = new OneTimer(host.clock);
  let isOver = false;
  let progress = 0;
  let reported = 0;

  const report = (): void => {
    if (reported === progress) return;
    reported = progress;
    outbox.push(UPLOAD_PROGRESS, { ...about, progress });
    timer.start(REPORT_EVERY_MS, report);
  };
  const upload = {
    file,
    ref,
    name: nameOf(file),
    meta,
    signal: controller.signal,
    onProgress: (percent: number): void => {
      // The last percent is the end's to tell.
      const whole = Math.min(99, Math.floor(percent));
      if (isOver || !(whole > progress)) return;
      progress = whole;
      onProgress(whole);
      if (!timer.isSet) report();
    },
  };
  const end = (tellIt: () => void): void => {
    if (isOver) return;
    isOver = true;
    timer.stop();
    tellIt();
  };
  const fail = (code: string, message: string): void =>
    end(() => {
      outbox.tell(UPLOAD_ERROR, { ...about, code, message });
      onEnd({ code, message });
    });
  void Promise.resolve().then(async () => {
    if (send === undefined) return fail("unknown_uploader", `connect was given no uploader "${uploader}".`);
    try {
      if (!isOver) await send(upload);
    } catch (cause) {
      return fail("external_failed", cause instanceof Error ? cause.message : String(cause));
    }
    end(() =>
      outbox.tell(UPLOAD_PROGRESS, { ...about, progress: 100 }, (answered) =>
        answered?.status === "ok" ? onEnd() : onEnd(readUploadError(answered?.response, "external_failed")),
      ),
    );
  });
  return () => {
    end(() => {});
    controller.abort();
  };
};
