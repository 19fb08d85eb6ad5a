// Events: what enters a handler. Their types and encoding are those of the interruption-information fields, SDM 3C
// 24.8.3, table 24-14, so that nested VM entries and exits need no translation.

/** Interruption types. */
export const EVENT_TYPE = {
  external: 0,
  nmi: 2,
  hardwareException: 3,
  /** INT n. */
  softwareInterrupt: 4,
  /** INT1. */
  privilegedSoftwareException: 5,
  /** INT3 and INTO. */
  softwareException: 6,
} as const;

export interface VcpuEvent {
  readonly vector: number;
  /** One of EVENT_TYPE. */
  readonly type: number;
  readonly errorCode: number | undefined;
  /**
   * #PF: CR2. #DB: bits for DR6. Undefined for an injected event, whose injector has set CR2, DR6, DR7 and RF already
   * (SDM 3C 26.6.1.1).
   */
  readonly payload: bigint | undefined;
  /** Bytes, of the types that instructions cause (4 to 6); else 0. The handler returns behind them. */
  readonly instructionLength: number;
}

const VALID = 0x8000_0000;
const ERROR_CODE_VALID = 1 << 11;

/** The interruption-information word of an event, bit 31 (valid) set. */
export function interruptionInformation(event: VcpuEvent): number {
  const error = event.errorCode === undefined ? 0 : ERROR_CODE_VALID;
  return (VALID | error | (event.type << 8) | event.vector) >>> 0;
}

/** The event that an interruption-information word describes, or null if its bit 31 is clear. */
export function eventFrom(information: number, errorCode: number, instructionLength: number): VcpuEvent | null {
  if ((information & VALID) === 0) return null;
  return {
    vector: information & 0xff,
    type: (information >>> 8) & 7,
    errorCode: information & ERROR_CODE_VALID ? errorCode : undefined,
    payload: undefined,
    instructionLength,
  };
}

/** INT n, INT3 and INTO need a gate of sufficient DPL, and are no reason for EXT: SDM 3A 6.12.1.2, 6.13. */
export const isRequested = (event: VcpuEvent): boolean =>
  event.type === EVENT_TYPE.softwareInterrupt || event.type === EVENT_TYPE.softwareException;
