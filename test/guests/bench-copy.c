// Copying and strings without REP: 8-byte copies of a megabyte, then byte loops that look for an end or a difference.
#include "bench-work.h"

#define WORDS 0x20000
#define COPIES 160
#define LENGTH 60000
#define SCANS 300

static u64 from[WORDS], to[WORDS];
static char text[LENGTH + 1], other[LENGTH + 1];

static __attribute__((noinline)) void copy(u64 *target, const u64 *source) {
  for (u32 at = 0; at < WORDS; at++) target[at] = source[at];
}

static __attribute__((noinline)) u64 length_of(const char *string) {
  const char *end = string;
  while (*end) end++;
  return end - string;
}

static __attribute__((noinline)) u64 equal_length(const char *a, const char *b) {
  u64 at = 0;
  while (a[at] && a[at] == b[at]) at++;
  return at;
}

static u64 work(void) {
  u64 result = 0;
  for (u32 at = 0; at < WORDS; at++) from[at] = at * 0x9e3779b97f4a7c15ull;
  for (int round = 0; round < COPIES; round++) {
    from[round]++;
    copy(to, from);
    result ^= to[round];
  }
  for (u32 at = 0; at < LENGTH; at++) text[at] = other[at] = 'a' + at % 26;
  other[LENGTH - 1] = '!';
  for (int round = 0; round < SCANS; round++) result += length_of(text) + equal_length(text, other);
  return result;
}

MEASURE(work, 16782381847216804340ull)
