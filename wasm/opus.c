/*
 * Our own build's encoder (packaging/opus.ts), called by wasm/libopus.ts: libopus's CELT layer by itself. In restricted low
 * delay opus_encode_float() uses nothing else, but decides that anew for each packet, and moves 10 ms of samples through
 * buffers that only SILK looks at: a tenth of an encode at 2.5 ms. Full band, constant bit rate, complexity 0, frames up to
 * 10 ms. What is left of opus_encode_float() is done here as it does it; but stereo that is narrowed for a low rate is so
 * from its first sample on. Interleaved float samples in; one Opus packet of one frame out (RFC 6716 section 3).
 */
#include <opus.h>
#include <stdlib.h>
#include "celt.h"
#include "pitch.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

enum { RATE = 48000, CHANNELS = 2, SIZES = 3, LONGEST = 480, BANDS = 21 };
/* Configurations 28 to 30: CELT, full band, 2.5 to 10 ms (RFC 6716 section 3.1). */
enum { FULLBAND_2_5_MS = 28 };
/* As opus_encoder.c's dc_reject(): a first-order high pass at 3 Hz, and what keeps it out of denormals. */
static const float DC = 6.3f * 3 / RATE, VERY_SMALL_SAMPLE = 1e-30f;
/* As there: energy that no sound has. */
static const float MOST_ENERGY = 1e9f;

typedef struct {
  int channels, bitrate;
  float dc[CHANNELS];
  /* Behind this one. */
  CELTEncoder *celt;
} Encoder;

Encoder *EXPORT(oc_create_encoder)(int rate, int channels, int application, int *error) {
  *error = OPUS_BAD_ARG;
  if (rate != RATE || channels < 1 || channels > CHANNELS || application != OPUS_APPLICATION_RESTRICTED_LOWDELAY) return 0;
  *error = OPUS_ALLOC_FAIL;
  Encoder *encoder = calloc(1, sizeof *encoder + celt_encoder_get_size(channels));
  if (!encoder) return 0;
  encoder->channels = channels;
  encoder->celt = (CELTEncoder *)(encoder + 1);
  mdct_prepare();
  *error = celt_encoder_init(encoder->celt, RATE, channels, 0);
  celt_encoder_ctl(encoder->celt, CELT_SET_SIGNALLING(0));
  celt_encoder_ctl(encoder->celt, CELT_SET_END_BAND(BANDS));
  celt_encoder_ctl(encoder->celt, OPUS_SET_VBR(0));
  /* The packet's length decides. */
  celt_encoder_ctl(encoder->celt, OPUS_SET_BITRATE(OPUS_BITRATE_MAX));
  return encoder;
}

void EXPORT(oc_destroy_encoder)(Encoder *encoder) { free(encoder); }

/* The bit rate; of the rest only what it does anyway. */
int EXPORT(oc_encoder_ctl)(Encoder *encoder, int request, int value) {
  int as_it_is = 0;
  switch (request) {
    case OPUS_SET_BITRATE_REQUEST:
      if (value <= 0) return OPUS_BAD_ARG;
      encoder->bitrate = value;
      return OPUS_OK;
    case OPUS_SET_COMPLEXITY_REQUEST: as_it_is = value == 0; break;
    case OPUS_SET_VBR_REQUEST: as_it_is = value == 0; break;
    case OPUS_SET_SIGNAL_REQUEST: as_it_is = value == OPUS_SIGNAL_MUSIC; break;
    case OPUS_SET_BANDWIDTH_REQUEST:
    case OPUS_SET_MAX_BANDWIDTH_REQUEST: as_it_is = value == OPUS_BANDWIDTH_FULLBAND; break;
    case OPUS_SET_FORCE_CHANNELS_REQUEST: as_it_is = value == encoder->channels; break;
  }
  return as_it_is ? OPUS_OK : OPUS_UNIMPLEMENTED;
}

/* The samples without what doesn't move; silence where they are no sound. */
static void without_dc(Encoder *encoder, const float *pcm, float *out, int frame) {
  int channels = encoder->channels, samples = frame * channels;
  for (int c = 0; c < channels; c++) {
    float dc = encoder->dc[c];
    for (int i = c; i < samples; i += channels) {
      float x = pcm[i];
      out[i] = x - dc;
      dc = DC * x + VERY_SMALL_SAMPLE + (1 - DC) * dc;
    }
    encoder->dc[c] = dc;
  }
  /* Not a number is no less either. */
  if (celt_inner_prod(out, out, samples, 0) < MOST_ENERGY) return;
  for (int i = 0; i < samples; i++) out[i] = 0;
  for (int c = 0; c < channels; c++) encoder->dc[c] = 0;
}

/* How wide stereo stays: all of it above 32 kb/s, reckoned as opus_encoder.c's compute_equiv_rate() does. */
static float width_of(int frame, int bytes) {
  int rate = RATE / frame, bits = bytes * 8 * rate;
  if (rate > 50) bits -= (40 * CHANNELS + 20) * (rate - 50);
  bits -= bits / 12;
  /* Complexity 0. */
  bits = bits * 90 / 100 * 9 / 10;
  return bits > 32000 ? 1 : bits < 16000 ? 0 : (16384 - 2048 * (32000 - bits) / (bits - 14000)) / 16384.f;
}

static void narrow(float *sound, int frame, float width) {
  for (int i = 0; i < 2 * frame; i += 2) {
    float part = (1 - width) * (.5f * (sound[i] - sound[i + 1]));
    sound[i] -= part;
    sound[i + 1] += part;
  }
}

int EXPORT(oc_encode_float)(Encoder *encoder, const float *pcm, int frame, unsigned char *packet, int most) {
  float sound[LONGEST * CHANNELS];
  int size = 0;
  while (size < SIZES && 120 << size != frame) size++;
  if (size == SIZES || encoder->bitrate == 0) return OPUS_BAD_ARG;
  int bytes = (encoder->bitrate / (RATE / frame) + 4) / 8;
  if (bytes > most) bytes = most;
  if (bytes < 3) return OPUS_BUFFER_TOO_SMALL;
  packet[0] = (FULLBAND_2_5_MS + size) << 3 | (encoder->channels - 1) << 2;
  without_dc(encoder, pcm, sound, frame);
  float width = encoder->channels == 2 ? width_of(frame, bytes) : 1;
  if (width < 1) narrow(sound, frame, width);
  int coded = celt_encode_with_ec(encoder->celt, sound, frame, packet + 1, bytes - 1, 0);
  return coded < 0 ? coded : coded + 1;
}

const char *EXPORT(oc_strerror)(int error) { return opus_strerror(error); }
