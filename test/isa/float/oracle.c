/*
 * Executes single SSE, F16C and x87 instructions of the host's processor, so that the tests can compare.
 *
 * stdin:  requests of 48 bytes: u32 operation, u32 mxcsr, u32 imm8, u32 zero, u64 a[2], u64 b[2].
 * stdout: replies of 32 bytes: u32 mxcsr afterwards, u32 faulted, u64 xmm[2], u64 general register or RFLAGS.
 * Operations are numbered in the order in which the argument "names" makes this program print them.
 *
 * An unmasked exception arrives as SIGFPE. The handler notes MXCSR, masks everything and returns into the same
 * instruction, so every request completes and a fault is only reported.
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

struct request {
  uint32_t operation, mxcsr, imm, zero;
  uint64_t a[2], b[2];
};

struct reply {
  uint32_t mxcsr, faulted;
  uint64_t xmm[2], general;
};

static volatile uint32_t fault_mxcsr, faulted;

static void on_fpe(int number, siginfo_t *info, void *opaque) {
  ucontext_t *context = opaque;
  (void)number, (void)info;
  fault_mxcsr = context->uc_mcontext.fpregs->mxcsr;
  faulted = 1;
  context->uc_mcontext.fpregs->mxcsr = 0x1f80;
}

#define UNDER "ldmxcsr %[in]\n\t"
#define AFTER "\n\tstmxcsr %[out]\n\tldmxcsr %[normal]"
#define MXCSR [in] "m"(r->mxcsr), [normal] "m"(normal)

typedef void body(const struct request *r, __m128i *d, __m128i s, uint32_t *out, uint64_t *general);
static const uint32_t normal = 0x1f80;

#define BODY(name) static void name(const struct request *r, __m128i *d, __m128i s, uint32_t *out, uint64_t *general)

/* Destination and source in XMM registers. */
#define XX(name)                                                                                        \
  BODY(op_##name) {                                                                                     \
    (void)general;                                                                                      \
    asm volatile(UNDER #name " %[s], %[d]" AFTER : [d] "+x"(*d), [out] "=m"(*out) : [s] "x"(s), MXCSR); \
  }
/* Comparison into RFLAGS. */
#define XF(name)                                                        \
  BODY(op_##name) {                                                     \
    asm volatile(UNDER #name " %[s], %[d]\n\tpushfq\n\tpopq %[g]" AFTER \
                 : [out] "=m"(*out), [g] "=&r"(*general)                \
                 : [d] "x"(*d), [s] "x"(s), MXCSR                       \
                 : "cc");                                               \
    *general &= 0x8d5; /* OF, SF, ZF, AF, PF, CF */                     \
  }
/* XMM source, general destination. */
#define GX(name, reg, bits)                                                                      \
  BODY(op_##name##bits) {                                                                        \
    (void)d;                                                                                     \
    asm volatile(UNDER #name " %[s], %" #reg "[g]" AFTER : [g] "=&r"(*general), [out] "=m"(*out) \
                 : [s] "x"(s), MXCSR);                                                           \
  }
/* General source, XMM destination. */
#define XG(name, reg, bits)                                                               \
  BODY(op_##name##bits) {                                                                 \
    (void)s, (void)general;                                                               \
    asm volatile(UNDER #name " %" #reg "[g], %[d]" AFTER : [d] "+x"(*d), [out] "=m"(*out) \
                 : [g] "r"(r->b[0]), MXCSR);                                              \
  }
/* The immediate is part of the instruction, so each value is an instruction of its own. */
#define IMM(name, n)                                   \
  case n:                                              \
    asm volatile(UNDER #name " %[i], %[s], %[d]" AFTER \
                 : [d] "+x"(*d), [out] "=m"(*out)      \
                 : [s] "x"(s), [i] "i"(n), MXCSR);     \
    break;
#define IMM4(name, n) IMM(name, n) IMM(name, (n) + 1) IMM(name, (n) + 2) IMM(name, (n) + 3)
#define IMM16(name, n) IMM4(name, n) IMM4(name, (n) + 4) IMM4(name, (n) + 8) IMM4(name, (n) + 12)
#define IMM64(name, n) IMM16(name, n) IMM16(name, (n) + 16) IMM16(name, (n) + 32) IMM16(name, (n) + 48)
#define XXI(name, cases)                        \
  BODY(op_##name) {                             \
    (void)general;                              \
    switch (r->imm) { cases default: abort(); } \
  }

/*
 * x87 on 80-bit operands a and b, at full precision, everything masked, rounding as in the request's MXCSR. The answer
 * is stored to xmm, the exception flags of the status word go to MXCSR.
 */
#define X87(name, code, store)                                                                \
  BODY(op_##name) {                                                                           \
    uint16_t control = 0x37f | (r->mxcsr >> 13 & 3) << 10, status;                            \
    (void)s;                                                                                  \
    *general = 0;                                                                             \
    memset(d, 0, sizeof *d);                                                                  \
    asm volatile("fninit\n\tfldcw %[control]\n\tfldt %[b]\n\tfldt %[a]\n\t" code "\n\t" store \
                 "\n\tfnstsw %[status]\n\tpushfq\n\tpopq %[g]\n\tfninit"                      \
                 : [status] "=m"(status), [d] "+m"(*d), [g] "=&r"(*general)                   \
                 : [control] "m"(control), [a] "m"(r->a), [b] "m"(r->b)                       \
                 : "cc");                                                                     \
    *general &= 0x45; /* ZF, PF, CF */                                                        \
    *out = r->mxcsr | (status & 0x3f);                                                        \
  }
#define EXTENDED(OP)                                                                        \
  OP(fadd, "fadd %%st(1), %%st", "fstpt %[d]") OP(fsub, "fsub %%st(1), %%st", "fstpt %[d]") \
  OP(fmul, "fmul %%st(1), %%st", "fstpt %[d]") OP(fdiv, "fdiv %%st(1), %%st", "fstpt %[d]") \
  OP(fsqrt, "fsqrt", "fstpt %[d]") OP(frndint, "frndint", "fstpt %[d]")                     \
  OP(fsts, "", "fstps %[d]") OP(fstl, "", "fstpl %[d]")                                     \
  OP(fistl, "", "fistpl %[d]") OP(fistll, "", "fistpll %[d]")                               \
  OP(fcomi, "fcomi %%st(1), %%st", "") OP(fucomi, "fucomi %%st(1), %%st", "")
#define HALF(OP) OP(vcvtps2ph, IMM4(vcvtps2ph, 0) IMM4(vcvtps2ph, 4))

#define UNARY_AND_BINARY(OP)                                                                   \
  OP(addss) OP(subss) OP(mulss) OP(divss) OP(minss) OP(maxss) OP(sqrtss) OP(rcpss) OP(rsqrtss) \
  OP(addsd) OP(subsd) OP(mulsd) OP(divsd) OP(minsd) OP(maxsd) OP(sqrtsd)                       \
  OP(addps) OP(subps) OP(mulps) OP(divps) OP(minps) OP(maxps) OP(sqrtps)                       \
  OP(addpd) OP(subpd) OP(mulpd) OP(divpd) OP(minpd) OP(maxpd) OP(sqrtpd)                       \
  OP(cvtss2sd) OP(cvtsd2ss) OP(cvtps2pd) OP(cvtpd2ps) OP(cvtdq2ps) OP(cvtdq2pd)                \
  OP(cvtps2dq) OP(cvttps2dq) OP(cvtpd2dq) OP(cvttpd2dq)                                        \
  OP(haddps) OP(haddpd) OP(hsubps) OP(hsubpd) OP(addsubps) OP(addsubpd)
#define COMPARE(OP) OP(comiss) OP(ucomiss) OP(comisd) OP(ucomisd)
#define TO_GENERAL(OP)                                                              \
  OP(cvtss2si, k, 32) OP(cvtss2si, q, 64) OP(cvttss2si, k, 32) OP(cvttss2si, q, 64) \
  OP(cvtsd2si, k, 32) OP(cvtsd2si, q, 64) OP(cvttsd2si, k, 32) OP(cvttsd2si, q, 64)
#define FROM_GENERAL(OP) OP(cvtsi2ss, k, 32) OP(cvtsi2ss, q, 64) OP(cvtsi2sd, k, 32) OP(cvtsi2sd, q, 64)
#define IMMEDIATE(OP)                                                               \
  OP(cmpss, IMM4(cmpss, 0) IMM4(cmpss, 4)) OP(cmpsd, IMM4(cmpsd, 0) IMM4(cmpsd, 4)) \
  OP(cmpps, IMM4(cmpps, 0) IMM4(cmpps, 4)) OP(cmppd, IMM4(cmppd, 0) IMM4(cmppd, 4)) \
  OP(roundss, IMM16(roundss, 0)) OP(roundsd, IMM16(roundsd, 0))                     \
  OP(roundps, IMM16(roundps, 0)) OP(roundpd, IMM16(roundpd, 0))                     \
  OP(dpps, IMM64(dpps, 0) IMM64(dpps, 64) IMM64(dpps, 128) IMM64(dpps, 192))        \
  OP(dppd, IMM64(dppd, 0) IMM64(dppd, 64) IMM64(dppd, 128) IMM64(dppd, 192))

UNARY_AND_BINARY(XX)
COMPARE(XF)
TO_GENERAL(GX)
FROM_GENERAL(XG)
IMMEDIATE(XXI)
HALF(XXI)
XX(vcvtph2ps)
EXTENDED(X87)

static const struct {
  const char *name;
  body *run;
} operations[] = {
#define PLAIN(name) {#name, op_##name},
#define SIZED(name, reg, bits) {#name "/" #bits, op_##name##bits},
#define WITH_IMM(name, cases) {#name, op_##name},
#define WITH_CODE(name, code, store) {#name, op_##name},
    UNARY_AND_BINARY(PLAIN) COMPARE(PLAIN) TO_GENERAL(SIZED) FROM_GENERAL(SIZED) IMMEDIATE(WITH_IMM)
    HALF(WITH_IMM) PLAIN(vcvtph2ps) EXTENDED(WITH_CODE)};

static struct reply answer(const struct request *r) {
  struct reply reply = {0};
  __m128i d = _mm_loadu_si128((const __m128i *)r->a), s = _mm_loadu_si128((const __m128i *)r->b);
  faulted = 0;
  operations[r->operation].run(r, &d, s, &reply.mxcsr, &reply.general);
  _mm_storeu_si128((__m128i *)reply.xmm, d);
  reply.faulted = faulted;
  if (faulted) reply.mxcsr = fault_mxcsr;
  return reply;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "names") == 0) {
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) puts(operations[i].name);
    return 0;
  }
  struct sigaction action = {.sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO};
  sigaction(SIGFPE, &action, NULL);
  struct request r;
  while (fread(&r, sizeof r, 1, stdin) == 1) {
    struct reply reply = answer(&r);
    fwrite(&reply, sizeof reply, 1, stdout);
  }
  return 0;
}
