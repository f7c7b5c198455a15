import { enableCompileCache } from "node:module";
import { join } from "node:path";

// Without it, half a second of each command goes into stripping types and compiling. Node checks what it keeps against the sources.
enableCompileCache(join(import.meta.dirname, "..", "..", ".local", "compile-cache"));
await import("./program.ts");
