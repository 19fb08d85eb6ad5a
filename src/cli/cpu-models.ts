import type { CpuVendor } from '../machine/config.ts';

/**
 * A name that `-cpu` takes. rookery has one CPU a vendor, with every feature that it implements; a generation's name
 * selects the vendor, and the guest learns from CPUID what is there. Names without a vendor take the one that
 * `vendor=`, `+vmx` or `+svm` asks for, and Intel otherwise.
 */
export interface CpuModelName {
  readonly names: readonly string[];
  readonly vendor: CpuVendor | null;
  /** Processors without long mode (CPUID 80000001H:EDX.LM, SDM 2A "CPUID"). */
  readonly longMode: boolean;
  readonly description: string;
}

/** Intel's generations, as QEMU names them. */
const intelNames = `core2duo Conroe Penryn Nehalem Nehalem-IBRS Westmere Westmere-IBRS
  SandyBridge SandyBridge-IBRS IvyBridge IvyBridge-IBRS Haswell Haswell-IBRS Haswell-noTSX Haswell-noTSX-IBRS
  Broadwell Broadwell-IBRS Broadwell-noTSX Broadwell-noTSX-IBRS Skylake-Client Skylake-Client-IBRS
  Skylake-Client-noTSX-IBRS Skylake-Server Skylake-Server-IBRS Skylake-Server-noTSX-IBRS Cascadelake-Server
  Cascadelake-Server-noTSX Cooperlake Icelake-Server Icelake-Server-noTSX SapphireRapids GraniteRapids SierraForest
  Denverton Snowridge KnightsMill`;

/** AMD's. */
const amdNames = `phenom Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5 EPYC EPYC-IBPB EPYC-Rome EPYC-Milan
  EPYC-Genoa`;

export const cpuModelNames: readonly CpuModelName[] = [
  { names: ['intel'], vendor: 'intel', longMode: true, description: 'GenuineIntel with VMX' },
  { names: ['amd'], vendor: 'amd', longMode: true, description: 'AuthenticAMD with SVM' },
  { names: words('max host qemu64 kvm64'), vendor: null, longMode: true, description: 'every feature of the vendor' },
  { names: words('qemu32 kvm32'), vendor: null, longMode: false, description: 'the same without long mode' },
  { names: words(intelNames), vendor: 'intel', longMode: true, description: 'as intel' },
  { names: words('coreduo n270'), vendor: 'intel', longMode: false, description: 'as intel, without long mode' },
  { names: words(amdNames), vendor: 'amd', longMode: true, description: 'as amd' },
  { names: ['athlon'], vendor: 'amd', longMode: false, description: 'as amd, without long mode' },
];

function words(text: string): readonly string[] {
  return text.split(/\s+/);
}

/** The entry of a model's name, a version suffix (`EPYC-v4`) left aside; undefined for a name that is not there. */
export function findCpuModel(name: string): CpuModelName | undefined {
  const family = name.replace(/-v\d+$/, '');
  return cpuModelNames.find(({ names }) => names.includes(family));
}

/** The list that `-cpu help` prints, in QEMU's form: `x86 NAME  description`. */
export function cpuModelList(): string {
  const lines = cpuModelNames.flatMap(({ names, description }) =>
    names.map((name) => `x86 ${name.padEnd(26)} ${description}`),
  );
  return `Available CPUs:\n${lines.join('\n')}\n`;
}
