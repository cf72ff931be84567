/** A config file that lives as long as a test. */
export function configFile(text: string | Uint8Array<ArrayBuffer>): Disposable & { readonly path: string } {
  const path = Deno.makeTempFileSync({ prefix: "foldback-config-", suffix: ".jsonc" });
  Deno.writeFileSync(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}
