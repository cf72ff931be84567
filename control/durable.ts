/**
 * Files that are whole after a kill or a power cut: written beside, synced, renamed into place, readable for the owner
 * only (0600). In: a path and its new content. Out: the file, or an error and the file as it was. The main isolate at
 * start (the `Sync` forms) and the control worker; allocates.
 */

/** What is being written lies beside its place under this name; one that is found at a start is a leftover. */
export const beside = (path: string): string => `${path}.new`;
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";
const codeOf = (error: unknown) => (error as { code?: string }).code;

/** Some file systems (FUSE, network) can't sync a directory, and say so by these. */
const isNotForDirectories = (error: unknown) => ["EINVAL", "ENOTSUP", "EOPNOTSUPP"].includes(codeOf(error) ?? "");

/** Removes a file if it is there. */
export async function discard(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** Removes a file if it is there. */
export function discardSync(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What was renamed, made or removed in a directory is on disk from now on. */
export async function syncDirectory(directory: string): Promise<void> {
  if (Deno.build.os === "windows") return; // opens no directories
  using opened = await Deno.open(directory);
  await opened.sync().catch((error) => {
    if (!isNotForDirectories(error)) throw error;
  });
}

/** What was renamed, made or removed in a directory is on disk from now on. */
export function syncDirectorySync(directory: string): void {
  if (Deno.build.os === "windows") return;
  using opened = Deno.openSync(directory);
  try {
    opened.syncSync();
  } catch (error) {
    if (!isNotForDirectories(error)) throw error;
  }
}

const FRESH: Deno.OpenOptions = { write: true, createNew: true, mode: 0o600 };

/** A new file for the owner alone; its directory too (0700), if that has to be made. */
async function create(path: string): Promise<Deno.FsFile> {
  await discard(path); // another one's mode would stay
  try {
    return await Deno.open(path, FRESH);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(folderOf(path), { recursive: true, mode: 0o700 });
    return await Deno.open(path, FRESH);
  }
}

/** Content on disk at {@link beside} `path`, which isn't touched. A disk that is full keeps no half of it. */
export async function writeBeside(path: string, bytes: Uint8Array): Promise<string> {
  const fresh = beside(path);
  try {
    using file = await create(fresh);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  } catch (error) {
    await discard(fresh).catch(() => {});
    throw error;
  }
  return fresh;
}

/** `path` holds `bytes` from now on, whatever happens; else this rejects, and it holds all of the old or all of the new. */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.rename(await writeBeside(path, bytes), path);
  await syncDirectory(folderOf(path));
}

/** As {@link replaceFile}, for the start. */
export function replaceFileSync(path: string, bytes: Uint8Array): void {
  const fresh = beside(path);
  discardSync(fresh);
  {
    using file = Deno.openSync(fresh, FRESH);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
  }
  Deno.renameSync(fresh, path);
  syncDirectorySync(folderOf(path));
}

/**
 * `to` becomes what `from` is, at no moment something between. A second name for the same file costs nothing; where the
 * file system has none (FAT), a copy does. Not synced.
 */
export async function duplicate(from: string, to: string): Promise<void> {
  const fresh = beside(to);
  await discard(fresh);
  try {
    await Deno.link(from, fresh);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw error;
    await writeBeside(to, await Deno.readFile(from));
  }
  await Deno.rename(fresh, to);
  await discard(fresh); // renaming onto another name of the same file does nothing (POSIX)
}

/** As {@link duplicate}, for the start. */
export function duplicateSync(from: string, to: string): void {
  const fresh = beside(to);
  discardSync(fresh);
  try {
    Deno.linkSync(from, fresh);
  } catch {
    Deno.copyFileSync(from, fresh);
  }
  Deno.renameSync(fresh, to);
  discardSync(fresh);
}
