import { hostileTexts } from "../release/hostile.ts";

/** Texts that break out of careless Markdown, HTML, Mermaid or a log of GitHub's actions. */
export const hostileInReports: readonly string[] = [
  "`",
  "``",
  "```",
  "````\n# head\n````",
  "~~~\nx\n~~~",
  "a ` b `` c ``` d",
  "@octocat and @org/team",
  "<img src=x onerror=alert(1)> </details></summary></code></pre> <h1>",
  "<!-- dagline:plan --> --> --!> <!-->",
  "a | b \\| c \\\\| d",
  "|---|---|\n| x | y |",
  "[text](https://evil.example) ![img](https://evil.example/x.png) https://evil.example www.evil.example <https://evil.example>",
  "line\n\n# heading\n- item\n1. item\n> quote\n***\n",
  "::set-output name=x::y",
  "x\n::error::oh\n  ::add-mask::y\r::stop-commands::z",
  "##[set-env name=PATH]x ##[command]",
  `$(touch /tmp/pwned) \`id\` $${"{{"} secrets.X }} $HOME`,
  '"]; click n0 href "javascript:alert(1)" %%{init: {}}%% subgraph end',
  "*bold* _em_ ~~gone~~ **x** __y__ :smile: #123 GH-1 org/repo#1 0123456789abcdef0123456789abcdef01234567",
  "&lt;script&gt; &#96; &amp;",
  "\\`\\`\\` \\",
  ...hostileTexts,
];
