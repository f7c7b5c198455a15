import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";

/** A clean system in a folder. */
export interface HostRoot {
  readonly dir: string;
  /** Puts a file or a folder of this machine into it. */
  put(source: string, target: string): void;
  write(target: string, text: string): void;
  read(target: string): string;
  /** Runs a program in it, as root, and gives what it printed, stderr included; throws a UserError with that when it fails. */
  run(command: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
  /** Runs a program as `run` does until `when` holds of what it printed, and then kills it and all that it started. Throws when it ends before. */
  killWhen(command: readonly string[], env: Readonly<Record<string, string>>, when: (output: string) => boolean): Promise<string>;
  /** One line for each file: path, kind, mode, owner, size, time of its last change, target of a link. */
  list(): string[];
  /** Ends what still runs in it first. */
  remove(): Promise<void>;
}

/** The system that this machine has itself is the one whose signing keys it has. */
const systems: Record<string, { suite: string; mirror: string; script: string; components: string }> = {
  debian: { suite: "bookworm", mirror: "http://deb.debian.org/debian", script: "bookworm", components: "main" },
  ubuntu: { suite: "noble", mirror: "http://archive.ubuntu.com/ubuntu", script: "gutsy", components: "main,universe" },
};

/** A folder that only we can open, and in it the root of a system, still empty, which all of its users must be able to open. */
export function emptyRoot(): HostRoot {
  const dir = join(mkdtempSync(join(tmpdir(), "dagline-root-")), "root");
  mkdirSync(dir, { mode: 0o755 });
  return hostRoot(dir);
}

/** Makes a minimal Debian 12 or Ubuntu 24.04 with systemd, of this machine's kind. Throws a UserError when debootstrap can't. */
export async function debootstrap({ dir }: HostRoot): Promise<void> {
  if (process.getuid?.() !== 0) throw new UserError("a clean system can only be made by root", { hint: "sudo npm run test:host" });
  if (!existsSync("/usr/sbin/debootstrap")) throw new UserError("debootstrap is missing", { hint: "apt-get install -y debootstrap" });
  const id = /^ID="?(\w+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";
  const system = systems[id];
  if (system === undefined) throw new UserError(`a clean system is made on Debian or Ubuntu, this is ${id}`);
  const { suite, mirror, script, components } = system;
  const options = ["--variant=minbase", "--include=ca-certificates,systemd", `--components=${components}`];
  const command = ["debootstrap", ...options, suite, dir, mirror, `/usr/share/debootstrap/scripts/${script}`];
  await execute([...unshare, "--mount-proc", ...command], process.env);
  // A machine behind a proxy trusts that proxy's certificate, and so must its guest.
  for (const file of ["/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"]) copyFileSync(file, join(dir, file));
}

function hostRoot(dir: string): HostRoot {
  return {
    dir,
    put: (source, target) => cpSync(source, join(dir, target), { recursive: true }),
    write(target, text) {
      mkdirSync(join(dir, target, ".."), { recursive: true });
      writeFileSync(join(dir, target), text);
    },
    read: (target) => readFileSync(join(dir, target), "utf8"),
    run: (command, env = {}) => execute(entering(dir, [], command), { ...registries(), PATH: systemPath, ...env }),
    async killWhen(command, env, when) {
      let output: string | undefined;
      await execute(entering(dir, [], command), { ...registries(), PATH: systemPath, ...env }, (child, printed) => {
        if (!when(printed)) return;
        output = printed;
        child.kill("SIGKILL");
      }).catch((error: unknown) => {
        if (output === undefined) throw error;
      });
      if (output === undefined) throw new Error("it ended before it could be killed");
      return output;
    },
    list: () =>
      execFileSync("find", [dir, "-xdev", "-printf", "%P %y %m %U:%G %s %T@ %l\\n"], { encoding: "utf8", maxBuffer: 1 << 28 })
        .split("\n")
        .sort(),
    async remove() {
      for (const child of running) child.kill("SIGKILL");
      await Promise.all([...running].map((child) => once(child, "close")));
      // Nothing is mounted in it any more: what `entering` mounts ends with the program.
      rmSync(join(dir, ".."), { recursive: true, force: true });
    },
  };
}

/** Namespaces of its own for mounts and processes: whatever the program mounts or starts is gone when it ends, however it ends. */
const unshare = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"];

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The command line that runs `command` in the root, in namespaces of its own. `writable` given, only these folders can be written, and
 * `/tmp` is private: as systemd's ProtectSystem=strict and PrivateTmp do it.
 */
export function entering(dir: string, writable: readonly string[], command: readonly string[]): string[] {
  const script = `
set -eu
root=$1; writable=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
if [ -n "$writable" ]; then
  for folder in $writable; do mount --bind "$root$folder" "$root$folder"; done
  mount -t tmpfs tmpfs "$root/tmp"
  mount -o remount,bind,ro "$root"
fi
exec chroot "$root" "$@"`;
  return [...unshare, "sh", "-c", script, "enter", dir, writable.join(" "), ...command];
}

/** The standard variables that lead package managers to another registry, or through a proxy. */
function registries(): Record<string, string> {
  const known =
    /^(https?_proxy|no_proxy|pip_(index_url|cert|default_timeout)|uv_(default_index|index_url)|npm_config_registry|ssl_cert_file|curl_ca_bundle)$/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (known.test(name) && value !== undefined ? [[name, value]] : [])),
  );
}

const running = new Set<ChildProcess>();

/** `watch` is called again and again with what was printed so far. */
function execute(
  [command = "", ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  watch?: (child: ChildProcess, printed: string) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    let output = "";
    const watching = watch === undefined ? undefined : setInterval(() => watch(child, output), 20);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.once("error", (error) => {
      running.delete(child);
      clearInterval(watching);
      reject(error);
    });
    child.once("close", (code, signal) => {
      running.delete(child);
      clearInterval(watching);
      if (code === 0) resolve(output);
      else reject(new UserError(`${command} failed (${signal ?? `exit code ${code}`}):\n${output.slice(-4000)}`));
    });
  });
}
