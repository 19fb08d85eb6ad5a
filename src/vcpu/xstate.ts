// The state components that XSAVE manages, and where they lie: SDM 1 13.1 to 13.4.
import type { CpuFeatures } from './features.ts';

/** Bits of XCR0 and of XSTATE_BV. */
export const XSTATE = { x87: 1n, sse: 2n, pkru: 1n << 9n } as const;

/** Bytes of the legacy region and the header, with which every XSAVE area begins. */
export const XSAVE_LEGACY_BYTES = 512;
export const XSAVE_HEADER_BYTES = 64;
const EXTENDED_OFFSET = XSAVE_LEGACY_BYTES + XSAVE_HEADER_BYTES;

/** A component outside the legacy region. */
export interface ExtendedComponent {
  readonly index: number;
  readonly feature: string;
  /** Bytes. */
  readonly size: number;
  /** Offset in the standard format: where Intel's processors have it. */
  readonly standardOffset: number;
}

/** All of them are user components, and none is aligned in the compacted format. */
export const EXTENDED_COMPONENTS: readonly ExtendedComponent[] = [
  { index: 9, feature: 'pku', size: 8, standardOffset: 0xa80 },
];

const bit = ({ index }: ExtendedComponent): bigint => 1n << BigInt(index);

/** What XCR0 may hold: the user components. */
export function supportedXcr0(features: CpuFeatures): bigint {
  return EXTENDED_COMPONENTS.filter(({ feature }) => features.has(feature)).reduce(
    (mask, component) => mask | bit(component),
    XSTATE.x87 | XSTATE.sse,
  );
}

/** What IA32_XSS may hold: there are no supervisor components. */
export const SUPPORTED_XSS = 0n;

/** Offset of a component in an area of the compacted format that holds `components`: SDM 1 13.4.3. */
export function compactedOffset(components: bigint, index: number): number {
  return EXTENDED_COMPONENTS.filter((other) => other.index < index && components & bit(other)).reduce(
    (offset, { size }) => offset + size,
    EXTENDED_OFFSET,
  );
}

/** Bytes of an area of the compacted format that holds `components`. */
export const compactedSize = (components: bigint): number => compactedOffset(components, 64);

/** Bytes of an area of the standard format that holds `components`: SDM 1 13.4.3. */
export function standardSize(components: bigint): number {
  return EXTENDED_COMPONENTS.filter((component) => components & bit(component)).reduce(
    (size, component) => Math.max(size, component.standardOffset + component.size),
    EXTENDED_OFFSET,
  );
}

/** Whether a value may be written to XCR0: SDM 2 "XSETBV", SDM 1 13.3. */
export function isValidXcr0(features: CpuFeatures, value: bigint): boolean {
  return (value & XSTATE.x87) !== 0n && (value & ~supportedXcr0(features)) === 0n;
}
