/** What a scrape's own tests import as `dagline/testkit`. */
export { type Row, readCsv, readParquet } from "./read-files.ts";
export { openTestkit, type RunOptions, type Testkit } from "./testkit.ts";
export { thrownBy } from "./thrown-by.ts";
