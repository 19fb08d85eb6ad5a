// Recursive Fibonacci numbers: little else than calls, returns, pushes and pops.
#include "bench-work.h"

#define NUMBER 33
#define EXPECTED 3524578

// As written: gcc would otherwise unfold the recursion into loops.
static __attribute__((noinline, optimize("O1"))) u64 fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static u64 work(void) { return fib(NUMBER); }

MEASURE(work, EXPECTED)
