// Ordinary English to speak in tests and benchmarks. The list was written once and is not to be fitted to an engine:
// a sentence that is recognised badly stays. Lower case, no punctuation, every word in the CMU dictionary.

/** Twenty sentences of six to twelve words. */
export const SENTENCES: readonly string[] = [
  'the train to the city leaves at half past seven',
  'could you please open the window in the kitchen',
  'my sister bought a new bicycle for her birthday',
  'we had soup and bread for lunch yesterday',
  'the weather will be cold and rainy this weekend',
  'he forgot his umbrella at the office again',
  'there are three books on the table near the door',
  'she has been learning to play the piano for two years',
  'the doctor told him to drink more water every day',
  'our neighbors are painting their house a bright yellow color',
  'please call me when you arrive at the airport',
  'the children were playing football in the park',
  'i would like to change my appointment to thursday afternoon',
  'the price of coffee has gone up since last summer',
  'they are building a new bridge across the river',
  'can you tell me where the nearest bank is',
  'my brother works as a teacher in a small village',
  'the movie was longer than we had expected',
  'do not forget to turn off the lights before you leave',
  'a large brown dog was sleeping under the tree',
]
