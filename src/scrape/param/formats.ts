/*
 * What jsonschema's FormatChecker takes for a format (jsonschema/_format.py). Without a list of formats it has those of every draft, and `time`
 * is the oldest one's, without an offset. Of each, only the form that is written out in full is taken here.
 */
interface Format {
  readonly example: string;
  readonly isOne: (text: string) => boolean;
}

const formats: Readonly<Record<string, Format>> = {
  date: { example: "2024-01-31", isOne: isDate },
  time: { example: "08:30:00", isOne: (text) => /^(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$/.test(text) },
  "date-time": {
    example: "2024-01-31T08:30:00Z",
    isOne(text) {
      const date = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i.exec(text)?.[1];
      return date !== undefined && isDate(date);
    },
  },
};

/** Why a text is not of a format, in words that follow the text's name; null when it is, or when nobody knows the format. */
export function formatError(format: string, text: string): string | null {
  const known = Object.hasOwn(formats, format) ? formats[format] : undefined;
  return known === undefined || known.isOne(text) ? null : `is not a ${format} such as ${known.example}`;
}

function isDate(text: string): boolean {
  const [, year = 0, month = 0, day = 0] = (/^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []).map(Number);
  if (year === 0 || month < 1 || month > 12 || day < 1) return false;
  // Of a year below 100, Date.UTC makes one of the last century; 400 years later the calendar is the same.
  return day <= new Date(Date.UTC(year + 400, month, 0)).getUTCDate();
}
