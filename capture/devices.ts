/**
 * What `deno task devices` prints: everything that could be captured, and what to type for it. In: nothing. Out: text.
 * Main isolate; allocates.
 */
import { MAX_CHANNELS } from "../core/units.ts";
import { alsaNames } from "./alsa.ts";
import { type Device, HOW_TO_INSTALL, PortAudio, PortAudioMissing } from "./portaudio.ts";

const OTHERS = `Without a card:
  --source demo          a band of 16 channels
  --source tones         channel n is a sine of 100·n Hz at −12 dBFS
  --source wav:FILE      a WAV file of 1 to ${MAX_CHANNELS} channels at 48 kHz, looped`;

/** Columns, each as wide as its widest cell. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => "  " + row.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd()).join("\n");
}

/** What to type: the name where it is one device's alone, else the index, which may change when devices come and go. */
function sourceFor(device: Device, inputs: readonly Device[]): string {
  if (device.isJack) return "(not usable: see below)";
  const alone = inputs.filter(({ name }) => name === device.name).length === 1;
  if (!alone || /^\d+$/.test(device.name)) return `--source portaudio:${device.index}`;
  // What a shell would read is quoted.
  const source = `portaudio:${device.name}`;
  return `--source ${/^[\w.:,-]+$/.test(source) ? source : `'${source.replaceAll("'", `'\\''`)}'`}`;
}

function inputTable(portaudio: PortAudio): string {
  const inputs = portaudio.devices().filter(({ inputs }) => inputs > 0);
  if (inputs.length === 0) return "  none";
  const rows = inputs.map((device) => [
    String(device.index),
    device.name,
    device.hostApi,
    String(device.inputs),
    `${device.defaultRate} Hz`,
    device.isJack ? "-" : portaudio.supports(device, Math.min(device.inputs, MAX_CHANNELS)),
    `${(device.lowInputLatency * 1000).toFixed(1)} ms`,
    sourceFor(device, inputs),
  ]);
  return table([["#", "name", "host API", "inputs", "default", "48 kHz", "latency", "to use it"], ...rows]);
}

/** Host APIs, inputs, ALSA's PCMs, and the exact `--source` of each. */
export function listDevices(): string {
  const parts: string[] = [];
  try {
    using portaudio = new PortAudio();
    const apis = portaudio.hostApis();
    parts.push(`${portaudio.version}\nHost APIs: ${apis.join(", ") || "none"}`, `Inputs:\n${inputTable(portaudio)}`);
    if (portaudio.devices().some(({ isJack, inputs }) => isJack && inputs > 0)) {
      parts.push(
        "JACK's inputs can't be used through PortAudio, which damages every channel count but 2. Instead define an\n" +
          'ALSA PCM of type "jack" (Debian: libasound2-plugins) and use it with --source alsa:PCM.',
      );
    }
  } catch (error) {
    if (!(error instanceof PortAudioMissing)) throw error;
    parts.push(`PortAudio is missing: no sound card can be used.\n${error.message}\n${HOW_TO_INSTALL}`);
  }
  if (Deno.build.os === "linux") {
    const names = alsaNames().map((name) => `  --source alsa:${name}`);
    parts.push(
      `ALSA PCMs that are announced (any other name works too, plugins of ~/.asoundrc for instance):\n${
        names.join("\n") || "  none; for example --source alsa:hw:1,0"
      }`,
    );
  }
  return [...parts, OTHERS].join("\n\n") + "\n";
}
