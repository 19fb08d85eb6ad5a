/** Exception vectors: SDM 3A 6.15. */
export const VECTOR = {
  DE: 0,
  DB: 1,
  NMI: 2,
  BP: 3,
  OF: 4,
  BR: 5,
  UD: 6,
  NM: 7,
  DF: 8,
  TS: 10,
  NP: 11,
  SS: 12,
  GP: 13,
  PF: 14,
  MF: 16,
  AC: 17,
  MC: 18,
  XM: 19,
  VE: 20,
} as const;

/** Page-fault error code bits: SDM 3A 4.7. */
export const PF_ERROR = { present: 1, write: 2, user: 4, reserved: 8, fetch: 16, protectionKey: 32 } as const;

/**
 * A fault or trap of the guest, thrown by whatever meets it and caught where the instruction began. It carries no
 * stack trace: guests raise page faults by the million.
 */
export class GuestException {
  readonly vector: number;
  /** Of the vectors that push one: SDM 3A 6.13. */
  readonly errorCode: number | undefined;
  /** #PF: the linear address for CR2. #DB: the DR6 bits to set. */
  readonly payload: bigint;

  constructor(vector: number, errorCode?: number, payload = 0n) {
    this.vector = vector;
    this.errorCode = errorCode;
    this.payload = payload;
  }
}

export const undefinedOpcode = (): GuestException => new GuestException(VECTOR.UD);
export const generalProtection = (errorCode = 0): GuestException => new GuestException(VECTOR.GP, errorCode);
export const deviceNotAvailable = (): GuestException => new GuestException(VECTOR.NM);
