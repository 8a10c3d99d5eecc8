# Which packages Parley needs and why: the one list that the launcher installs from and `parley doctor` reads.
# One package a line: set, name, why (fields separated by |). Sets: runtime = to serve; pods = to serve with several pods
# (`up --pods N`); test = for ./parley test, check, bench.
# npm packages are not listed here: package-lock.json is their list (dependencies = runtime, devDependencies = test).

parley_debian_packages() {
	cat <<-'LIST'
	runtime|libpocketsphinx3|speech recognition (PocketSphinx, embedded engine)
	runtime|pocketsphinx-en-us|its English language and acoustic model
	runtime|espeak-ng|speech in languages other than English, and spoken by a process of its own
	runtime|liblc3-0|LC3 audio of glasses and earbuds
	runtime|apertium|translation, by processes of its own
	runtime|apertium-eng-spa|English and Spanish
	runtime|apertium-eng-cat|English and Catalan
	runtime|apertium-spa-cat|Spanish and Catalan
	runtime|apertium-fr-es|French and Spanish
	runtime|apertium-es-pt|Spanish and Portuguese
	runtime|apertium-spa-ita|Spanish and Italian
	runtime|redis-server|several pods: how they find each other (Debian starts it on port 6379 unless told not to)
	pods|postgresql-15|several pods: where they keep their records (Debian starts one on port 5432 unless told not to)
	test|chromium|the page tested in a real browser
	test|nginx|balancing of stream endpoints tested with it (Debian starts it on port 80 unless told not to)
	LIST
}

# Only where no npm is there at all; Node itself is pinned in package-lock.json.
parley_bootstrap_packages() {
	cat <<-'LIST'
	bootstrap|nodejs|runs npm the first time (Parley brings its own Node 24)
	bootstrap|npm|installs the packages of package-lock.json
	bootstrap|ca-certificates|TLS to the package registry
	LIST
}
