/**
 * A reader of stdout or stderr that is gone (`dagline … | head`, an agent's caller that was stopped) is nobody's error and ends no work under way:
 * what is printed from then on is lost, as with any command.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error;
    });
  }
}
