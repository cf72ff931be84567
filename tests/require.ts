/**
 * Tests that need programs or libraries of the system. In: what a test needs and which Debian package brings it. Out: a
 * registered test; ignored with the packages in its name where something is missing, failing where CI=true, because
 * there nothing may be missing. Main isolate of the test runner; may allocate.
 */

/** What a test needs → the Debian package that has it: `{ jackd: "jackd2", "libportaudio.so.2": "libportaudio2" }`. */
export type Needs = Readonly<Record<string, string>>;

const LIBRARY_FOLDERS = ["/usr/local/lib", "/usr/lib", "/lib", "/usr/lib64", "/lib64"];
const TRIPLETS: Record<string, string> = { x86_64: "x86_64-linux-gnu", aarch64: "aarch64-linux-gnu" };
/** Where plugins live that the dynamic linker doesn't know of, below a library folder. */
const PLUGIN_FOLDERS = ["", "alsa-lib/", "gstreamer-1.0/"];

function isFile(path: string, mode = 0): boolean {
  try {
    const info = Deno.statSync(path);
    return info.isFile && (mode === 0 || info.mode === null || (info.mode & mode) !== 0);
  } catch {
    return false;
  }
}

function hasLibrary(name: string): boolean {
  const triplet = TRIPLETS[Deno.build.arch];
  const folders = [
    ...(Deno.env.get("LD_LIBRARY_PATH") ?? "").split(":").filter((folder) => folder !== ""),
    ...LIBRARY_FOLDERS.flatMap((folder) => triplet ? [`${folder}/${triplet}`, folder] : [folder]),
  ];
  if (folders.some((folder) => PLUGIN_FOLDERS.some((plugins) => isFile(`${folder}/${plugins}${name}`)))) return true;
  try {
    // The linker's cache holds the full path of each library, ended by a zero byte.
    const cache = new TextDecoder("latin1").decode(Deno.readFileSync("/etc/ld.so.cache"));
    return cache.split("\0").some((path) => path.startsWith("/") && path.endsWith(`/${name}`) && isFile(path));
  } catch {
    return false;
  }
}

/** True if the program is on the PATH; a name with `.so` is a library, or a plugin of ALSA or GStreamer; `.a` one to link. */
export function hasProgram(name: string): boolean {
  if (name.includes(".so")) return hasLibrary(name);
  if (name.includes("/")) return isFile(name, name.endsWith(".a") ? 0 : 0o111);
  const path = Deno.env.get("PATH") ?? "";
  return path.split(Deno.build.os === "windows" ? ";" : ":").some((folder) =>
    folder !== "" && (isFile(`${folder}/${name}`, 0o111) || isFile(`${folder}/${name}.exe`))
  );
}

/** The Debian packages, each once and sorted, of everything in `needs` that this machine hasn't. */
export const missingPackages = (needs: Needs): string[] =>
  [...new Set(Object.keys(needs).filter((name) => !hasProgram(name)).map((name) => needs[name]))].sort();

/** What {@link programTest} registers; apart from it so that a test can look at it. */
export function programTestDefinition(
  name: string,
  needs: Needs,
  body: (t: Deno.TestContext) => void | Promise<void>,
  ci: boolean = Deno.env.get("CI") === "true",
): Deno.TestDefinition {
  const missing = missingPackages(needs);
  if (missing.length === 0) return { name, fn: body };
  const what = `apt-get install ${missing.join(" ")}`;
  if (!ci) return { name: `${name} [needs: ${what}]`, ignore: true, fn: body };
  return {
    name,
    fn: () => {
      throw new Error(`cannot run with CI=true: programs are missing, ${what}`);
    },
  };
}

/** Registers a test that needs programs or libraries of the system. */
export function programTest(
  name: string,
  needs: Needs,
  body: (t: Deno.TestContext) => void | Promise<void>,
): void {
  Deno.test(programTestDefinition(name, needs, body));
}
