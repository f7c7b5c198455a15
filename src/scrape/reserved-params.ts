/** The param by which a person has an older run overwrite the rows of a newer one. */
export const OVERWRITE_NEWER = "overwrite_newer";
