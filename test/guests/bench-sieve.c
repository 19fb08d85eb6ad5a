// Sieve of Eratosthenes: byte stores with a stride over two megabytes, more pages than a TLB of 256 entries holds.
#include "bench-work.h"

#define LIMIT 2000000
#define ROUNDS 8

static u8 composite[LIMIT];

static u64 primes_below_limit(void) {
  u64 primes = 0;
  for (u32 n = 0; n < LIMIT; n++) composite[n] = 0;
  for (u32 n = 2; n < LIMIT; n++) {
    if (composite[n]) continue;
    primes++;
    for (u64 multiple = (u64)n * n; multiple < LIMIT; multiple += n) composite[multiple] = 1;
  }
  return primes;
}

static u64 work(void) {
  u64 sum = 0;
  for (int round = 0; round < ROUNDS; round++) sum += primes_below_limit();
  return sum;
}

MEASURE(work, 148933ull * ROUNDS)
