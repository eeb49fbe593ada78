// @ts-check
// The report as a list: its sentences as the model takes them in, and among them those that were dropped.

import { TEXT_FIELDS, endOf } from "./edits.js";

/** @typedef {import("./edits.js").Edit} Edit */
/** @typedef {import("./edits.js").Field} Field */

/**
 * A sentence as the server tells it (app/reading.py).
 * @typedef {object} Sentence
 * @property {string} text
 * @property {Field} field      of the report, which is not always the one that it was typed in
 * @property {{field: Field, start: number, end: number} | null} place  where it was typed; null if a heading parts it
 * @property {Chip[]} chips     what the model read in it
 * @property {string[]} unread  what it did not recognise: the whole text, or parts of it
 * @property {boolean} is_cut   whether it lies beyond what the model takes in
 * @property {"deny" | "assert" | null} turn  which way it can be turned into its opposite
 */

/** @typedef {{text: string, asserted: boolean, against: number[], seldom: {short: string, long: string} | null}} Chip */

/**
 * @typedef {object} Row
 * @property {Sentence | null} sentence  null for one that was dropped
 * @property {number} number             of the sentence, counted from 1; 0 for one that was dropped
 * @property {Field | null} field        that it was typed in
 * @property {Edit | null} edit          that it stands in, or that dropped it
 */

/**
 * @param {Sentence[]} sentences  in the order of the report
 * @param {Record<Field, Edit[]>} edits
 * @returns {Row[]}
 */
export function rowsOf(sentences, edits) {
  const dropped = TEXT_FIELDS.flatMap((field) => edits[field].filter((edit) => !edit.written).map((edit) => ({ field, edit })));
  /** @type {Row[]} */
  const rows = [];
  /** @param {(one: {field: Field, edit: Edit}) => boolean} belongs */
  const pushDropped = (belongs) => {
    const some = dropped.filter(belongs);
    for (const one of some) dropped.splice(dropped.indexOf(one), 1);
    rows.push(...some.map(({ field, edit }) => ({ sentence: null, number: 0, field, edit })));
  };
  sentences.forEach((sentence, i) => {
    const { place } = sentence;
    if (place) pushDropped(({ field, edit }) => field === place.field && edit.at <= place.start);
    const isLast = !place || !sentences.slice(i + 1).some((later) => later.place?.field === place.field);
    rows.push({ sentence, number: i + 1, field: place?.field ?? null, edit: editOf(sentence, edits) });
    if (place && isLast) pushDropped(({ field }) => field === place.field);
  });
  pushDropped(() => true);
  return rows;
}

/**
 * @param {Sentence} sentence
 * @param {Record<Field, Edit[]>} edits
 */
function editOf({ place }, edits) {
  const isWithin = (/** @type {Edit} */ edit) => edit.written && place && edit.at < place.end && endOf(edit) > place.start;
  return (place && edits[place.field].find(isWithin)) || null;
}
