/** Where sessions are put to the test: the impairment relay. */
export {}
