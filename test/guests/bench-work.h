// A guest that measures: says when its work begins and ends, and checks the result.
#pragma once
#include "lib/guest.h"

/** The next of a fixed sequence of numbers that look random. */
static inline u32 next_random(u32 *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

/** Defines guest_main: the lines around `work()` are what the host times. */
#define MEASURE(work, expected)                \
  u32 guest_main(void) {                       \
    print("start\n");                          \
    u64 result = work();                       \
    print(result == (expected) ? "end " : "WRONG "); \
    print_number(result);                      \
    print("\n");                               \
    return result == (expected) ? 0 : 1;       \
  }
