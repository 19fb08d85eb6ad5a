import type { BootState } from './boot-state.ts';
import { type FirmwareOptions, planFirmware } from './firmware-tables.ts';
import { ImageError } from './image-error.ts';
import { planLinux } from './linux.ts';
import { isLinux } from './linux-header.ts';
import { type BootFile, isMultiboot, planMultiboot } from './multiboot.ts';

/** What to boot: QEMU's -kernel, -append and -initrd, with the files already read. */
export interface KernelOptions extends FirmwareOptions {
  readonly kernel: BootFile;
  readonly append?: string;
  /** Multiboot modules, or the one initrd of a Linux image. */
  readonly initrd?: readonly BootFile[];
}

/** A file that -initrd names: its path, and the arguments that follow it. */
export interface ModuleName {
  readonly name: string;
  readonly args?: string;
}

/**
 * Loads an image and what firmware would have left beside it into `ram`, the guest RAM below 4 GiB, and returns the
 * state in which the bootstrap processor enters it. The format is found out from the file: Linux first, as QEMU does.
 * @throws ImageError for an image or a module that cannot be loaded, MachineShapeError for a machine that cannot be;
 *   then `ram` is as it was.
 */
export function loadKernel(ram: Uint8Array, options: KernelOptions): BootState {
  const { kernel, append = '', initrd = [] } = options;
  const { plan } = planFirmware(ram.length, options);
  const load = loaderFor(kernel);
  const state = load(plan, kernel, append, initrd);
  plan.commit(ram);
  return state;
}

function loaderFor({ name, bytes }: BootFile): typeof planLinux | typeof planMultiboot {
  if (bytes.length === 0) throw new ImageError(name, 'is empty');
  if (isLinux(bytes)) return planLinux;
  if (isMultiboot(bytes)) return planMultiboot;
  throw new ImageError(name, 'is neither a multiboot image nor a Linux kernel');
}

/**
 * Takes QEMU's -initrd argument apart: files separated by commas, each with arguments after its first space. A doubled
 * comma stands for one in a name.
 * @throws ImageError if a file's name is empty.
 */
export function parseModuleList(list: string): readonly ModuleName[] {
  const items = list.match(/(?:[^,]|,,)+|(?<=^|,)(?=,|$)/g) ?? [];
  return items.map((item) => {
    const [name, ...args] = item.replaceAll(',,', ',').split(' ');
    if (name === '') throw new ImageError(list, 'names a module without a file');
    return args.length > 0 ? { name, args: args.join(' ') } : { name };
  });
}
