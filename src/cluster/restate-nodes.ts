import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { join } from 'node:path';

/** The Restate server of npm that is installed in `folder`; undefined where it is not, or not published for this platform. */
export function findRestateProgram(folder: string): string | undefined {
  try {
    return createRequire(join(folder, 'package.json')).resolve(
      `@restatedev/restate-server-${platform()}-${arch()}/bin/restate-server`,
    );
  } catch {
    return undefined;
  }
}

export interface RestateNode {
  readonly name: string;
  readonly configFile: string;
  readonly ingressUrl: string;
  readonly adminUrl: string;
}

export interface NodePorts {
  /** Among the nodes. */
  readonly fabric: number;
  readonly ingress: number;
  readonly admin: number;
}

/**
 * Writes the configuration of nodes that are one cluster: the metadata on all of them, each entry of the log on two,
 * so that one may fail. The first makes the cluster when there is none.
 */
export function configureRestateNodes(
  folder: string,
  ports: readonly NodePorts[],
  addressOf: (name: string) => string,
): RestateNode[] {
  const addresses = ports.map((_, index) => addressOf(nameOf(index)));
  const nodes = ports.map((each, index) => ({ ...each, address: addresses[index]! }));
  return nodes.map(({ ingress, admin, address }, index) => {
    const name = nameOf(index);
    const nodeFolder = join(folder, name);
    mkdirSync(nodeFolder, { recursive: true });
    const configFile = join(nodeFolder, 'restate.toml');
    writeFileSync(configFile, configuration(nodeFolder, nodes, index));
    const at = (port: number) => `http://${address}:${port}`;
    return { name, configFile, ingressUrl: at(ingress), adminUrl: at(admin) };
  });
}

const nameOf = (index: number) => `restate-${index + 1}`;

interface NodeAddress extends NodePorts {
  readonly address: string;
}

function configuration(folder: string, nodes: readonly NodeAddress[], index: number): string {
  const { address, fabric, ingress, admin } = nodes[index]!;
  const addresses = nodes.map((node) => `"http://${node.address}:${node.fabric}"`).join(', ');
  return `cluster-name = "signalbox"
node-name = "node-${index + 1}"
force-node-id = ${index + 1}
base-dir = ${JSON.stringify(join(folder, 'data'))}
listen-mode = "tcp"
bind-ip = "${address}"
bind-port = ${fabric}
advertised-address = "http://${address}:${fabric}"
auto-provision = ${index === 0}
default-num-partitions = 8
default-replication = ${Math.min(2, nodes.length)}
rocksdb-total-memory-size = "256 MiB"
disable-telemetry = true
log-filter = "warn"

[metadata-server]
type = "replicated"

[metadata-client]
addresses = [${addresses}]

[bifrost]
default-provider = "replicated"

[ingress]
bind-ip = "${address}"
bind-port = ${ingress}

[admin]
bind-ip = "${address}"
bind-port = ${admin}
`;
}
