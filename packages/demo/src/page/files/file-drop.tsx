import { type DragEvent, useEffect, useId, useState } from "react";
import { useMusubiCommand, useMusubiRootSuspense, useMusubiSnapshotSuspense, useMusubiUpload } from "../musubi.js";
import { CloseIcon } from "../shell/icons.js";
import { fileSize } from "./file-size.js";

/** Takes files for a card and shows them on their way. Mounts the card's root for it, for as long as it is shown. */
export function FileDrop({ cardId }: { readonly cardId: string }) {
  const store = useMusubiRootSuspense({ module: "Demo.Attachments", id: cardId });
  const slot = useMusubiSnapshotSuspense(store, ({ files }) => files);
  const upload = useMusubiUpload(slot);
  const { dispatch: keep, error } = useMusubiCommand(store, "keep");
  const [isOver, setIsOver] = useState(false);
  const field = useId();

  const arrived = upload.entries.filter(({ status }) => status === "success").length;
  useEffect(() => {
    // What has arrived waits on the server until it is put on the board.
    if (arrived > 0) keep({}).catch(() => {});
  }, [arrived, keep]);

  const send = (files: FileList | null): void => {
    if (files !== null && files.length > 0) void upload.select(files);
  };
  const onDrag = (event: DragEvent, isNowOver: boolean): void => {
    event.preventDefault();
    setIsOver(isNowOver);
  };
  const failed = upload.entries.filter(({ status }) => status === "error");

  return (
    <>
      <div
        className={`drop${isOver ? " is-over" : ""}`}
        onDragOver={(event) => onDrag(event, true)}
        onDragLeave={(event) => onDrag(event, false)}
        onDrop={(event) => {
          onDrag(event, false);
          send(event.dataTransfer.files);
        }}
      >
        <input
          id={field}
          className="visually-hidden"
          type="file"
          multiple
          onChange={(event) => {
            send(event.target.files);
            event.target.value = "";
          }}
        />
        <label className="button is-primary" htmlFor={field}>
          Choose files
        </label>
        <span className="drop-hint">or drop them here, up to {fileSize(slot.config?.max_file_size ?? 0)} each</span>
      </div>
      <ul className="sending" aria-label="On their way">
        {upload.entries
          .filter(({ status }) => status === "pending" || status === "uploading")
          .map((entry) => (
            <li key={entry.ref} className="sending-file">
              <span className="file-name">{entry.client_name}</span>
              <progress max={100} value={entry.progress} aria-label={entry.client_name} />
              <button
                type="button"
                className="icon-button"
                aria-label={`Do not send ${entry.client_name}`}
                onClick={() => void upload.cancel(entry.ref)}
              >
                <CloseIcon />
              </button>
            </li>
          ))}
      </ul>
      {(upload.errors.length > 0 || failed.length > 0 || error != null) && (
        <div className="drop-errors" role="alert">
          {upload.errors.map(({ client_name, code, message }) => (
            <p key={`${client_name}${code}`}>
              {client_name}: {message ?? code}
            </p>
          ))}
          {failed.map((entry) => (
            <p key={entry.ref}>
              {entry.client_name}: {entry.errors[0]?.message ?? "it could not be sent"}
            </p>
          ))}
          {error != null && <p>The files have arrived, but the card did not take them ({error.code}).</p>}
          <button type="button" className="button" onClick={() => void upload.reset()}>
            Dismiss
          </button>
        </div>
      )}
    </>
  );
}
