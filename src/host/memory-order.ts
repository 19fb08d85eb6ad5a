/**
 * Whether this host's plain loads and stores are ordered as x86-64's (SDM 3A 8.2): those that guests' become are plain.
 */
export const hostHasTotalStoreOrder = (architecture: string = process.arch): boolean =>
  architecture === 'x64' || architecture === 'ia32';
