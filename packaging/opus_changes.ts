/**
 * What our own build changes in libopus 1.6.1, so that it spends its time on what the stage needs: constants in the place
 * of what its encoder never changes, and places from which it calls wasm/*.c. Packets stay the same, but for sums that are
 * taken in another order. In: a file's text. Out: the changed text. Pure.
 */

/** `from`, which is there once, and all that follows up to `to` (if given) is replaced by `by`. */
interface Change {
  readonly from: string;
  readonly to?: string;
  readonly by: string;
}

const ENCODER = "celt/celt_encoder.c";

/** What wasm/opus.c sets up for good, as libopus calls it, with its value. The compiler leaves out what that makes useless. */
const FIXED = {
  mode: "opus_custom_mode_create(48000, 960, NULL)",
  stream_channels: "st->channels",
  start: "0",
  end: "21",
  complexity: "0",
  upsample: "1",
  signalling: "0",
  vbr: "0",
  force_intra: "0",
  loss_rate: "0",
  lsb_depth: "24",
  lfe: "0",
  energy_mask: "((celt_glog *)NULL)",
} as const;

const CHANGES: Readonly<Record<string, readonly Change[]>> = {
  [ENCODER]: [
    // The filter for pure tones looks back 21 ms: a frame is put behind those before it, instead of moving them all.
    { from: "   int prefilter_tapset;\n#ifdef", by: "   int prefilter_tapset;\n   int oldest;\n#ifdef" },
    { from: "channels*QEXT_SCALE(COMBFILTER_MAXPERIOD)*sizeof(celt_sig)", by: "channels*HISTORY*sizeof(celt_sig)" },
    { from: "CC*(overlap+QEXT_SCALE(COMBFILTER_MAXPERIOD))", by: "CC*(overlap+HISTORY)" },
    {
      from: "(st->mode->overlap+QEXT_SCALE2(COMBFILTER_MAXPERIOD, st->qext_scale))",
      by: "(st->mode->overlap+HISTORY)",
    },
    {
      from: "[(1+c)*QEXT_SCALE(COMBFILTER_MAXPERIOD)-overlap]",
      by: "[c*HISTORY+st->oldest+COMBFILTER_MAXPERIOD-overlap]",
    },
    {
      from: "   ALLOC(_pre, CC*(N+max_period), celt_sig);\n",
      to: "   /* If we detect that the signal",
      by: `   int oldest = st->oldest + max_period + N > HISTORY ? 0 : st->oldest;
   for (c = 0; c < CC; c++)
   {
      celt_sig *history = prefilter_mem + c*HISTORY;
      pre[c] = history + oldest;
      if (oldest != st->oldest) OPUS_MOVE(history, history + st->oldest, max_period);
      OPUS_COPY(pre[c] + max_period, in + c*(N+overlap) + overlap, N);
   }
   st->oldest = oldest + N;
   if (st->prefilter_gain == 0 && !(enabled && toneishness > .99f))
   {
      *pitch = st->prefilter_period = COMBFILTER_MINPERIOD;
      *gain = *qgain = 0;
      for (c = 0; c < CC; c++)
      {
         OPUS_COPY(in + c*(N+overlap), st->in_mem + c*overlap, overlap);
         OPUS_COPY(st->in_mem + c*overlap, in + c*(N+overlap) + N, overlap);
      }
      return 0;
   }
`,
    },
    {
      from: "      if (N>max_period)\n",
      to: "   } while (++c<CC);\n\n   RESTORE_STACK;\n   *gain = gain1;",
      by: "",
    },
    {
      from: "      for (i=0;i<N;i++) before[c] += ABS32(SHR32(in[c*(N+overlap)+overlap+i], 12));\n",
      by: "      before[c] = magnitude_of(in+c*(N+overlap)+overlap, N);\n",
    },
    {
      from: "      for (i=0;i<N;i++) after[c] += ABS32(SHR32(in[c*(N+overlap)+overlap+i], 12));\n",
      by: "      after[c] = magnitude_of(in+c*(N+overlap)+overlap, N);\n",
    },
    {
      from: "   for (i=0;i<len-2*delay;i++) {\n",
      to: "   edges = 0;\n",
      by: "   autocorrelate(x, len-2*delay, delay, &r00, &r01, &r02);\n",
    },
    // What is used so far, in full bits while it's certain that they do: the exact number takes longer.
    {
      from: "tell+(dynalloc_loop_logp<<BITRES) < total_bits-total_boost\n",
      by:
        "(((ec_tell(enc)+dynalloc_loop_logp)<<BITRES) < total_bits-total_boost || (int)ec_tell_frac(enc)+(dynalloc_loop_logp<<BITRES) < total_bits-total_boost)\n",
    },
    { from: "         tell = ec_tell_frac(enc);\n         if (!flag)", by: "         if (!flag)" },
    {
      from: "   alloc_trim = 5;\n   if (tell+(6<<BITRES)",
      by: "   alloc_trim = 5;\n   tell = ec_tell_frac(enc);\n   if (tell+(6<<BITRES)",
    },
    // Constant bit rate and complexity 0 don't look at these.
    {
      from: "   if (!st->lfe)\n   {\n      celt_glog follow=",
      to: '   /*for (i=0;i<21;i++)\n      printf("%f ", bandLogE',
      by: "",
    },
    { from: "         spread_weight[i] = 32 >> shift;\n", by: "" },
    { from: "         importance[i] = (int)floor(.5f+13*celt_exp2_db(MING(follower[i], GCONST(4.f))));\n", by: "" },
    {
      from: "         for (i=2;i<end-2;i++)\n            f[i] = MAXG(f[i], median_of_5(&bandLogE3[i-2])-offset);\n",
      by: "         not_below_medians(f, bandLogE3, end, offset);\n",
    },
  ],
  "celt/rate.c": [
    {
      from: "   lo = 0;\n   hi = 1<<ALLOC_STEPS;\n",
      to: "   /* Decide which bands to skip",
      by: "   psum = 0;\n   for (j=start;j<end;j++) psum += bits[j] = bits1[j];\n",
    },
    {
      from: "   for (j=start;j<end;j++)\n   {\n      /* Below this threshold",
      to: "   codedBands = interp_bits2pulses(",
      by: "   share_bits(offsets, cap, alloc_trim, total, C, LM, bits1, thresh, &skip_start);\n",
    },
  ],
  "celt/rate.h": [
    {
      from: "   for (i=0;i<LOG_MAX_PSEUDO;i++)\n",
      to: "   if (bits- (lo == 0",
      by: "   lo = cheaper_than(cache, bits);\n   hi = lo + 1;\n",
    },
  ],
  "celt/cwrs.c": [
    // A sign is as likely as the other, so a branch on it is foretold wrongly half the time.
    { from: "    if(_y[j]<0)i+=CELT_PVQ_U(_n-j,k+1);\n", by: "    i+=CELT_PVQ_U(_n-j,k+1)&-(_y[j]<0);\n" },
  ],
};

export const CHANGED_FILES: readonly string[] = Object.keys(CHANGES);

/** @throws Error if the file isn't what it was. */
export function changed(file: string, text: string): string {
  for (const { from, to, by } of CHANGES[file]) {
    const at = text.indexOf(from), end = to === undefined ? at + from.length : text.indexOf(to, at + from.length);
    if (at < 0 || end < 0 || text.indexOf(from, at + 1) >= 0) throw new Error(`${file} isn't what is known of it`);
    text = text.slice(0, at) + by + text.slice(end);
  }
  if (file !== ENCODER) return text;
  const read = new RegExp(`\\bst->(${Object.keys(FIXED).join("|")})\\b(?!\\s*=[^=])`, "g");
  return text.replace(read, (_, name: keyof typeof FIXED) => FIXED[name]);
}
