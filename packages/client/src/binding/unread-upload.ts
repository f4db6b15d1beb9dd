import type { UploadHandle, UploadSnapshot } from "../uploads/upload-types.js";

const MESSAGE = "Nothing can be sent from what a server rendered: wait until its root is mounted.";

const ignore = async (): Promise<void> => {};

/** An upload slot of a record, in which there are no uploads, as it reads before the code for uploads is there. */
export function unreadUpload(name: string): UploadHandle {
  const flags = { isIdle: true, isPending: false, isUploading: false, isSuccess: false, isError: false };
  const snapshot: UploadSnapshot = {
    name,
    config: null,
    status: "idle",
    progress: 0,
    entries: [],
    errors: [],
    ...flags,
  };
  return {
    ...snapshot,
    snapshot: () => snapshot,
    subscribe: () => () => {},
    select: async (files) => {
      const list = files instanceof Blob ? [files] : Array.from(files);
      return { accepted: [], rejected: list.map((file) => ({ file, code: "internal", message: MESSAGE })) };
    },
    start: ignore,
    cancel: ignore,
    reset: ignore,
  };
}
