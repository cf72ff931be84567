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

enum { RATE = 48000, CHANNELS = 2, SIZES = 3, BANDS = 21 };
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

/* What an encoder takes from a block for its next frame: `samples` of all its channels, from and to places in this memory. */
typedef struct {
  Encoder *encoder;
  const float *from;
  float *to;
  int samples;
} Piece;

/* What doesn't move is taken away, from sample `i` of each channel on. */
static void high_pass(const Piece *piece, int i) {
  int channels = piece->encoder->channels;
  for (int c = 0; c < channels; c++) {
    float dc = piece->encoder->dc[c];
    for (int k = i * channels + c; k < piece->samples; k += channels) {
      float x = piece->from[k];
      piece->to[k] = x - dc;
      dc = DC * x + VERY_SMALL_SAMPLE + (1 - DC) * dc;
    }
    piece->encoder->dc[c] = dc;
  }
}

enum { LANES = 4 };
/* The same of as many mono encoders as a vector has lanes: each sample needs the one before, so a lane is an encoder. */
static void high_pass_lanes(const Piece *p) {
  const v128_t part = wasm_f32x4_splat(DC), rest = wasm_f32x4_splat(1 - DC), small = wasm_f32x4_splat(VERY_SMALL_SAMPLE);
  v128_t dc = wasm_f32x4_make(p[0].encoder->dc[0], p[1].encoder->dc[0], p[2].encoder->dc[0], p[3].encoder->dc[0]);
  int i = 0;
  for (; i + LANES <= p->samples; i += LANES) {
    v128_t x[LANES];
    for (int k = 0; k < LANES; k++) x[k] = wasm_v128_load(p[k].from + i);
    transpose(x);
    for (int k = 0; k < LANES; k++) {
      v128_t now = x[k];
      x[k] = wasm_f32x4_sub(now, dc);
      dc = wasm_f32x4_add(wasm_f32x4_add(wasm_f32x4_mul(part, now), small), wasm_f32x4_mul(rest, dc));
    }
    transpose(x);
    for (int k = 0; k < LANES; k++) wasm_v128_store(p[k].to + i, x[k]);
  }
  float out[LANES];
  wasm_v128_store(out, dc);
  for (int k = 0; k < LANES; k++) {
    p[k].encoder->dc[0] = out[k];
    high_pass(p + k, i);
  }
}

/* The next pieces are as long as each other, and mono. */
static int alike(const Piece *p) {
  for (int k = 0; k < LANES; k++) if (p[k].encoder->channels > 1 || p[k].samples != p->samples) return 0;
  return 1;
}

void EXPORT(oc_gather)(const Piece *pieces, int count) {
  for (int i = 0; i < count;) {
    if (i + LANES <= count && alike(pieces + i)) {
      high_pass_lanes(pieces + i);
      i += LANES;
    } else high_pass(pieces + i++, 0);
  }
}

/* Silence where they are no sound. Not a number is no less either. */
static void only_sound(Encoder *encoder, float *sound, int samples) {
  if (celt_inner_prod(sound, sound, samples, 0) < MOST_ENERGY) return;
  for (int i = 0; i < samples; i++) sound[i] = 0;
  for (int c = 0; c < encoder->channels; c++) encoder->dc[c] = 0;
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

/* `sound` is what oc_gather() made; it may be changed. */
int EXPORT(oc_encode_float)(Encoder *encoder, float *sound, int frame, unsigned char *packet, int most) {
  int size = 0;
  while (size < SIZES && 120 << size != frame) size++;
  if (size == SIZES || encoder->bitrate == 0) return OPUS_BAD_ARG;
  int bytes = (encoder->bitrate / (RATE / frame) + 4) / 8;
  if (bytes > most) bytes = most;
  if (bytes < 3) return OPUS_BUFFER_TOO_SMALL;
  packet[0] = (FULLBAND_2_5_MS + size) << 3 | (encoder->channels - 1) << 2;
  only_sound(encoder, sound, frame * encoder->channels);
  float width = encoder->channels == 2 ? width_of(frame, bytes) : 1;
  if (width < 1) narrow(sound, frame, width);
  int coded = celt_encode_with_ec(encoder->celt, sound, frame, packet + 1, bytes - 1, 0);
  return coded < 0 ? coded : coded + 1;
}

const char *EXPORT(oc_strerror)(int error) { return opus_strerror(error); }
