/*
 * The card of card.h as an ALSA PCM (an ioplug plugin, type "arithmetic"), to record and to play, two channels of float32.
 * Who comes too late has an xrun, the card hasn't. In: its file's name. Threads: those of the programs that open it.
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <sys/timerfd.h>
#include "card.h"

enum { CHANNELS = 2, MOST = 64 * PERIOD };

struct Stream {
  snd_pcm_ioplug_t io;
  struct Card *card;
  /* The card's position when it was started, and frames read or written since it was prepared. */
  uint64_t started, done;
  int running;
  snd_pcm_uframes_t wanted;
  /* Written before the start. */
  float early[MOST];
};

static uint64_t passed(const struct Stream *stream) {
  return stream->running ? cardPosition() - stream->started : 0;
}

static void play(struct Stream *stream, uint64_t at, float sample) {
  uint64_t index = stream->started + at - stream->card->began;
  if (index < PLAYED) stream->card->played[index] = sample;
}

static int start(snd_pcm_ioplug_t *io) {
  struct Stream *stream = io->private_data;
  stream->started = cardPosition();
  stream->running = 1;
  if (io->stream == SND_PCM_STREAM_PLAYBACK)
    for (uint64_t i = 0; i < stream->done && i < MOST; i++) play(stream, i, stream->early[i]);
  return 0;
}

static int stop(snd_pcm_ioplug_t *io) {
  struct Stream *stream = io->private_data;
  /* What hasn't been played is not heard. */
  if (stream->running && io->stream == SND_PCM_STREAM_PLAYBACK)
    for (uint64_t i = passed(stream); i < stream->done; i++) play(stream, i, 0);
  stream->running = 0;
  return 0;
}

static int prepare(snd_pcm_ioplug_t *io) {
  struct Stream *stream = io->private_data;
  stream->running = 0;
  stream->done = 0;
  return 0;
}

static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io) {
  struct Stream *stream = io->private_data;
  uint64_t now = passed(stream);
  if (!stream->running) return 0;
  int late = io->stream == SND_PCM_STREAM_PLAYBACK ? now >= stream->done : now > stream->done + io->buffer_size;
  return late ? -EPIPE : (snd_pcm_sframes_t)now;
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
                                  snd_pcm_uframes_t size) {
  struct Stream *stream = io->private_data;
  const float *noise = stream->card->noise;
  for (int channel = 0; channel < CHANNELS; channel++) {
    char *samples = (char *)areas[channel].addr + areas[channel].first / 8;
    for (snd_pcm_uframes_t i = 0; i < size; i++) {
      float *sample = (float *)(samples + (offset + i) * areas[channel].step / 8);
      uint64_t at = stream->done + i;
      if (io->stream == SND_PCM_STREAM_CAPTURE) *sample = noise[(stream->started + at) % NOISE] / CHANNELS;
      else if (channel > 0) continue;
      else if (stream->running) play(stream, at, *sample);
      else if (at < MOST) stream->early[at] = *sample;
    }
  }
  stream->done += size;
  return (snd_pcm_sframes_t)size;
}

/* Wakes at once when there is enough to do, else when the next period ends. */
static void arm(struct Stream *stream) {
  const snd_pcm_ioplug_t *io = &stream->io;
  uint64_t now = passed(stream);
  int64_t avail = (int64_t)(now - stream->done);
  if (io->stream == SND_PCM_STREAM_PLAYBACK) avail += (int64_t)io->buffer_size;
  struct itimerspec timer = {.it_value = {.tv_nsec = 1}};
  if (avail < (int64_t)stream->wanted && io->state != SND_PCM_STATE_XRUN) {
    uint64_t next = cardPosition() + PERIOD;
    timer.it_value.tv_sec = (time_t)(next / RATE);
    timer.it_value.tv_nsec = (long)(next % RATE * 1000000 / 48) + 1000;
  }
  timerfd_settime(io->poll_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

static int descriptorCount(snd_pcm_ioplug_t *io) {
  (void)io;
  return 1;
}
static int descriptors(snd_pcm_ioplug_t *io, struct pollfd *polled, unsigned int space) {
  if (space < 1) return 0;
  arm(io->private_data);
  *polled = (struct pollfd){.fd = io->poll_fd, .events = POLLIN};
  return 1;
}
static int happened(snd_pcm_ioplug_t *io, struct pollfd *polled, unsigned int count, unsigned short *events) {
  int woken = count > 0 && (polled[0].revents & POLLIN);
  *events = !woken ? 0 : io->stream == SND_PCM_STREAM_PLAYBACK ? POLLOUT : POLLIN;
  if (woken) arm(io->private_data);
  return 0;
}

static int settings(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *parameters) {
  return snd_pcm_sw_params_get_avail_min(parameters, &((struct Stream *)io->private_data)->wanted);
}

static int end(snd_pcm_ioplug_t *io) {
  struct Stream *stream = io->private_data;
  close(io->poll_fd);
  munmap(stream->card, sizeof *stream->card);
  free(stream);
  return 0;
}

static const snd_pcm_ioplug_callback_t CALLBACKS = {
    .start = start,
    .stop = stop,
    .pointer = pointer,
    .transfer = transfer,
    .close = end,
    .prepare = prepare,
    .sw_params = settings,
    .poll_descriptors_count = descriptorCount,
    .poll_descriptors = descriptors,
    .poll_revents = happened,
};

static int constrain(snd_pcm_ioplug_t *io) {
  const unsigned int access[] = {SND_PCM_ACCESS_RW_INTERLEAVED}, format[] = {SND_PCM_FORMAT_FLOAT_LE};
  const unsigned int bytes = PERIOD * CHANNELS * sizeof(float);
  int error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, access);
  if (error >= 0) error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, format);
  if (error >= 0) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, CHANNELS, CHANNELS);
  if (error >= 0) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, RATE, RATE);
  if (error >= 0) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, bytes, bytes);
  if (error >= 0) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, MOST / PERIOD);
  return error;
}

SND_PCM_PLUGIN_DEFINE_FUNC(arithmetic) {
  (void)root;
  const char *path = NULL;
  snd_config_iterator_t i, next;
  snd_config_for_each(i, next, conf) {
    snd_config_t *entry = snd_config_iterator_entry(i);
    const char *id;
    if (snd_config_get_id(entry, &id) >= 0 && strcmp(id, "file") == 0) snd_config_get_string(entry, &path);
  }
  struct Stream *made = calloc(1, sizeof *made);
  if (made == NULL) return -ENOMEM;
  made->card = path == NULL ? NULL : openCard(path, 0);
  if (made->card == NULL) return free(made), -ENOENT;
  made->wanted = PERIOD;
  made->io.version = SND_PCM_IOPLUG_VERSION;
  made->io.name = "a card that is only arithmetic";
  made->io.flags = SND_PCM_IOPLUG_FLAG_BOUNDARY_WA | SND_PCM_IOPLUG_FLAG_MONOTONIC;
  made->io.callback = &CALLBACKS;
  made->io.private_data = made;
  made->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  made->io.poll_events = POLLIN;
  int error = snd_pcm_ioplug_create(&made->io, name, stream, mode);
  if (error < 0) return end(&made->io), error;
  if ((error = constrain(&made->io)) < 0) return snd_pcm_ioplug_delete(&made->io), error;
  *pcmp = made->io.pcm;
  return 0;
}
SND_PCM_PLUGIN_SYMBOL(arithmetic);
