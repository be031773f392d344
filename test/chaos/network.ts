import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClusterNetwork } from '../../src/cluster/cluster.ts';
import type { Place } from '../../src/cluster/place.ts';

/** What a command is started with to have a network of its own (Linux); without privileges as a user who has them there alone. */
export const ownNetwork: readonly string[] = [
  'unshare',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps']),
  '--net',
];

export const noNetwork = 'this machine lets nobody make networks of their own (unshare, ip, nsenter)';

/** Whether this machine lets us: containers and some systems do not. */
export function canHaveNetwork(): boolean {
  const made = `${plugIn('plug', 'self')} && ip link add name switch type bridge && nsenter --net=/proc/self/ns/net true`;
  const [command, ...args] = [...ownNetwork, 'sh', '-c', made];
  return spawnSync(command!, args, { stdio: 'ignore' }).status === 0;
}

const plugIn = (outside: string, inside: string) =>
  `ip link add name ${outside} type veth peer name ${inside}`;

export interface DividedNetwork extends ClusterNetwork {
  /** Pulls the plug: what is sent from there, and to there, is lost without a word. */
  cutOff(name: string): void;
  join(name: string): void;
}

/**
 * Networks for these servers, one each, and a switch between them and this process, which must have been started with `ownNetwork`.
 * They are gone when this process is.
 */
export async function divideNetwork(names: readonly string[]): Promise<DividedNetwork> {
  const address = '10.77.0.1';
  run('ip link set dev lo up && ip link add name switch type bridge && ip link set dev switch up');
  run(`ip address add ${address}/24 dev switch`);
  const servers = new Map<string, { readonly place: Place; readonly plug: string }>();
  for (const [index, name] of names.entries()) {
    const plug = `plug${index}`;
    const place = await placeAt(`10.77.0.${10 + index}`, plug);
    servers.set(name, { place, plug });
  }
  return {
    address,
    place: (name) => servers.get(name)!.place,
    cutOff: (name) => run(`ip link set dev ${servers.get(name)!.plug} nomaster`),
    join: (name) => run(`ip link set dev ${servers.get(name)!.plug} master switch`),
  };
}

async function placeAt(address: string, plug: string): Promise<Place> {
  // Holds the network until this process ends, which closes its input.
  const { pid } = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const network = `/proc/${pid}/ns/net`;
  while (readlinkSync(network) === readlinkSync('/proc/self/ns/net')) await pause(5);
  const inside = `in-${plug}`;
  run(`${plugIn(plug, inside)} && ip link set dev ${inside} netns ${pid}`);
  const up = `ip link set dev lo up && ip address add ${address}/24 dev ${inside} && ip link set dev ${inside} up`;
  run(`nsenter --net=${network} sh -c '${up}'`);
  run(`ip link set dev ${plug} master switch up`);
  return {
    address,
    launch(command, args, { uid, gid, ...options }) {
      // Whoever is nobody may not enter.
      const user = uid === undefined ? [] : [`--setuid=${uid}`, `--setgid=${gid}`];
      return spawn('nsenter', [`--net=${network}`, ...user, command, ...args], options);
    },
  };
}

const run = (command: string) =>
  void execFileSync('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'pipe'] });
