import type { StoreDef, UploadField } from "@musubi/protocol";
import type {
  ConnectOptions,
  ExternalUploader,
  StoreProxy,
  StoreSnapshot,
  UploadEntry,
  UploadHandle,
  UploadSelection,
} from "../index.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const expectType = <_Truth extends true>(): void => {};

interface Registry {
  "App.Album": StoreDef<{ title: string; photos: UploadField; form: { cover: UploadField }; all: UploadField[] }>;
}

declare const album: StoreProxy<"App.Album", Registry>;
declare const snapshot: StoreSnapshot<"App.Album", Registry>;
declare const files: FileList;

export async function uploading(): Promise<void> {
  expectType<Equal<typeof album.photos, UploadHandle>>();
  expectType<Equal<typeof album.form.cover, UploadHandle>>();
  expectType<Equal<typeof snapshot.photos, UploadHandle>>();
  expectType<Equal<(typeof snapshot.all)[number], UploadHandle>>();
  expectType<Equal<typeof album.photos.entries, readonly UploadEntry[]>>();
  const selection = await album.photos.select(files);
  expectType<Equal<typeof selection, UploadSelection>>();
  await album.photos.select(new Blob([]), { autoStart: true });
  await album.photos.select([new File([], "a")]);
  await album.photos.start();
  await album.photos.cancel("ref");
  // @ts-expect-error: no files
  await album.photos.select("a.txt");
  // @ts-expect-error: what is so is not to be written
  album.photos.progress = 100;
  // @ts-expect-error: no such option
  await album.photos.select(files, { autostart: true });
}

export const uploader: ExternalUploader = async ({ file, meta, signal, onProgress }) => {
  const { url } = meta as { url: string };
  await fetch(url, { method: "PUT", body: file, signal });
  onProgress(100);
};

export const options: ConnectOptions = { uploaders: { uploader } };
