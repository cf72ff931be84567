/**
 * Asks PortAudio and ALSA what there is, aside from the doctor: a sound server that hangs never answers, and takes the
 * asking thread with it. In: one question. Out: one answer. A worker of its own; allocates.
 */
import { HOW_TO_INSTALL, PortAudio, PortAudioMissing } from "../capture/portaudio.ts";
import { resolveSource, SourceError } from "../capture/source.ts";
import type { SourceDescription } from "../core/messages.ts";

export type Question =
  | { readonly kind: "library" }
  /** `channels`: to be tried in turn; null is all that the source has. */
  | { readonly kind: "source"; readonly spec: string | null; readonly channels: readonly (number | null)[] };

export type Answer =
  | { readonly kind: "library"; readonly name: string; readonly version: string; readonly hostApis: readonly string[] }
  | { readonly kind: "missing"; readonly reason: string; readonly howToInstall: string }
  | { readonly kind: "source"; readonly description: SourceDescription; readonly note: string | null }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

declare const self: {
  onmessage: ((event: MessageEvent<Question>) => void) | null;
  postMessage(answer: Answer): void;
};

function library(): Answer {
  using portaudio = new PortAudio();
  return {
    kind: "library",
    name: portaudio.library.name,
    version: portaudio.version,
    hostApis: portaudio.hostApis(),
  };
}

function source(spec: string | null, channels: readonly (number | null)[]): Answer {
  let refused: unknown;
  for (const count of channels) {
    try {
      const { description, note = null } = resolveSource(spec, count);
      return { kind: "source", description, note };
    } catch (error) {
      refused = error;
    }
  }
  throw refused;
}

self.onmessage = ({ data }) => {
  try {
    self.postMessage(data.kind === "library" ? library() : source(data.spec, data.channels));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof PortAudioMissing) {
      self.postMessage({ kind: "missing", reason, howToInstall: HOW_TO_INSTALL });
    } else self.postMessage({ kind: error instanceof SourceError ? "refused" : "failed", reason });
  }
};
