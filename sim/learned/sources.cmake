set(M4_LEARNED_SOURCES learned/learned.c learned/pending.c learned/ranges.c)
