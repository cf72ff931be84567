/**
 * What PortAudio doesn't tell of ALSA: which PCMs there are by name, plugins included, and how many channels one takes.
 * In: a PCM's name. Out: numbers and names. Linux only. Any thread; allocates.
 */
import { MAX_CHANNELS, SAMPLE_RATE } from "../core/units.ts";
import { hush } from "./hush.ts";
import { openAny } from "./linker.ts";
import { text } from "./native.ts";

const SYMBOLS = {
  /** int snd_pcm_open(snd_pcm_t **, const char *name, snd_pcm_stream_t, int mode) */
  snd_pcm_open: { parameters: ["buffer", "buffer", "i32", "i32"], result: "i32" },
  /** int snd_pcm_close(snd_pcm_t *) */
  snd_pcm_close: { parameters: ["pointer"], result: "i32" },
  /** size_t snd_pcm_hw_params_sizeof(void) */
  snd_pcm_hw_params_sizeof: { parameters: [], result: "usize" },
  /** int snd_pcm_hw_params_any(snd_pcm_t *, snd_pcm_hw_params_t *) */
  snd_pcm_hw_params_any: { parameters: ["pointer", "buffer"], result: "i32" },
  /** int snd_pcm_hw_params_get_channels_min(const snd_pcm_hw_params_t *, unsigned int *) */
  snd_pcm_hw_params_get_channels_min: { parameters: ["buffer", "buffer"], result: "i32" },
  /** int snd_pcm_hw_params_get_channels_max(const snd_pcm_hw_params_t *, unsigned int *) */
  snd_pcm_hw_params_get_channels_max: { parameters: ["buffer", "buffer"], result: "i32" },
  /** int snd_pcm_hw_params_test_rate(snd_pcm_t *, snd_pcm_hw_params_t *, unsigned int, int dir) */
  snd_pcm_hw_params_test_rate: { parameters: ["pointer", "buffer", "u32", "i32"], result: "i32" },
  /** int snd_pcm_hw_params_test_channels(snd_pcm_t *, snd_pcm_hw_params_t *, unsigned int) */
  snd_pcm_hw_params_test_channels: { parameters: ["pointer", "buffer", "u32"], result: "i32" },
  /** const char *snd_strerror(int) */
  snd_strerror: { parameters: ["i32"], result: "pointer" },
  /** int snd_device_name_hint(int card, const char *interface, void ***hints) */
  snd_device_name_hint: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /** char *snd_device_name_get_hint(const void *hint, const char *id); to be freed */
  snd_device_name_get_hint: { parameters: ["pointer", "buffer"], result: "pointer" },
  /** int snd_device_name_free_hint(void **hints) */
  snd_device_name_free_hint: { parameters: ["pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const CAPTURE = 1, NONBLOCK = 1;
/** A list that runs on is no list. */
const MAX_HINTS = 1000;

const cString = (value: string) => new TextEncoder().encode(value + "\0");
const library = () => {
  hush();
  return Deno.build.os === "linux" ? openAny(["libasound.so.2"], SYMBOLS) : null;
};

/**
 * Opens the PCM for a moment and asks how many channels to capture from it at 48 kHz. `wanted` null: as many as it has;
 * 2 where it takes any number, since then the number means nothing.
 * @throws Error with ALSA's reason.
 */
export function alsaChannels(pcm: string, wanted: number | null): number {
  const alsa = library();
  if (alsa === null) throw new Error(`there is no ALSA on this machine (libasound.so.2)`);
  const handle = new BigUint64Array(1);
  const opened = alsa.snd_pcm_open(handle, cString(pcm), CAPTURE, NONBLOCK);
  if (opened < 0) throw new Error(text(alsa.snd_strerror(opened)));
  const stream = Deno.UnsafePointer.create(handle[0]);
  try {
    const params = new Uint8Array(Number(alsa.snd_pcm_hw_params_sizeof()));
    const any = alsa.snd_pcm_hw_params_any(stream, params);
    if (any < 0) throw new Error(text(alsa.snd_strerror(any)));
    if (alsa.snd_pcm_hw_params_test_rate(stream, params, SAMPLE_RATE, 0) < 0) {
      throw new Error(`it can't run at ${SAMPLE_RATE} Hz`);
    }
    const min = new Uint32Array(1), max = new Uint32Array(1);
    alsa.snd_pcm_hw_params_get_channels_min(params, min);
    alsa.snd_pcm_hw_params_get_channels_max(params, max);
    const own = max[0] <= MAX_CHANNELS || min[0] === max[0] ? max[0] : Math.max(2, min[0]);
    const channels = wanted ?? Math.min(own, MAX_CHANNELS);
    if (alsa.snd_pcm_hw_params_test_channels(stream, params, channels) < 0) {
      throw new Error(
        `it can't give ${channels} channels, but ${min[0] === max[0] ? min[0] : `${min[0]} to ${max[0]}`}`,
      );
    }
    return channels;
  } finally {
    alsa.snd_pcm_close(stream);
  }
}

/** Names of the capture PCMs that ALSA's configuration announces; one may exist without being announced. */
export function alsaNames(): string[] {
  const alsa = library(), list = new BigUint64Array(1), names: string[] = [];
  if (alsa === null || alsa.snd_device_name_hint(-1, cString("pcm"), list) < 0) return names;
  const hints = Deno.UnsafePointer.create(list[0]);
  if (hints === null) return names;
  const view = new Deno.UnsafePointerView(hints);
  for (let i = 0; i < MAX_HINTS; i++) {
    const hint = view.getPointer(8 * i);
    if (hint === null) break;
    // Left out: it goes both ways. The few bytes of each answer are never freed: this is asked once.
    if (text(alsa.snd_device_name_get_hint(hint, cString("IOID"))) === "Output") continue;
    names.push(text(alsa.snd_device_name_get_hint(hint, cString("NAME"))));
  }
  alsa.snd_device_name_free_hint(hints);
  return names.filter((name) => name !== "" && name !== "null");
}
