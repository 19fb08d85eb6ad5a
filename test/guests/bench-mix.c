// A mixture of integer work: multiplications, divisions, rotations, tests of bits, table look-ups, a call or two.
#include "bench-work.h"

#define STEPS 4000000

static u32 histogram[256];

static __attribute__((noinline)) u64 mix(u64 value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdull;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ull;
  return value ^ value >> 33;
}

static u64 work(void) {
  u64 hash = 1, sum = 0;
  for (u32 step = 1; step <= STEPS; step++) {
    hash = mix(hash + step);
    histogram[hash & 0xff]++;
    sum += hash % (step | 1);
    if (hash & 0x100) sum ^= hash << 7 | hash >> 57;
    if ((int)hash < 0) sum -= (u16)hash;
    else sum += histogram[hash >> 56] * 3;
    sum = (sum & 1 ? sum * 5 : sum >> 1) + (hash >> 60);
  }
  return sum;
}

MEASURE(work, 17267817039544315690ull)
