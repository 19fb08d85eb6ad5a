// Follows pointers through eight megabytes in random order: each load needs the one before, and a TLB entry.
#include "bench-work.h"

#define NODES 0x20000
#define STEPS 5000000

// A cache line each.
static struct node {
  struct node *next;
  u64 value[7];
} nodes[NODES];
static u32 order[NODES];

/** One cycle through all nodes, in an order that a shuffle gives. */
static void link_nodes(void) {
  u32 random = 3;
  for (u32 at = 0; at < NODES; at++) order[at] = at;
  for (u32 at = NODES - 1; at > 0; at--) {
    u32 chosen = next_random(&random) % (at + 1), kept = order[at];
    order[at] = order[chosen];
    order[chosen] = kept;
  }
  for (u32 at = 0; at < NODES; at++) {
    nodes[order[at]].next = &nodes[order[(at + 1) % NODES]];
    nodes[at].value[0] = at;
  }
}

static u64 work(void) {
  link_nodes();
  u64 sum = 0;
  const struct node *node = nodes;
  for (u32 step = 0; step < STEPS; step++) {
    sum += node->value[0];
    node = node->next;
  }
  return sum;
}

MEASURE(work, 327673165927ull)
