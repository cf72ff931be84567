/**
 * The dynamic linker's own functions, for two things that Deno.dlopen can't do: giving the address of a C function, and
 * keeping a library mapped for as long as the process lives. In: names. Out: addresses. Linux only, elsewhere nothing
 * happens. Any thread; allocates.
 */

const SYMBOLS = {
  /** void *dlsym(void *handle, const char *name); handle 0 searches all that is loaded */
  dlsym: { parameters: ["pointer", "buffer"], result: "pointer" },
  /** void *dlopen(const char *name, int flags) */
  dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const RTLD_NOW = 2, RTLD_NODELETE = 0x1000;

const cString = (text: string) => new TextEncoder().encode(text + "\0");

/** The first of `names` that can be opened, or null. The library stays open. */
export function openAny<Symbols extends Deno.ForeignLibraryInterface>(names: readonly string[], symbols: Symbols) {
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols).symbols;
    } catch {
      // Not there, or not under this name: the next, or none.
    }
  }
  return null;
}

// dlsym moved from libdl to libc with glibc 2.34.
const linker = () => Deno.build.os === "linux" ? openAny(["libc.so.6", "libdl.so.2"], SYMBOLS) : null;

/** Address of a C function or variable that some loaded library has, or null. */
export function addressOf(name: string): Deno.PointerValue {
  return linker()?.dlsym(null, cString(name)) ?? null;
}

/**
 * Keeps a library mapped: an isolate that ends closes what it opened, and a thread that the library started (JACK's,
 * say) would go on in memory that is gone.
 */
export function pin(name: string): void {
  linker()?.dlopen(cString(name), RTLD_NOW | RTLD_NODELETE);
}
