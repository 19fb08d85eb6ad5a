// Quicksort: conditional jumps that cannot be predicted, loads and stores near each other, some calls.
#include "bench-work.h"

#define COUNT 262144
#define ROUNDS 5

static u32 numbers[COUNT];

static void exchange(u32 *a, u32 *b) {
  u32 kept = *a;
  *a = *b;
  *b = kept;
}

static void quicksort(u32 *first, u32 *last) {
  while (first < last) {
    u32 pivot = first[(last - first) / 2];
    u32 *low = first, *high = last;
    while (low <= high) {
      while (*low < pivot) low++;
      while (*high > pivot) high--;
      if (low <= high) exchange(low++, high--);
    }
    quicksort(first, high);
    first = low;
  }
}

static u64 work(void) {
  u32 random = 7;
  u64 sum = 0;
  for (int round = 0; round < ROUNDS; round++) {
    for (u32 at = 0; at < COUNT; at++) numbers[at] = next_random(&random);
    quicksort(numbers, numbers + COUNT - 1);
    for (u32 at = 1; at < COUNT; at++) {
      if (numbers[at - 1] > numbers[at]) return 0;
      sum = sum * 31 + numbers[at];
    }
  }
  return sum;
}

MEASURE(work, 12888964215016354084ull)
