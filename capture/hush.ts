/**
 * Keeps ALSA and JACK from writing to stderr: PortAudio's search for devices makes them print up to a hundred lines.
 * Their error handlers become a C function that does nothing; a callback into this isolate would be called from their
 * threads, and wait for ours. In, out: nothing. Any thread; the handlers hold for the whole process; allocates.
 */
import { addressOf, openAny } from "./linker.ts";

/** A function of libc that ignores what it is given, whatever that is, and changes nothing. */
const NO_OP = "getpid";

const ALSA = {
  /** int snd_lib_error_set_handler(snd_lib_error_handler_t handler) */
  snd_lib_error_set_handler: { parameters: ["pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const JACK = {
  /** void jack_set_error_function(void (*)(const char *)) */
  jack_set_error_function: { parameters: ["pointer"], result: "void" },
  /** void jack_set_info_function(void (*)(const char *)) */
  jack_set_info_function: { parameters: ["pointer"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

let hushed = false;

/** Call it before Pa_Initialize. Where there is no ALSA or no JACK, nothing happens. */
export function hush(): void {
  if (hushed) return;
  hushed = true;
  const nothing = addressOf(NO_OP);
  // Null would bring the printing handlers back.
  if (nothing === null) return;
  openAny(["libasound.so.2"], ALSA)?.snd_lib_error_set_handler(nothing);
  const jack = openAny(["libjack.so.0"], JACK);
  jack?.jack_set_error_function(nothing);
  jack?.jack_set_info_function(nothing);
}
