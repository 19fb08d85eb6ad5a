// The string instructions with REP: what C libraries and kernels clear, copy, compare and search memory with.
#include "bench-work.h"

#define BYTES 0x40000
#define ROUNDS 400

static u8 source[BYTES], target[BYTES];

static inline void store(u64 *at, u64 value, u64 count) {
  __asm__ volatile("rep stosq" : "+D"(at), "+c"(count) : "a"(value) : "memory");
}

static inline void move(u8 *to, const u8 *from, u64 count) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count)::"memory");
}

/** How many of `count` bytes are left after the first difference. */
static inline u64 compare(const u8 *a, const u8 *b, u64 count) {
  __asm__ volatile("repe cmpsb" : "+S"(a), "+D"(b), "+c"(count)::"memory", "cc");
  return count;
}

/** How many of `count` bytes are left after the first `value`. */
static inline u64 scan(const u8 *at, u8 value, u64 count) {
  __asm__ volatile("repne scasb" : "+D"(at), "+c"(count) : "a"(value) : "memory", "cc");
  return count;
}

static u64 work(void) {
  u64 result = 0;
  for (u32 round = 0; round < ROUNDS; round++) {
    store((u64 *)source, 0x0101010101010101ull * (round & 0x7f), BYTES / 8);
    move(target, source, BYTES);
    target[BYTES - 1 - round] = 0xff;
    // A sixteenth, because these go byte by byte everywhere.
    result += compare(source + BYTES - BYTES / 16, target + BYTES - BYTES / 16, BYTES / 16);
    result += scan(target + BYTES - BYTES / 16, 0xff, BYTES / 16);
  }
  return result;
}

MEASURE(work, 2ull * ROUNDS * (ROUNDS - 1) / 2)
