/*
 * What our own build of libopus (packaging/opus.ts) exports beside libopus's own functions: WebAssembly has no functions of
 * variable arguments. wasm/libopus.ts calls these by their names.
 */
#include <opus.h>

#define EXPORT(name) __attribute__((export_name(#name))) name

OpusEncoder *EXPORT(oc_create_encoder)(int rate, int channels, int application, int *error) {
  return opus_encoder_create(rate, channels, application, error);
}
void EXPORT(oc_destroy_encoder)(OpusEncoder *encoder) { opus_encoder_destroy(encoder); }
int EXPORT(oc_encoder_ctl)(OpusEncoder *encoder, int request, int value) { return opus_encoder_ctl(encoder, request, value); }
int EXPORT(oc_encode_float)(OpusEncoder *encoder, const float *pcm, int frame, unsigned char *packet, int bytes) {
  return opus_encode_float(encoder, pcm, frame, packet, bytes);
}
const char *EXPORT(oc_strerror)(int error) { return opus_strerror(error); }
