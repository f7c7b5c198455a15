/** What a unit file says, with the last value of each setting; `#` lines are comments. */
export function readUnit(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) settings.set(name, value);
  }
  return settings;
}

/** The lines of an EnvironmentFile without quotes, which is how bootstrap.sh writes it. */
export function readEnvironment(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line.includes("=") && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}
