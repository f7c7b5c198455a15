/** Prefixes in the staging bucket. `staging/` is of the task runner: docs/architecture.md, "Staged files"; `uploads/` is of people. */
export const MARKERS = "markers/";
export const UPLOADS = "uploads/";
/** Prefix in the bucket of logs: what SSM's commands printed. */
export const COMMANDS = "commands/";
/** The namespace of the host's metrics: infra/host/cloudwatch-agent.json. */
export const METRICS = "dagline";
