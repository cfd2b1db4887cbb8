set(M4_LEARNED_SOURCES learned/learned.c learned/pending.c learned/links.c learned/ranges.c)
