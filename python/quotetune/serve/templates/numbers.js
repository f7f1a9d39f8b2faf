// Writes numbers for a person.

const percent = (share) => `${(100 * share).toFixed(1)}%`;
const number = (value) => value.toLocaleString("en");
