// CRC-32 by table, a byte at a time: one long chain of loads, shifts and XORs.
#include "bench-work.h"

#define BYTES 0x10000
#define ROUNDS 600
#define POLYNOMIAL 0xedb88320

static u32 table[256];
static u8 data[BYTES];

static void prepare(void) {
  u32 random = 1;
  for (u32 n = 0; n < 256; n++) {
    u32 value = n;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ POLYNOMIAL : value >> 1;
    table[n] = value;
  }
  for (u32 at = 0; at < BYTES; at++) data[at] = next_random(&random);
}

static u64 work(void) {
  prepare();
  u32 crc = ~0u;
  for (int round = 0; round < ROUNDS; round++)
    for (u32 at = 0; at < BYTES; at++) crc = table[(crc ^ data[at]) & 0xff] ^ crc >> 8;
  return ~crc;
}

MEASURE(work, 1885147005)
