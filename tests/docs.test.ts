import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../local/paths.ts";

test("every link of the documentation leads to a file, and to a heading of it", () => {
  const pages = globSync(["*.md", "docs/**/*.md", "scrapes/*/*.md", "tests/*.md", "infra/**/*.md"], { cwd: root });
  assert.ok(pages.length > 5);
  const dead = pages.flatMap((page) => {
    const text = withoutCode(read(page));
    const links = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)].map(([, link, source]) => link ?? source ?? "");
    return links.filter((link) => !/^https?:/.test(link) && !leads(page, link)).map((link) => `${page}: ${link}`);
  });
  assert.equal(dead, []);
});

function leads(page: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  return existsSync(join(root, target)) && (heading === undefined || headings(target).includes(heading));
}

/** As GitHub names them in an address. */
function headings(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "`code`");
}

function read(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

test.run();
