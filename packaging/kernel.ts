/**
 * `deno task kernel`: compiles the mixer's arithmetic, mix/kernel.as (AssemblyScript), to mix/kernel.wasm, which is kept
 * beside it so that nobody else needs the compiler. Run by hand after a change; a test holds that the two belong together.
 */
import asc from "assemblyscript/asc";
import { fileURLToPath } from "node:url";

const MIX = fileURLToPath(new URL("../mix/", import.meta.url));

/** The same bytes for the same source. @throws Error with what the compiler says. */
export async function compileKernel(): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      ...["kernel.ts", "--outFile", "kernel.wasm"],
      ...["-O3", "--noAssert", "--runtime", "stub", "--enable", "simd", "--importMemory", "--noExportMemory"],
    ],
    {
      // The compiler wants its own name; .ts it isn't, for any other tool.
      readFile: (name: string) => name === "kernel.ts" ? Deno.readTextFileSync(`${MIX}kernel.as`) : null,
      writeFile: (name: string, contents: Uint8Array | string) => {
        if (name === "kernel.wasm") wasm = contents as Uint8Array;
      },
    },
  );
  if (error || !wasm) throw new Error(`cannot compile the kernel: ${stderr}`, { cause: error });
  return wasm;
}

if (import.meta.main) {
  Deno.writeFileSync(`${MIX}kernel.wasm`, await compileKernel());
  Deno.exit(0);
}
