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
 * Writes the configuration of nodes that are one cluster on loopback: the metadata on all of them, each entry of the log on two,
 * so that one may fail. The first makes the cluster when there is none.
 */
export function configureRestateNodes(folder: string, ports: readonly NodePorts[]): RestateNode[] {
  return ports.map(({ ingress, admin }, index) => {
    const name = `restate-${index + 1}`;
    const nodeFolder = join(folder, name);
    mkdirSync(nodeFolder, { recursive: true });
    const configFile = join(nodeFolder, 'restate.toml');
    writeFileSync(configFile, configuration(nodeFolder, ports, index));
    const at = (port: number) => `http://127.0.0.1:${port}`;
    return { name, configFile, ingressUrl: at(ingress), adminUrl: at(admin) };
  });
}

function configuration(folder: string, nodes: readonly NodePorts[], index: number): string {
  const { fabric, ingress, admin } = nodes[index]!;
  const addresses = nodes.map((node) => `"http://127.0.0.1:${node.fabric}"`).join(', ');
  return `cluster-name = "signalbox"
node-name = "node-${index + 1}"
force-node-id = ${index + 1}
base-dir = ${JSON.stringify(join(folder, 'data'))}
listen-mode = "tcp"
bind-ip = "127.0.0.1"
bind-port = ${fabric}
advertised-address = "http://127.0.0.1:${fabric}"
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
bind-ip = "127.0.0.1"
bind-port = ${ingress}

[admin]
bind-ip = "127.0.0.1"
bind-port = ${admin}
`;
}
