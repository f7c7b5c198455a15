/** A line of CSV in which every value is quoted. */
export function csvLine(values: readonly string[]): string {
  return `${values.map(quotedCell).join(",")}\n`;
}

export function quotedCell(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
